#include "device_sim/timing/tile_core.h"

#include <cstring>

#include "device_sim/isa/fields.h"

namespace phx::sim::timing {
namespace {
constexpr uint64_t kLineMask = (uint64_t{1} << 44) - 1;
constexpr unsigned kScalar = static_cast<unsigned>(isa::Pipe::S);
constexpr unsigned kAllPipes = static_cast<unsigned>(isa::PipeField::PipeAll);
}  // namespace

void CrossFlags::set(const Key& key, size_t round, Ticks at) {
  std::vector<Round>& rounds = flags_[key];
  if (rounds.size() <= round) rounds.resize(round + 1);
  ++rounds[round].sets;
  rounds[round].last = std::max(rounds[round].last, at);
}

Ticks CrossFlags::complete(const Key& key, size_t round, uint64_t raisers) {
  const std::vector<Round>& rounds = flags_[key];
  return rounds.size() > round && rounds[round].sets == raisers ? rounds[round].last : -1;
}

TileCore::TileCore(Replay& replay, std::span<const isa::Instruction> code, CrossFlags& cross, uint32_t member,
                   uint32_t core, Seat seat)
    : replay_(replay),
      code_(code),
      cross_(cross),
      member_(member),
      core_(core),
      seat_(seat),
      flags_(kPipes * kPipes * 8) {
  const machine::Queues& queues = replay.machine.chip.queues;
  const int64_t depths[kPipes] = {
      1, queues.v_depth, queues.m_depth, queues.mte1_depth, queues.mte2_depth, queues.mte3_depth, queues.fix_depth};
  for (unsigned pipe = 0; pipe < kPipes; ++pipe)
    pipes_[pipe].depth = static_cast<size_t>(std::max<int64_t>(1, depths[pipe]));
}

void TileCore::start_block(BlockReplay& block, Ticks at) {
  block_ = &block;
  for (Pipe& pipe : pipes_) {
    pipe.queue.clear();
    pipe.free = pipe.done = at;
    pipe.blocked = false;
  }
  for (auto& flag : flags_) flag.clear();
  std::memset(raised_, 0, sizeof raised_);
  std::memset(crossed_, 0, sizeof crossed_);
  ready_.fill(0);
  left_ = 0;
  scalar_ = at;
  scalar_blocked_ = ending_ = starved_ = false;
  wake_at(at);
}

void TileCore::wake_at(Ticks at) {
  at = std::max(at, replay_.now);
  if (at >= key_) return;
  key_ = at;
  replay_.queue.push({at, Event::order_of(Agent::pipe, member_, core_, 0), 0});
}

void TileCore::unblock() {
  for (Pipe& pipe : pipes_) pipe.blocked = false;
  if (scalar_blocked_) scalar_ = std::max(scalar_, replay_.now);
  scalar_blocked_ = false;
}

void TileCore::run(Ticks event_time) {
  if (key_ != event_time || !block_) return;
  key_ = kForever;
  for (;;) {
    Ticks next = scalar_blocked_ || (ending_ && left_ == 0) ? kForever : scalar_;
    unsigned who = kScalar;
    for (unsigned number = 1; number < kPipes; ++number) {
      const Pipe& pipe = pipes_[number];
      if (pipe.queue.empty() || pipe.blocked) continue;
      Ticks at = std::max(pipe.free, pipe.queue.front().issued);
      if (at < next) {
        next = at;
        who = number;
      }
    }
    if (next >= kForever) break;
    if (next > replay_.now) {
      wake_at(next);
      return;
    }
    if (who == kScalar)
      step_scalar();
    else
      step_pipe(who);
    if (starved_) {
      starved_ = false;
      replay_.paused = true;
      wake_at(replay_.now);
      return;
    }
  }
  if (!ending_) return;
  Ticks end = scalar_;
  for (const Pipe& pipe : pipes_) {
    if (!pipe.queue.empty()) return;
    end = std::max(end, pipe.done);
  }
  BlockReplay& block = *block_;
  block_ = nullptr;
  replay_.warp_over(block, std::max(end, replay_.now));
}

bool TileCore::next_run() {
  Stream& stream = block_->streams[0];
  for (;;) {
    if (stream.dry() && !block_->finished) {
      starved_ = true;
      return false;
    }
    uint32_t word = stream.dry() ? static_cast<uint32_t>(EventKind::end) : stream.words[stream.at];
    switch (static_cast<EventKind>(word & 0xF)) {
      case EventKind::run: {
        uint32_t first = stream.words[stream.at + 1], count = word >> 9;
        stream.at += 2;
        if (count == 0) break;
        index_ = first;
        left_ = count;
        replay_.lines[first].issues += 1;
        replay_.lines[first + count].issues -= 1;
        replay_.lines[first].lanes += 1;
        replay_.lines[first + count].lanes -= 1;
        replay_.tally.warp_instructions += count;
        replay_.tally.lane_instructions += count;
        replay_.tally.pipe_busy[kScalar] += replay_.table.busy_before[first + count] - replay_.table.busy_before[first];
        return true;
      }
      case EventKind::sleep:
        scalar_ += ticks_of_ns(stream.words[stream.at + 1], replay_.machine.chip.clock_hz);
        stream.at += 2;
        break;
      case EventKind::ordered:
        stream.at += 2;
        break;
      case EventKind::end:
        ending_ = true;
        return false;
      default:
        ++stream.at;
    }
  }
}

// Issues scalar instructions until one can be seen by a pipe or by memory at a later time.
void TileCore::step_scalar() {
  for (;;) {
    if (left_ == 0 && !next_run()) return;
    const Cost& cost = replay_.table.costs[index_];
    Ticks at = scalar_;
    for (unsigned i = 0; i < cost.hazards; ++i) at = std::max(at, ready_[cost.slots[i]]);
    if (at > scalar_) {
      replay_.stall(Stall::dependency, index_, at - scalar_);
      scalar_ = at;
    }
    const bool seen = cost.flags & (kTile | kMemory);
    if (seen && at > replay_.now) return;  // again at that time
    const isa::Instruction& instruction = code_[index_];
    Ticks latency = cost.latency;
    if (cost.flags & kTile) {
      Step step{.issued = at + cost.latency, .instruction = index_, .rows = {}};
      unsigned pipe = kScalar;
      switch (instruction.op) {
        case isa::Opcode::SetFlag:
          step.act = Act::set_flag;
          pipe = static_cast<unsigned>(isa::field::Flag::get_src(instruction));
          break;
        case isa::Opcode::WaitFlag:
          step.act = Act::wait_flag;
          pipe = static_cast<unsigned>(isa::field::Flag::get_to(instruction));
          break;
        case isa::Opcode::PipeBarrier:
          step.act = Act::barrier;
          pipe = static_cast<unsigned>(isa::field::PipeBarrier::get_pipe(instruction));
          break;
        case isa::Opcode::CrossSet:
        case isa::Opcode::CrossWait:
          step.act = instruction.op == isa::Opcode::CrossSet ? Act::cross_set : Act::cross_wait;
          pipe = static_cast<unsigned>(isa::field::CrossFlag::get_pipe(instruction));
          break;
        default:
          pipe = static_cast<unsigned>(isa::row(instruction.op)->pipe);
          break;
      }
      if (pipe == kAllPipes) {  // everything drains before the program goes on
        for (const Pipe& other : pipes_)
          if (!other.queue.empty()) {
            scalar_blocked_ = true;
            return;
          }
        Ticks drained = at;
        for (const Pipe& other : pipes_) drained = std::max(drained, other.done);
        drained += ticks_of_cycles(replay_.machine.chip.sync.pipe_barrier_cycles);
        replay_.stall(Stall::flag, index_, drained - at);
        scalar_ = drained;
      } else if (pipe == kScalar) {
        pipes_[kScalar].free = pipes_[kScalar].done = at;
        if (!perform(kScalar, step)) {
          scalar_blocked_ = true;
          return;
        }
        if (pipes_[kScalar].free > at) replay_.stall(Stall::flag, index_, pipes_[kScalar].free - at);
        scalar_ = pipes_[kScalar].free;
      } else {
        if (pipes_[pipe].queue.size() >= pipes_[pipe].depth) {
          scalar_blocked_ = true;
          return;
        }
        if (cost.flags & kMemory) {
          Stream& stream = block_->streams[0];
          uint64_t header = stream.access_at < stream.accesses.size() ? stream.accesses[stream.access_at] : 0;
          ++stream.access_at;
          step.row_count = header >> 16 & 0xFFFF;
          for (uint32_t row = 0; row < step.row_count && stream.access_at + 1 < stream.accesses.size(); ++row) {
            unsigned words = stream.accesses[stream.access_at] >> 32 ? 3 : 2;
            for (unsigned i = 0; i < words && stream.access_at < stream.accesses.size(); ++i)
              step.rows.push_back(stream.accesses[stream.access_at++]);
          }
        }
        pipes_[pipe].queue.push_back(std::move(step));
      }
    } else if (cost.flags & kMemory) {  // the scalar unit's own access
      Stream& stream = block_->streams[0];
      uint64_t header = stream.access_at < stream.accesses.size() ? stream.accesses[stream.access_at] : 0;
      ++stream.access_at;
      uint32_t lines = header >> 16 & 0xFFFF;
      AccessKind kind = static_cast<AccessKind>(header & 0xFF);
      if (kind == AccessKind::gm_load || kind == AccessKind::gm_store) {
        parts_.clear();
        for (uint32_t i = 0; i < lines; ++i)
          parts_.push_back({stream.accesses[stream.access_at + i] >> 4 & kLineMask, kSectorBytes});
        DeviceMemory& memory = replay_.memory_of(replay_.members[member_]);
        if (kind == AccessKind::gm_load)
          latency = std::max(latency, memory.read(parts_, at, replay_.dma_latency, replay_.tally.memory).data - at);
        else
          replay_.drained = std::max(replay_.drained, memory.write(parts_, at, replay_.tally.memory).served);
      }
      if (kind == AccessKind::gm_load || kind == AccessKind::gm_store || kind == AccessKind::gm_atomic)
        stream.access_at += lines;
    }
    for (unsigned i = 0; i < cost.written; ++i) ready_[cost.slots[i]] = at + latency;
    scalar_ = std::max(scalar_, at + cost.interval);
    last_ = index_++;
    --left_;
  }
}

bool TileCore::step_pipe(unsigned number) {
  Pipe& pipe = pipes_[number];
  if (!perform(number, pipe.queue.front())) {
    pipe.blocked = true;
    return false;
  }
  pipe.queue.pop_front();
  if (scalar_blocked_) {  // it may have waited for room, or for the queues to drain
    if (replay_.now > scalar_) replay_.stall(Stall::queue, index_, replay_.now - scalar_);
    scalar_ = std::max(scalar_, replay_.now);
    scalar_blocked_ = false;
  }
  return true;
}

// Lets the pipe do one instruction at `now`. False: it has to wait for a flag.
bool TileCore::perform(unsigned number, Step& step) {
  Pipe& pipe = pipes_[number];
  const isa::Instruction& instruction = code_[step.instruction];
  const machine::Sync& sync = replay_.machine.chip.sync;
  switch (step.act) {
    case Act::dma:
      move(number, step, instruction.op == isa::Opcode::DmaGmUb);
      return true;
    case Act::set_flag: {
      Ticks set = std::max(pipe.done, replay_.now) + ticks_of_cycles(sync.flag_cycles);
      flag(static_cast<unsigned>(isa::field::Flag::get_src(instruction)) % kPipes,
           static_cast<unsigned>(isa::field::Flag::get_to(instruction)) % kPipes, isa::field::Flag::get_id(instruction))
          .push_back(set);
      unblock();
      return true;
    }
    case Act::wait_flag: {
      std::deque<Ticks>& set = flag(static_cast<unsigned>(isa::field::Flag::get_src(instruction)) % kPipes,
                                    static_cast<unsigned>(isa::field::Flag::get_to(instruction)) % kPipes,
                                    isa::field::Flag::get_id(instruction));
      if (set.empty()) return false;
      pipe.free = std::max({pipe.free, replay_.now, set.front()});
      set.pop_front();
      return true;
    }
    case Act::barrier:
      pipe.free = std::max({pipe.free, pipe.done, replay_.now}) + ticks_of_cycles(sync.pipe_barrier_cycles);
      return true;
    case Act::cross_set: {
      const uint32_t mode = isa::field::CrossFlag::get_mode(instruction) % 3;
      const uint32_t id = isa::field::CrossFlag::get_id(instruction);
      const uint64_t group = mode == 0 ? 0 : block_->index / seat_.group;
      cross_.set({mode, id, seat_.cube, group}, raised_[mode][id]++, std::max(pipe.done, replay_.now));
      std::vector<TileCore*> waiting = std::move(cross_.waiting);
      cross_.waiting.clear();
      for (TileCore* core : waiting) {
        core->unblock();
        core->wake_at(replay_.now);
      }
      return true;
    }
    case Act::cross_wait: {
      const uint32_t mode = isa::field::CrossFlag::get_mode(instruction) % 3;
      const uint32_t id = isa::field::CrossFlag::get_id(instruction);
      const bool by_cube = mode == 2 ? !seat_.cube : seat_.cube;
      const uint64_t raisers = mode == 0 ? seat_.programs : by_cube ? 1 : seat_.group - 1;
      const uint64_t group = mode == 0 ? 0 : block_->index / seat_.group;
      Ticks set = cross_.complete({mode, id, by_cube, group}, crossed_[mode][id], raisers);
      if (set < 0) {
        cross_.waiting.push_back(this);
        return false;
      }
      ++crossed_[mode][id];
      pipe.free = std::max({pipe.free, replay_.now, set + (mode == 0 ? replay_.cross_all : replay_.cross_group)});
      return true;
    }
  }
  return true;
}

// One DMA instruction (facts: one event per instruction is enough): its own issue time, the lines that miss, the shared
// L2 and HBM.
void TileCore::move(unsigned number, const Step& step, bool in) {
  Pipe& pipe = pipes_[number];
  const machine::Dma& dma = replay_.machine.chip.dma;
  const Ticks now = replay_.now;
  const uint16_t own = replay_.members[member_];
  const uint64_t packet = static_cast<uint64_t>(std::max<int64_t>(32, dma.packet_bytes));
  std::map<uint16_t, std::vector<DeviceMemory::Part>> by_home;
  double issue = 0;
  uint64_t bytes = 0;
  for (size_t at = 0; at + 1 < step.rows.size();) {
    uint64_t size = step.rows[at] & 0xFFFFFFFF, more = step.rows[at] >> 32, line_word = step.rows[at + 1];
    uint64_t stride = more && at + 2 < step.rows.size() ? step.rows[at + 2] : 0;
    at += more ? 3 : 2;
    uint64_t line = line_word >> 4 & kLineMask;
    std::vector<DeviceMemory::Part>& parts = by_home[static_cast<uint16_t>(line_word >> 48)];
    double row = double(size / packet) * std::max(dma.request_cycles, double(packet) / dma.bytes_per_cycle);
    if (size % packet) row += std::max(dma.request_cycles, double(size % packet) / dma.bytes_per_cycle);
    for (uint64_t k = 0; k <= more; ++k) {
      issue += row;
      bytes += size;
      uint64_t first = line + k * stride / kLineBytes;
      for (uint64_t left = size, i = 0; left > 0; ++i) {
        uint32_t part = static_cast<uint32_t>(std::min<uint64_t>(left, kLineBytes));
        parts.push_back({first + i, part});
        left -= part;
      }
    }
  }
  Ticks issued = now + ticks_of_cycles(in ? dma.issue_cycles + issue
                                          : dma.store_head_cycles + double(bytes) / dma.store_bytes_per_cycle);
  Ticks data = issued, streamed = issued;
  const uint64_t overhead = static_cast<uint64_t>(replay_.machine.chip.hbm.request_overhead_bytes);
  DeviceMemory& near = replay_.memory_of(own);
  for (auto& [home, parts] : by_home) {
    uint64_t moved = 0;
    for (const DeviceMemory::Part& part : parts) moved += part.bytes;
    if (home == 0xFFFF) {
      (in ? replay_.tally.host_read : replay_.tally.host_write) += moved;
      Ticks there = (in ? near.host_in : near.host_out).serve(now, moved);
      streamed = std::max(streamed, there);
      data = std::max(data, there + replay_.host_latency);
      continue;
    }
    DeviceMemory& memory = replay_.memory_of(home);
    const AccessLatency& latency = replay_.dma_latency;
    Ticks path = 0, start = now;
    if (home != own) {
      (in ? replay_.tally.remote_read : replay_.tally.remote_write) += moved;
      path = replay_.fabric.way(own, home).latency;
      start = in ? replay_.fabric.carry(home, memory, own, near, true, now, moved)
                 : replay_.fabric.carry(own, near, home, memory, false, now, moved);
    }
    if (in) {
      DeviceMemory::Answer answer = memory.read(parts, now, latency, replay_.tally.memory, overhead);
      if (answer.missed) issued = std::max(issued, now + ticks_of_cycles(answer.missed * dma.miss_cycles_per_line));
      Ticks lag = answer.missed ? latency.l2_miss : latency.l2_hit;
      streamed = std::max({streamed, answer.data - lag, start});
      data = std::max({data, answer.data + path, issued + lag + path, start + lag + path});
    } else {
      DeviceMemory::Answer answer = memory.write(parts, std::max(now, start), replay_.tally.memory, 0);
      streamed = std::max({streamed, answer.served, start});
      data = std::max({data, answer.served + path});
      replay_.drained = std::max(replay_.drained, data);
    }
  }
  pipe.free = std::max({pipe.free, issued, streamed - ticks_of_cycles(dma.window_cycles)});
  pipe.done = std::max({pipe.done, issued, data});
  replay_.tally.pipe_busy[number] += static_cast<uint64_t>(pipe.free - now);
}

bool TileCore::give_up() {
  if (!block_) return false;
  for (Pipe& pipe : pipes_) pipe.queue.clear();
  unblock();
  left_ = 0;
  ending_ = true;
  ++replay_.tally.unresolved;
  wake_at(replay_.now);
  return true;
}

}  // namespace phx::sim::timing
