// Two-level map from device pages to buffers. A leaf covers 4 GiB; a leaf that one buffer fills needs no table of its
// own, so that an allocation of many terabytes stays cheap.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace phx::sim {

class PageTable {
 public:
  static constexpr uint32_t kNone = ~0u;
  static constexpr unsigned kLeafBits = 16;

  // Pages [first, first + count) belong to the buffer with this index from now on.
  void map(uint64_t first, uint64_t count, uint32_t buffer);

  // Index of the buffer that owns the page; kNone if no buffer ever did.
  uint32_t lookup(uint64_t page) const {
    const uint64_t top = page >> kLeafBits;
    if (top >= leaves_.size()) return kNone;
    const Leaf& leaf = leaves_[top];
    return leaf.pages ? (*leaf.pages)[page & (kLeafPages - 1)] : leaf.whole;
  }

 private:
  static constexpr uint64_t kLeafPages = uint64_t{1} << kLeafBits;
  struct Leaf {
    uint32_t whole = kNone;  // owner of every page, if `pages` is empty
    std::unique_ptr<std::array<uint32_t, kLeafPages>> pages;
  };
  std::vector<Leaf> leaves_;
};

}  // namespace phx::sim
