// Is a decoded instruction one that isa.def gives a meaning to? Everything that can be said of an instruction alone:
// type, operand bytes, field values and their limits, extension word, pair alignment, scalar-destination rule.
#pragma once

#include <string>

#include "device_sim/isa/isa.h"

namespace phx::isa {

// Empty if legal, else one clause: "add.u8: the row has no type u8; expected s32, u32, …".
std::string why_illegal(const Instruction& instruction);

}  // namespace phx::isa
