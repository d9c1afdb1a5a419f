#include <algorithm>

#include "device_sim/image/image.h"

namespace phx::image {

std::span<const SourceFrame> Executable::source(uint32_t word) const {
  auto after = std::upper_bound(lines.begin(), lines.end(), word,
                                [](uint32_t value, const LineEntry& entry) { return value < entry.word; });
  if (after == lines.begin()) return {};
  return std::prev(after)->frames;
}

}  // namespace phx::image
