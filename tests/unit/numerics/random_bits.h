// Seeded inputs for the numerics tests.
#pragma once

#include <bit>
#include <cstdint>

struct RandomBits {
  uint64_t state;
  uint64_t next() {  // splitmix64
    uint64_t z = (state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  double in(double low, double high) { return low + (high - low) * unit(); }
  // Any bit pattern, with the interesting ones often.
  float any_float() {
    static constexpr uint32_t special[] = {0,          0x80000000, 1,          0x80000001, 0x007fffff, 0x00800000,
                                           0x3f800000, 0xbf800000, 0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000,
                                           0x7fc00000, 0x7f800001, 0x3f7fffff, 0x3f800001};
    uint64_t r = next();
    return std::bit_cast<float>(r % 8 == 0 ? special[(r >> 8) % 16] : static_cast<uint32_t>(r >> 32));
  }
  double any_double() {
    static constexpr uint64_t special[] = {0,
                                           1ull << 63,
                                           1,
                                           0x000fffffffffffff,
                                           0x0010000000000000,
                                           0x3ff0000000000000,
                                           0xbff0000000000000,
                                           0x7fefffffffffffff,
                                           0x7ff0000000000000,
                                           0xfff0000000000000,
                                           0x7ff8000000000000,
                                           0x3ff0000000000001};
    uint64_t r = next();
    return std::bit_cast<double>(r % 8 == 0 ? special[(r >> 8) % 12] : next());
  }
};
