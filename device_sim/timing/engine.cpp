// A launch over its members: dispatch of blocks to cores in simulated time, the loop over the event queue, the result.

#include "device_sim/timing/engine.h"

#include <algorithm>
#include <unordered_map>

#include "device_sim/isa/fields.h"
#include "device_sim/timing/counters.h"
#include "device_sim/timing/replay.h"
#include "device_sim/timing/simt_core.h"
#include "device_sim/timing/tile_core.h"
#include "device_sim/trace/trace.h"

namespace phx::sim {

using namespace timing;

struct DeviceTiming::State {
  explicit State(const machine::Machine& machine) : memory(machine) {}
  DeviceMemory memory;
};

DeviceTiming::DeviceTiming(const machine::Machine& machine) : state_(std::make_unique<State>(machine)) {}
DeviceTiming::~DeviceTiming() = default;
void DeviceTiming::flush_l2() { state_->memory.flush(); }
DeviceMemory& DeviceTiming::memory() { return state_->memory; }

namespace {
bool reads_clock(const isa::Instruction& instruction) {
  if (instruction.op != isa::Opcode::Rdsr) return false;
  const isa::SpecialReg which = isa::field::Special::get_sr(instruction);
  return which == isa::SpecialReg::Clock || which == isa::SpecialReg::Clock64 || which == isa::SpecialReg::GlobalTimer;
}
}  // namespace

struct TimingEngine::State {
  // The blocks of one member, given to its seats in order, one each `interval`. A seat is a core, or in a launch over
  // both core kinds an AIC and its AIVs, whose blocks start together.
  struct Dispatcher {
    uint64_t next = 0, end = 0;
    Ticks free = 0;                                // when the next block may be given out
    std::vector<std::unique_ptr<SimtCore>> cores;  // made when first used; tile programs use the others
    std::vector<std::unique_ptr<TileCore>> tile_cores;
    std::vector<uint32_t> under_way;  // tile programs: blocks on each seat
    struct Span {
      Ticks from = kForever, until = 0;
    };
    std::vector<Span> used;  // by core: its first block's start, its last one's end
  };

  State(const machine::Machine& machine, Code code, Shape shape, std::vector<DeviceTiming*> devices, uint64_t start,
        TraceSink* trace);
  void fill(uint32_t member);
  void start_group(uint32_t member, uint32_t seat, Ticks seat_free);
  void start_block(uint32_t member, uint32_t core, uint64_t index, Ticks at);
  std::string core_name(uint32_t core) const;
  int core_order(uint32_t core) const;  // of its lanes in a trace
  bool is_cube(uint32_t core) const;
  void sum_up_cores();
  void end_block(BlockReplay& block);
  BlockReplay& block_of(uint64_t index);
  void advance();
  void note_block(const BlockReplay& block);
  void note_traffic();
  void note_launch(Ticks over, const LaunchCounters& counters);

  const machine::Machine& machine;
  Code code;
  Shape shape;
  Replay replay;
  Ticks start = 0, first = 0, end = 0, interval = 0;
  unsigned warps_per_block = 1;
  int64_t cache_bytes = 0;
  bool simt = true;
  uint32_t group = 1;  // blocks that start together on one seat
  CrossFlags cross_flags;
  std::vector<Dispatcher> dispatchers;
  std::unordered_map<uint64_t, std::unique_ptr<BlockReplay>> blocks;  // fed or resident, not over
  std::vector<BlockReplay*> places;                                   // resident blocks
  std::vector<uint32_t> free_places;
  bool sealed = false;  // no more events: blocks without any are not run
  TraceSink* trace;
  double us_per_tick;
  Ticks next_sample = kForever, last_sample = 0;  // of the traffic counters
  Tally sampled;
};

TimingEngine::State::State(const machine::Machine& m, Code c, Shape s, std::vector<DeviceTiming*> devices, uint64_t at,
                           TraceSink* sink)
    : machine(m),
      code(c),
      shape(std::move(s)),
      replay(m, code.instructions, !c.kernel || c.kernel->core == image::CoreKind::simt, shape.members),
      simt(!c.kernel || c.kernel->core == image::CoreKind::simt),
      trace(sink) {
  const machine::Chip& chip = machine.chip;
  us_per_tick = 1e6 / chip.clock_hz / kCycle;
  replay.trace = replay.fabric.trace = trace;
  replay.fabric.us_per_tick = us_per_tick;
  replay.us_per_tick = us_per_tick;
  // A trace is written in order of time; a clock's answer depends on how far the launch has come.
  replay.runs_ahead = !trace && std::none_of(code.instructions.begin(), code.instructions.end(), reads_clock);
  start = static_cast<Ticks>(at) * kCycle;
  const bool cubes = code.kernel && code.kernel->core == image::CoreKind::aic;
  group = 1 + (simt ? 0 : shape.group_aiv);
  const int64_t groups = group > 1 ? std::min(chip.aic, chip.aiv / shape.group_aiv) : cubes ? chip.aic : chip.aiv;
  const uint64_t cores = static_cast<uint64_t>(std::max<int64_t>(1, groups));
  // SIMT blocks are given out one by one; a tile program starts on all its cores together.
  interval = std::max(kCycle, simt ? ticks_of_ns(chip.launch.simt_per_block_ns, chip.clock_hz) : 0);
  replay.least_wake = std::min(replay.least_wake, interval);
  replay.now = start;
  if (trace) next_sample = last_sample = start;
  const double used = double(std::min(cores, shape.blocks / group));
  double overhead_ns = simt ? chip.launch.simt_base_ns : chip.launch.base_ns + chip.launch.per_core_ns * used;
  if (group > 1) overhead_ns += chip.launch.mix_base_ns + chip.launch.mix_per_core_ns * used;
  end = first = start + ticks_of_ns(overhead_ns, chip.clock_hz);
  warps_per_block = std::max(1u, (shape.threads_per_block + isa::kWarpLanes - 1) / isa::kWarpLanes);
  if (!simt) warps_per_block = 1;
  shape.blocks_per_core = simt ? std::max(1u, shape.blocks_per_core) : 1;
  int64_t shared = code.kernel ? code.kernel->ub_static_bytes : 0;
  cache_bytes = chip.dcache_bytes((shared + shape.ub_dynamic_bytes) * shape.blocks_per_core);
  if (shape.first_block.size() < shape.members.size()) shape.first_block.resize(shape.members.size(), shape.blocks);

  dispatchers.resize(shape.members.size());
  for (uint32_t member = 0; member < dispatchers.size(); ++member) {
    replay.adopt(shape.members[member], devices[member]->memory());
    Dispatcher& dispatcher = dispatchers[member];
    dispatcher.next = shape.first_block[member];
    dispatcher.end = member + 1 < shape.first_block.size() ? shape.first_block[member + 1] : shape.blocks;
    dispatcher.free = first;
    dispatcher.cores.resize(cores);
    dispatcher.tile_cores.resize(cores * group);
    dispatcher.under_way.resize(cores);
    dispatcher.used.resize(cores * group);
    fill(member);
  }
}

// The first blocks: one for each core in turn until every slot has one.
void TimingEngine::State::fill(uint32_t member) {
  for (uint32_t slot = 0; slot < shape.blocks_per_core; ++slot)
    for (uint32_t core = 0; core < dispatchers[member].cores.size(); ++core)
      if (dispatchers[member].next < dispatchers[member].end) start_group(member, core, first);
}

BlockReplay& TimingEngine::State::block_of(uint64_t index) {
  std::unique_ptr<BlockReplay>& block = blocks[index];
  if (!block) {
    block = std::make_unique<BlockReplay>();
    block->index = index;
    block->streams.resize(warps_per_block);
  }
  return *block;
}

void TimingEngine::State::start_group(uint32_t member, uint32_t seat, Ticks seat_free) {
  Dispatcher& dispatcher = dispatchers[member];
  auto fed = [&](uint64_t first_block) {
    for (uint64_t i = 0; i < group; ++i)
      if (blocks.contains(first_block + i)) return true;
    return false;
  };
  if (sealed)
    while (dispatcher.next < dispatcher.end && !fed(dispatcher.next)) dispatcher.next += group;
  if (dispatcher.next < dispatcher.end) {
    const uint64_t first_block = dispatcher.next;
    dispatcher.next += group;
    if (simt) dispatcher.free = std::max(dispatcher.free, seat_free) + interval;
    // A seat that has just got rid of a block is filled again when the dispatcher has gone round all of them.
    const Ticks filled = seat_free > first ? seat_free + interval * static_cast<Ticks>(dispatcher.cores.size()) : 0;
    dispatcher.under_way[seat] += group;
    for (uint32_t i = 0; i < group; ++i)
      start_block(member, seat * group + i, first_block + i,
                  simt ? std::max(dispatcher.free, filled) : seat_free + interval);
  }
  replay.more_blocks = false;
  for (const Dispatcher& other : dispatchers) replay.more_blocks |= other.next < other.end;
}

void TimingEngine::State::start_block(uint32_t member, uint32_t core, uint64_t index, Ticks at) {
  Dispatcher& dispatcher = dispatchers[member];
  BlockReplay& block = block_of(index);
  block.member = member;
  block.core = core;
  block.resident = true;
  if (sealed) block.finished = true;
  if (free_places.empty()) {
    block.place = static_cast<uint32_t>(places.size());
    places.push_back(&block);
  } else {
    block.place = free_places.back();
    free_places.pop_back();
    places[block.place] = &block;
  }
  block.start = block.end = at;
  if (simt) {
    std::unique_ptr<SimtCore>& made = dispatcher.cores[core];
    if (!made) made = std::make_unique<SimtCore>(replay, member, core, cache_bytes);
    made->start_block(block, block.start);
    return;
  }
  std::unique_ptr<TileCore>& made = dispatcher.tile_cores[core];
  if (!made) {
    const bool cube = is_cube(core);
    const uint64_t programs = shape.blocks / group * (group > 1 && !cube ? shape.group_aiv : 1);
    made = std::make_unique<TileCore>(replay, code.instructions, cross_flags, member, core,
                                      TileCore::Seat{cube, group, programs, core_name(core), core_order(core)});
  }
  block.live = 1;
  made->start_block(block, block.start);
}

void TimingEngine::State::end_block(BlockReplay& block) {
  uint32_t member = block.member, seat = simt ? block.core : block.core / group;
  end = std::max(end, block.end);
  Dispatcher::Span& used = dispatchers[member].used[block.core];
  used = {std::min(used.from, block.start), std::max(used.until, block.end)};
  ++replay.tally.blocks;
  if (trace) note_block(block);
  if (simt) dispatchers[member].cores[block.core]->end_block(block);
  places[block.place] = nullptr;
  free_places.push_back(block.place);
  Ticks over = block.end;
  blocks.erase(block.index);
  if (--dispatchers[member].under_way[seat] == 0 || simt) start_group(member, seat, over);
}

bool TimingEngine::State::is_cube(uint32_t core) const {
  return !simt && (group > 1 ? core % group == 0 : code.kernel && code.kernel->core == image::CoreKind::aic);
}

void TimingEngine::State::sum_up_cores() {
  Tally& tally = replay.tally;
  for (Dispatcher& dispatcher : dispatchers) {
    for (uint32_t core = 0; core < dispatcher.used.size(); ++core) {
      const Dispatcher::Span& used = dispatcher.used[core];
      if (used.until <= used.from) continue;
      const size_t kind = is_cube(core) ? 0 : 1;
      ++tally.cores[kind];
      tally.core_ticks[kind] += static_cast<uint64_t>(used.until - used.from);
    }
    for (auto& core : dispatcher.tile_cores)
      for (size_t pipe = 0; core && pipe < TileCore::kPipes; ++pipe) {
        const size_t kind = core->is_cube() ? 0 : 1;
        tally.pipe_busy_most[pipe] = std::max(tally.pipe_busy_most[pipe], core->busy()[pipe]);
        tally.pipe_busy[pipe] += core->busy()[pipe];
        tally.kind_busy[kind][pipe] += core->busy()[pipe];
        tally.pipe_instructions[pipe] += core->instructions()[pipe];
        tally.kind_instructions[kind][pipe] += core->instructions()[pipe];
      }
  }
}

// As people count cores: a mix has AICs and AIVs side by side.
std::string TimingEngine::State::core_name(uint32_t core) const {
  if (simt) return "core " + std::to_string(core);
  if (group > 1 && core % group) return "AIV " + std::to_string(core / group * (group - 1) + core % group - 1);
  const bool cube = group > 1 || (code.kernel && code.kernel->core == image::CoreKind::aic);
  return (cube ? "AIC " : "AIV ") + std::to_string(core / group);
}

int TimingEngine::State::core_order(uint32_t core) const {
  const uint32_t vector = group > 1 ? core / group * (group - 1) + core % group - 1 : core;
  return is_cube(core) ? TraceSink::kCubeCores + TraceSink::kOfCore * static_cast<int>(core / group)
                       : TraceSink::kVectorCores + TraceSink::kOfCore * static_cast<int>(vector);
}

void TimingEngine::State::note_block(const BlockReplay& block) {
  const uint16_t device = shape.members[block.member];
  const uint32_t process = trace->process("device " + std::to_string(device), TraceSink::kDevices + device);
  const TraceSink::Lane lane =
      trace->free_lane(process, core_name(block.core) + " blocks", core_order(block.core),
                       static_cast<double>(block.start) * us_per_tick, static_cast<double>(block.end) * us_per_tick);
  TraceSink::Argument argument{"block", static_cast<double>(block.index)};
  trace->span(lane, code.kernel ? code.kernel->display_name : "block", static_cast<double>(block.start) * us_per_tick,
              static_cast<double>(block.end - block.start) * us_per_tick, {&argument, 1},
              TraceSink::Importance::detail);
}

// Rates since the last sample, about one sample a simulated microsecond.
void TimingEngine::State::note_traffic() {
  const Tally& tally = replay.tally;
  double ns = static_cast<double>(replay.now - last_sample) * us_per_tick * 1e3;
  if (ns > 0) {
    uint32_t process = trace->process("traffic", TraceSink::kTraffic);
    double at = static_cast<double>(last_sample) * us_per_tick;
    auto rate = [&](const char* name, uint64_t bytes) {
      trace->counter(process, name, at, static_cast<double>(bytes) / ns);
    };
    rate("hbm GB/s",
         tally.memory.hbm_read + tally.memory.hbm_write - sampled.memory.hbm_read - sampled.memory.hbm_write);
    rate("l2 GB/s", tally.memory.l2_read + tally.memory.l2_write - sampled.memory.l2_read - sampled.memory.l2_write);
    rate("remote GB/s", tally.remote_read + tally.remote_write - sampled.remote_read - sampled.remote_write);
  }
  sampled = tally;
  last_sample = replay.now;
  next_sample = replay.now + std::max<Ticks>(1, static_cast<Ticks>(1 / us_per_tick));
}

void TimingEngine::State::note_launch(Ticks over, const LaunchCounters& counters) {
  note_traffic();
  const double from = static_cast<double>(start) * us_per_tick, took = static_cast<double>(over - start) * us_per_tick;
  const std::string name = code.kernel ? code.kernel->display_name : "kernel";
  for (uint16_t device : shape.members) {
    TraceSink::Argument arguments[] = {{"cycles", static_cast<double>(counters.cycles)},
                                       {"blocks", static_cast<double>(shape.blocks)}};
    const uint32_t process = trace->process("device " + std::to_string(device), TraceSink::kDevices + device);
    trace->span(trace->free_lane(process, "kernels", TraceSink::kKernels, from, from + took), name, from, took,
                arguments);
  }
  for (const LaunchCounters::Link& link : counters.links) {
    TraceSink::Argument arguments[] = {{"bytes", static_cast<double>(link.bytes)},
                                       {"busy_cycles", static_cast<double>(link.busy_cycles)}};
    const uint32_t process = trace->process("links", TraceSink::kLinks);
    trace->span(trace->free_lane(process, link.name, -1, from, from + took), name, from, took, arguments);
  }
}

void TimingEngine::State::advance() {
  replay.paused = false;
  while (!replay.queue.empty() && !replay.paused) {
    const Event event = replay.queue.top();
    replay.queue.pop();
    replay.now = std::max(replay.now, event.time);
    if (replay.now >= next_sample) note_traffic();
    if (event.agent() == Agent::memory) {
      replay.step(event.payload);
      continue;
    }
    if (event.agent() == Agent::block_end) {
      end_block(*places[event.payload]);
      continue;
    }
    if (event.agent() == Agent::pipe)
      dispatchers[event.member()].tile_cores[event.core()]->run(event.time);
    else
      dispatchers[event.member()].cores[event.core()]->run(event.time);
  }
}

TimingEngine::TimingEngine(const machine::Machine& machine, const Program& program, Shape shape,
                           std::vector<DeviceTiming*> devices, uint64_t start, TraceSink* trace)
    : TimingEngine(machine, Code{program.code(), program.words(), &program.kernels()[shape.kernel]}, shape,
                   std::move(devices), start, trace) {}

TimingEngine::TimingEngine(const machine::Machine& machine, Code code, Shape shape, std::vector<DeviceTiming*> devices,
                           uint64_t start, TraceSink* trace)
    : state_(std::make_unique<State>(machine, code, std::move(shape), std::move(devices), start, trace)) {}

TimingEngine::~TimingEngine() = default;

void TimingEngine::feed(RoundEvents&& round) {
  State& state = *state_;
  state.replay.take_ordered(round.ordered);
  for (BlockEvents& events : round.blocks) {
    BlockReplay& block = state.block_of(events.block);
    if (events.warps.size() > block.streams.size() && !block.resident) block.streams.resize(events.warps.size());
    for (size_t warp = 0; warp < events.warps.size() && warp < block.streams.size(); ++warp)
      block.streams[warp].append(std::move(events.warps[warp]));
    block.finished |= events.finished;
    state.replay.expect(block, events.arrivals);
  }
  state.replay.expect_grid(round.grid_arrivals);
  state.advance();
}

LaunchCounters TimingEngine::finish() {
  State& state = *state_;
  state.sealed = true;
  for (auto& [index, block] : state.blocks) block->finished = true;
  state.advance();
  // A launch that faulted leaves waits behind that nobody ends.
  state.replay.now = std::max(state.replay.now, state.replay.reached);
  for (bool stuck = true; stuck;) {
    stuck = false;
    for (BlockReplay* block : state.places) {
      if (!block) continue;
      for (Warp* warp : block->warps)
        if (warp->waiting) {
          ++state.replay.tally.unresolved;
          warp->core->resume(*warp, state.replay.now + 1);
          stuck = true;
        }
    }
    for (State::Dispatcher& dispatcher : state.dispatchers)
      for (auto& core : dispatcher.tile_cores)
        if (core && core->give_up()) stuck = true;
    if (stuck) state.advance();
  }
  state.sum_up_cores();
  Ticks end = std::max(state.end, state.replay.drained);
  LaunchCounters counters;
  counters.cycles = whole_cycles(end - state.start);
  counters.overhead_cycles = whole_cycles(state.first - state.start);
  count(state.replay, state.code, state.simt, counters);
  if (state.trace) state.note_launch(end, counters);
  return counters;
}

uint64_t TimingEngine::clock(uint64_t block, unsigned warp) {
  State& state = *state_;
  auto found = state.blocks.find(block);
  if (found == state.blocks.end() || !found->second->resident || warp >= found->second->warps.size())
    return whole_cycles(state.replay.now);
  Warp& asked = *found->second->warps[warp];
  return whole_cycles(asked.core->next_issue(asked));
}

}  // namespace phx::sim
