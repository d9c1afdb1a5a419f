#include "device_sim/timing/device_memory.h"

#include <algorithm>
#include <bit>

#include "device_sim/core/events.h"

namespace phx::sim::timing {
namespace {
constexpr size_t kAhead = 6;         // lines are many and their sets lie far apart: fetched that many before
constexpr uint64_t kGroupLines = 4;  // from that many on rows are worth a group
}  // namespace

DeviceMemory::DeviceMemory(const machine::Machine& machine) {
  const machine::Chip& chip = machine.chip;
  const double clock = chip.clock_hz;
  line_bytes_ = static_cast<uint32_t>(std::max<int64_t>(128, chip.l2.line_bytes));
  line_shift_ = static_cast<unsigned>(std::countr_zero(std::bit_floor(line_bytes_ / 128u)));
  ways_ = static_cast<unsigned>(std::max<int64_t>(1, chip.l2.ways));
  sets_ = Remainder(static_cast<uint64_t>(std::max<int64_t>(1, chip.l2.size_bytes / (int64_t(line_bytes_) * ways_))));
  l2_read_ = Server::per_second(chip.l2.read_bytes_per_second, clock);
  l2_write_ = Server::per_second(chip.l2.write_bytes_per_second, clock);
  hbm_ = Server::per_second(chip.hbm.bytes_per_second(), clock);
  host_in = Server::per_second(chip.host.to_device_bytes_per_second, clock);
  host_out = Server::per_second(chip.host.from_device_bytes_per_second, clock);
  for (size_t level = 0; level < machine.system.levels.size(); ++level) {
    double port = machine.system.levels[level].port_bytes_per_second;
    if (port <= 0) port = chip.hbm.bytes_per_second();  // a level of one member is never crossed
    port_in[level] = port_out[level] = Server::per_second(port, clock);
  }
  atomic_ticks_ = ticks_of_cycles(chip.simt.gm_atomic_cycles);
  atomic_result_ticks_ = ticks_of_cycles(chip.simt.gm_atomic_result_cycles);
  atomic_l2_ticks_ = ticks_of_cycles(chip.simt.gm_atomic_result_cycles * chip.simt.gm_atomic_l2_share);
  atomic_turnaround_ticks_ = ticks_of_cycles(chip.simt.gm_atomic_turnaround_cycles);
}

void DeviceMemory::flush() {
  deferred_.clear();
  lines_.reset();
  places_.reset();
  groups_.clear();
  set_digests_.clear();
  contents_ = {};
  settle();
}

bool DeviceMemory::touch(uint64_t line, Ticks at, bool dirty, MemoryTally& tally, Line*& entry) {
  const uint64_t number = sets_.of(line);
  touched_[number] = 1;
  Line* set = &lines_[number * ways_];
  LineGroups::Place* places = &places_[number * ways_];
  const uint64_t tag = line + 1;
  unsigned way = 0;
  while (way < ways_ && (set[way].tag & kName) != tag) ++way;
  const bool hit = way < ways_;
  if (!hit) {
    way = oldest(places);
    if (set[way].tag & kDirty) {
      hbm_.serve(at, line_bytes_);
      tally.hbm_write += line_bytes_;
    }
    set[way] = {tag, 0};
  }
  groups_.leave(places[way]);
  places[way] = groups_.enter();
  if (dirty) set[way].tag |= kDirty;
  entry = set + way;
  return hit;
}

// Of those that nobody has asked for since order(), the last.
unsigned DeviceMemory::oldest(const LineGroups::Place* places) const {
  unsigned oldest = ways_ - 1;
  uint64_t age = groups_.age(places[oldest]);
  for (unsigned way = oldest; way > 0 && age > 0;) {
    const uint64_t other = groups_.age(places[--way]);
    if (other >= age) continue;
    age = other;
    oldest = way;
  }
  return oldest;
}

void DeviceMemory::order() {
  if (!lines_ || groups_.untouched()) return;
  std::vector<std::pair<uint64_t, Line>> set(ways_);
  for (uint64_t number = 0; number < sets_.divisor(); ++number) {
    if (!touched_[number]) continue;
    Line* lines = &lines_[number * ways_];
    LineGroups::Place* places = &places_[number * ways_];
    for (unsigned way = 0; way < ways_; ++way) {
      const std::pair<uint64_t, Line> one{groups_.age(places[way]), lines[way]};
      unsigned to = way;
      for (; to > 0 && set[to - 1].first < one.first; --to) set[to] = set[to - 1];
      set[to] = one;
    }
    for (unsigned way = 0; way < ways_; ++way) {
      lines[way] = set[way].second;
      places[way] = 0;
    }
  }
  groups_.clear();
}

// `line_at(i)`: number of the i-th L2 line; equal neighbours are one.
template <class LineAt>
void DeviceMemory::read_lines(size_t count, LineAt line_at, Ticks served, const AccessLatency& latency,
                              MemoryTally& tally, uint64_t overhead_bytes, Answer& answer) {
  uint64_t last = ~uint64_t{0};
  for (size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) prefetch(line_at(i + kAhead));
    const uint64_t line = line_at(i);
    if (line == last) continue;
    last = line;
    const uint64_t written = tally.hbm_write;
    Line* entry;
    if (touch(line, served, false, tally, entry)) {
      ++tally.l2_hits;
      if (const uint64_t absent = entry->tag & ~(kDirty | kName)) {
        const uint64_t bytes = 128u * static_cast<unsigned>(std::popcount(absent));
        entry->filled = hbm_.serve(served, bytes) + (latency.l2_miss - latency.l2_hit);
        tally.hbm_read += bytes;
        entry->tag &= ~absent;
      }
    } else {
      ++tally.l2_misses;
      ++answer.missed;
      Ticks fetched = hbm_.serve(served, line_bytes_ + overhead_bytes);
      if (latency.share) {
        const double lines = 1 + double(overhead_bytes + tally.hbm_write - written) / line_bytes_;
        fetched = std::min(fetched, latency.share->next(served, lines));
      }
      entry->filled =
          std::max(fetched, served + answer.missed * latency.miss_pace) + (latency.l2_miss - latency.l2_hit);
      overhead_bytes = 0;
      tally.hbm_read += line_bytes_;
    }
    answer.data = std::max(answer.data, entry->filled + latency.l2_hit);
  }
}

template <class LineAt>
void DeviceMemory::write_lines(size_t count, LineAt line_at, Ticks served, MemoryTally& tally, uint64_t overhead_bytes,
                               FairShare* share, Answer& answer) {
  uint64_t last = ~uint64_t{0};
  for (size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) prefetch(line_at(i + kAhead));
    const uint64_t line = line_at(i);
    if (line == last) continue;
    last = line;
    const uint64_t written = tally.hbm_write;
    Line* entry;
    if (touch(line, served, true, tally, entry)) {
      ++tally.l2_hits;
      ++tally.l2_write_hits;
    } else {
      ++tally.l2_misses;
      ++tally.l2_write_misses;
      ++answer.missed;
      if (share && tally.hbm_write != written) share->next(served, 1);
      if (overhead_bytes) hbm_.serve(served, overhead_bytes);
      overhead_bytes = 0;
    }
  }
}

DeviceMemory::Answer DeviceMemory::read(std::span<const Part> parts, Ticks at, const AccessLatency& latency,
                                        MemoryTally& tally, uint64_t overhead_bytes) {
  uint64_t bytes = 0;
  for (const Part& part : parts) bytes += part.bytes;
  const Ticks served = l2_read_.serve(at, bytes);
  tally.l2_read += bytes;
  Answer answer{served, served + latency.l2_hit};
  auto line_at = [&](size_t i) { return parts[i].line >> line_shift_; };
  read_lines(parts.size(), line_at, served, latency, tally, overhead_bytes, answer);
  return answer;
}

DeviceMemory::Answer DeviceMemory::read_sectors(std::span<const Part> parts, Ticks at, const AccessLatency& latency,
                                                MemoryTally& tally) {
  if (1u << line_shift_ > kMostSectors) return read(parts, at, latency, tally);
  uint64_t bytes = 0;
  for (const Part& part : parts) bytes += part.bytes;
  const Ticks served = l2_read_.serve(at, bytes);
  tally.l2_read += bytes;
  Answer answer{served, served + latency.l2_hit};
  const uint64_t all = ((uint64_t{1} << (1u << line_shift_)) - 1) << kAbsentShift;
  for (size_t i = 0; i < parts.size();) {
    if (i + kAhead < parts.size()) prefetch(parts[i + kAhead].line >> line_shift_);
    const uint64_t line = parts[i].line >> line_shift_;
    uint64_t asked = 0;
    for (; i < parts.size() && parts[i].line >> line_shift_ == line; ++i)
      asked |= uint64_t{1} << (kAbsentShift + (parts[i].line & ((1u << line_shift_) - 1)));
    Line* entry;
    if (!touch(line, served, false, tally, entry)) entry->tag |= all;
    const uint64_t fetched = entry->tag & asked;
    if (fetched) {
      ++tally.l2_misses;
      ++answer.missed;
      const uint64_t fill = 128u * static_cast<unsigned>(std::popcount(fetched));
      entry->filled = hbm_.serve(served, fill) + (latency.l2_miss - latency.l2_hit);
      tally.hbm_read += fill;
      entry->tag &= ~fetched;
    } else {
      ++tally.l2_hits;
    }
    answer.data = std::max(answer.data, entry->filled + latency.l2_hit);
  }
  return answer;
}

DeviceMemory::Answer DeviceMemory::write(std::span<const Part> parts, Ticks at, MemoryTally& tally,
                                         uint64_t overhead_bytes) {
  uint64_t bytes = 0;
  for (const Part& part : parts) bytes += part.bytes;
  const Ticks served = l2_write_.serve(at, bytes);
  tally.l2_write += bytes;
  Answer answer{served, served};
  auto line_at = [&](size_t i) { return parts[i].line >> line_shift_; };
  write_lines(parts.size(), line_at, served, tally, overhead_bytes, nullptr, answer);
  return answer;
}

// The lines of rows in their order, into asked_; two neighbours are never equal.
void DeviceMemory::list_lines(std::span<const Rows> rows) {
  asked_.clear();
  for (const Rows& row : rows) {
    if (row.bytes == 0) continue;
    for (uint64_t k = 0; k < row.count; ++k) {
      const uint64_t first = row.line + k * row.pitch / kLineBytes;
      const uint64_t end = (first + (row.bytes - 1) / kLineBytes) >> line_shift_;
      uint64_t line = first >> line_shift_;
      if (!asked_.empty() && asked_.back() == line) ++line;
      for (; line <= end; ++line) asked_.push_back(line);
    }
  }
}

DeviceMemory::Answer DeviceMemory::read(std::span<const Rows> rows, Ticks at, const AccessLatency& latency,
                                        MemoryTally& tally, uint64_t overhead_bytes) {
  uint64_t bytes = 0;
  for (const Rows& row : rows) bytes += row.size();
  const Ticks served = l2_read_.serve(at, bytes);
  tally.l2_read += bytes;
  Answer answer{served, served + latency.l2_hit};
  const bool grouped = rows.size() == 1 && bytes >= kGroupLines * line_bytes_;
  if (grouped)
    if (const LineGroups::Group* group = groups_.again(rows[0], false)) {
      tally.l2_hits += group->lines;
      answer.data = std::max(answer.data, group->filled + latency.l2_hit);
      return answer;
    }
  list_lines(rows);
  if (grouped) groups_.begin(rows[0]);
  const Ticks before = answer.data;
  auto line_at = [&](size_t i) { return asked_[i]; };
  read_lines(asked_.size(), line_at, served, latency, tally, overhead_bytes, answer);
  if (grouped) groups_.end(asked_.size(), false, answer.data > before ? answer.data - latency.l2_hit : 0);
  return answer;
}

DeviceMemory::Answer DeviceMemory::write(std::span<const Rows> rows, Ticks at, MemoryTally& tally,
                                         uint64_t overhead_bytes, FairShare* share) {
  uint64_t bytes = 0;
  for (const Rows& row : rows) bytes += row.size();
  const Ticks served = l2_write_.serve(at, bytes);
  tally.l2_write += bytes;
  Answer answer{served, served};
  list_lines(rows);
  auto line_at = [&](size_t i) { return asked_[i]; };
  write_lines(asked_.size(), line_at, served, tally, overhead_bytes, share, answer);
  return answer;
}

bool DeviceMemory::holds(uint64_t line) const {
  const Line* set = &lines_[sets_.of(line) * ways_];
  return std::any_of(set, set + ways_, [&](const Line& one) { return (one.tag & kName) == line + 1; });
}

DeviceMemory::Answer DeviceMemory::stream_in(std::span<const Rows> rows, Ticks at, const AccessLatency& latency,
                                             MemoryTally& tally, uint64_t overhead_bytes) {
  uint64_t bytes = 0;
  for (const Rows& row : rows) bytes += row.size();
  const Ticks served = l2_read_.serve(at, bytes);
  tally.l2_read += bytes;
  Answer answer{served, served + latency.l2_hit};
  list_lines(rows);
  for (uint64_t line : asked_) {
    Ticks filled;
    if (holds(line)) {
      Line* entry;
      touch(line, served, false, tally, entry);
      filled = entry->filled;
      ++tally.l2_hits;
    } else {
      filled = hbm_.serve(served, line_bytes_ + overhead_bytes);
      if (latency.share)
        filled = std::min(filled, latency.share->next(served, 1 + double(overhead_bytes) / line_bytes_));
      filled += latency.l2_miss - latency.l2_hit;
      overhead_bytes = 0;
      tally.hbm_read += line_bytes_;
      ++tally.l2_misses;
      ++answer.missed;
    }
    answer.data = std::max(answer.data, filled + latency.l2_hit);
  }
  return answer;
}

DeviceMemory::Answer DeviceMemory::stream_out(std::span<const Rows> rows, Ticks at, MemoryTally& tally) {
  uint64_t bytes = 0;
  for (const Rows& row : rows) bytes += row.size();
  const Ticks served = l2_write_.serve(at, bytes);
  tally.l2_write += bytes;
  list_lines(rows);
  for (uint64_t line : asked_) {
    if (!holds(line)) {
      ++tally.l2_misses;
      ++tally.l2_write_misses;
      continue;
    }
    Line* entry;
    touch(line, served, false, tally, entry);
    // What else was dirty in the line goes with it; the rows do not say how much that is.
    entry->tag &= ~kDirty;
    ++tally.l2_hits;
    ++tally.l2_write_hits;
  }
  tally.hbm_write += bytes;
  const Ticks through = hbm_.serve(served, bytes);
  return {through, through};
}

DeviceMemory::Answer DeviceMemory::atomic(std::span<const Part> parts, uint32_t turns, uint32_t lanes, Ticks at,
                                          const AccessLatency& latency, MemoryTally& tally) {
  // Read into the L2, then take turns in each sector; the result leaves when the last turn is over.
  Answer answer = read(parts, at, {0, latency.l2_miss - latency.l2_hit}, tally);
  Ticks served = answer.data;
  if (turns_.empty()) turns_.resize(kTurnEntries);
  auto turn_of = [&](uint64_t place) -> Ticks& {
    return turns_[(place * 0x9E3779B97F4A7C15ull) >> (64 - std::countr_zero(kTurnEntries))];
  };
  for (const Part& part : parts) {
    Line* entry;
    touch(part.line >> line_shift_, served, true, tally, entry);
    if (lanes && atomic_result_ticks_) {
      const auto share = static_cast<Ticks>((lanes + parts.size() - 1) / parts.size());
      Ticks& turn = turn_of(part.line * 4);
      turn = std::max(turn, at) + share * atomic_result_ticks_;
      // The 128-byte lines of an L2 line also share what executes them (fitted on the same measurements).
      Ticks& unit = turn_of((part.line >> line_shift_) * 4 + (uint64_t{1} << 60));
      unit = std::max(unit, at) + share * atomic_l2_ticks_;
      served = std::max({served, turn, unit, at + share * atomic_turnaround_ticks_});
      continue;
    }
    for (uint32_t sectors = part.sectors; sectors; sectors &= sectors - 1) {
      Ticks& turn = turn_of(part.line * 4 + static_cast<uint64_t>(std::countr_zero(sectors)));
      turn = std::max(turn, at) + Ticks(turns) * atomic_ticks_;
      served = std::max(served, turn);
    }
  }
  latest_turn_ = std::max(latest_turn_, served);
  return {served, served + latency.l2_hit, answer.missed};
}

}  // namespace phx::sim::timing
