// Branches, regions, calls, exits: the rows of the control family (isa.def §6).
#include "device_sim/core/execution.h"

namespace phx::sim {
namespace {

using isa::Opcode;

// A back edge with ordered operations in the loop: after enough repetitions the innermost region with waiters lets them
// go.
void note_back_edge(Machinery& m) {
  Split& split = *m.split;
  if (!split.ordered_in_loop) return;
  split.repeats = split.loop_hash == split.previous_hash ? split.repeats + 1 : 0;
  split.previous_hash = split.loop_hash;
  split.loop_hash = 0;
  split.ordered_in_loop = false;
  if (split.repeats < kRepeatsBeforeRelease && ++split.ordered_back_edges < kOrderedBackEdgesBeforeRelease) return;
  split.repeats = split.ordered_back_edges = 0;
  Warp& warp = *m.warp;
  for (size_t depth = split.regions.size(); depth-- > 0;) {
    const uint32_t id = split.regions[depth];
    Region& region = warp.regions[id];
    if (region.arrived == 0) continue;
    for (auto& waiter : warp.splits)
      if (waiter->wait == Wait::join && waiter->regions.back() == id) {
        waiter->wait = Wait::none;
        waiter->regions.pop_back();
        waiter->count = split.count;
      }
    region.live &= ~region.arrived;
    region.arrived = 0;
    return;
  }
}

// Continues at the target with everything before on the books; false if the split's turn is over.
bool go(const Decoded* d, Frame* f, const Decoded* target) {
  account(f, d + 1);
  Machinery& m = *f->machinery;
  if (target <= d) note_back_edge(m);
  if (m.split->count >= m.deadline) {
    m.split->pc = target;
    return false;
  }
  f->run_begin = target;
  return true;
}

void jump(const Decoded* d, Frame* f) {
  const Decoded* target = f->code + d->immediate;
  if (!go(d, f, target)) return;
  [[clang::musttail]] return target->run(target, f);
}

// The lanes of `taken` leave the running split for the target; the others stay.
void diverge(const Decoded* d, Frame* f, uint32_t taken) {
  account(f, d + 1);
  Machinery& m = *f->machinery;
  const Decoded* target = f->code + d->immediate;
  ++m.statistics.divergent_branches;
  Split* other = add_split(*m.warp, *m.split, taken);
  other->pc = target;
  m.split->mask &= ~taken;
  set_mask(f, m.split->mask);
  f->run_begin = d + 1;
  m.deadline = std::min(m.deadline, m.split->count + kSplitQuantum);
}

template <bool Not>
void branch(const Decoded* d, Frame* f) {
  const uint32_t p = Not ? ~f->p[d->a] : f->p[d->a];
  const uint32_t taken = p & f->mask;
  if (taken == f->mask) {
    const Decoded* target = f->code + d->immediate;
    if (!go(d, f, target)) return;
    [[clang::musttail]] return target->run(target, f);
  }
  if (taken) diverge(d, f, taken);
  PHX_NEXT;
}

void open_region(const Decoded* d, Frame* f) {
  Warp& warp = *f->machinery->warp;
  uint32_t id = 0;
  while (id < warp.regions.size() && warp.regions[id].used) ++id;
  if (id == warp.regions.size()) warp.regions.emplace_back();
  warp.regions[id] = {f->mask, 0, static_cast<uint8_t>(d->mod & 63u), true};
  f->machinery->split->regions.push_back(id);
}
void fork(const Decoded* d, Frame* f) {
  open_region(d, f);
  PHX_NEXT;
}

// True if the split goes on at once.
bool close_region(const Decoded* d, Frame* f) {
  Machinery& m = *f->machinery;
  Split& split = *m.split;
  Warp& warp = *m.warp;
  if (split.regions.empty() || warp.regions[split.regions.back()].number != (d->mod & 63u)) {
    raise(f, d, FaultKind::illegal_instruction, lowest(f->mask), "join of a region that the lanes are not in");
    return false;
  }
  const uint32_t id = split.regions.back();
  Region& region = warp.regions[id];
  split.repeats = split.ordered_back_edges = 0;
  if (region.live == split.mask) {
    region.used = false;
    split.regions.pop_back();
    return true;
  }
  account(f, d + 1);
  region.arrived |= split.mask;
  split.wait = Wait::join;
  split.pc = d + 1;
  merge_if_complete(m, warp, id);
  return false;
}
void join(const Decoded* d, Frame* f) {
  if (!close_region(d, f)) return;
  PHX_NEXT;
}

void exit(const Decoded* d, Frame* f) {
  account(f, d + 1);
  end_lanes(*f->machinery, *f->machinery->warp, f->machinery->split);
}

void trap(const Decoded* d, Frame* f) { raise(f, d, FaultKind::trap, lowest(f->mask)); }

void call(const Decoded* d, Frame* f) {
  auto& calls = f->machinery->split->calls;
  if (calls.size() >= isa::kCallDepth) {
    raise(f, d, FaultKind::call_depth, lowest(f->mask), "calls nest deeper than " + std::to_string(isa::kCallDepth));
    return;
  }
  calls.push_back(d + 1);
  const Decoded* target = f->code + d->immediate;
  if (!go(d, f, target)) return;
  [[clang::musttail]] return target->run(target, f);
}

const Decoded* return_address(const Decoded* d, Frame* f) {
  auto& calls = f->machinery->split->calls;
  if (calls.empty()) {
    raise(f, d, FaultKind::illegal_instruction, lowest(f->mask), "return without a call");
    return nullptr;
  }
  const Decoded* target = calls.back();
  calls.pop_back();
  return target;
}
void ret(const Decoded* d, Frame* f) {
  const Decoded* target = return_address(d, f);
  if (!target || !go(d, f, target)) return;
  [[clang::musttail]] return target->run(target, f);
}

void sleep(const Decoded* d, Frame* f) {
  account(f, d + 1);
  Machinery& m = *f->machinery;
  const uint64_t ns = d->lanes & kLaneA ? lane_value(f, d->a, false, lowest(f->mask)) : scalar_value(d, f, d->a);
  if (f->recording) push_event_word(*m.warp, EventKind::sleep, static_cast<uint32_t>(ns));
  m.split->pc = d + 1;
  m.split->count += kSplitQuantum;
  m.yielded = true;
}

void nop(const Decoded* d, Frame* f) { PHX_NEXT; }

}  // namespace

Handler control_handler(const isa::Instruction& i) {
  switch (i.op) {
    case Opcode::Nop:
      return nop;
    case Opcode::Jmp:
      return jump;
    case Opcode::Bra:
      return i.mod & 1u ? branch<true> : branch<false>;
    case Opcode::Fork:
      return fork;
    case Opcode::Join:
      return join;
    case Opcode::Exit:
      return exit;
    case Opcode::Trap:
      return trap;
    case Opcode::Call:
      return call;
    case Opcode::Ret:
      return ret;
    case Opcode::Sleep:
      return sleep;
    default:
      return nullptr;
  }
}

// A join that only leads to exits ends its lanes at once: nobody can tell the difference, but barriers need not wait
// for them.
Handler exit_handler() { return exit; }

}  // namespace phx::sim
