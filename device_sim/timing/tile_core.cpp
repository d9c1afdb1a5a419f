#include "device_sim/timing/tile_core.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "device_sim/isa/fields.h"

namespace phx::sim::timing {
namespace {

using isa::Opcode;

constexpr uint64_t kLineMask = (uint64_t{1} << 44) - 1;
constexpr unsigned kScalar = static_cast<unsigned>(isa::Pipe::S), kVector = static_cast<unsigned>(isa::Pipe::V),
                   kMte1 = static_cast<unsigned>(isa::Pipe::MTE1);
constexpr unsigned kAllPipes = static_cast<unsigned>(isa::PipeField::PipeAll);

}  // namespace

TileCore::TileCore(Replay& replay, std::span<const isa::Instruction> code, CrossFlags& cross, uint32_t member,
                   uint32_t core, Seat seat)
    : replay_(replay),
      code_(code),
      cross_(cross),
      member_(member),
      core_(core),
      seat_(std::move(seat)),
      issues_(replay.issues),
      flags_(kPipes * kPipes * 8) {
  const machine::Chip& chip = replay.machine.chip;
  const auto cores = std::min<uint64_t>(seat_.programs, static_cast<uint64_t>(seat_.cube ? chip.aic : chip.aiv));
  share_.line =
      ticks_of_cycles(static_cast<double>(chip.l2.line_bytes) * static_cast<double>(std::max<uint64_t>(1, cores)) /
                      chip.hbm.bytes_per_second() * chip.clock_hz);
  latency_ = replay.dma_latency;
  latency_.share = &share_;
  const machine::Queues& queues = chip.queues;
  const int64_t depths[kPipes] = {
      1, queues.v_depth, queues.m_depth, queues.mte1_depth, queues.mte2_depth, queues.mte3_depth, queues.fix_depth};
  for (unsigned pipe = 0; pipe < kPipes; ++pipe)
    pipes_[pipe].queue.set_depth(static_cast<size_t>(std::max<int64_t>(1, depths[pipe])));
}

void TileCore::start_block(BlockReplay& block, Ticks at) {
  block_ = &block;
  const machine::Chip& chip = replay_.machine.chip;
  if (!std::exchange(started_, true)) at += ticks_of_ns(chip.launch.core_start_ns, chip.clock_hz);
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
  now_ = scalar_ = at;
  scalar_blocked_ = scalar_outside_ = ending_ = starved_ = false;
  waits_for_others_ = 0;
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
  if (scalar_waits_at_ == kPipes) resume_scalar();
}

// `pipe`: the scalar unit waits for room in its queue.
void TileCore::block_scalar(Stall reason, unsigned pipe) {
  scalar_blocked_ = true;
  scalar_waits_for_ = reason;
  scalar_waits_at_ = pipe;
}

void TileCore::resume_scalar() {
  if (!scalar_blocked_) return;
  scalar_blocked_ = false;
  if (now_ <= scalar_) return;
  replay_.stall(scalar_waits_for_, index_, now_ - scalar_);
  scalar_ = now_;
}

void TileCore::popped(unsigned number) {
  if (scalar_waits_at_ == kPipes || scalar_waits_at_ == number) resume_scalar();
}

Ticks TileCore::next_step(unsigned& who) const {
  Ticks next = kForever;
  for (unsigned number = 1; number < kPipes; ++number) {
    const Pipe& pipe = pipes_[number];
    if (pipe.queue.empty() || pipe.blocked) continue;
    const Ticks at = std::max(pipe.free, pipe.queue[0].issued);
    if (at >= next) continue;
    next = at;
    who = number;
  }
  return next;
}

void TileCore::run(Ticks event_time) {
  if (key_ != event_time || !block_) return;
  key_ = kForever;
  now_ = std::max(now_, replay_.now);
  for (;;) {
    unsigned who = kScalar;
    const Ticks pipes = next_step(who);
    const Ticks scalar = scalar_blocked_ || (ending_ && left_ == 0) ? kForever : scalar_;
    if (scalar <= pipes) who = kScalar;
    const Ticks next = std::min(scalar, pipes);
    if (next >= kForever) break;
    const Ticks at = std::max(now_, next);
    const bool outside = who == kScalar ? scalar_outside_ : pipes_[who].queue.front().outside;
    if (at > (outside ? replay_.now : horizon())) {
      wake_at(at);
      return;
    }
    now_ = at;
    if (who == kScalar)
      step_scalar();
    else
      step_pipe(who);
    if (starved_) {  // others may go on up to this step
      starved_ = false;
      replay_.paused = now_ <= replay_.now;
      wake_at(now_);
      return;
    }
  }
  replay_.reached = std::max(replay_.reached, now_);
  if (!ending_) return;
  Ticks end = scalar_;
  for (const Pipe& pipe : pipes_) {
    if (!pipe.queue.empty()) return;
    end = std::max(end, pipe.done);
  }
  BlockReplay& block = *block_;
  block_ = nullptr;
  replay_.warp_over(block, std::max(end, now_));
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
bool TileCore::take_records(Step& step, const TileIssue& issue) {
  Stream& stream = block_->streams[0];
  const std::vector<uint64_t>& words = stream.accesses;
  size_t at = stream.access_at;
  if (issue.work_record) {
    if (at + 1 < words.size()) {
      step.work = words[at] >> 32;
      step.shape = words[at + 1];
      at += 2;
    } else if (!block_->finished) {
      return false;
    }
  }
  if (issue.rows_record) {
    if (at >= words.size() && !block_->finished) return false;
    const uint64_t header = at < words.size() ? words[at] : 0;
    at = std::min(at + 1, words.size());
    const size_t begin = at;
    for (uint64_t row = 0; row < (header >> 16 & 0xFFFF) && at + 1 < words.size(); ++row)
      at = std::min(at + (words[at] >> 32 ? 3 : 2), words.size());
    take_rows(step.traffic, words.data() + begin, at - begin, code_[step.instruction].op == Opcode::DmaNd2Nz);
  }
  stream.access_at = std::min(at, words.size());
  return true;
}

// `converts`: from ND to NZ.
void TileCore::take_rows(Traffic& traffic, const uint64_t* words, size_t count, bool converts) {
  const machine::Dma& dma = replay_.machine.chip.dma;
  const uint64_t packet = static_cast<uint64_t>(std::max<int64_t>(32, dma.packet_bytes));
  traffic.bytes = 0;
  traffic.request_cycles = 0;
  traffic.rows = {};
  traffic.more.reset();
  size_t records = 0;
  for (size_t at = 0; at + 1 < count; ++records) {
    const uint64_t size = words[at] & 0xFFFFFFFF, more = words[at] >> 32, line = words[at + 1];
    const uint64_t pitch = more && at + 2 < count ? words[at + 2] : 0;
    at += more ? 3 : 2;
    double row = dma.request_cycles + double(size) / dma.bytes_per_cycle;
    if (converts && pitch % 32) row = std::max(row, double((size + packet - 1) / packet) * dma.nd2nz_unaligned_cycles);
    traffic.request_cycles += row * double(more + 1);
    // Rows that follow one another within 128 bytes are served one after the other.
    if (more && pitch < kLineBytes && row < dma.same_line_cycles) {
      const uint64_t lines = more * pitch / kLineBytes + 1;
      traffic.request_cycles += (dma.same_line_cycles - row) * double(more + 1 - std::min(more + 1, lines));
    }
    traffic.bytes += size * (more + 1);
    const HomedRows homed{static_cast<uint16_t>(line >> 48),
                          static_cast<uint32_t>(records),
                          {line >> 4 & kLineMask, size, more + 1, pitch}};
    if (records == 0) {
      traffic.rows = homed;
      continue;
    }
    if (records == 1) traffic.more = std::make_unique<std::vector<HomedRows>>(1, traffic.rows);
    traffic.more->push_back(homed);
  }
  if (traffic.more)
    std::sort(traffic.more->begin(), traffic.more->end(), [](const HomedRows& a, const HomedRows& b) {
      return a.home != b.home ? a.home < b.home : a.number < b.number;
    });
}

// Issues scalar instructions until one comes that a pipe or memory could see after something else has happened.
void TileCore::step_scalar() {
  unsigned who = kScalar;
  for (;;) {
    if (left_ == 0 && !next_run()) return;
    const Cost& cost = replay_.table.costs[index_];
    Ticks at = scalar_;
    for (unsigned i = 0; i < cost.hazards; ++i) at = std::max(at, ready_[cost.slots[i]]);
    if (at > scalar_) {
      replay_.stall(Stall::dependency, index_, at - scalar_);
      scalar_ = at;
    }
    const TileIssue& issue = issues_[index_];
    if (cost.flags & (kTile | kMemory)) {
      scalar_outside_ = cost.flags & kMemory || (issue.outside && issue.pipe == kScalar);
      if (at > now_ && at > next_step(who)) return;                                  // after that
      if (std::max(at, now_) > (scalar_outside_ ? replay_.now : horizon())) return;  // again at that time
      now_ = std::max(now_, at);
    }
    Ticks latency = cost.latency;
    if (cost.flags & kTile) {
      const unsigned pipe = issue.pipe;
      if (pipe < kPipes && pipe != kScalar && pipes_[pipe].queue.full()) return block_scalar(Stall::queue, pipe);
      Step step;
      step.act = issue.act;
      step.outside = issue.outside;
      step.issued = at + cost.latency;
      step.instruction = index_;
      step.event = issue.event;
      if (issue.event_record) {
        const Stream& stream = block_->streams[0];
        if (stream.access_at < stream.accesses.size()) step.event = stream.accesses[stream.access_at] >> 32 & 7;
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
        if (step.act == Act::work && !take_records(step, issue)) {
          starved_ = true;
          return;
        }
        pipes_[pipe].queue.push(std::move(step));
      }
      if (issue.event_record) ++block_->streams[0].access_at;
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
    step.since = now_;
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
  pipe.queue.pop();
  popped(number);
  return true;
}

TileCore::FlagTimes& TileCore::flag(const isa::Instruction& instruction, uint32_t event) {
  const unsigned from = static_cast<unsigned>(isa::field::Flag::get_src(instruction)) % kPipes;
  const unsigned to = static_cast<unsigned>(isa::field::Flag::get_to(instruction)) % kPipes;
  return flags_[(from * kPipes + to) * 8 + event % 8];
}

// Lets the pipe do one instruction at `now`.
TileCore::Progress TileCore::perform(unsigned number, Step& step) {
  Pipe& pipe = pipes_[number];
  const isa::Instruction& instruction = code_[step.instruction];
  const machine::Sync& sync = replay_.machine.chip.sync;
  const Ticks now = now_;
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
          step.work = step.traffic.bytes;
          const machine::Dma& dma = replay_.machine.chip.dma;
          const Ticks through =
              now + ticks_of_cycles(dma.store_head_cycles + double(step.work) / dma.store_bytes_per_cycle);
          store_rows(number, step, through, replay_.tally.moved(Path::ub_gm));
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
      flag(instruction, step.event).push(set);
      unblock();
      return Progress::done;
    }
    case Act::wait_flag: {
      FlagTimes& set = flag(instruction, step.event);
      if (set.empty()) return Progress::blocked;
      const Ticks at = set.pop();
      if (replay_.trace && at > now)
        if (const unsigned from = static_cast<unsigned>(isa::field::Flag::get_src(instruction)) % kPipes;
            from != kScalar && number != kScalar)
          note_arrow("flag", lane_of(from), at - ticks_of_cycles(sync.flag_cycles), number, at);
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
      cross_.set({mode, id, seat_.cube, group}, raised_[mode][id]++, std::max(pipe.done, now), this, number);
      std::vector<TileCore*> waiting = std::move(cross_.waiting);
      cross_.waiting.clear();
      for (TileCore* core : waiting) {
        core->now_ = std::max(core->now_, now);
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
        waits_for_others_ |= 1u << number;
        return Progress::blocked;
      }
      waits_for_others_ &= ~(1u << number);
      ++crossed_[mode][id];
      const Ticks arrived = set + (mode == 0 ? replay_.cross_all : replay_.cross_group);
      if (replay_.trace && arrived > now && number != kScalar) {
        const auto [raiser, from] = cross_.raiser({mode, id, by_cube, group}, crossed_[mode][id] - 1);
        if (from != kScalar) note_arrow("cross flag", raiser->lane_of(from), set, number, arrived);
      }
      pipe.free = std::max({pipe.free, now, arrived});
      charge();
      return Progress::done;
    }
  }
  return Progress::done;
}

bool TileCore::give_up() {
  if (!block_) return false;
  now_ = std::max(now_, replay_.now);
  for (Pipe& pipe : pipes_) pipe.queue.clear();
  scalar_waits_at_ = kPipes;
  unblock();
  left_ = 0;
  ending_ = true;
  ++replay_.tally.unresolved;
  wake_at(replay_.now);
  return true;
}

}  // namespace phx::sim::timing
