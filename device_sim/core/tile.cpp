// Tile programs: flags between pipes, cross-core flags. Function follows program order; what may overlap in time is for
// the timing engine.
#include "device_sim/core/execution.h"
#include "device_sim/core/tile_access.h"
#include "device_sim/isa/fields.h"

namespace phx::sim {
namespace {

using isa::Opcode;

const char* const kPipes[8] = {"s", "v", "m", "mte1", "mte2", "mte3", "fix", "all"};
std::string flag_name(const Decoded* d, uint64_t id) {
  return "flag " + std::to_string(id) + " from pipe " + kPipes[bits_of(d, 0, 3)] + " to pipe " +
         kPipes[bits_of(d, 3, 3)];
}
// The event that the instruction names, or null after a fault. An id that depends on a register is known here alone,
// so the timing engine gets it with the events.
bool* flag_of(const Decoded* d, Frame* f, uint64_t& id) {
  id = bits_of(d, 6, 3) + scalar_value(d, f, d->a);
  const auto ids = static_cast<uint64_t>(f->machinery->launch.machine->chip.sync.flags_per_pipe_pair);
  if (id >= std::min<uint64_t>(8, ids)) {
    raise(f, d, FaultKind::illegal_instruction, 0,
          flag_name(d, id) + ", but the events of a pipe pair are 0 to " +
              std::to_string(std::min<uint64_t>(8, ids) - 1));
    return nullptr;
  }
  if (d->a != kScalarZero) record_flag(f, id);
  return &f->machinery->flags.set[bits_of(d, 0, 3)][bits_of(d, 3, 3)][id];
}

bool set(const Decoded* d, Frame* f) {
  uint64_t id;
  bool* flag = flag_of(d, f, id);
  if (!flag) return false;
  if (*flag) {
    raise(f, d, FaultKind::missing_flag, 0, flag_name(d, id) + " is set again before anybody waited for it");
    return false;
  }
  order_set(d, f, static_cast<unsigned>(id));
  return *flag = true;
}
void set_flag(const Decoded* d, Frame* f) {
  if (!set(d, f)) return;
  PHX_NEXT;
}
// Function runs in program order, so a flag that is not set now will never be.
bool wait(const Decoded* d, Frame* f) {
  uint64_t id;
  bool* flag = flag_of(d, f, id);
  if (!flag) return false;
  if (!*flag) {
    raise(f, d, FaultKind::deadlock, 0, flag_name(d, id) + " is waited for, and nothing before sets it");
    return false;
  }
  order_wait(d, f, static_cast<unsigned>(id));
  *flag = false;
  return true;
}
void wait_flag(const Decoded* d, Frame* f) {
  if (!wait(d, f)) return;
  PHX_NEXT;
}
void pipe_barrier(const Decoded* d, Frame* f) {
  order_barrier(d, f);
  PHX_NEXT;
}

void cross_flag(const Decoded* d, Frame* f) {
  const unsigned mode = bits_of(d, 0, 2);
  const Machinery& m = *f->machinery;
  if (mode != 0 && m.launch.group_aiv == 0) {
    raise(f, d, FaultKind::unsupported, 0,
          "cross-core flags of modes 1 and 2 need a launch of both core kinds (flag mix of the kernel); use mode 0");
    return;
  }
  if (mode == 1 && m.kernel.core == image::CoreKind::aic) {
    raise(f, d, FaultKind::unsupported, 0, "mode 1 is between the AIVs of a group; this is an AIC");
    return;
  }
  order_cross(d, f);
  park_ordered(d, f, nullptr);
}

}  // namespace

Handler tile_handler(const isa::Instruction& i) {
  switch (i.op) {
    case Opcode::SetFlag:
      return set_flag;
    case Opcode::WaitFlag:
      return wait_flag;
    case Opcode::PipeBarrier:
      return pipe_barrier;
    case Opcode::CrossSet:
    case Opcode::CrossWait:
      return cross_flag;
    default:
      return nullptr;
  }
}

}  // namespace phx::sim
