// Tile programs: flags between pipes, cross-core flags. Function follows program order; what may overlap in time is for
// the timing engine.
#include "device_sim/core/execution.h"
#include "device_sim/core/tile_access.h"
#include "device_sim/isa/fields.h"

namespace phx::sim {
namespace {

using isa::Opcode;

std::string flag_name(const Decoded* d, uint64_t id) { return name_of_flag(bits_of(d, 0, 3), bits_of(d, 3, 3), id); }
// The event that the instruction names, or null after a fault. An id that depends on a register is known here alone,
// so the timing engine gets it with the events.
PipeFlags::Event* flag_of(const Decoded* d, Frame* f, uint64_t& id) {
  id = bits_of(d, 6, 3) + scalar_value(d, f, d->a);
  const auto ids = static_cast<uint64_t>(f->machinery->launch.machine->chip.sync.flags_per_pipe_pair);
  if (id >= std::min<uint64_t>(8, ids)) {
    raise(f, d, FaultKind::illegal_instruction, 0,
          flag_name(d, id) + ", but the events of a pipe pair are 0 to " +
              std::to_string(std::min<uint64_t>(8, ids) - 1));
    return nullptr;
  }
  if (d->a != kScalarZero) record_flag(f, id);
  return &f->machinery->flags.events[bits_of(d, 0, 3)][bits_of(d, 3, 3)][id];
}

bool set(const Decoded* d, Frame* f) {
  uint64_t id;
  PipeFlags::Event* flag = flag_of(d, f, id);
  if (!flag) return false;
  if (flag->set_by) {
    raise(f, d, FaultKind::surplus_flag, 0,
          flag_name(d, id) + " is set again before anybody waited for it; it was set by " +
              f->machinery->launch.program->place(flag->set_by - 1));
    return false;
  }
  order_set(d, f, static_cast<unsigned>(id));
  flag->set_by = d->index + 1;
  if (!flag->first_set_by) flag->first_set_by = flag->set_by;
  flag->primed |= flag->first_set_by != flag->set_by;
  return true;
}
void set_flag(const Decoded* d, Frame* f) {
  if (!set(d, f)) return;
  PHX_NEXT;
}
// Function runs in program order, so a flag that is not set now will never be.
bool wait(const Decoded* d, Frame* f) {
  uint64_t id;
  PipeFlags::Event* flag = flag_of(d, f, id);
  if (!flag) return false;
  if (!flag->set_by) {
    raise(f, d, FaultKind::deadlock, 0,
          flag_name(d, id) + " is waited for, and nothing before sets it" +
              flag_wait_graph(*f->machinery, d->index, bits_of(d, 0, 3), bits_of(d, 3, 3), id));
    return false;
  }
  order_wait(d, f, static_cast<unsigned>(id));
  flag->set_by = 0;
  flag->waited_by = d->index + 1;
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
