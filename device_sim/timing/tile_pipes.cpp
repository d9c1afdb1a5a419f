// What the pipes of a tile core do with an instruction that moves or computes: how long it takes them, and when what it
// made is there.
#include "device_sim/isa/fields.h"
#include "device_sim/timing/tile_core.h"

namespace phx::sim::timing {
namespace {

constexpr uint16_t kHost = 0xFFFF;
constexpr unsigned kCube = static_cast<unsigned>(isa::Pipe::M), kFix = static_cast<unsigned>(isa::Pipe::FIX),
                   kMte2 = static_cast<unsigned>(isa::Pipe::MTE2);
// The cache hint of an instruction that reads or writes device memory.
bool streams(const isa::Instruction& instruction) {
  switch (isa::row(instruction.op)->layout) {
    case isa::Layout::Dma:
      return isa::field::Dma::get_stream(instruction);
    case isa::Layout::Nd2Nz:
      return isa::field::Nd2Nz::get_stream(instruction);
    case isa::Layout::Fixpipe:
      return isa::field::Fixpipe::get_stream(instruction);
    default:
      return false;
  }
}

constexpr const char* kPipeNames[] = {"S", "V", "M", "MTE1", "MTE2", "MTE3", "FIX"};

}  // namespace

void TileCore::occupy(unsigned number, const Step& step, Ticks begin, Ticks free, Ticks done) {
  Pipe& pipe = pipes_[number];
  const Ticks before = pipe.done;
  pipe.free = std::max(pipe.free, free);
  pipe.done = std::max({pipe.done, free, done});
  // MTE2 counts as busy until its data are there, as the chip's counter does (single loads of the published samples).
  const Ticks busy = number == kMte2 ? pipe.done - std::max(begin, before) : pipe.free - begin;
  busy_[number] += static_cast<uint64_t>(busy);
  ++instructions_[number];
  LineTally& line = replay_.lines[step.instruction];
  line.busy += static_cast<uint64_t>(busy);
  line.work += step.work;
  if (replay_.trace) note_span(number, step, begin, pipe.free);
}

// Whether the queue of the cube or of FIX holds an instruction with `unit` for that place in L0C.
bool TileCore::queued_unit(unsigned number, uint32_t place) const {
  for (size_t i = 0; i < pipes_[number].queue.size(); ++i) {
    const Step& step = pipes_[number].queue[i];
    const isa::Instruction& instruction = code_[step.instruction];
    if (number == kCube && instruction.op == isa::Opcode::Mmad && step.shape >> 38 & 1 && step.shape >> 48 == place)
      return true;
    if (number == kFix && instruction.op == isa::Opcode::Fixpipe && isa::field::Fixpipe::get_unit(instruction) &&
        step.shape == place)
      return true;
  }
  return false;
}

TileCore::Progress TileCore::multiply(Step& step) {
  const isa::Instruction& instruction = code_[step.instruction];
  const MatrixShape shape = MatrixShape::of(step.shape);
  const auto place = static_cast<uint32_t>(step.shape >> 48);
  const Ticks now = now_;
  // A tile whose fixpipe has `unit` holds the next mmad at its place back. That fixpipe is queued before this mmad.
  if (auto found = units_.find(place); found != units_.end()) {
    if (found->second.waits && queued_unit(kFix, place)) return Progress::blocked;
    if (const Ticks release = found->second.release; release > now && !found->second.waits) {
      pipes_[kCube].free = release;
      return Progress::later;
    }
    units_.erase(found);
  }
  if (now > step.since) replay_.stall(Stall::unit, step.instruction, now - step.since);
  const Ticks end = now + replay_.tile.multiply(instruction.type, shape, now > cube_end_);
  cube_end_ = end;
  step.work = shape.macs();
  replay_.tally.macs[static_cast<size_t>(instruction.type) % replay_.tally.macs.size()] += shape.macs();
  if (step.shape >> 38 & 1) {
    units_[place] = {.waits = true, .end = end, .release = 0};
    pipes_[kFix].blocked = false;
  }
  occupy(kCube, step, now, end, end);
  return Progress::done;
}

TileCore::Progress TileCore::drain(Step& step) {
  const isa::Instruction& instruction = code_[step.instruction];
  const Ticks now = now_;
  Ticks least = 0;  // no end before
  if (isa::field::Fixpipe::get_unit(instruction)) {
    const auto place = static_cast<uint32_t>(step.shape);
    auto found = units_.find(place);
    if (found == units_.end() || !found->second.waits) {  // its mmad is queued before it, or there is none
      if (queued_unit(kCube, place)) return Progress::blocked;
    } else {
      Unit& unit = found->second;
      unit.waits = false;
      unit.release = std::max(unit.end, now + replay_.tile.release(step.work));
      least = unit.end;
      pipes_[kCube].blocked = false;
    }
  }
  if (now > step.since) replay_.stall(Stall::unit, step.instruction, now - step.since);
  const Ticks through = std::max(now + replay_.tile.drain(step.work), least);
  if (isa::field::Fixpipe::get_to(instruction) == isa::FixTarget::FixGm) {
    store_rows(kFix, step, through, replay_.tally.moved(Path::l0c_gm));
  } else {
    replay_.tally.moved(Path::l0c_l1) += step.work * isa::info(instruction.type).bits / 8;
    occupy(kFix, step, now, through, through);
  }
  return Progress::done;
}

template <class Visit>
void TileCore::each_home(const Traffic& traffic, Visit visit) {
  if (!traffic.more) {
    if (traffic.bytes) visit(traffic.rows.home, std::span<const Rows>(&traffic.rows.rows, 1), traffic.bytes);
    return;
  }
  const std::vector<HomedRows>& all = *traffic.more;
  for (size_t at = 0; at < all.size();) {
    const uint16_t home = all[at].home;
    uint64_t bytes = 0;
    rows_.clear();
    for (; at < all.size() && all[at].home == home; ++at) {
      rows_.push_back(all[at].rows);
      bytes += rows_.back().size();
    }
    visit(home, std::span<const Rows>(rows_), bytes);
  }
}

// gm to l1 or ub. One DMA instruction is one event: its own issue time, the lines that miss, the shared L2 and HBM.
void TileCore::load_rows(unsigned number, Step& step) {
  const machine::Dma& dma = replay_.machine.chip.dma;
  const Ticks now = now_;
  const uint16_t own = replay_.members[member_];
  const Traffic& traffic = step.traffic;
  replay_.tally.moved(seat_.cube ? Path::gm_l1 : Path::gm_ub) += traffic.bytes;
  step.work = traffic.bytes;
  Ticks issued = now + ticks_of_cycles(dma.issue_cycles + traffic.request_cycles);
  Ticks data = issued, streamed = issued;
  const uint64_t overhead = static_cast<uint64_t>(replay_.machine.chip.hbm.request_overhead_bytes);
  const AccessLatency& latency = latency_;
  const bool stream = streams(code_[step.instruction]);
  DeviceMemory& near = replay_.memory_of(own);
  each_home(traffic, [&](uint16_t home, std::span<const Rows> rows, uint64_t moved) {
    if (home == kHost) {
      replay_.tally.host_read += moved;
      Ticks there = near.host_in.serve(now, moved);
      streamed = std::max(streamed, there);
      data = std::max(data, there + replay_.host_latency);
      return;
    }
    DeviceMemory& memory = replay_.memory_of(home);
    Ticks path = 0, start = now;
    if (home != own) {
      replay_.tally.remote_read += moved;
      path = replay_.fabric.way(own, home).latency;
      start = replay_.fabric.carry(home, memory, own, near, true, now, moved);
    }
    MemoryTally& tally = replay_.tally.memory;
    DeviceMemory::Answer answer = stream ? memory.stream_in(rows, now, latency, tally, overhead)
                                         : memory.read(rows, now, latency, tally, overhead);
    if (answer.missed) issued = std::max(issued, now + ticks_of_cycles(answer.missed * dma.miss_cycles_per_line));
    Ticks lag = answer.missed ? latency.l2_miss : latency.l2_hit;
    streamed = std::max({streamed, answer.data - lag, start});
    data = std::max({data, answer.data + path, issued + lag + path, start + lag + path});
  });
  const Ticks free = std::max(issued, streamed - ticks_of_cycles(dma.window_cycles));
  occupy(number, step, now, free, data);
}

// To gm: `through` is when the pipe itself has pushed everything out; then the L2 and what lies before it.
void TileCore::store_rows(unsigned number, const Step& step, Ticks through, uint64_t& moved_on_path) {
  const Traffic& traffic = step.traffic;
  const machine::Dma& dma = replay_.machine.chip.dma;
  const Ticks now = now_;
  const uint16_t own = replay_.members[member_];
  moved_on_path += traffic.bytes;
  Ticks data = through, streamed = through;
  const bool stream = streams(code_[step.instruction]);
  DeviceMemory& near = replay_.memory_of(own);
  each_home(traffic, [&](uint16_t home, std::span<const Rows> rows, uint64_t moved) {
    if (home == kHost) {
      replay_.tally.host_write += moved;
      Ticks there = near.host_out.serve(now, moved);
      streamed = std::max(streamed, there);
      data = std::max(data, there + replay_.host_latency);
      return;
    }
    DeviceMemory& memory = replay_.memory_of(home);
    Ticks path = 0, start = now;
    if (home != own) {
      replay_.tally.remote_write += moved;
      path = replay_.fabric.way(own, home).latency;
      start = replay_.fabric.carry(own, near, home, memory, false, now, moved);
    }
    MemoryTally& tally = replay_.tally.memory;
    const Ticks from = std::max(now, start);
    DeviceMemory::Answer answer =
        stream ? memory.stream_out(rows, from, tally) : memory.write(rows, from, tally, 0, &share_);
    streamed = std::max({streamed, answer.served, start});
    data = std::max({data, answer.served + path});
    replay_.drained = std::max(replay_.drained, data);
  });
  occupy(number, step, now, std::max(through, streamed - ticks_of_cycles(dma.window_cycles)), data);
}

// --- Trace

TraceSink::Lane TileCore::lane_of(unsigned number) {
  if (!has_lanes_) {
    has_lanes_ = true;
    const uint16_t device = replay_.members[member_];
    const uint32_t process = replay_.trace->process("device " + std::to_string(device), TraceSink::kDevices + device);
    for (unsigned pipe = 1; pipe < kPipes; ++pipe) {
      const bool cubes = pipe == 2 || pipe == 3 || pipe == 6;  // M, MTE1, FIX
      const bool vectors = pipe == 1 || pipe == 5;             // V, MTE3
      if (seat_.cube ? !vectors : !cubes)
        lanes_[pipe] =
            replay_.trace->lane(process, seat_.name + " " + kPipeNames[pipe], seat_.order + 1 + static_cast<int>(pipe));
    }
  }
  return lanes_[number];
}

void TileCore::note_span(unsigned number, const Step& step, Ticks begin, Ticks end) {
  const isa::Instruction& instruction = code_[step.instruction];
  std::string name(isa::row(instruction.op)->mnemonic);
  TraceSink::Argument argument{"bytes", static_cast<double>(step.work)};
  if (instruction.op == isa::Opcode::Mmad) {
    const MatrixShape shape = MatrixShape::of(step.shape);
    name += " " + std::to_string(shape.m) + "x" + std::to_string(shape.n) + "x" + std::to_string(shape.k);
    argument = {"macs", static_cast<double>(shape.macs())};
  } else if (number == static_cast<unsigned>(isa::Pipe::V)) {
    argument.name = "repeats";
  } else if (number == kFix) {
    argument.name = "elements";
  }
  replay_.trace->span(lane_of(number), name, static_cast<double>(begin) * replay_.us_per_tick,
                      static_cast<double>(end - begin) * replay_.us_per_tick, {&argument, 1},
                      TraceSink::Importance::detail);
}

// From what a pipe waited for to what it could then do.
void TileCore::note_arrow(const char* name, TraceSink::Lane from, Ticks set, unsigned to, Ticks at) {
  replay_.trace->flow(name, from, static_cast<double>(set - 1) * replay_.us_per_tick, lane_of(to),
                      static_cast<double>(at) * replay_.us_per_tick);
}

}  // namespace phx::sim::timing
