// Instructions drawn from the table: legal ones of any row, type and field value.
#pragma once

#include <optional>

#include "device_sim/isa/isa.h"
#include "tests/fuzz/random.h"

namespace phx::fuzz {

// How large the register files are that operands are drawn from.
struct Files {
  unsigned lane = isa::kLaneRegisters, scalar = isa::kScalarRegisters, predicates = isa::kPredicates;
};

// An operand byte that the class admits (labels and unused slots: 0).
isa::Operand any_operand(Random& random, isa::OperandClass kind, const Files& files = {});

// Fills operands and extension word of an instruction whose op, type and mod are given so that it is legal; nullopt if
// none of some tries was (the field values may not go together).
std::optional<isa::Instruction> with_operands(Random& random, isa::Instruction instruction, const Files& files = {});

// A legal instruction of the row; nullopt where the luck of `tries` draws does not suffice.
std::optional<isa::Instruction> any_instruction(Random& random, const isa::RowInfo& row, const Files& files = {},
                                                unsigned tries = 1024);

// Bits of mod that the layout uses.
uint16_t mod_mask(isa::Layout layout);

}  // namespace phx::fuzz
