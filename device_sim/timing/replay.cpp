#include "device_sim/timing/replay.h"

#include "device_sim/timing/simt_core.h"

namespace phx::sim::timing {

namespace {
// What has been consumed goes once it is the larger part, so that nothing is moved again and again.
template <typename Word>
void follow(std::vector<Word>& all, size_t& consumed, std::vector<Word>&& more) {
  if (consumed >= all.size()) {
    all = std::move(more);
    consumed = 0;
    return;
  }
  if (consumed > all.size() / 2) {
    all.erase(all.begin(), all.begin() + static_cast<ptrdiff_t>(consumed));
    consumed = 0;
  }
  all.insert(all.end(), more.begin(), more.end());
}
}  // namespace

void Stream::append(WarpEvents&& events) {
  follow(words, at, std::move(events.words));
  follow(accesses, access_at, std::move(events.accesses));
}

Replay::Replay(const machine::Machine& m, std::span<const isa::Instruction> code, bool simt, std::vector<uint16_t> of)
    : machine(m),
      table(cost_table(m, code, simt)),
      lines(code.size() + 1),
      stalls(code.size() + 1),
      members(std::move(of)),
      fabric(m) {
  if (!simt) {
    tile = TileCosts(m, code);
    issues = tile_issues(code);
  }
  const machine::Chip& chip = m.chip;
  simt_latency = {ticks_of_cycles(chip.simt.dcache_l2_hit_cycles), ticks_of_cycles(chip.simt.dcache_miss_cycles)};
  dma_latency = {ticks_of_cycles(chip.l2.hit_latency_cycles), ticks_of_cycles(chip.hbm.miss_latency_cycles),
                 ticks_of_cycles(chip.dma.miss_cycles_per_line)};
  for (AccessLatency* latency : {&simt_latency, &dma_latency}) {
    latency->l2_hit = std::max(latency->l2_hit, kCycle);
    latency->l2_miss = std::max(latency->l2_miss, latency->l2_hit);
  }
  cache_hit = std::max<Ticks>(1, ticks_of_cycles(chip.simt.dcache_hit_cycles));
  host_latency = ticks_of_ns(chip.host.link_latency_ns, chip.clock_hz);
  block_barrier_ = std::max(kCycle, ticks_of_cycles(chip.sync.block_barrier_cycles));
  grid_barrier_ = std::max(kCycle, ticks_of_cycles(chip.sync.grid_barrier_cycles));
  cross_group = cross_all = ticks_of_cycles(chip.sync.cross_core_cycles);
  for (uint16_t device : members) {
    if (device == members[0]) continue;
    grid_barrier_ = std::max(grid_barrier_, fabric.way(members[0], device).latency);
    cross_all = std::max(cross_all, fabric.way(members[0], device).latency);
  }
  least_wake = std::min(grid_barrier_, simt_latency.l2_hit);
}

DeviceMemory& Replay::memory_of(uint16_t device) {
  if (device >= memories_.size() || !memories_[device]) {
    foreign_.push_back(std::make_unique<DeviceMemory>(machine));
    adopt(device, *foreign_.back());
  }
  return *memories_[device];
}

void Replay::adopt(uint16_t device, DeviceMemory& memory) {
  if (device >= memories_.size()) memories_.resize(size_t{device} + 1);
  memory.settle();
  memories_[device] = &memory;
}

// --- Memory operations

uint32_t Replay::new_operation() {
  uint32_t number;
  if (free_operations_.empty()) {
    number = static_cast<uint32_t>(operations_.size());
    operations_.emplace_back();
  } else {
    number = free_operations_.back();
    free_operations_.pop_back();
    operations_[number] = Operation{};
  }
  return number;
}

void Replay::complete(uint32_t number) {
  const Operation operation = operations_[number];
  Warp& warp = *operation.warp;
  if (warp.life == operation.life) {
    for (unsigned i = 0; i < operation.cost->written; ++i) {
      uint8_t slot = operation.cost->slots[i];
      if (warp.ready[slot] != kPending + number) continue;
      warp.ready[slot] = operation.ready;
      warp.loaded[slot] = 1;
    }
    if (warp.last_operation == number) {
      warp.last_operation = kNone;
      warp.last_served = operation.served;
      warp.last_data = operation.ready;
    }
    if (operation.sequence != kNone) {
      if (!ordered(operation.sequence).asked) serve_ordered(operation.sequence, std::max(operation.served, now));
      answer_ordered(operation.sequence, std::max(operation.ready - operation.served, least_wake), warp);
    }
    --warp.under_way;
    warp.last_return = std::max(warp.last_return, operation.ready);
    warp.core->told(warp);
    warp.core->retire_if_done(warp);
  }
  free_operations_.push_back(number);
}

uint32_t Replay::new_request() {
  uint32_t number;
  if (free_requests_.empty()) {
    number = static_cast<uint32_t>(requests_.size());
    requests_.emplace_back();
  } else {
    number = free_requests_.back();
    free_requests_.pop_back();
    Request& request = requests_[number];
    request.parts.clear();
    request.operations.clear();
    request.stage = Request::Stage::leave;
    request.bound = 0;
    request.bytes = 0;
    request.place = kNone;
  }
  return number;
}

void Replay::schedule(uint32_t number, Ticks at) {
  Request& request = requests_[number];
  request.bound = at + 1;
  for (uint32_t waiter : request.operations) {
    Operation& operation = operations_[waiter];
    operation.bound = std::max(operation.bound, at + 1);
    if (operation.warp->life == operation.life) operation.warp->core->told(*operation.warp);
  }
  queue.push(
      {at, Event::order_of(Agent::memory, request.core->member(), request.core->number(), request.count), number});
}

void Replay::step(uint32_t number) {
  Request& request = requests_[number];
  const uint16_t own = request.core->device();
  const bool local = request.home == own;
  const bool writes = request.kind != Request::Kind::load;
  DeviceMemory& near = memory_of(own);

  if (request.stage == Request::Stage::leave) {
    if (request.home == 0xFFFF) {  // host memory, over the device's host link
      (writes ? tally.host_write : tally.host_read) += request.bytes;
      Ticks done = (writes ? near.host_out : near.host_in).serve(now, request.bytes) + host_latency;
      finish(number, done, done + simt_latency.l2_hit);
      return;
    }
    request.stage = Request::Stage::home;
    if (!local) {
      DeviceMemory& far = memory_of(request.home);
      (writes ? tally.remote_write : tally.remote_read) += request.bytes;
      Ticks there = now;
      if (writes) there = fabric.carry(own, near, request.home, far, false, now, request.bytes);
      schedule(number, there + std::max<Ticks>(1, fabric.way(own, request.home).latency / 2));
      return;
    }
  }
  DeviceMemory& home = memory_of(request.home);
  if (request.stage == Request::Stage::home) {
    DeviceMemory::Answer answer =
        request.kind == Request::Kind::load ? home.read_sectors(request.parts, now, simt_latency, tally.memory)
        : request.kind == Request::Kind::store
            ? home.write(request.parts, now, tally.memory)
            : home.atomic(request.parts, request.turns, request.lanes, now, simt_latency, tally.memory);
    request.served = answer.served;
    note_served(request, answer.served);
    if (local || request.operations.empty()) {
      finish(number, answer.served, answer.data);
      return;
    }
    request.stage = Request::Stage::back;
    schedule(number, std::max(answer.data, now + 1));
    return;
  }
  Ticks here = fabric.carry(request.home, home, own, near, true, now, request.bytes);
  finish(number, request.served, here + std::max<Ticks>(1, fabric.way(own, request.home).latency / 2));
}

// The instant that orders an operation among the others is the one at its home, not the return of its answer.
void Replay::note_served(Request& request, Ticks served) {
  for (uint32_t waiter : request.operations) {
    Operation& operation = operations_[waiter];
    operation.served = std::max(operation.served, served);
    if (operation.unserved == 0 || --operation.unserved > 0) continue;
    if (operation.sequence != kNone && !ordered(operation.sequence).asked)
      serve_ordered(operation.sequence, operation.served);
  }
}

void Replay::finish(uint32_t number, Ticks served, Ticks data) {
  if (requests_[number].kind != Request::Kind::load) drained = std::max(drained, served);
  requests_[number].core->answered(number, requests_[number], data);
  for (uint32_t waiter : requests_[number].operations) {
    Operation& operation = operations_[waiter];
    operation.ready = std::max(operation.ready, data);
    operation.served = std::max(operation.served, served);
    operation.bound = std::max(operation.bound, data);
    if (--operation.parts == 0) complete(waiter);
  }
  free_requests_.push_back(number);
}

// --- Ordered operations

void Replay::take_ordered(std::span<const OrderedRecord> records) {
  for (const OrderedRecord& record : records) {
    Ordered& ordered = ordered_.emplace_back();
    if (record.producer < ordered_.size() - 1) ordered.producer = record.producer;
  }
}

Replay::Ordered& Replay::ordered(uint32_t sequence) {
  if (sequence >= ordered_.size()) ordered_.resize(size_t{sequence} + 1);
  return ordered_[sequence];
}

void Replay::serve_ordered(uint32_t sequence, Ticks served) {
  Ordered& asked = ordered(sequence);
  asked.asked = true;
  asked.served = served;
  ++tally.ordered;
  if (asked.producer != kNone && ordered_[asked.producer].done >= kForever) {
    asked.next_waiter = ordered_[asked.producer].first_waiter;
    ordered_[asked.producer].first_waiter = sequence;
    return;
  }
  std::vector<uint32_t> ready{sequence};
  while (!ready.empty()) {
    Ordered& next = ordered_[ready.back()];
    ready.pop_back();
    next.done = next.served;
    if (next.producer != kNone) next.done = std::max(next.done, ordered_[next.producer].done);
    if (next.answered && next.warp->life == next.life) next.warp->core->resume(*next.warp, next.done + next.back);
    for (uint32_t waiter = next.first_waiter; waiter != kNone; waiter = ordered_[waiter].next_waiter)
      ready.push_back(waiter);
  }
}

void Replay::answer_ordered(uint32_t sequence, Ticks back, Warp& warp) {
  Ordered& asked = ordered(sequence);
  asked.answered = true;
  asked.back = back;
  asked.warp = &warp;
  asked.life = warp.life;
  if (asked.done < kForever) warp.core->resume(warp, asked.done + back);
}

// --- Barriers

namespace {
Barrier& barrier_of(std::array<Barrier, 4>& barriers, uint32_t generation) {
  Barrier& barrier = barriers[generation % barriers.size()];
  if (barrier.generation != generation) barrier = Barrier{.generation = generation};
  return barrier;
}
}  // namespace

void Replay::release_if_complete(BlockReplay& block, Barrier& barrier) {
  if (barrier.released >= 0 || barrier.generation >= block.arrivals.size()) return;
  if (barrier.arrived < block.arrivals[barrier.generation]) return;
  barrier.released = barrier.last + block_barrier_;
  ++tally.barriers;
  for (Warp* warp : block.warps)
    if (warp->waiting && warp->waiting_for == Stall::barrier && warp->waiting_generation == barrier.generation)
      warp->core->resume(*warp, barrier.released);
}

void Replay::arrive(BlockReplay& block, uint32_t generation, Ticks at) {
  Barrier& barrier = barrier_of(block.barriers, generation);
  ++barrier.arrived;
  barrier.last = std::max(barrier.last, at);
  release_if_complete(block, barrier);
}

void Replay::expect(BlockReplay& block, std::span<const uint32_t> arrivals) {
  block.arrivals.insert(block.arrivals.end(), arrivals.begin(), arrivals.end());
  for (Barrier& barrier : block.barriers)
    if (barrier.generation != kNone) release_if_complete(block, barrier);
}

Ticks Replay::released(BlockReplay& block, uint32_t generation) {
  Barrier& barrier = barrier_of(block.barriers, generation);
  return barrier.released;
}

void Replay::release_grid_if_complete(Barrier& barrier) {
  if (barrier.released >= 0 || barrier.generation >= grid_arrivals_.size()) return;
  if (barrier.arrived < grid_arrivals_[barrier.generation]) return;
  barrier.released = barrier.last + grid_barrier_;
  ++tally.barriers;
  std::vector<Warp*> waiters;
  std::erase_if(grid_waiters, [&](Warp* warp) {
    if (warp->waiting_generation != barrier.generation) return false;
    waiters.push_back(warp);
    return true;
  });
  for (Warp* warp : waiters) warp->core->resume(*warp, barrier.released);
}

void Replay::arrive_grid(uint32_t generation, Ticks at) {
  Barrier& barrier = barrier_of(grid_barriers_, generation);
  ++barrier.arrived;
  barrier.last = std::max(barrier.last, at);
  release_grid_if_complete(barrier);
}

void Replay::expect_grid(std::span<const uint64_t> arrivals) {
  grid_arrivals_.insert(grid_arrivals_.end(), arrivals.begin(), arrivals.end());
  for (Barrier& barrier : grid_barriers_)
    if (barrier.generation != kNone) release_grid_if_complete(barrier);
}

Ticks Replay::grid_released(uint32_t generation) { return barrier_of(grid_barriers_, generation).released; }

bool Replay::warp_over(BlockReplay& block, Ticks at) {
  block.end = std::max(block.end, at);
  if (--block.live > 0) return false;
  queue.push({block.end + 1,
              Event::order_of(Agent::block_end, block.member, block.core, static_cast<uint32_t>(block.index)),
              block.place});
  return true;
}

}  // namespace phx::sim::timing
