// The operands of vector instructions (isa.def section 9): the configuration word, ranges in the unified buffer, and
// what a destination may share with a source.
#pragma once

#include <initializer_list>

#include "device_sim/core/tile_access.h"

namespace phx::sim {

inline constexpr uint64_t kVectorBlock = 32;    // bytes: unit of pitches, and what ablk and bblk repeat
inline constexpr uint64_t kVectorRepeat = 256;  // bytes of one row that the pipe does at a time

struct VectorConfiguration {
  uint64_t count = 0, rows = 0;                      // elements of a row, rows
  uint64_t dst_pitch = 0, a_pitch = 0, b_pitch = 0;  // bytes
  bool empty() const { return count == 0 || rows == 0; }
};
// Slot c of the instruction. False after a fault: bits without a meaning are set.
bool read_configuration(const Decoded* d, Frame* f, VectorConfiguration& configuration);

struct VectorOperand {
  TileRange range;
  unsigned char* data = nullptr;  // after touch_operands()
  unsigned char* row(uint64_t r) const { return data + r * range.pitch; }
};
inline VectorOperand vector_source(uint64_t address, uint64_t bytes, uint64_t rows, uint64_t pitch) {
  return {{TileSpace::ub, address, bytes, rows, pitch, false}};
}
inline VectorOperand vector_destination(uint64_t address, uint64_t bytes, uint64_t rows, uint64_t pitch) {
  return {{TileSpace::ub, address, bytes, rows, pitch, true}};
}

// Whether some byte belongs to both ranges.
bool overlap(const TileRange& x, const TileRange& y);

// Finds all operands, sources first. False after a fault: one of touch(), or the destination overlaps a source without
// being the same rows. With `in_place` false it may not even be the same rows.
bool touch_operands(const Decoded* d, Frame* f, VectorOperand& dst, std::initializer_list<VectorOperand*> sources,
                    bool in_place = true);

// Repeats of rows of `bytes` bytes of the widest operand.
inline uint64_t vector_repeats(uint64_t rows, uint64_t bytes) {
  return rows * ((bytes + kVectorRepeat - 1) / kVectorRepeat);
}

// The handler of a row that `Execute` does; it returns false after a fault.
template <bool (*Execute)(const Decoded*, Frame*)>
void vector_instruction(const Decoded* d, Frame* f) {
  if (!Execute(d, f)) return;
  PHX_NEXT;
}

// --- The rows by topic; null for a row of another
Handler elementwise_handler(const isa::Instruction& i);  // vector_elementwise.cpp: also compares, selects, reductions
Handler move_handler(const isa::Instruction& i);         // vector_move.cpp

}  // namespace phx::sim
