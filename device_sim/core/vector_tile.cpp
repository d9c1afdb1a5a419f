// Vector instructions on tiles in the unified buffer: who executes which, and the state that they share.
#include "device_sim/core/host_level.h"
#include "device_sim/core/vector_operands.h"
#include "device_sim/core/vector_rows.h"

namespace phx::sim {
namespace {

using isa::Opcode;

bool set_compare_mask(const Decoded* d, Frame* f) {
  const uint64_t address = scalar_value(d, f, d->a), pitch = scalar_value(d, f, d->b);
  if (pitch % kVectorBlock || pitch >> 32) {
    raise(f, d, FaultKind::illegal_instruction, 0,
          "rows of a mask lie a multiple of 32 bytes apart, below 4 GiB, not " + std::to_string(pitch) + " bytes");
    return false;
  }
  f->machinery->compare_mask = {true, address, pitch};
  record_work(f, 0);
  return true;
}

}  // namespace

RowKernel vector_row(Opcode op, isa::Type type, isa::Type from) {
  switch (op) {
    case Opcode::Vexp:
    case Opcode::Vln:
    case Opcode::Vmath:
    case Opcode::Vmath2:
      return math_row(type);
    default:
      break;
  }
#if defined(__x86_64__)
  if (host_level() == HostLevel::v4) return vector_row_v4(op, type, from);
  if (host_level() == HostLevel::v3) return vector_row_v3(op, type, from);
#endif
  return vector_row_baseline(op, type, from);
}

Handler vector_handler(const isa::Instruction& i) {
  if (i.op == Opcode::SetCmpMask) return vector_instruction<set_compare_mask>;
  const Handler moves = move_handler(i);
  return moves ? moves : elementwise_handler(i);
}

}  // namespace phx::sim
