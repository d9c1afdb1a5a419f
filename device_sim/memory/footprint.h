// The bytes of memory that one piece of work read and wrote: what another one that runs at the same time is compared
// with (racecheck between launches, copies and devices). Two bits a byte, in pages of 4096.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>

namespace phx::sim {

class Footprint {
 public:
  static constexpr uint64_t kPage = 4096;
  static constexpr uint32_t kNobody = ~0u;

  // `ordered`: atomic or volatile, which is in conflict with other kinds only. `instruction`: any number that names the
  // access; the first one of a page is kept.
  void add(uint64_t first, uint64_t bytes, bool write, bool ordered, uint32_t instruction);
  // Bytes of a 32-byte unit.
  void add_unit(uint64_t unit, uint32_t mask, bool write, bool ordered, uint32_t instruction);

  struct Meeting {
    uint64_t address = 0;
    bool mine_writes = false, other_writes = false;
    uint32_t mine = kNobody, other = kNobody;  // instructions
  };
  // The lowest byte that both touch, at least one with a store and not both in order.
  std::optional<Meeting> meets(const Footprint& other) const;

  bool empty() const { return pages_.empty(); }
  uint64_t bytes() const { return pages_.size() * sizeof(Page); }  // of host memory

 private:
  enum Kind { load, store, ordered_load, ordered_store, kinds };
  using Bits = std::array<uint64_t, kPage / 64>;
  struct Page {
    // Ordered accesses are rare: their bits lie apart.
    Bits plain[2] = {};
    std::unique_ptr<std::array<Bits, 2>> ordered;
    uint32_t first[kinds] = {kNobody, kNobody, kNobody, kNobody};
  };
  Page& page(uint64_t number);
  Bits& bits(Page& page, bool write, bool ordered, uint32_t instruction);

  std::unordered_map<uint64_t, Page> pages_;
  uint64_t last_number_ = ~uint64_t{0};
  Page* last_ = nullptr;
};

}  // namespace phx::sim
