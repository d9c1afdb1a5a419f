// Text of instructions, piece by piece, for listings. disassemble(instruction) itself is declared in isa.h.
#pragma once

#include <string>

#include "device_sim/isa/isa.h"
#include "device_sim/isa/operands.h"

namespace phx::isa {

// "ld.gm.v2.b32": mnemonic, fields, type.
std::string mnemonic_text(const Instruction& instruction);
// "r4", "s1", "p0", "zero", "ones", "imm".
std::string operand_text(Operand operand);
// The type by which an immediate in the slot is written and read.
Type immediate_type(const Instruction& instruction, const Slot& slot);
// As disassemble(instruction), with `extension` in the place of the label or immediate ("loop", "@table + 8"); empty =
// as is.
std::string disassemble(const Instruction& instruction, const std::string& extension);

}  // namespace phx::isa
