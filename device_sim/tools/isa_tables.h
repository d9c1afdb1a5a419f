// The texts that phx-isagen derives from the ISA table.
#pragma once

#include <string>
#include <string_view>

#include "device_sim/isa/isa.h"

namespace phx::isagen {

// docs/isa.md. `definition` is the text of isa.def, whose leading comment becomes the prose of the page.
std::string markdown(std::string_view definition);

// A Python module with the dictionaries ROWS, TYPES, FIELDS, VALUES, LIMITS and MATH.
std::string python();

// "add[.rnd][.sat].<type>  dst, a, b": how the row is written in assembly.
std::string syntax(const isa::RowInfo& row);

// "READ | WRITE"; empty for none.
std::string effect_names(uint16_t effects);

// Names of the types of a set, in order of their codes.
std::string type_names(uint32_t types, std::string_view separator);

}  // namespace phx::isagen
