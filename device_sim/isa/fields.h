// Typed access to the modifier fields: field::Mem::get_space(instruction), field::Mem::set_space(instruction,
// Space::Ub).
//
// One namespace per layout, expanded from PHX_FIELD. Int and InAddress fields are unsigned, Bool fields bool, Type
// fields Type, the others the enum class of their group. The caller makes sure that the row has the layout.
#pragma once

#include <cstdint>

#include "device_sim/isa/isa.h"

namespace phx::isa::field {

using Int = unsigned;
using InAddress = unsigned;
using Bool = bool;
using MathFn = unsigned;  // index in math_functions()

#define PHX_FIELD(Layout, name, low, width, Enum, need)                                                  \
  namespace Layout {                                                                                     \
  constexpr Enum get_##name(const Instruction& i) { return static_cast<Enum>(bits(i.mod, low, width)); } \
  constexpr void set_##name(Instruction& i, Enum value) {                                                \
    constexpr unsigned mask = ((1u << width) - 1u) << low;                                               \
    i.mod = static_cast<uint16_t>((i.mod & ~mask) | ((static_cast<unsigned>(value) << low) & mask));     \
  }                                                                                                      \
  }
#include "device_sim/isa/isa.def"

}  // namespace phx::isa::field
