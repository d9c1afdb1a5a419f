// A sparse set of byte addresses in pages of 4096.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>

#include "device_sim/memory/byte_bits.h"

namespace phx::sim {

class ByteSet {
 public:
  static constexpr uint64_t kPage = 4096;
  using Bits = std::array<uint64_t, kPage / 64>;

  void add(uint64_t first, uint64_t bytes) {
    for (uint64_t at = first, end = first + bytes; at < end;) {
      const uint64_t next = std::min(end, (at / kPage + 1) * kPage);
      set_bits(page(at / kPage).data(), at % kPage, next - at);
      at = next;
    }
  }
  bool contains(uint64_t address) const {
    auto found = pages_.find(address / kPage);
    return found != pages_.end() && found->second[address % kPage / 64] >> (address % 64) & 1;
  }
  bool empty() const { return pages_.empty(); }
  void clear() {
    pages_.clear();
    last_ = nullptr;
  }
  const std::unordered_map<uint64_t, Bits>& pages() const { return pages_; }

 private:
  Bits& page(uint64_t number) {
    if (!last_ || number != last_number_) {
      last_ = &pages_[number];  // elements of the map stay where they are
      last_number_ = number;
    }
    return *last_;
  }
  std::unordered_map<uint64_t, Bits> pages_;
  uint64_t last_number_ = 0;
  Bits* last_ = nullptr;
};

}  // namespace phx::sim
