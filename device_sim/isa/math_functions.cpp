// Functions of the `math` and `math2` rows: names, arities and order are those of the numerics table. Only the table is
// shared; what the functions compute is the business of device_sim/numerics.
#include "device_sim/isa/table.h"

namespace phx::isa {
namespace {

enum Code : unsigned {
#define PHX_MATH(Enum, name, arity, ulp32, ulp64, meaning) Enum,
#include "device_sim/numerics/math_functions.def"
};

constexpr MathFunction kFunctions[] = {
#define PHX_MATH(Enum, name, arity, ulp32, ulp64, meaning) {#name, Enum, arity},
#include "device_sim/numerics/math_functions.def"
};

}  // namespace

std::span<const MathFunction> math_functions() { return kFunctions; }

}  // namespace phx::isa
