// "Identical work is timed once": launches that were simulated, by everything that decided how long they took.
//
// A launch on one device that reads no clock and leaves its links alone takes a time that program, shape, what the
// caches hold, how busy the memory still is and the stream of its events decide. Where a tile program is proven to do
// what its arguments alone say, and to touch nothing but buffers of its own device that they or the program itself
// name, arguments and the layout of those buffers stand for the stream, and nothing need be run to know it; pointers
// then count from the device's origin if the program is proven to do the same elsewhere. Else the stream is compared
// by its digest, at the addresses that it has. Only times and counters are reused, never values.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "device_sim/core/block.h"
#include "device_sim/core/events.h"
#include "device_sim/memory/address_space.h"
#include "device_sim/timing/device_memory.h"
#include "device_sim/timing/engine.h"

namespace phx::sim {

struct LaunchRequest;

// Of everything that a launch tells the timing engine.
class StreamDigest {
 public:
  void add(const RoundEvents& round);
  bool operator==(const StreamDigest&) const = default;

 private:
  void add(uint64_t word) {
    for (unsigned i = 0; i < 2; ++i) {
      sums_[i] = (sums_[i] ^ word) * kFactors[i];
      sums_[i] ^= sums_[i] >> 29;
    }
  }
  static constexpr uint64_t kFactors[2] = {0x9E3779B97F4A7C15ull, 0xC2B2AE3D27D4EB4Full};
  std::array<uint64_t, 2> sums_{};
};

// A launch as it was simulated.
struct TimedLaunch {
  StreamDigest stream;  // as it was made if nothing was added
  LaunchCounters counters;
  Block::Statistics statistics;
  std::shared_ptr<const timing::LaunchEffect> effect;
};

class TimedLaunches {
 public:
  const TimedLaunch* find(const std::string& name, const StreamDigest& stream = {}) const;
  bool contains(const std::string& name) const { return launches_.contains(name); }  // with some stream
  void add(std::string name, TimedLaunch launch);
  // True from the second time on. Recording costs a little, so work that comes once is left alone.
  bool seen_before(const std::string& work);

 private:
  static constexpr uint64_t kMostBytes = uint64_t{256} << 20;  // of effects; the oldest go first
  static constexpr size_t kMostSeen = size_t{1} << 16;
  std::unordered_multimap<std::string, TimedLaunch> launches_;
  std::deque<std::string> order_;
  std::unordered_set<std::string> seen_;
  uint64_t bytes_ = 0;
};

// What one launch would be found by, and what it may touch for that to be true.
class ReusableLaunch {
 public:
  // nullopt if the launch does not qualify.
  static std::optional<ReusableLaunch> of(const LaunchRequest& request, std::optional<uint32_t> other_half,
                                          const AddressSpace& memory);

  // Without the state of the device.
  const std::string& work() const { return work_; }
  // With it; nullopt while something that ends later than `start` is under way.
  std::optional<std::string> name(timing::DeviceMemory& device, timing::Ticks start) const;

  // Its stream has to be compared.
  bool by_stream() const { return by_stream_; }
  // Else: all accesses of device memory in these records (events.h) lie in the launch's buffers.
  bool covers(std::span<const uint64_t> accesses) const;

 private:
  struct Range {
    uint64_t first, last;  // 128-byte lines
    auto operator<=>(const Range&) const = default;
  };
  bool movable_ = false, by_stream_ = false;
  std::string work_;
  std::vector<uint64_t> pointers_;  // of arguments and objects
  std::vector<Range> ranges_;
};

}  // namespace phx::sim
