// What an instruction counts for in profiles: its floating-point operations and the pipe that it keeps busy.
#pragma once

#include <cstdint>

#include "device_sim/isa/isa.h"

namespace phx::sim::timing {

// Floating-point operations of one element of a vector tile instruction, or of one lane of a SIMT instruction: 2 for a
// fused multiply-add, 1 for other arithmetic and functions, twice that for a pair of halves; 0 for integers, moves,
// comparisons, conversions.
unsigned operations_per_element(const isa::Instruction& instruction);

// Elements of the type in a repeat of a vector instruction, which is 256 bytes.
uint64_t elements_per_repeat(const isa::Instruction& instruction);

}  // namespace phx::sim::timing
