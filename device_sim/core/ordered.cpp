// Ordered operations: parked by the handlers, served between rounds in (device, block, warp, lane) order (isa.def §7).
#include <algorithm>

#include "device_sim/core/execution.h"
#include "device_sim/core/grid_checks.h"
#include "device_sim/isa/fields.h"

namespace phx::sim {

using isa::Opcode;

void park_ordered(const Decoded* d, Frame* f, const uint64_t* at) {
  account(f, d + 1);
  Split& split = *f->machinery->split;
  split.wait = Wait::ordered;
  split.pc = d;
  if (at) std::copy_n(at, 32, split.addresses.begin());
}

void note_ordered(Split& split, const Decoded* d, uint64_t hash) {
  split.ordered_in_loop = true;
  split.loop_hash = mix(mix(split.loop_hash, d->index + 1), hash);
}

namespace {

bool is_access(const Decoded* d) {
  const auto op = static_cast<Opcode>(d->op);
  return op == Opcode::Ld || op == Opcode::St || op == Opcode::Atom || op == Opcode::Red;
}
bool reads(const Decoded* d) { return static_cast<Opcode>(d->op) != Opcode::St; }
bool writes(const Decoded* d) { return static_cast<Opcode>(d->op) != Opcode::Ld; }
unsigned access_bytes(const Decoded* d) {
  const auto op = static_cast<Opcode>(d->op);
  const unsigned count = op == Opcode::Ld || op == Opcode::St ? 1u << bits_of(d, 7, 2) : 1u;
  return isa::info(static_cast<isa::Type>(d->type)).bits / 8 * count;
}

// The operation itself; its addresses and values as a hash.
uint64_t perform(const Decoded* d, Frame* f, OrderedState& state) {
  Split& split = *f->machinery->split;
  const uint64_t* at = split.addresses.data();
  uint64_t hash = 0;
  if (AccessChecks* checks = f->machinery->checks.get()) {
    if (static_cast<Opcode>(d->op) == Opcode::Fence || static_cast<Opcode>(d->op) == Opcode::Svc) checks->talks();
    if (static_cast<Opcode>(d->op) == Opcode::Fence)
      checks->order().fence(f->machinery->warp->index, f->mask, true);
    else if (is_access(d) && state.checks)
      state.checks->serve(d, f, at, access_bytes(d), reads(d), writes(d));
    else if (is_access(d))
      checks->talks();
  }
  switch (static_cast<Opcode>(d->op)) {
    case Opcode::Ld:
      load_values(d, f, at, &hash);
      break;
    case Opcode::St:
      store_values(d, f, at, &hash);
      break;
    case Opcode::Atom:
    case Opcode::Red:
      hash = apply_atomic(d, f, at, false);
      break;
    case Opcode::Rdsr:
      read_special(d, f);
      break;
    case Opcode::Fixpipe:
      add_accumulators(d, f);
      break;
    case Opcode::Svc: {
      const bool wide_a = f->operations[d->index].wide_a;
      const bool allocates = static_cast<isa::ServiceFn>(d->mod & 0xff) == isa::ServiceFn::Malloc;
      for_lanes(f->mask, [&](unsigned lane) {
        if (f->machinery->faulted()) return;
        const uint64_t a = operand_value(d, f, d->a, kLaneA, wide_a, lane);
        if (allocates) {
          const uint64_t address = a && state.device_malloc ? state.device_malloc(a) : 0;
          if (d->lanes & kLaneDst)
            set_lane_value(f, d->dst, true, lane, address);
          else if (!(d->flags & kDstUnused))
            f->s[d->dst] = address;
        } else if (a && state.device_free && !state.device_free(a)) {
          raise_access(f, d, FaultKind::use_after_free, lane, a, 1, true, describe_nearest(f->machinery->memory, a));
        }
      });
      break;
    }
    default:
      break;
  }
  return hash;
}

// The operation of this launch whose value the access saw: the latest one that wrote to any of its bytes.
uint32_t producer_of(const Decoded* d, const Frame* f, const Split& split, const OrderedState& state) {
  uint32_t producer = OrderedRecord::kNone;
  for_lanes(f->mask, [&](unsigned lane) {
    for (uint64_t unit = split.addresses[lane] / 4; unit <= (split.addresses[lane] + access_bytes(d) - 1) / 4; ++unit)
      if (auto found = state.last_writer.find(unit * 4); found != state.last_writer.end())
        producer = producer == OrderedRecord::kNone ? found->second : std::max(producer, found->second);
  });
  return producer;
}
void remember_writer(const Decoded* d, const Frame* f, const Split& split, OrderedState& state, uint32_t sequence) {
  for_lanes(f->mask, [&](unsigned lane) {
    for (uint64_t unit = split.addresses[lane] / 4; unit <= (split.addresses[lane] + access_bytes(d) - 1) / 4; ++unit)
      state.last_writer[unit * 4] = sequence;
  });
}

// Drops the events since the same operation last gave the same answer, if the split did nothing else that others could
// notice.
bool drop_poll(Warp& warp, Split& split, uint64_t key) {
  if (split.poll_key != key || split.poll_switch != warp.switches) return false;
  if (split.poll_words < warp.words_taken || split.poll_accesses < warp.accesses_taken) return false;
  const uint64_t words = split.poll_words - warp.words_taken, accesses = split.poll_accesses - warp.accesses_taken;
  const auto& a = warp.events.accesses;
  for (uint64_t i = accesses; i < a.size();) {  // only loads in between
    const auto kind = static_cast<AccessKind>(a[i] & 0xff);
    if (kind != AccessKind::gm_load && kind != AccessKind::ub_load && kind != AccessKind::local_load) return false;
    i += 1 + (a[i] >> 16 & 0xffff);
  }
  for (uint64_t i = words; i < warp.events.words.size(); i += 2)
    if (static_cast<EventKind>(warp.events.words[i] & 15u) != EventKind::run) return false;
  warp.events.words.resize(words);
  warp.events.accesses.resize(accesses);
  return true;
}

constexpr uint64_t kCrossFlagLimit = 15;  // what the counter of a flag holds

// A core that waits for a cross-core flag stays parked until everybody who raises it has done so. In mode 0 these are
// all cores of its kind, in mode 1 the AIVs of its group, in mode 2 those of the other kind in its group.
bool still_waits(Machinery& m, const Decoded* d, OrderedState& state) {
  const auto op = static_cast<Opcode>(d->op);
  if (op != Opcode::CrossSet && op != Opcode::CrossWait) return false;
  const auto mode = static_cast<uint8_t>(bits_of(d, 0, 2)), id = static_cast<uint8_t>(bits_of(d, 5, 4));
  const bool cube = m.kernel.core == image::CoreKind::aic;
  const uint64_t group = mode == 0 ? 0 : m.index / (m.launch.group_aiv + 1);
  auto name_of = [](uint64_t of_mode, uint64_t of_id, bool of_cubes, uint64_t of_group) {
    return of_mode | of_id << 8 | uint64_t{of_cubes} << 16 | of_group << 17;
  };
  auto count = [](std::vector<uint64_t>& rounds, uint64_t round) {
    if (rounds.size() <= round) rounds.resize(round + 1);
    return ++rounds[round];
  };
  auto cores = [&](bool of_cubes) { return mode == 0 ? programs_of(m) : of_cubes ? 1 : m.launch.group_aiv; };
  if (op == Opcode::CrossSet) {
    OrderedState::CrossCounts& counts = state.cross_flags[{mode, id, cube, group}];
    const uint64_t round = m.flags.raised[mode][id]++;
    counts.raised_by[m.index] = round + 1;
    counts.raised_at = d->index;
    if (m.checks && state.checks) state.checks->raise(m, name_of(mode, id, cube, group), round);
    if (count(counts.sets, round) < cores(cube) || round < kCrossFlagLimit) return false;
    const uint64_t behind = round - kCrossFlagLimit, waiters = cores(mode == 2 ? !cube : cube);
    if (behind >= counts.waits.size() || counts.waits[behind] < waiters)
      raise(&m.frame, d, FaultKind::surplus_flag, 0,
            "cross-core flag " + std::to_string(id) + " is raised more than " + std::to_string(kCrossFlagLimit) +
                " times before a core that waits for it does so");
    return false;
  }
  const bool by_cube = mode == 2 ? !cube : cube;
  OrderedState::CrossCounts& counts = state.cross_flags[{mode, id, by_cube, group}];
  const uint64_t round = m.flags.crossed[mode][id];
  m.flags.raisers = cores(by_cube);
  m.flags.raised_by = round < counts.sets.size() ? counts.sets[round] : 0;
  if (m.flags.raised_by < m.flags.raisers) return true;
  ++m.flags.crossed[mode][id];
  if (m.checks && state.checks) state.checks->wait(m, name_of(mode, id, by_cube, group), round);
  counts.waited_by[m.index] = round + 1;
  count(counts.waits, round);
  return false;
}

}  // namespace

std::optional<Block::CrossWait> cross_wait_of(const Machinery& m, const Decoded* d) {
  if (static_cast<Opcode>(d->op) != Opcode::CrossWait) return std::nullopt;
  const auto mode = static_cast<uint8_t>(bits_of(d, 0, 2)), id = static_cast<uint8_t>(bits_of(d, 5, 4));
  const bool cube = m.kernel.core == image::CoreKind::aic;
  return Block::CrossWait{{mode, id, mode == 2 ? !cube : cube, mode == 0 ? 0 : m.index / (m.launch.group_aiv + 1)},
                          m.flags.crossed[mode][id],
                          bits_of(d, 2, 3),
                          d->index};
}

namespace {

void serve_split(Machinery& m, Warp& warp, Split& split, OrderedState& state) {
  Frame& f = m.frame;
  m.warp = &warp;
  m.split = &split;
  f.r = warp.r;
  f.s = split.s;
  f.p = split.p;
  f.local = warp.local;
  set_mask(&f, split.mask);
  const Decoded* d = split.pc;
  f.run_begin = d + 1;
  if (still_waits(m, d, state)) return;
  ++state.served;
  ++m.statistics.ordered_operations;
  const uint32_t producer = is_access(d) ? producer_of(d, &f, split, state) : OrderedRecord::kNone;
  const uint64_t hash = perform(d, &f, state);
  if (m.faulted()) return;
  split.wait = Wait::none;
  split.pc = d + 1;
  // A store does not tell the split anything, so it is no poll by itself.
  if (static_cast<Opcode>(d->op) == Opcode::Ld || static_cast<Opcode>(d->op) == Opcode::Atom)
    note_ordered(split, d, hash);
  if (!f.recording) return;

  const uint64_t key = mix(mix(d->index + 1, split.mask), hash) | 1;
  // The access record of the operation itself comes after the check, which looks at what lay in between.
  if (static_cast<Opcode>(d->op) == Opcode::Ld && drop_poll(warp, split, key)) return;
  if (is_access(d)) record_access(d, &f, split.addresses.data(), access_bytes(d));
  const uint32_t sequence = state.next_sequence++;
  state.records.push_back({producer});
  if (is_access(d) && writes(d)) remember_writer(d, &f, split, state, sequence);
  push_event_word(warp, EventKind::ordered, sequence);
  split.poll_key = key;
  split.poll_words = warp.words_taken + warp.events.words.size();
  split.poll_accesses = warp.accesses_taken + warp.events.accesses.size();
  split.poll_switch = warp.switches;
}

}  // namespace

void serve_block(Machinery& m, OrderedState& state) {
  if (m.faulted()) return;
  std::vector<Split*> waiting;
  for (Warp& warp : m.warps) {
    waiting.clear();
    for (auto& split : warp.splits)
      if (split->wait == Wait::ordered) waiting.push_back(split.get());
    std::sort(waiting.begin(), waiting.end(),
              [](const Split* a, const Split* b) { return lowest(a->mask) < lowest(b->mask); });
    for (Split* split : waiting) {
      serve_split(m, warp, *split, state);
      if (m.faulted()) {
        m.status = BlockStatus::faulted;
        return;
      }
    }
    const bool any = std::any_of(waiting.begin(), waiting.end(), [](const Split* s) { return s->wait == Wait::none; });
    if (any && m.status == BlockStatus::parked) m.status = BlockStatus::ready;
  }
}

}  // namespace phx::sim
