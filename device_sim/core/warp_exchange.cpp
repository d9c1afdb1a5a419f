// Operations between the lanes of a warp. With a member mask they wait until every live member has arrived, in whatever
// split it is; if the running split holds all members, they run at once.
#include <algorithm>

#include "device_sim/core/execution.h"
#include "device_sim/isa/fields.h"

namespace phx::sim {
namespace {

using isa::AtomicFn;
using isa::Opcode;
using isa::Type;

struct Mask {
  uint8_t slot, lane_bit;
};
Mask mask_slot(const Decoded* d) {
  return static_cast<Opcode>(d->op) == Opcode::SyncWarp ? Mask{d->a, kLaneA} : Mask{d->c, kLaneC};
}

// Live lanes that take part, seen from the running split.
uint32_t members_of(const Decoded* d, const Frame* f) {
  const Mask m = mask_slot(d);
  if (!(d->lanes & m.lane_bit) && m.slot == kScalarZero) return f->mask;
  const auto value = static_cast<uint32_t>(operand_value(d, f, m.slot, m.lane_bit, false, lowest(f->mask)));
  return value & f->machinery->warp->live;
}

// The inputs of all participating lanes, whatever split they are in, and where results go.
struct Participants {
  uint32_t lanes = 0;    // that execute the operation
  uint32_t members = 0;  // whose values count
  uint32_t truth = 0;    // predicate a
  uint64_t a[32], b[32];
};

void collect(const Decoded* d, const Frame* f, uint32_t members, Participants& in) {
  const auto op = static_cast<Opcode>(d->op);
  const Operation& o = f->operations[d->index];
  in.lanes |= f->mask;
  in.members |= members & f->mask;
  if (op == Opcode::Vote || op == Opcode::Ballot) {
    in.truth |= f->p[d->a] & f->mask;
    return;
  }
  for_lanes(f->mask, [&](unsigned lane) {
    in.a[lane] = operand_value(d, f, d->a, kLaneA, o.wide_a, lane);
    if (op == Opcode::Shfl) in.b[lane] = operand_value(d, f, d->b, kLaneB, false, lane);
  });
}

unsigned source_lane(const Decoded* d, unsigned lane, uint64_t b) {
  const unsigned seg = bits_of(d, 2, 5), clamp = bits_of(d, 7, 5), offset = b & 31u;
  const unsigned least = lane & seg, most = least | (clamp & ~seg & 31u);
  unsigned from = lane;
  bool inside = false;
  switch (static_cast<isa::ShuffleMode>(bits_of(d, 0, 2))) {
    case isa::ShuffleMode::Idx:
      from = least | (offset & ~seg & 31u);
      inside = from <= most;
      break;
    case isa::ShuffleMode::Up:
      inside = lane >= most + offset;
      from = lane - offset;
      break;
    case isa::ShuffleMode::Down:
      from = lane + offset;
      inside = from <= most;
      break;
    case isa::ShuffleMode::Bfly:
      from = lane ^ offset;
      inside = from <= most;
      break;
  }
  return inside ? from : lane;
}

uint64_t reduce(const Decoded* d, const Participants& in) {
  const bool is_signed = static_cast<Type>(d->type) == Type::S32;
  bool first = true;
  uint32_t value = 0;
  for_lanes(in.members, [&](unsigned lane) {
    const auto x = static_cast<uint32_t>(in.a[lane]);
    if (first) {
      value = x;
      first = false;
      return;
    }
    const bool less = is_signed ? static_cast<int32_t>(x) < static_cast<int32_t>(value) : x < value;
    switch (static_cast<AtomicFn>(bits_of(d, 0, 4))) {
      case AtomicFn::Add:
        value += x;
        break;
      case AtomicFn::Min:
        value = less ? x : value;
        break;
      case AtomicFn::Max:
        value = less ? value : x;
        break;
      case AtomicFn::And:
        value &= x;
        break;
      case AtomicFn::Or:
        value |= x;
        break;
      case AtomicFn::Xor:
        value ^= x;
        break;
      default:
        break;
    }
  });
  return value;
}

// Writes the results of the active lanes of the frame's split.
void deliver(const Decoded* d, Frame* f, const Participants& in) {
  switch (static_cast<Opcode>(d->op)) {
    case Opcode::Shfl: {
      const bool wide = f->operations[d->index].wide_dst;
      for_lanes(f->mask, [&](unsigned lane) {
        const unsigned from = source_lane(d, lane, in.b[lane]);
        set_lane_value(f, d->dst, wide, lane, in.members >> from & 1 ? in.a[from] : in.a[lane]);
      });
      break;
    }
    case Opcode::Vote: {
      const uint32_t yes = in.truth & in.members;
      bool result = false;
      switch (static_cast<isa::VoteMode>(bits_of(d, 0, 2))) {
        case isa::VoteMode::All:
          result = yes == in.members;
          break;
        case isa::VoteMode::Any:
          result = yes != 0;
          break;
        case isa::VoteMode::Uni:
          result = yes == 0 || yes == in.members;
          break;
      }
      f->p[d->dst] = result ? f->p[d->dst] | f->mask : f->p[d->dst] & ~f->mask;
      break;
    }
    case Opcode::Ballot: {
      const uint32_t bits = in.truth & in.members;
      if (!(d->lanes & kLaneDst))
        f->s[d->dst] = bits;
      else
        for_lanes(f->mask, [&](unsigned lane) { set_lane_value(f, d->dst, false, lane, bits); });
      break;
    }
    case Opcode::Match: {
      const bool all = static_cast<isa::MatchMode>(bits_of(d, 0, 1)) == isa::MatchMode::MatchAll;
      for_lanes(f->mask, [&](unsigned lane) {
        uint32_t equal = 0;
        for_lanes(in.members,
                  [&](unsigned other) { equal |= static_cast<uint32_t>(in.a[other] == in.a[lane]) << other; });
        set_lane_value(f, d->dst, false, lane, all && equal != in.members ? 0 : equal);
      });
      break;
    }
    case Opcode::Redux: {
      const uint64_t value = reduce(d, in);
      for_lanes(f->mask, [&](unsigned lane) { set_lane_value(f, d->dst, false, lane, value); });
      break;
    }
    default:
      break;
  }
}

// Racecheck: what the lanes did before comes before what any of them does after.
void order_lanes(Machinery& m, const Warp& warp, uint32_t lanes) {
  if (m.checks && m.checks->races()) m.checks->order().gather(warp.index, lanes);
}

// Waits for `members` with the lanes of `split`.
void wait_for(const Decoded* d, Split& split, uint32_t members) {
  split.wait = Wait::gather;
  split.pc = d;
  split.members = members;
}

// The lanes of the running split that name the same members as its lowest one.
uint32_t same_members(const Decoded* d, const Frame* f) {
  const Mask m = mask_slot(d);
  if (!(d->lanes & m.lane_bit)) return f->mask;
  const uint64_t wanted = operand_value(d, f, m.slot, m.lane_bit, false, lowest(f->mask));
  uint32_t same = 0;
  for_lanes(f->mask, [&](unsigned lane) {
    same |= static_cast<uint32_t>(operand_value(d, f, m.slot, m.lane_bit, false, lane) == wanted) << lane;
  });
  return same;
}

// Lanes of one split name different members, as tiles of a warp do: each group is an operation of its own. Groups that
// are complete run at once; if any must wait for other splits, the groups part here.
bool exchange_in_groups(const Decoded* d, Frame* f) {
  struct Group {
    uint32_t lanes, members;
  };
  std::vector<Group> groups;
  Frame part = *f;
  bool complete = true;
  for (uint32_t left = f->mask; left;) {
    part.mask = left;
    const uint32_t lanes = same_members(d, &part);
    part.mask = lanes;
    groups.push_back({lanes, members_of(d, &part)});
    complete &= (groups.back().members & ~lanes) == 0;
    left &= ~lanes;
  }
  const bool scalar_result = static_cast<Opcode>(d->op) == Opcode::Ballot && !(d->lanes & kLaneDst);
  if (scalar_result) {
    raise(f, d, FaultKind::divergent_scalar, lowest(f->mask & ~groups[0].lanes),
          "its members differ from those of the first lane");
    return false;
  }
  if (complete) {
    for (const Group& group : groups) {
      part.mask = group.lanes;
      order_lanes(*f->machinery, *f->machinery->warp, group.lanes);
      Participants in;
      collect(d, &part, group.members, in);
      deliver(d, &part, in);
    }
    return true;
  }
  account(f, d + 1);
  Machinery& m = *f->machinery;
  m.split->pc = d;
  for (size_t i = 1; i < groups.size(); ++i)
    wait_for(d, *add_split(*m.warp, *m.split, groups[i].lanes), groups[i].members);
  m.split->mask = groups[0].lanes;
  wait_for(d, *m.split, groups[0].members);
  complete_gathers(m, *m.warp);
  return false;
}

// True if the split goes on at once.
bool exchange_now(const Decoded* d, Frame* f) {
  if (same_members(d, f) != f->mask) return exchange_in_groups(d, f);
  const uint32_t members = members_of(d, f);
  if ((members & ~f->mask) == 0) {
    order_lanes(*f->machinery, *f->machinery->warp, f->mask);
    Participants in;
    collect(d, f, members, in);
    deliver(d, f, in);
    return true;
  }
  account(f, d + 1);
  Machinery& m = *f->machinery;
  wait_for(d, *m.split, members);
  complete_gathers(m, *m.warp);
  return false;
}
void exchange(const Decoded* d, Frame* f) {
  if (!exchange_now(d, f)) return;
  PHX_NEXT;
}

void active(const Decoded* d, Frame* f) {
  if (!(d->lanes & kLaneDst))
    f->s[d->dst] = f->mask;
  else
    for_lanes(f->mask, [&](unsigned lane) { set_lane_value(f, d->dst, false, lane, f->mask); });
  PHX_NEXT;
}

bool take_first(const Decoded* d, Frame* f) {
  const bool wide = f->operations[d->index].wide_a;
  const uint64_t value = lane_value(f, d->a, wide, lowest(f->mask));
  bool equal = true;
  for_lanes(f->mask, [&](unsigned lane) {
    if (!equal || lane_value(f, d->a, wide, lane) == value) return;
    equal = false;
    raise(f, d, FaultKind::divergent_scalar, lane,
          "the value differs from that of lane " + std::to_string(lowest(f->mask)));
  });
  f->s[d->dst] = value;
  return equal;
}
void first(const Decoded* d, Frame* f) {
  if (!take_first(d, f)) return;
  PHX_NEXT;
}

// Splits that may meet: at the same instruction, or anywhere at a syncwarp.
bool meet(const Split& a, const Split& b) {
  if (b.wait != Wait::gather || a.members != b.members) return false;
  const bool both_sync = a.pc->op == static_cast<uint16_t>(Opcode::SyncWarp) && b.pc->op == a.pc->op;
  return a.pc == b.pc || both_sync;
}

void point_at(Frame& f, Split& split) {
  f.s = split.s;
  f.p = split.p;
  f.mask = split.mask;
}

}  // namespace

void complete_gathers(Machinery& m, Warp& warp) {
  for (size_t i = 0; i < warp.splits.size(); ++i) {
    Split& split = *warp.splits[i];
    if (split.wait != Wait::gather) continue;
    for (auto& s : warp.splits) s->members &= warp.live;
    uint32_t arrived = 0;
    for (auto& s : warp.splits)
      if (meet(split, *s)) arrived |= s->mask;
    if (split.members & ~arrived) continue;
    Frame f = m.frame;  // a frame of its own: the running split's stays as it is
    f.r = warp.r;
    Participants in;
    std::vector<Split*> group;
    for (auto& s : warp.splits)
      if (meet(split, *s)) group.push_back(s.get());
    for (Split* s : group) {
      point_at(f, *s);
      collect(s->pc, &f, split.members, in);
    }
    order_lanes(m, warp, in.lanes);
    for (Split* s : group) {
      point_at(f, *s);
      deliver(s->pc, &f, in);
      s->wait = Wait::none;
      ++s->pc;
    }
  }
}

Handler exchange_handler(const isa::Instruction& i) {
  switch (i.op) {
    case Opcode::Shfl:
    case Opcode::Vote:
    case Opcode::Ballot:
    case Opcode::Match:
    case Opcode::Redux:
    case Opcode::SyncWarp:
      return exchange;
    case Opcode::Active:
      return active;
    case Opcode::First:
      return first;
    default:
      return nullptr;
  }
}

}  // namespace phx::sim
