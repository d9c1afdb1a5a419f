// Simulated time inside the timing engine: integers, so that sums do not depend on their order.
//
// One tick is 1/16 core cycle. Bandwidth servers count in 2^-16 ticks, so that a fast server (131 bytes a tick for an
// L2) loses nothing to rounding however small its requests are.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace phx::sim::timing {

using Ticks = int64_t;
inline constexpr Ticks kCycle = 16;
inline constexpr Ticks kForever = INT64_MAX / 4;

inline Ticks ticks_of_cycles(double cycles) { return std::llround(cycles * kCycle); }
inline Ticks ticks_of_ns(double ns, double clock_hz) { return std::llround(ns * 1e-9 * clock_hz * kCycle); }
inline uint64_t whole_cycles(Ticks ticks) {
  return ticks <= 0 ? 0 : static_cast<uint64_t>((ticks + kCycle - 1) / kCycle);
}

// A shared resource that moves bytes one request after the other. Callers come in order of time.
class Server {
 public:
  Server() = default;
  static Server per_cycle(double bytes_per_cycle) {
    Server server;
    server.cost_ = std::max<int64_t>(1, std::llround(kCycle * 65536.0 / bytes_per_cycle));
    return server;
  }
  static Server per_second(double bytes_per_second, double clock_hz) { return per_cycle(bytes_per_second / clock_hz); }

  // When the last byte of a request that arrives at `at` has passed.
  Ticks serve(Ticks at, uint64_t bytes) {
    int64_t start = std::max(free_, at << 16);
    int64_t cost = static_cast<int64_t>(bytes) * cost_;
    free_ = start + cost;
    busy_ += cost;
    return (free_ + 0xFFFF) >> 16;
  }
  // When a request that arrives at `at` would start.
  Ticks start(Ticks at) const { return std::max(free_ >> 16, at); }
  Ticks busy() const { return busy_ >> 16; }
  void reset_busy() { busy_ = 0; }

  // In 2^-16 ticks: when it has passed everything asked of it so far, and how long that took it.
  struct Books {
    int64_t free = 0, busy = 0;
  };
  Books books() const { return {free_, busy_}; }
  void set_books(Books books) {
    free_ = books.free;
    busy_ = books.busy;
  }

 private:
  int64_t free_ = 0;  // 2^-16 ticks
  int64_t busy_ = 0;
  int64_t cost_ = 1;  // 2^-16 ticks a byte
};

}  // namespace phx::sim::timing
