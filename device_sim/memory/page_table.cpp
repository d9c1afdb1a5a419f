#include "device_sim/memory/page_table.h"

#include <algorithm>

namespace phx::sim {

void PageTable::map(uint64_t first, uint64_t count, uint32_t buffer) {
  const uint64_t end = first + count;
  if (leaves_.size() < (end + kLeafPages - 1) >> kLeafBits) leaves_.resize((end + kLeafPages - 1) >> kLeafBits);
  while (first < end) {
    Leaf& leaf = leaves_[first >> kLeafBits];
    const uint64_t begin = first & (kLeafPages - 1);
    const uint64_t stop = std::min(kLeafPages, begin + (end - first));
    if (begin == 0 && stop == kLeafPages) {
      leaf.pages.reset();
      leaf.whole = buffer;
    } else {
      if (!leaf.pages) {
        leaf.pages = std::make_unique<std::array<uint32_t, kLeafPages>>();
        leaf.pages->fill(leaf.whole);
      }
      std::fill(leaf.pages->begin() + static_cast<ptrdiff_t>(begin), leaf.pages->begin() + static_cast<ptrdiff_t>(stop),
                buffer);
    }
    first += stop - begin;
  }
}

}  // namespace phx::sim
