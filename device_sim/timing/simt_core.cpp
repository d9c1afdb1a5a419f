#include "device_sim/timing/simt_core.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace phx::sim::timing {
namespace {

constexpr uint64_t kLocalBit = uint64_t{1} << 43;
constexpr unsigned kLocalLineBits = 20;  // of a warp's own lines
constexpr uint64_t kLineMask = (uint64_t{1} << 44) - 1;

unsigned sectors_of(uint64_t line_word) { return line_word & 0xF; }
uint32_t bytes_of(unsigned sectors) {
  constexpr uint8_t kCount[16] = {0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4};
  return kCount[sectors & 0xF] * kSectorBytes;
}
uint64_t line_of(uint64_t line_word) { return line_word >> 4 & kLineMask; }
uint16_t home_of(uint64_t line_word) { return static_cast<uint16_t>(line_word >> 48); }

bool is_local(AccessKind kind) { return kind == AccessKind::local_load || kind == AccessKind::local_store; }

}  // namespace

SimtCore::SimtCore(Replay& replay, uint32_t member, uint32_t core, int64_t cache_bytes)
    : replay_(replay), member_(member), core_(core), cache_(cache_bytes, replay.machine.chip.simt.dcache_ways) {
  const machine::Simt& simt = replay.machine.chip.simt;
  schedulers_.resize(static_cast<size_t>(std::max<int64_t>(1, simt.schedulers)));
  port_ = Server::per_cycle(simt.gm_bytes_per_cycle);
  miss_limit_ = static_cast<uint32_t>(std::max<int64_t>(1, simt.mshrs));
  ub_atomic_ = std::max<Ticks>(1, ticks_of_cycles(simt.ub_atomic_cycles));
  ub_conflict_ = ticks_of_cycles(simt.shared_conflict_cycles);
  own_write_port_ = simt.gm_write_bytes_per_cycle > 0;
  if (own_write_port_) write_port_ = Server::per_cycle(simt.gm_write_bytes_per_cycle);
  load_line_ = std::max<Ticks>(1, ticks_of_cycles(simt.load_line_cycles));
  store_line_ = std::max<Ticks>(1, ticks_of_cycles(simt.store_line_cycles));
  least_access_ = std::max<Ticks>(1, ticks_of_cycles(simt.access_cycles));
  atomic_lane_ = ticks_of_cycles(simt.gm_atomic_lane_cycles);
  pass_bytes_ = static_cast<uint32_t>(simt.pass_bytes);
  fetch_sectors_ = static_cast<uint32_t>(simt.dcache_fetch_bytes) / kSectorBytes;
  block_barrier_ = replay.block_barrier();
  issue_interval_ = std::max<Ticks>(1, ticks_of_cycles(1.0 / simt.issue_per_cycle));
}

// --- Blocks and warps

void SimtCore::start_block(BlockReplay& block, Ticks at) {
  block.warps.clear();
  block.live = static_cast<unsigned>(block.streams.size());
  for (Stream& stream : block.streams) {
    uint32_t slot;
    if (free_slots_.empty()) {
      slot = static_cast<uint32_t>(warps_.size());
      warps_.push_back(std::make_unique<Warp>());
    } else {
      slot = free_slots_.back();
      free_slots_.pop_back();
    }
    Warp& warp = *warps_[slot];
    uint64_t life = warp.life + 1;
    std::vector<uint64_t> lines = std::move(warp.access_lines);
    std::vector<Ticks> ready = std::move(warp.ready);
    std::vector<uint8_t> loaded = std::move(warp.loaded);
    warp = Warp{};
    warp.access_lines = std::move(lines);
    warp.ready = std::move(ready);
    warp.loaded = std::move(loaded);
    warp.ready.assign(replay_.table.slots, 0);
    warp.loaded.assign(replay_.table.slots, 0);
    warp.core = this;
    warp.block = &block;
    warp.stream = &stream;
    warp.life = life;
    warp.slot = slot;
    warp.scheduler = slot % static_cast<uint32_t>(schedulers_.size());
    warp.floor = at;
    block.warps.push_back(&warp);
    Scheduler& scheduler = schedulers_[warp.scheduler];
    scheduler.add(&warp, at);  // looked at when the time has come
    scheduler.chosen = nullptr;
    wake_at(scheduler, at);
  }
  wake_at(at);
}

void SimtCore::end_block(BlockReplay& block) {
  for (Scheduler& scheduler : schedulers_) scheduler.forget_retired();  // their slots are used again
  for (Warp* warp : block.warps) free_slots_.push_back(warp->slot);
  std::sort(free_slots_.rbegin(), free_slots_.rend());
  block.warps.clear();
  ended_.erase(std::find(ended_.begin(), ended_.end(), block.end));
}

void SimtCore::Scheduler::add(Warp* warp, Ticks earliest) {
  warp->place = static_cast<uint32_t>(entries.size());
  entries.push_back({.earliest = earliest, .warp = warp});
  if (places.size() * 64 < entries.size()) places.emplace_back();
  places[warp->place / 64][static_cast<unsigned>(Next::fresh)] |= uint64_t{1} << warp->place % 64;
  Ticks& bound = least[static_cast<unsigned>(Next::fresh)];
  bound = std::min(bound, earliest);
}

void SimtCore::Scheduler::forget_retired() {
  if (!retired) return;
  std::erase_if(entries, [](const Entry& entry) { return entry.warp->over; });
  places.assign((entries.size() + 63) / 64, {});
  for (uint32_t place = 0; place < entries.size(); ++place) {
    entries[place].warp->place = place;
    places[place / 64][static_cast<unsigned>(entries[place].next)] |= uint64_t{1} << place % 64;
  }
  retired = false;
}

void SimtCore::Scheduler::set(uint32_t place, Next next, Ticks earliest) {
  Entry& entry = entries[place];
  const auto before = static_cast<unsigned>(entry.next), after = static_cast<unsigned>(next);
  if (entry.earliest <= least[before]) stale |= static_cast<uint8_t>(1u << before);
  if (before != after) {
    std::array<uint64_t, kNexts>& sets = places[place / 64];
    const uint64_t bit = uint64_t{1} << place % 64;
    sets[before] &= ~bit;
    sets[after] |= bit;
    entry.next = next;
  }
  entry.earliest = earliest;
  least[after] = std::min(least[after], earliest);
}

template <class Body>
void SimtCore::Scheduler::for_each(Next next, Body body) const {
  for (size_t word = 0; word < places.size(); ++word)
    for (uint64_t left = places[word][static_cast<unsigned>(next)]; left; left &= left - 1)
      if (!body(entries[word * 64 + static_cast<unsigned>(std::countr_zero(left))])) return;
}

Ticks SimtCore::Scheduler::least_of(Next next) {
  Ticks& bound = least[static_cast<unsigned>(next)];
  if (stale >> static_cast<unsigned>(next) & 1) {
    stale &= static_cast<uint8_t>(~(1u << static_cast<unsigned>(next)));
    bound = kForever;
    for_each(next, [&](const Entry& entry) {
      bound = std::min(bound, entry.earliest);
      return true;
    });
  }
  return bound;
}

void SimtCore::resume(Warp& warp, Ticks at) {
  if (!warp.waiting) return;
  Scheduler& scheduler = schedulers_[warp.scheduler];
  warp.waiting = false;
  --(warp.waiting_for == Stall::barrier ? scheduler.waiting : waiting_outside_);
  if (at > warp.floor) {
    replay_.stall(warp.waiting_for, warp.last, at - warp.floor);
    warp.floor = at;
  }
  scheduler.set(warp.place, Next::fresh, warp.floor);
  scheduler.chosen = nullptr;
  wake_at(scheduler, warp.floor);
  if (!running_) wake_at(warp.floor);
}

void SimtCore::wait(Warp& warp, Stall reason, uint32_t generation) {
  warp.waiting = true;
  warp.waiting_for = reason;
  warp.waiting_generation = generation;
  scheduler_of(warp).set(warp.place, Next::never, kForever);
  ++(reason == Stall::barrier ? schedulers_[warp.scheduler].waiting : waiting_outside_);
}

void SimtCore::told(Warp& warp) {
  if (Next next = entry(warp).next; next != Next::told && next != Next::queued) return;
  refresh(warp);
  Scheduler& scheduler = schedulers_[warp.scheduler];
  if (scheduler.current == &warp) scheduler.current = nullptr;          // it could not go on at once
  if (!scheduler.told && entry(warp).earliest > scheduler.key) return;  // others come first
  sleep(scheduler, outlook(scheduler));
  if (running_) return;
  if (Turn turn = next_turn(); !turn.told && turn.at < kForever) wake_at(turn.at);
}

// A warp is over when its last store has passed and its last load is back.
void SimtCore::retire_if_done(Warp& warp) {
  if (warp.over || !warp.ending || warp.queued) return;
  Ticks at = std::max(warp.floor, warp.slot_free);
  if (warp.under_way) return;
  at = std::max(at, warp.last_return);
  warp.over = true;
  --ending_;
  Scheduler& scheduler = schedulers_[warp.scheduler];
  scheduler.retired = true;
  if (scheduler.current == &warp) scheduler.current = nullptr;
  if (replay_.warp_over(*warp.block, at)) ended_.push_back(warp.block->end);
}

// --- The core's own time

void SimtCore::wake_at(Ticks at) {
  at = std::max(at, replay_.now);
  if (at >= key_) return;
  key_ = at;
  replay_.queue.push({at, Event::order_of(Agent::core, member_, core_, 0), 0});
}

Ticks SimtCore::limit() const {
  Ticks limit = kForever;
  if (waiting_outside_ || (ending_ && replay_.more_blocks)) limit = replay_.now + replay_.least_wake;
  if (replay_.more_blocks)
    for (Ticks end : ended_) limit = std::min(limit, end + replay_.least_wake);
  return limit;
}

// Time stands still where a warp needs events that have not been fed: whatever they are, they happen from there on.
// False: a warp starves at `until` or before.
bool SimtCore::feed_starved(Ticks until, bool& fed) {
  for (size_t i = 0; i < starved_.size();) {
    Warp& warp = *starved_[i];
    if (warp.floor > until) {
      ++i;
      continue;
    }
    if (warp.stream->dry() && !warp.block->finished) {
      if (warp.floor <= replay_.now) replay_.paused = true;
      wake_at(warp.floor);
      return false;
    }
    starved_.erase(starved_.begin() + static_cast<ptrdiff_t>(i));
    fed = true;
    refresh(warp);
    Scheduler& scheduler = schedulers_[warp.scheduler];
    sleep(scheduler, outlook(scheduler));
    i = 0;  // it may starve again, and it may have ended the waits of others
  }
  return true;
}

void SimtCore::run(Ticks event_time) {
  if (key_ != event_time) return;  // it was woken earlier and has been here since
  key_ = kForever;
  running_ = true;
  for (;;) {
    const Turn turn = next_turn();
    if (!starved_.empty()) {
      bool fed = false;
      if (!feed_starved(turn.at, fed)) break;
      if (fed) continue;  // who comes next may have changed
    }
    if (turn.at >= kForever) break;
    if (turn.at > replay_.now && (turn.outside || turn.at >= limit())) {
      if (!turn.told) wake_at(turn.at);
      break;
    }
    local_ = std::max(local_, turn.at);
    if (turn.who)
      run(*turn.who);
    else
      serve_load_store(local_);
  }
  running_ = false;
}

SimtCore::Turn SimtCore::next_turn() {
  Turn turn{.at = load_store_key_, .outside = load_store_outside_};
  for (Scheduler& scheduler : schedulers_)
    if (scheduler.key < turn.at) turn = {scheduler.key, &scheduler, scheduler.outside, scheduler.told};
  return turn;
}

void SimtCore::wake_at(Scheduler& scheduler, Ticks at) {
  if (at >= scheduler.key) return;
  scheduler.key = at;
  scheduler.outside = scheduler.told = false;
}

// --- Issue

SimtCore::Outlook SimtCore::outlook(Scheduler& scheduler) const {
  Outlook outlook;
  outlook.known = kForever;
  outlook.oldest = nullptr;
  scheduler.for_each(Next::known, [&](const Entry& entry) {
    const Ticks own = std::max({entry.earliest, scheduler.unit[entry.unit], scheduler.port});
    if (own < outlook.known) {
      outlook.known = own;
      outlook.oldest = entry.warp;
    }
    return outlook.known > scheduler.port;  // nobody goes sooner
  });
  outlook.told = scheduler.least_of(Next::told);
  outlook.queued = scheduler.least_of(Next::queued);
  outlook.starved = scheduler.least_of(Next::starved);
  outlook.fresh = scheduler.least_of(Next::fresh);
  if (outlook.queued < kForever) outlook.queued = std::max(outlook.queued, load_store_key_);
  return outlook;
}

// Until the first warp can go or somebody might come before it. Of a queued access the load/store unit tells, in its
// turn.
void SimtCore::sleep(Scheduler& scheduler, const Outlook& outlook) {
  scheduler.chosen = nullptr;
  const Ticks outside = std::min(outlook.told, outlook.starved);
  scheduler.key = std::min({outlook.known, outlook.fresh, outside});
  scheduler.outside = outside <= scheduler.key && outside < kForever;
  scheduler.told = scheduler.outside && outlook.told < outlook.starved;
  if (!scheduler.outside) return;
  scheduler.key = std::max(scheduler.key, local_);
  if (scheduler.key > replay_.now || !starved_.empty()) return;
  scheduler.key = replay_.now + 1;
  scheduler.told = false;
}

// Who issues next, and when: the warp that issued last if it can go on at once, else the oldest of those that can go
// first. nullptr if that is not known yet; the scheduler has then put itself to sleep.
Warp* SimtCore::pick(Scheduler& scheduler, Ticks& at) {
  if (Warp* warp = scheduler.current) {
    const Entry& next = scheduler.entries[warp->place];
    if (next.next == Next::known && std::max(next.earliest, scheduler.unit[next.unit]) <= scheduler.port) {
      at = scheduler.port;
      return warp;
    }
  }
  for (;;) {
    scheduler.forget_retired();
    const Outlook seen = outlook(scheduler);
    const Ticks first = seen.known, fresh = seen.fresh;
    const Ticks unknown = std::min({seen.told, seen.queued, seen.starved, fresh});
    if (unknown > first) {
      at = first;
      return seen.oldest;
    }
    // Somebody who is not known well enough might come first.
    const Ticks until = std::min(first, std::max(unknown, scheduler.port));
    if (fresh > until || fresh >= kForever) {
      sleep(scheduler, seen);
      return nullptr;
    }
    for (size_t place = 0; place < scheduler.entries.size(); ++place)
      if (const Entry& next = scheduler.entries[place]; next.next == Next::fresh && next.earliest <= until)
        refresh(*next.warp);
  }
}

void SimtCore::run(Scheduler& scheduler) {
  Ticks at = scheduler.key;
  Warp* chosen = scheduler.chosen;
  scheduler.key = kForever;
  scheduler.chosen = nullptr;
  for (;;) {
    Warp* warp = chosen ? chosen : pick(scheduler, at);
    chosen = nullptr;
    if (!warp) return;
    if (at > local_) {
      bool shared = replay_.table.costs[warp->index].flags & kMemory;
      // A neighbour may end a barrier or its block from `local_` on.
      bool surprise = (scheduler.waiting && at >= local_ + block_barrier_) ||
                      (replay_.more_blocks && at >= local_ + replay_.least_wake);
      if (shared || surprise || at >= limit()) {
        scheduler.key = at;
        scheduler.outside = scheduler.told = false;
        scheduler.chosen = warp;
        return;
      }
    }
    issue(scheduler, *warp, at);
  }
}

void SimtCore::issue(Scheduler& scheduler, Warp& warp, Ticks at) {
  const Cost& cost = replay_.table.costs[warp.index];
  if (at > warp.floor) {
    Ticks own = std::min(std::max(scheduler.entries[warp.place].earliest, warp.floor), at);
    if (own > warp.floor) replay_.stall(warp.reason, warp.index, own - warp.floor);
    if (at > own) replay_.stall(Stall::issue, warp.index, at - own);
  }
  scheduler.current = &warp;
  scheduler.port = at + issue_interval_;
  scheduler.unit[cost.unit] = at + cost.interval;
  warp.last = warp.index;
  warp.last_issue = at;
  warp.floor = at + issue_interval_;
  if (cost.flags & kMemory) {
    issue_memory(warp, cost, at);
  } else {
    for (unsigned i = 0; i < cost.written; ++i) {
      warp.ready[cost.slots[i]] = at + cost.latency;
      warp.loaded[cost.slots[i]] = 0;
    }
    if (cost.flags & kFence) {
      warp.last_served = std::max(at + cost.latency, warp.stores_done);
      warp.last_data = warp.last_served;
    }
  }
  ++warp.index;
  if (--warp.left == 0) warp.after_control = cost.flags & kControl;
  refresh(warp);
}

// The earliest time of the warp's next instruction, or a lower bound of it.
void SimtCore::refresh(Warp& warp) {
  if (warp.left == 0 && !next_run(warp)) return;
  const Cost& cost = replay_.table.costs[warp.index];
  Scheduler& scheduler = scheduler_of(warp);
  Next next = Next::known;
  warp.reason = Stall::issue;
  Ticks first = warp.floor;
  Ticks operands = 0;
  unsigned latest = 0;
  for (unsigned i = 0; i < cost.hazards; ++i)
    if (Ticks ready = warp.ready[cost.slots[i]]; ready > operands) {
      operands = ready;
      latest = cost.slots[i];
    }
  if (operands >= kPending) {
    const uint32_t number = static_cast<uint32_t>(operands - kPending);
    next = warp.queued && warp.access_operation == number ? Next::queued : Next::told;
    first = std::max(first, replay_.operation(number).bound);
    warp.reason = Stall::memory;
  } else if (operands > first) {
    first = operands;
    warp.reason = warp.loaded[latest] ? Stall::memory : Stall::dependency;
  }
  if (cost.flags & (kMemory | kFence)) {
    if (warp.queued) {
      next = Next::queued;
    } else if (warp.slot_free > first) {
      first = warp.slot_free;
      warp.reason = Stall::load_store;
    }
    if (cost.flags & kFence && warp.stores_done > first) {
      first = warp.stores_done;
      warp.reason = Stall::memory;
    }
  }
  scheduler.entries[warp.place].unit = cost.unit;
  scheduler.set(warp.place, next, first);
}

bool SimtCore::next_run(Warp& warp) {
  Stream& stream = *warp.stream;
  for (;;) {
    if (stream.dry() && !warp.block->finished) {
      scheduler_of(warp).set(warp.place, Next::starved, warp.floor);
      starved_.push_back(&warp);
      return false;
    }
    uint32_t word = stream.dry() ? static_cast<uint32_t>(EventKind::end) : stream.words[stream.at];
    switch (static_cast<EventKind>(word & 0xF)) {
      case EventKind::run: {
        uint32_t first = stream.words[stream.at + 1], count = word >> 9, lanes = (word >> 4 & 0x1F) + 1;
        stream.at += 2;
        if (count == 0) break;
        if (warp.after_control && first != warp.last + 1) {
          Ticks refetched = warp.last_issue + replay_.table.costs[warp.last].latency;
          if (refetched > warp.floor) {
            replay_.stall(Stall::branch, warp.last, refetched - warp.floor);
            warp.floor = refetched;
          }
        }
        warp.after_control = false;
        warp.index = first;
        warp.left = count;
        stream.lanes = lanes;
        replay_.lines[first].issues += 1;
        replay_.lines[first + count].issues -= 1;
        replay_.lines[first].lanes += lanes;
        replay_.lines[first + count].lanes -= lanes;
        replay_.tally.warp_instructions += count;
        replay_.tally.lane_instructions += uint64_t{count} * lanes;
        replay_.tally.pipe_busy[static_cast<unsigned>(isa::Pipe::V)] +=
            replay_.table.busy_before[first + count] - replay_.table.busy_before[first];
        return true;
      }
      case EventKind::arrive:
        ++stream.at;
        replay_.arrive(*warp.block, word >> 4, warp.floor);
        break;
      case EventKind::barrier: {
        ++stream.at;
        Ticks released = replay_.released(*warp.block, word >> 4);
        if (released < 0) {
          wait(warp, Stall::barrier, word >> 4);
          return false;
        }
        if (released > warp.floor) {
          replay_.stall(Stall::barrier, warp.last, released - warp.floor);
          warp.floor = released;
        }
        break;
      }
      case EventKind::grid_arrive:
        ++stream.at;
        replay_.arrive_grid(word >> 4, warp.floor);
        break;
      case EventKind::grid: {
        ++stream.at;
        Ticks released = replay_.grid_released(word >> 4);
        if (released < 0) {
          wait(warp, Stall::grid, word >> 4);
          replay_.grid_waiters.push_back(&warp);
          return false;
        }
        if (released > warp.floor) {
          replay_.stall(Stall::grid, warp.last, released - warp.floor);
          warp.floor = released;
        }
        break;
      }
      case EventKind::ordered: {
        uint32_t sequence = stream.words[stream.at + 1];
        stream.at += 2;
        wait(warp, Stall::ordered);
        if (warp.last_operation != kNone) {
          replay_.operation(warp.last_operation).sequence = sequence;
        } else {
          Ticks served = std::max(warp.last_served, warp.floor);
          replay_.serve_ordered(sequence, served);
          replay_.answer_ordered(sequence, std::max(warp.last_data - served, replay_.least_wake), warp);
        }
        if (warp.waiting) return false;
        break;
      }
      case EventKind::sleep: {
        Ticks slept = ticks_of_ns(stream.words[stream.at + 1], replay_.machine.chip.clock_hz);
        stream.at += 2;
        replay_.stall(Stall::sleep, warp.last, slept);
        warp.floor += slept;
        break;
      }
      case EventKind::end:
        if (!stream.dry()) ++stream.at;
        warp.ending = true;
        ++ending_;
        scheduler_of(warp).set(warp.place, Next::never, kForever);
        retire_if_done(warp);
        return false;
    }
  }
}

Ticks SimtCore::next_issue(Warp& warp) {
  if (warp.over || warp.waiting) return warp.floor;
  const Entry& next = entry(warp);
  return std::max(warp.floor, next.earliest >= kForever ? 0 : next.earliest);
}

// --- Memory

void SimtCore::issue_memory(Warp& warp, const Cost& cost, Ticks at) {
  Stream& stream = *warp.stream;
  uint64_t header = stream.access_at < stream.accesses.size() ? stream.accesses[stream.access_at]
                                                              : static_cast<uint64_t>(AccessKind::none);
  AccessKind kind = static_cast<AccessKind>(header & 0xFF);
  uint32_t degree = std::max<uint32_t>(1, header >> 8 & 0xFF), count = header >> 16 & 0xFFFF;
  ++stream.access_at;

  if (kind == AccessKind::ub_load || kind == AccessKind::ub_store || kind == AccessKind::ub_atomic) {
    Ticks start = std::max(ub_free_, at);
    const bool atomic = kind == AccessKind::ub_atomic;
    ub_free_ =
        start + (atomic ? Ticks(degree) * std::max(ub_atomic_, kCycle) : kCycle + Ticks(degree - 1) * ub_conflict_);
    replay_.tally.ub_bytes += header >> 32;
    replay_.tally.ub_conflict_ticks += static_cast<uint64_t>((ub_free_ - start) - kCycle);
    if (atomic) ++replay_.tally.atomics;
    warp.last_served = ub_free_;
    warp.last_data = ub_free_ - kCycle + cost.latency;
    if (cost.flags & kResult) warp.last_return = std::max(warp.last_return, warp.last_data);
    if (cost.flags & kResult)
      for (unsigned i = 0; i < cost.written; ++i) {
        warp.ready[cost.slots[i]] = warp.last_data;
        warp.loaded[cost.slots[i]] = 1;
      }
    return;
  }
  if (kind == AccessKind::none || kind == AccessKind::dma || count == 0) {
    if (kind != AccessKind::none) stream.access_at += count;
    for (unsigned i = 0; i < cost.written; ++i) warp.ready[cost.slots[i]] = at + cost.latency;
    return;
  }

  warp.access = kind;
  warp.access_flags = cost.flags;
  warp.access_time = at;
  auto lines = stream.accesses.begin() + static_cast<ptrdiff_t>(stream.access_at);
  warp.access_lines.assign(lines, lines + count);
  stream.access_at += count;
  warp.access_operation = kNone;
  // Lanes that hit one sector proceed together unless they ask for the same word.
  warp.turns = 1;
  warp.serial_lanes = 0;
  warp.access_bytes = static_cast<uint32_t>(header >> 32);
  if (kind == AccessKind::gm_atomic) {
    ++replay_.tally.atomics;
    uint32_t sectors = 0;
    for (uint64_t line : warp.access_lines) sectors += static_cast<uint32_t>(std::popcount(sectors_of(line)));
    uint32_t words = static_cast<uint32_t>((header >> 32) / 4);
    warp.turns = std::clamp((words + sectors - 1) / std::max(1u, sectors), 1u, degree);
    if (cost.flags & kSerial) warp.serial_lanes = stream.lanes;
  }
  if (cost.flags & kResult) {
    uint32_t number = replay_.new_operation();
    Operation& operation = replay_.operation(number);
    operation.bound = at + kCycle;
    operation.ready = at;
    operation.served = at;
    operation.warp = &warp;
    operation.life = warp.life;
    operation.cost = &cost;
    operation.parts = 1;  // the load/store unit itself
    warp.access_operation = number;
    warp.last_operation = number;
    ++warp.under_way;
    for (unsigned i = 0; i < cost.written; ++i) warp.ready[cost.slots[i]] = kPending + number;
  } else {
    warp.last_operation = kNone;
    warp.last_served = warp.last_data = at;
  }
  warp.queued = true;
  bool idle = queue_.empty();
  queue_.push_back(&warp);
  if (idle) serve_load_store(at);
}

void SimtCore::serve_load_store(Ticks now) {
  while (!queue_.empty()) {
    Warp& warp = *queue_.front();
    Ticks at = std::max(warp.access_time, load_store_free_);
    load_store_outside_ = at <= now && !has_room(warp, now, at);
    if (at > now || load_store_outside_) {
      load_store_key_ = at;
      if (warp.access_operation != kNone) {
        Operation& operation = replay_.operation(warp.access_operation);
        operation.bound = std::max(operation.bound, at + 1);
      }
      return;
    }
    queue_.pop_front();
    front_misses_ = kNone;
    pass(warp, now);
    told(warp);
  }
  load_store_key_ = kForever;
}

// Local memory belongs to the warp's slot on this core and is used again by the next warp there.
uint64_t SimtCore::tag_of(const Warp& warp, uint64_t line) const {
  if (!(line & kLocalBit)) return line;
  uint64_t owner = uint64_t{core_} * 128 + warp.slot;
  return kLocalBit | owner << kLocalLineBits | (line & ((uint64_t{1} << kLocalLineBits) - 1));
}

// Misses bring whole pieces of a line.
unsigned SimtCore::fetched(unsigned missing) const {
  if (fetch_sectors_ == 2) missing |= (missing & 5u) << 1 | (missing & 10u) >> 1;
  return fetch_sectors_ == 4 && missing ? 15u : missing;
}

// Whether the misses of the access fit beside those under way; else when to ask again.
bool SimtCore::has_room(Warp& warp, Ticks now, Ticks& retry) {
  if (warp.access_operation == kNone || warp.access == AccessKind::local_store) return true;
  uint32_t lines = static_cast<uint32_t>(warp.access_lines.size());
  if (missing_lines_ + lines <= miss_limit_) return true;
  while (!returning_.empty() && returning_.front().at <= now) {
    missing_lines_ -= returning_.front().lines;
    std::pop_heap(returning_.begin(), returning_.end());
    returning_.pop_back();
  }
  if (missing_lines_ == 0 || missing_lines_ + lines <= miss_limit_) return true;
  if (!(warp.access_flags & kBypass)) {
    // What the cache holds does not change while the first access waits.
    if (front_misses_ == kNone) {
      front_misses_ = 0;
      for (uint64_t line : warp.access_lines)
        front_misses_ += !cache_.holds(tag_of(warp, line_of(line)), sectors_of(line));
    }
    if (missing_lines_ + front_misses_ <= miss_limit_) return true;
  }
  retry = returning_.empty() ? kForever : returning_.front().at;
  for (uint32_t request : unanswered_) retry = std::min(retry, replay_.request(request).bound);
  // Requests that may have been answered by now are asked for once global time has come here.
  retry = std::max(retry, now < replay_.now ? replay_.now : now);
  if (retry <= replay_.now) retry = replay_.now + 1;
  return false;
}

// One access goes through the load/store unit: hits are answered, misses and stores leave through the core's port.
void SimtCore::pass(Warp& warp, Ticks now) {
  const bool stores = warp.access == AccessKind::gm_store || warp.access == AccessKind::local_store;
  const Ticks passes = pass_bytes_ ? std::max<Ticks>(1, (warp.access_bytes + pass_bytes_ - 1) / pass_bytes_) : 1;
  const Ticks line_time = stores ? store_line_ : load_line_;
  load_store_free_ = now + std::max(least_access_, Ticks(warp.access_lines.size()) * passes * line_time);
  warp.queued = false;
  warp.slot_free = now;
  const AccessKind kind = warp.access;
  const bool load = kind == AccessKind::gm_load || kind == AccessKind::local_load;
  const bool cached = !(warp.access_flags & kBypass) || is_local(kind);
  const uint32_t number = warp.access_operation;
  opened_.clear();

  // Most accesses have one request, which all lines share.
  uint32_t opened = kNone, joined = kNone;
  uint16_t opened_home = 0;
  Request::Kind opened_kind{};
  auto request_to = [&](uint16_t home, Request::Kind what) -> uint32_t {
    if (opened != kNone && opened_home == home && opened_kind == what) return opened;
    for (uint32_t open : opened_)
      if (replay_.request(open).home == home && replay_.request(open).kind == what) return open;
    uint32_t open = replay_.new_request();
    Request& request = replay_.request(open);
    request.core = this;
    request.kind = what;
    request.count = requests_made_++;
    request.home = home;
    request.turns = warp.turns;
    request.lanes = what == Request::Kind::atomic ? warp.serial_lanes : 0;
    request.cached = load && cached;
    opened_.push_back(open);
    opened = open;
    opened_home = home;
    opened_kind = what;
    return open;
  };
  auto join = [&](uint32_t open) {
    if (number == kNone || open == joined) return;
    joined = open;
    std::vector<uint32_t>& waiters = replay_.request(open).operations;
    if (!waiters.empty() && waiters.back() == number) return;
    waiters.push_back(number);
    Operation& operation = replay_.operation(number);
    ++operation.parts;
    if (replay_.request(open).stage != Request::Stage::back) ++operation.unserved;
  };
  auto add = [&](uint32_t open, uint64_t tag, unsigned sectors) {
    Request& request = replay_.request(open);
    const uint32_t bytes = bytes_of(sectors);
    DeviceMemory::Part& part = request.parts.emplace_back();  // written in place, not copied
    part.line = tag;
    part.bytes = bytes;
    part.sectors = sectors;
    request.bytes += bytes;
  };
  auto install = [&](uint64_t tag) {
    DataCache::Line victim;
    DataCache::Line* line = cache_.insert(tag, victim);
    if (victim.dirty) add(request_to(device(), Request::Kind::store), victim.tag - 1, victim.sectors);
    return line;
  };

  for (uint64_t word : warp.access_lines) {
    const unsigned sectors = sectors_of(word);
    const uint64_t tag = tag_of(warp, line_of(word));
    const uint16_t home = is_local(kind) ? device() : home_of(word);
    if (load && cached) {
      DataCache::Line* line = cache_.find(tag);
      unsigned missing = sectors & ~(line ? line->sectors : 0u);
      if (line && line->request != DataCache::kNoRequest) {
        join(line->request);
        if (number != kNone) {
          Operation& operation = replay_.operation(number);
          operation.bound = std::max(operation.bound, replay_.request(line->request).bound);
          operation.ready = std::max(operation.ready, now + replay_.cache_hit);  // the core may be ahead of the answer
        }
      } else if (line && number != kNone) {
        Operation& operation = replay_.operation(number);
        operation.ready = std::max({operation.ready, now + replay_.cache_hit, line->ready});
      }
      if (!missing) {
        ++replay_.tally.cache_hits;
        replay_.tally.cache_hit_bytes += bytes_of(sectors);
        continue;
      }
      ++replay_.tally.cache_misses;
      if (!line) line = install(tag);
      missing = fetched(missing) & ~unsigned{line->sectors};
      uint32_t open = request_to(home, Request::Kind::load);
      line->sectors = static_cast<uint8_t>(line->sectors | missing);
      line->request = open;
      add(open, tag, missing);
      join(open);
    } else if (kind == AccessKind::local_store) {
      DataCache::Line* line = cache_.find(tag);
      if (!line) line = install(tag);
      line->sectors = static_cast<uint8_t>(line->sectors | sectors);
      line->dirty = true;
    } else {
      if (kind == AccessKind::gm_atomic)
        if (DataCache::Line* line = cache_.find(tag)) *line = {};
      uint32_t open = request_to(home, load                            ? Request::Kind::load
                                       : kind == AccessKind::gm_atomic ? Request::Kind::atomic
                                                                       : Request::Kind::store);
      add(open, tag, sectors);
      join(open);
    }
  }

  for (uint32_t open : opened_) {
    Request& request = replay_.request(open);
    Server& port = own_write_port_ && request.kind == Request::Kind::store ? write_port_ : port_;
    Ticks start = port.start(now);
    port.serve(now, request.bytes);
    // Lanes on one word leave one after the other, the core's atomics in turn.
    if (atomic_lane_ && request.kind == Request::Kind::atomic && request.turns > 1 && !request.lanes)
      start = atomic_free_ = std::max(start, atomic_free_) + Ticks(request.turns - 1) * atomic_lane_;
    request.served = start;
    warp.slot_free = std::max(warp.slot_free, start);
    if (request.kind == Request::Kind::store)
      warp.stores_done = std::max(warp.stores_done, start + replay_.simt_latency.l2_hit);
    Ticks bound = start + 1 + (request.home == device() ? replay_.simt_latency.l2_hit : kCycle);
    request.bound = bound;
    for (uint32_t waiter : request.operations) {
      Operation& operation = replay_.operation(waiter);
      operation.bound = std::max(operation.bound, bound);
    }
    if (!request.operations.empty()) {
      request.place = static_cast<uint32_t>(unanswered_.size());
      unanswered_.push_back(open);
      missing_lines_ += static_cast<uint32_t>(request.parts.size());
    }
  }
  // A tick on its way: so everything that arrives at one instant is known before the first of it is served.
  for (uint32_t open : opened_)
    replay_.queue.push({replay_.request(open).served + 1,
                        Event::order_of(Agent::memory, member_, core_, replay_.request(open).count), open});
  if (number != kNone && --replay_.operation(number).parts == 0) replay_.complete(number);
  retire_if_done(warp);
}

void SimtCore::answered(uint32_t number, const Request& request, Ticks data) {
  if (request.cached)
    for (const DeviceMemory::Part& part : request.parts)
      if (DataCache::Line* line = cache_.peek(part.line); line && line->request == number) {
        line->request = DataCache::kNoRequest;
        line->ready = data;
      }
  if (request.place == kNone) return;
  returning_.push_back({data, static_cast<uint32_t>(request.parts.size())});
  std::push_heap(returning_.begin(), returning_.end());
  unanswered_[request.place] = unanswered_.back();
  replay_.request(unanswered_.back()).place = request.place;
  unanswered_.pop_back();
}

}  // namespace phx::sim::timing
