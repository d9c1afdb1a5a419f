// Vector instructions one row at a time: what computes once all checks are done (isa.def section 9). Rows are
// contiguous, so each of these is a loop over vectors of the host, compiled for each of its levels.
#pragma once

#include <cstdint>

#include "device_sim/isa/isa.h"

namespace phx::sim {

// `count` elements (at least one). Sources and destination have the element types of the instruction; `dst` may be the
// very address of a source. Compares write, and selects read, one bit per element, bit i of byte i / 8.
struct RowOperands {
  unsigned char* dst;
  const unsigned char* a;
  const unsigned char* b;     // null for rows of one operand
  const unsigned char* mask;  // selects
  uint64_t count;
  unsigned detail;  // what the opcode leaves open: isa::VecRounding, RelationSet or num::MathFn
};
using RowKernel = void (*)(const RowOperands&);

// A comparison as the set of relations between two values in which it holds.
enum Relation : uint8_t { kLess = 1, kEqual = 2, kGreater = 4, kUnordered = 8 };
using RelationSet = uint8_t;
RelationSet relations_of(isa::Comparison comparison);

// Arithmetic, comparisons, selection, conversions (`from` is the source type of vconv) and reductions of a row, the
// latter into one element at `dst`. The value forms have the kernel of their two-operand form. Null for other rows.
RowKernel vector_row_baseline(isa::Opcode op, isa::Type type, isa::Type from);
RowKernel vector_row_v3(isa::Opcode op, isa::Type type, isa::Type from);
RowKernel vector_row_v4(isa::Opcode op, isa::Type type, isa::Type from);
// The same for the level of this host, and the rows of mathematical functions.
RowKernel vector_row(isa::Opcode op, isa::Type type, isa::Type from = isa::Type::None);

// A row of a mathematical function of one or two arguments (vector_math.cpp); f32 and f16 only.
RowKernel math_row(isa::Type type);

}  // namespace phx::sim
