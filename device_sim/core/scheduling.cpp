// Turns of warps and splits, the life of splits and regions, the block barrier.
#include <algorithm>
#include <cstring>

#include "device_sim/core/execution.h"

namespace phx::sim {

void set_mask(Frame* f, uint32_t mask) {
  f->mask = mask;
  for (unsigned lane = 0; lane < 32; ++lane) f->lane_mask[lane] = 0u - (mask >> lane & 1u);
}

void account(Frame* f, const Decoded* end) {
  const auto n = static_cast<uint64_t>(end - f->run_begin);
  if (n == 0) return;
  Machinery& m = *f->machinery;
  const auto lanes = static_cast<unsigned>(__builtin_popcount(f->mask));
  m.split->count += n;
  m.warp->executed += n;
  m.statistics.warp_instructions += n;
  m.statistics.lane_instructions += n * lanes;
  if (f->recording) {
    auto& words = m.warp->events.words;
    words.push_back(static_cast<uint32_t>(EventKind::run) | (lanes - 1) << 4 | static_cast<uint32_t>(n) << 9);
    words.push_back(f->run_begin->index);
  }
  f->run_begin = end;
}

void push_event(Warp& warp, EventKind kind, uint32_t payload) {
  warp.events.words.push_back(static_cast<uint32_t>(kind) | payload << 4);
}
void push_event_word(Warp& warp, EventKind kind, uint32_t word) {
  warp.events.words.push_back(static_cast<uint32_t>(kind));
  warp.events.words.push_back(word);
}

namespace {

// A split with its own files still to fill.
Split* new_split(Warp& warp, uint32_t mask, const Decoded* pc, uint64_t count) {
  if (warp.spare.empty()) {
    warp.splits.push_back(std::make_unique<Split>());
  } else {
    warp.splits.push_back(std::move(warp.spare.back()));
    warp.spare.pop_back();
  }
  Split* split = warp.splits.back().get();
  split->mask = mask;
  split->wait = Wait::none;
  split->pc = pc;
  split->count = count;
  split->loop_hash = split->previous_hash = 0;
  split->repeats = split->ordered_back_edges = 0;
  split->ordered_in_loop = false;
  split->poll_key = 0;
  return split;
}

}  // namespace

Split* add_split(Warp& warp, const Split& from, uint32_t mask) {
  Split* split = new_split(warp, mask, from.pc, from.count);
  std::memcpy(split->s, from.s, sizeof split->s);
  std::memcpy(split->p, from.p, sizeof split->p);
  split->regions = from.regions;
  split->calls = from.calls;
  return split;
}

Split* add_first_split(Warp& warp, const Decoded* pc) {
  Split* split = new_split(warp, warp.live, pc, 0);
  std::memset(split->s, 0, sizeof split->s);
  std::memset(split->p, 0, sizeof split->p);
  split->s[kScalarOnes] = ~uint64_t{0};
  split->p[kPredicateOnes] = ~uint32_t{0};
  split->regions.clear();
  split->calls.clear();
  return split;
}

void remove_split(Warp& warp, Split* split) {
  auto at = std::find_if(warp.splits.begin(), warp.splits.end(), [&](const auto& s) { return s.get() == split; });
  if (warp.last == split) warp.last = nullptr;
  warp.spare.push_back(std::move(*at));
  warp.splits.erase(at);
}

void merge_if_complete(Machinery& m, Warp& warp, uint32_t id) {
  Region& region = warp.regions[id];
  if (region.live == 0) {
    region.used = false;
    return;
  }
  if (region.arrived != region.live) return;
  Split* base = nullptr;
  for (auto& split : warp.splits)
    if (split->wait == Wait::join && split->regions.back() == id && (!base || lowest(split->mask) < lowest(base->mask)))
      base = split.get();
  for (size_t i = warp.splits.size(); i-- > 0;) {
    Split* split = warp.splits[i].get();
    if (split == base || split->wait != Wait::join || split->regions.back() != id) continue;
    for (unsigned p = 0; p < isa::kPredicates; ++p)
      base->p[p] = (base->p[p] & ~split->mask) | (split->p[p] & split->mask);
    base->mask |= split->mask;
    base->count = std::max(base->count, split->count);
    remove_split(warp, split);
  }
  base->regions.pop_back();
  base->wait = Wait::none;
  region.used = false;
}

void end_lanes(Machinery& m, Warp& warp, Split* split) {
  const uint32_t mask = split->mask;
  const std::vector<uint32_t> regions = split->regions;
  warp.live &= ~mask;
  m.live_lanes -= static_cast<unsigned>(__builtin_popcount(mask));
  remove_split(warp, split);
  for (size_t depth = regions.size(); depth-- > 0;) {
    warp.regions[regions[depth]].live &= ~mask;
    merge_if_complete(m, warp, regions[depth]);
  }
  if (warp.live == 0) {
    if (m.frame.recording && !warp.ended) push_event(warp, EventKind::end, 0);
    warp.ended = true;
  } else {
    complete_gathers(m, warp);
  }
  release_barrier_if_complete(m);
}

namespace {

Split* next_split(Warp& warp) {
  Split* best = nullptr;
  for (auto& split : warp.splits) {
    if (split->wait != Wait::none) continue;
    if (!best || split->count < best->count ||
        (split->count == best->count && lowest(split->mask) < lowest(best->mask)))
      best = split.get();
  }
  return best;
}

size_t runnable_splits(const Warp& warp) {
  return static_cast<size_t>(
      std::count_if(warp.splits.begin(), warp.splits.end(), [](const auto& s) { return s->wait == Wait::none; }));
}

// Runs one split of the warp for its quantum.
void run_split(Machinery& m, Warp& warp, Split* split, uint64_t limit) {
  Frame& f = m.frame;
  m.warp = &warp;
  m.split = split;
  if (warp.last != split) {
    ++warp.switches;
    warp.last = split;
  }
  m.deadline = split->count + (runnable_splits(warp) > 1 ? std::min(kSplitQuantum, limit) : limit);
  f.r = warp.r;
  f.s = split->s;
  f.p = split->p;
  f.local = warp.local;
  for (unsigned i = 0; i < 3; ++i) f.tid[i] = warp.tid[i];
  if (f.mask != split->mask) set_mask(&f, split->mask);
  f.run_begin = split->pc;
  split->pc->run(split->pc, &f);
}

// The warp's turn: its splits in order of executed instructions.
bool run_warp(Machinery& m, Warp& warp, uint64_t limit) {
  const uint64_t start = warp.executed;
  bool any = false;
  m.yielded = false;
  while (warp.executed - start < limit && !m.yielded) {
    Split* split = next_split(warp);
    if (!split) break;
    any = true;
    run_split(m, warp, split, limit - (warp.executed - start));
    if (m.faulted()) break;
    if (m.launch.watchdog_instructions && warp.executed > m.launch.watchdog_instructions) {
      Split* culprit = next_split(warp);
      for (auto& parked : warp.splits)  // a lock that nobody releases: no split runs, all wait for their turn
        if (!culprit && parked->wait == Wait::ordered) culprit = parked.get();
      if (!culprit) continue;
      m.fault = make_fault(m, warp, culprit->pc, FaultKind::watchdog, lowest(culprit->mask));
      m.fault->detail =
          "the warp executed more than " + std::to_string(m.launch.watchdog_instructions) + " instructions";
      break;
    }
  }
  warp.executed_in_round += warp.executed - start;
  return any;
}

const char* name_of(Wait wait) {
  switch (wait) {
    case Wait::none:
      return "runs";
    case Wait::join:
      return "waits at the join after";
    case Wait::barrier:
      return "waits at the block barrier";
    case Wait::gather:
      return "waits for other lanes of its warp";
    case Wait::ordered:
      return "waits for its turn";
    case Wait::grid:
      return "waits at the grid barrier";
  }
  return "";
}

std::string hex(uint32_t mask) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", mask);
  return text;
}

// Nobody can go on: says why.
void raise_stuck(Machinery& m) {
  bool any = false, barriers_only = true;
  for (const Warp& warp : m.warps)
    for (const auto& split : warp.splits) {
      any = true;
      barriers_only &= split->wait == Wait::barrier || split->wait == Wait::grid;
    }
  if (any) m.fault = stuck_fault(m, barriers_only ? FaultKind::divergent_barrier : FaultKind::deadlock);
}

std::string waited_cross_flag(const Machinery& m, const Decoded* d) {
  constexpr const char* kRaisers[] = {"cores of its kind", "AIVs of its group", "cores of the other kind in its group"};
  return "waits for cross-core flag " + std::to_string(bits_of(d, 5, 4)) + ", raised by " +
         std::to_string(m.flags.raised_by) + " of " + std::to_string(m.flags.raisers) + " " +
         kRaisers[bits_of(d, 0, 2)] + ",";
}

}  // namespace

std::string wait_graph(const Machinery& m) {
  std::string text;
  unsigned shown = 0;
  for (const Warp& warp : m.warps)
    for (const auto& split : warp.splits) {
      if (split->wait == Wait::none) continue;
      if (++shown > 16) continue;
      const Decoded* at = split->wait == Wait::join ? split->pc - 1 : split->pc;
      const uint32_t word = m.launch.program->word_of(at->index);
      const bool crosses = split->wait == Wait::ordered && static_cast<isa::Opcode>(at->op) == isa::Opcode::CrossWait;
      text += "warp " + std::to_string(warp.index) + " lanes " + hex(split->mask) + " " +
              (crosses ? waited_cross_flag(m, at) : std::string(name_of(split->wait)));
      if (split->wait == Wait::gather) text += ": lanes " + hex(split->members & ~split->mask) + " are missing";
      if (split->wait == Wait::join)
        text += ": lanes " +
                hex(warp.regions[split->regions.back()].live & ~warp.regions[split->regions.back()].arrived) +
                " are missing";
      text += " at word " + std::to_string(word);
      const auto frames = m.launch.program->executable().source(word);
      if (!frames.empty()) text += " (" + frames[0].file + ":" + std::to_string(frames[0].line) + ")";
      text += "\n";
    }
  if (shown > 16) text += "and " + std::to_string(shown - 16) + " more\n";
  if (!text.empty()) text.pop_back();
  return text;
}

Fault stuck_fault(const Machinery& m, FaultKind kind) {
  Fault fault;
  for (const Warp& warp : m.warps)
    if (!warp.splits.empty()) {
      const Split& first = *warp.splits.front();
      fault = make_fault(m, warp, first.wait == Wait::join ? first.pc - 1 : first.pc, kind, lowest(first.mask));
      break;
    }
  fault.kind = kind;
  fault.detail = wait_graph(m);
  return fault;
}

BlockStatus run_block(Machinery& m, uint64_t budget) {
  if (m.generation != m.memory.generation()) {
    m.generation = m.memory.generation();
    for (View& view : m.frame.views) view = {};
  }
  for (Warp& warp : m.warps) warp.executed_in_round = 0;
  bool ready = false;
  for (bool progress = true; progress;) {
    progress = ready = false;
    for (Warp& warp : m.warps) {
      if (warp.live == 0) continue;
      if (warp.executed_in_round >= budget) {
        ready |= next_split(warp) != nullptr;
        continue;
      }
      progress |= run_warp(m, warp, std::min(kWarpSlice, budget - warp.executed_in_round));
      if (m.faulted()) return BlockStatus::faulted;
    }
  }
  if (m.live_lanes == 0) return BlockStatus::finished;
  if (ready) return BlockStatus::ready;
  for (const Warp& warp : m.warps)
    for (const auto& split : warp.splits)
      if (split->wait == Wait::ordered) return BlockStatus::parked;
  if (m.grid_lanes == m.live_lanes) return BlockStatus::grid_barrier;
  raise_stuck(m);
  return BlockStatus::faulted;
}

}  // namespace phx::sim
