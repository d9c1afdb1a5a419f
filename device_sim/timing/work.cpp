#include "device_sim/timing/work.h"

namespace phx::sim::timing {

using isa::Opcode;

unsigned operations_per_element(const isa::Instruction& instruction) {
  using enum isa::TypeGroup;
  const isa::TypeGroup group = isa::info(instruction.type).group;
  if (group != f16 && group != f32 && group != f64) return 0;
  const unsigned values = instruction.type == isa::Type::F16X2 || instruction.type == isa::Type::BF16X2 ? 2 : 1;
  switch (instruction.op) {
    case Opcode::Fma:
      return 2 * values;
    case Opcode::Add:
    case Opcode::Sub:
    case Opcode::Mul:
    case Opcode::Div:
    case Opcode::Min:
    case Opcode::Max:
    case Opcode::Abs:
    case Opcode::Neg:
    case Opcode::Math1:
    case Opcode::Math2:
    case Opcode::Atom:
    case Opcode::Red:
    case Opcode::Vadd:
    case Opcode::Vsub:
    case Opcode::Vmul:
    case Opcode::Vdiv:
    case Opcode::Vmax:
    case Opcode::Vmin:
    case Opcode::Vmath2:
    case Opcode::Vadds:
    case Opcode::Vmuls:
    case Opcode::Vmaxs:
    case Opcode::Vmins:
    case Opcode::Vexp:
    case Opcode::Vln:
    case Opcode::Vsqrt:
    case Opcode::Vrsqrt:
    case Opcode::Vrec:
    case Opcode::Vabs:
    case Opcode::Vrelu:
    case Opcode::Vmath:
    case Opcode::Vcadd:
    case Opcode::Vcmax:
    case Opcode::Vcmin:
      return values;
    default:
      return 0;
  }
}

uint64_t elements_per_repeat(const isa::Instruction& instruction) {
  const unsigned bits = isa::info(instruction.type).bits;
  return bits ? 256 * 8 / bits : 0;
}

}  // namespace phx::sim::timing
