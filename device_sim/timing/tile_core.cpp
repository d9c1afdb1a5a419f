#include "device_sim/timing/tile_core.h"

#include <cstring>

#include "device_sim/isa/fields.h"

namespace phx::sim::timing {
namespace {

using isa::Opcode;

constexpr uint64_t kLineMask = (uint64_t{1} << 44) - 1;
constexpr unsigned kScalar = static_cast<unsigned>(isa::Pipe::S), kVector = static_cast<unsigned>(isa::Pipe::V),
                   kMte1 = static_cast<unsigned>(isa::Pipe::MTE1);
constexpr unsigned kAllPipes = static_cast<unsigned>(isa::PipeField::PipeAll);

bool goes_to_gm(const isa::Instruction& instruction) {
  return instruction.op == Opcode::Fixpipe && isa::field::Fixpipe::get_to(instruction) == isa::FixTarget::FixGm;
}
// Which records follow the instruction in the stream (events.h).
bool has_work_record(const isa::Instruction& instruction) {
  switch (isa::row(instruction.op)->family) {
    case isa::Family::cube:
    case isa::Family::fix:
    case isa::Family::vec:
      return true;
    default:
      return instruction.op == Opcode::L1L0a || instruction.op == Opcode::L1L0b || instruction.op == Opcode::L1Bt;
  }
}
bool has_rows_record(const isa::Instruction& instruction) {
  return goes_to_gm(instruction) ||
         (isa::row(instruction.op)->family == isa::Family::dma && !has_work_record(instruction));
}

}  // namespace

TileCore::TileCore(Replay& replay, std::span<const isa::Instruction> code, CrossFlags& cross, uint32_t member,
                   uint32_t core, Seat seat)
    : replay_(replay),
      code_(code),
      cross_(cross),
      member_(member),
      core_(core),
      seat_(std::move(seat)),
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
  units_.clear();
  cube_end_ = -1;
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

// Something happened that a waiting pipe or the scalar unit may have waited for.
void TileCore::unblock() {
  for (Pipe& pipe : pipes_) pipe.blocked = false;
  resume_scalar();
}

void TileCore::block_scalar(Stall reason) {
  scalar_blocked_ = true;
  scalar_waits_for_ = reason;
}

void TileCore::resume_scalar() {
  if (!scalar_blocked_) return;
  scalar_blocked_ = false;
  if (replay_.now <= scalar_) return;
  replay_.stall(scalar_waits_for_, index_, replay_.now - scalar_);
  scalar_ = replay_.now;
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
        busy_[kScalar] += replay_.table.busy_before[first + count] - replay_.table.busy_before[first];
        instructions_[kScalar] += count;
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

// The records of an instruction, once they are all there: an ordered one gets its own in the next round.
bool TileCore::take_records(Step& step, const isa::Instruction& instruction) {
  Stream& stream = block_->streams[0];
  const std::vector<uint64_t>& words = stream.accesses;
  size_t at = stream.access_at;
  if (has_work_record(instruction)) {
    if (at + 1 < words.size()) {
      step.work = words[at] >> 32;
      step.shape = words[at + 1];
      at += 2;
    } else if (!block_->finished) {
      return false;
    }
  }
  if (has_rows_record(instruction)) {
    if (at >= words.size() && !block_->finished) return false;
    uint64_t header = at < words.size() ? words[at] : 0;
    ++at;
    for (uint64_t row = 0; row < (header >> 16 & 0xFFFF) && at + 1 < words.size(); ++row)
      for (unsigned i = words[at] >> 32 ? 3 : 2; i > 0 && at < words.size(); --i) step.rows.push_back(words[at++]);
  }
  stream.access_at = std::min(at, words.size());
  return true;
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
      Step step;
      step.issued = at + cost.latency;
      step.instruction = index_;
      unsigned pipe = kScalar;
      switch (instruction.op) {
        case Opcode::SetFlag:
          step.act = Act::set_flag;
          pipe = static_cast<unsigned>(isa::field::Flag::get_src(instruction));
          break;
        case Opcode::WaitFlag:
          step.act = Act::wait_flag;
          pipe = static_cast<unsigned>(isa::field::Flag::get_to(instruction));
          break;
        case Opcode::PipeBarrier:
          step.act = Act::barrier;
          pipe = static_cast<unsigned>(isa::field::PipeBarrier::get_pipe(instruction));
          break;
        case Opcode::CrossSet:
        case Opcode::CrossWait:
          step.act = instruction.op == Opcode::CrossSet ? Act::cross_set : Act::cross_wait;
          pipe = static_cast<unsigned>(isa::field::CrossFlag::get_pipe(instruction));
          break;
        default:
          pipe = static_cast<unsigned>(isa::row(instruction.op)->pipe);
          break;
      }
      const bool is_flag = step.act == Act::set_flag || step.act == Act::wait_flag;
      if (pipe < kPipes && pipe != kScalar && pipes_[pipe].queue.size() >= pipes_[pipe].depth)
        return block_scalar(Stall::queue);
      if (is_flag) {
        step.event = isa::field::Flag::get_id(instruction);
        if (instruction.a != isa::operand::kZero) {
          const Stream& stream = block_->streams[0];
          if (stream.access_at < stream.accesses.size()) step.event = stream.accesses[stream.access_at] >> 32 & 7;
        }
      }
      if (pipe == kAllPipes) {  // everything drains before the program goes on
        for (const Pipe& other : pipes_)
          if (!other.queue.empty()) return block_scalar(Stall::drain);
        Ticks drained = at;
        for (const Pipe& other : pipes_) drained = std::max(drained, other.done);
        drained += ticks_of_cycles(replay_.machine.chip.sync.pipe_barrier_cycles);
        replay_.stall(Stall::drain, index_, drained - at);
        scalar_ = drained;
      } else if (pipe == kScalar) {
        pipes_[kScalar].free = pipes_[kScalar].done = at;
        if (perform(kScalar, step) != Progress::done)
          return block_scalar(step.act == Act::cross_wait ? Stall::cross : Stall::flag);
        if (pipes_[kScalar].free > at)
          replay_.stall(step.act == Act::cross_wait ? Stall::cross : Stall::flag, index_, pipes_[kScalar].free - at);
        scalar_ = pipes_[kScalar].free;
      } else {
        if (step.act == Act::work && !take_records(step, instruction)) {
          starved_ = true;
          return;
        }
        pipes_[pipe].queue.push_back(std::move(step));
      }
      if (is_flag && instruction.a != isa::operand::kZero) ++block_->streams[0].access_at;
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
  Step& step = pipe.queue.front();
  if (!step.seen) {
    step.seen = true;
    step.since = replay_.now;
  }
  switch (perform(number, step)) {
    case Progress::blocked:
      pipe.blocked = true;
      return false;
    case Progress::later:
      return true;
    case Progress::done:
      break;
  }
  pipe.queue.pop_front();
  resume_scalar();  // it may have waited for room, or for the queues to drain
  return true;
}

std::deque<Ticks>& TileCore::flag(const isa::Instruction& instruction, uint32_t event) {
  const unsigned from = static_cast<unsigned>(isa::field::Flag::get_src(instruction)) % kPipes;
  const unsigned to = static_cast<unsigned>(isa::field::Flag::get_to(instruction)) % kPipes;
  return flags_[(from * kPipes + to) * 8 + event % 8];
}

// Lets the pipe do one instruction at `now`.
TileCore::Progress TileCore::perform(unsigned number, Step& step) {
  Pipe& pipe = pipes_[number];
  const isa::Instruction& instruction = code_[step.instruction];
  const machine::Sync& sync = replay_.machine.chip.sync;
  const Ticks now = replay_.now;
  // What a pipe waited for since the instruction was at the head of its free queue.
  auto charge = [&] {
    if (number == kScalar) return;
    const auto reason = static_cast<Stall>(static_cast<unsigned>(Stall::wait_v) + number - 1);
    if (pipe.free > step.since) replay_.stall(reason, step.instruction, pipe.free - step.since);
  };
  switch (step.act) {
    case Act::work:
      switch (instruction.op) {
        case Opcode::Mmad:
          return multiply(step);
        case Opcode::Fixpipe:
          return drain(step);
        case Opcode::L1L0a:
        case Opcode::L1L0b:
        case Opcode::L1Bt: {
          const Ticks end = now + replay_.tile.load(instruction.op, step.work);
          const Path path = instruction.op == Opcode::L1L0a   ? Path::l1_l0a
                            : instruction.op == Opcode::L1L0b ? Path::l1_l0b
                                                              : Path::l1_bt;
          replay_.tally.moved(path) += step.work;
          occupy(kMte1, step, now, end, end);
          return Progress::done;
        }
        case Opcode::DmaGmUb:
        case Opcode::DmaGmL1:
        case Opcode::DmaNd2Nz:
          load_rows(number, step);
          return Progress::done;
        case Opcode::DmaUbGm: {
          const Traffic traffic = traffic_of(step);
          step.work = traffic.bytes;
          const machine::Dma& dma = replay_.machine.chip.dma;
          const Ticks through =
              now + ticks_of_cycles(dma.store_head_cycles + double(traffic.bytes) / dma.store_bytes_per_cycle);
          store_rows(number, step, traffic, through, replay_.tally.moved(Path::ub_gm));
          return Progress::done;
        }
        default: {  // vec, set_quant
          const Ticks end = now + replay_.tile.vector(step.instruction, step.work, step.shape);
          if (number == kVector) replay_.tally.repeats += step.work;
          occupy(number, step, now, end, end);
          return Progress::done;
        }
      }
    case Act::set_flag: {
      Ticks set = std::max(pipe.done, now) + ticks_of_cycles(sync.flag_cycles);
      flag(instruction, step.event).push_back(set);
      unblock();
      return Progress::done;
    }
    case Act::wait_flag: {
      std::deque<Ticks>& set = flag(instruction, step.event);
      if (set.empty()) return Progress::blocked;
      const Ticks at = set.front();
      set.pop_front();
      if (replay_.trace && at > now)
        note_arrow(static_cast<unsigned>(isa::field::Flag::get_src(instruction)) % kPipes,
                   at - ticks_of_cycles(sync.flag_cycles), number, at);
      pipe.free = std::max({pipe.free, now, at});
      charge();
      return Progress::done;
    }
    case Act::barrier:
      pipe.free = std::max({pipe.free, pipe.done, now}) + ticks_of_cycles(sync.pipe_barrier_cycles);
      charge();
      return Progress::done;
    case Act::cross_set: {
      const uint32_t mode = isa::field::CrossFlag::get_mode(instruction) % 3;
      const uint32_t id = isa::field::CrossFlag::get_id(instruction);
      const uint64_t group = mode == 0 ? 0 : block_->index / seat_.group;
      cross_.set({mode, id, seat_.cube, group}, raised_[mode][id]++, std::max(pipe.done, now));
      std::vector<TileCore*> waiting = std::move(cross_.waiting);
      cross_.waiting.clear();
      for (TileCore* core : waiting) {
        core->unblock();
        core->wake_at(now);
      }
      return Progress::done;
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
        return Progress::blocked;
      }
      ++crossed_[mode][id];
      pipe.free = std::max({pipe.free, now, set + (mode == 0 ? replay_.cross_all : replay_.cross_group)});
      charge();
      return Progress::done;
    }
  }
  return Progress::done;
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
