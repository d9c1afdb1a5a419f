#include "device_sim/timing/device_memory.h"

#include <bit>
#include <cstring>

namespace phx::sim::timing {
namespace {
constexpr size_t kTurnEntries = size_t{1} << 14;
}

DeviceMemory::DeviceMemory(const machine::Machine& machine) : turns_(kTurnEntries) {
  const machine::Chip& chip = machine.chip;
  const double clock = chip.clock_hz;
  line_bytes_ = static_cast<uint32_t>(std::max<int64_t>(128, chip.l2.line_bytes));
  line_shift_ = static_cast<unsigned>(std::countr_zero(std::bit_floor(line_bytes_ / 128u)));
  ways_ = static_cast<unsigned>(std::max<int64_t>(1, chip.l2.ways));
  sets_ = Remainder(static_cast<uint64_t>(std::max<int64_t>(1, chip.l2.size_bytes / (int64_t(line_bytes_) * ways_))));
  lines_.reset(static_cast<Line*>(std::calloc(sets_.divisor() * ways_, sizeof(Line))));
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
}

void DeviceMemory::flush() { lines_.reset(static_cast<Line*>(std::calloc(sets_.divisor() * ways_, sizeof(Line)))); }

bool DeviceMemory::touch(uint64_t line, Ticks at, bool dirty, MemoryTally& tally, Line*& entry) {
  Line* set = &lines_[sets_.of(line) * ways_];
  const uint64_t tag = line + 1;
  unsigned way = 0;
  while (way < ways_ && (set[way].tag & ~kDirty) != tag) ++way;
  bool hit = way < ways_;
  if (!hit) {
    way = ways_ - 1;
    if (set[way].tag & kDirty) {
      hbm_.serve(at, line_bytes_);
      tally.hbm_write += line_bytes_;
    }
  }
  Line moved = hit ? set[way] : Line{tag, 0};
  if (way) std::memmove(set + 1, set, way * sizeof(Line));
  if (dirty) moved.tag |= kDirty;
  set[0] = moved;
  entry = set;
  return hit;
}

DeviceMemory::Answer DeviceMemory::read(std::span<const Part> parts, Ticks at, const AccessLatency& latency,
                                        MemoryTally& tally, uint64_t overhead_bytes) {
  uint64_t bytes = 0;
  for (const Part& part : parts) bytes += part.bytes;
  Ticks served = l2_read_.serve(at, bytes);
  tally.l2_read += bytes;
  Answer answer{served, served + latency.l2_hit};
  uint64_t last = ~uint64_t{0};
  for (size_t i = 0; i < parts.size(); ++i) {
    prefetch(parts, i);
    uint64_t line = parts[i].line >> line_shift_;
    if (line == last) continue;
    last = line;
    Line* entry;
    if (touch(line, served, false, tally, entry)) {
      ++tally.l2_hits;
    } else {
      ++tally.l2_misses;
      ++answer.missed;
      entry->filled = hbm_.serve(served, line_bytes_ + overhead_bytes) + (latency.l2_miss - latency.l2_hit);
      overhead_bytes = 0;
      tally.hbm_read += line_bytes_;
    }
    answer.data = std::max(answer.data, entry->filled + latency.l2_hit);
  }
  return answer;
}

DeviceMemory::Answer DeviceMemory::write(std::span<const Part> parts, Ticks at, MemoryTally& tally,
                                         uint64_t overhead_bytes) {
  uint64_t bytes = 0;
  for (const Part& part : parts) bytes += part.bytes;
  Ticks served = l2_write_.serve(at, bytes);
  tally.l2_write += bytes;
  Answer answer{served, served};
  uint64_t last = ~uint64_t{0};
  for (size_t i = 0; i < parts.size(); ++i) {
    prefetch(parts, i);
    uint64_t line = parts[i].line >> line_shift_;
    if (line == last) continue;
    last = line;
    Line* entry;
    if (touch(line, served, true, tally, entry)) {
      ++tally.l2_hits;
    } else {
      ++tally.l2_misses;
      ++answer.missed;
      if (overhead_bytes) hbm_.serve(served, overhead_bytes);
      overhead_bytes = 0;
    }
  }
  return answer;
}

DeviceMemory::Answer DeviceMemory::atomic(std::span<const Part> parts, uint32_t turns, Ticks at,
                                          const AccessLatency& latency, MemoryTally& tally) {
  // Read into the L2, then take turns in each sector; the result leaves when the last turn is over.
  Answer answer = read(parts, at, {0, latency.l2_miss - latency.l2_hit}, tally);
  Ticks served = answer.data;
  for (const Part& part : parts) {
    Line* entry;
    touch(part.line >> line_shift_, served, true, tally, entry);
    for (uint32_t sectors = part.sectors; sectors; sectors &= sectors - 1) {
      uint64_t sector = part.line * 4 + static_cast<uint64_t>(std::countr_zero(sectors));
      Ticks& turn = turns_[(sector * 0x9E3779B97F4A7C15ull) >> (64 - std::countr_zero(kTurnEntries))];
      turn = std::max(turn, at) + Ticks(turns) * atomic_ticks_;
      served = std::max(served, turn);
    }
  }
  return {served, served + latency.l2_hit, answer.missed};
}

}  // namespace phx::sim::timing
