// A small seeded generator (SplitMix64), the same on every host.
#pragma once

#include <cstdint>

namespace phx::fuzz {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }
  uint64_t below(uint64_t bound) { return next() % bound; }
  bool chance(unsigned percent) { return below(100) < percent; }
  template <class Container>
  auto& pick(Container& from) {
    return from[below(from.size())];
  }

 private:
  uint64_t state_;
};

}  // namespace phx::fuzz
