// Remainders by a divisor that is known only at run time, without a division: sets of caches, looked up once a line.
#pragma once

#include <cstdint>

namespace phx::sim::timing {

// Exact for divisors up to 2^20 and values below 2^44, which is what line numbers have; others are divided.
class Remainder {
 public:
  explicit Remainder(uint64_t divisor)
      : divisor_(divisor), inverse_(divisor > 1 && divisor <= (1u << 20) ? ~uint64_t{0} / divisor + 1 : 0) {}

  uint64_t divisor() const { return divisor_; }
  uint64_t of(uint64_t value) const {
    if (inverse_ == 0 || value >> 44) return value % divisor_;
    uint64_t quotient = static_cast<uint64_t>((static_cast<unsigned __int128>(value) * inverse_) >> 64);
    return value - quotient * divisor_;
  }

 private:
  uint64_t divisor_;
  uint64_t inverse_;  // of the divisor, in 2^-64, rounded up
};

}  // namespace phx::sim::timing
