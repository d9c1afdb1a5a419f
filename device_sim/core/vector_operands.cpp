#include "device_sim/core/vector_operands.h"

#include <algorithm>

namespace phx::sim {
namespace {

std::string extent_of(const TileRange& range) {
  const uint64_t end = range.address + (range.rows - 1) * range.pitch + range.bytes;
  return "bytes " + std::to_string(range.address) + " to " + std::to_string(end);
}

bool same_rows(const TileRange& x, const TileRange& y) {
  return x.address == y.address && x.bytes == y.bytes && x.rows == y.rows && (x.rows == 1 || x.pitch == y.pitch);
}

}  // namespace

bool read_configuration(const Decoded* d, Frame* f, VectorConfiguration& configuration) {
  const uint64_t c = scalar_value(d, f, d->c);
  if (c >> 62) {
    raise(f, d, FaultKind::illegal_instruction, 0, "bits 62 and 63 of a vector configuration are 0");
    return false;
  }
  configuration.count = c & 0xffff;
  configuration.rows = c >> 16 & 0xffff;
  configuration.dst_pitch = (c >> 32 & 0x3ff) * kVectorBlock;
  configuration.a_pitch = (c >> 42 & 0x3ff) * kVectorBlock;
  configuration.b_pitch = (c >> 52 & 0x3ff) * kVectorBlock;
  return true;
}

bool overlap(const TileRange& x, const TileRange& y) {
  const TileRange& few = x.rows <= y.rows ? x : y;
  const TileRange& many = x.rows <= y.rows ? y : x;
  if (few.bytes == 0 || few.rows == 0 || many.bytes == 0) return false;
  const uint64_t last_row = many.rows - 1, end = many.address + last_row * many.pitch + many.bytes;
  if (few.address >= end || few.address + (few.rows - 1) * few.pitch + few.bytes <= many.address) return false;
  for (uint64_t row = 0; row < few.rows; ++row) {
    const uint64_t from = few.address + row * few.pitch, to = from + few.bytes;
    if (to <= many.address || from >= end) continue;
    // The last row of `many` that begins before `to` is the only one that must be looked at if rows do not overlap
    // each other, and the furthest to the right if they do.
    const uint64_t r = many.pitch ? std::min((to - 1 - many.address) / many.pitch, last_row) : 0;
    if (many.address + r * many.pitch + many.bytes > from) return true;
    if (few.pitch == 0) break;
  }
  return false;
}

bool touch_operands(const Decoded* d, Frame* f, VectorOperand& dst, std::initializer_list<VectorOperand*> sources,
                    bool in_place) {
  for (VectorOperand* source : sources)
    if (!(source->data = touch(d, f, source->range))) return false;
  if (!(dst.data = touch(d, f, dst.range))) return false;
  for (const VectorOperand* source : sources) {
    if (in_place && same_rows(dst.range, source->range)) continue;
    if (!overlap(dst.range, source->range)) continue;
    raise(f, d, FaultKind::illegal_instruction, 0,
          "the destination (" + extent_of(dst.range) + ") overlaps a source (" + extent_of(source->range) +
              (in_place ? ") without being the same rows" : ")"));
    return false;
  }
  return true;
}

}  // namespace phx::sim
