// The memory side of one device: L2 contents, HBM, the turn-taking of atomics, and the ports that leave the device.
//
// All calls come in order of simulated time; the state outlives launches (DeviceTiming owns one of these).
#pragma once

#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include "device_sim/machine/machine.h"
#include "device_sim/timing/remainder.h"
#include "device_sim/timing/ticks.h"

namespace phx::sim::timing {

// Unloaded latencies of one kind of requester, from its request to its data.
struct AccessLatency {
  Ticks l2_hit = 0, l2_miss = 0;
};

struct MemoryTally {
  uint64_t l2_read = 0, l2_write = 0, hbm_read = 0, hbm_write = 0;  // bytes
  uint64_t l2_hits = 0, l2_misses = 0;                              // L2 lines asked for
};

class DeviceMemory {
 public:
  explicit DeviceMemory(const machine::Machine& machine);

  // A piece of an access: `line` is address / 128 B and `sectors` its 32-byte sectors, as in Access records.
  struct Part {
    uint64_t line = 0;
    uint32_t bytes = 0;
    uint32_t sectors = 0;  // atomics only
  };
  struct Answer {
    Ticks served;         // the L2 has done it: what an ordered operation's successor waits for
    Ticks data;           // the requester has it
    uint32_t missed = 0;  // L2 lines
  };
  Answer read(std::span<const Part> parts, Ticks at, const AccessLatency& latency, MemoryTally& tally,
              uint64_t overhead_bytes = 0);
  Answer write(std::span<const Part> parts, Ticks at, MemoryTally& tally, uint64_t overhead_bytes = 0);
  // `turns`: operations that have to follow one another in each sector.
  Answer atomic(std::span<const Part> parts, uint32_t turns, Ticks at, const AccessLatency& latency,
                MemoryTally& tally);

  void flush();  // empties the L2; dirty lines are lost without cost

  // To and from the host, and to and from the other devices across each topology level.
  Server host_in, host_out;
  Server port_in[4], port_out[4];

 private:
  struct Line {
    uint64_t tag;  // line number + 1, bit 63: dirty; 0 = empty
    Ticks filled;  // when the fill from HBM is there
  };
  struct FreeDeleter {
    void operator()(void* memory) const { std::free(memory); }
  };
  static constexpr uint64_t kDirty = uint64_t{1} << 63;

  // Parts are many and their sets lie far apart: fetches those that come next while one is looked at.
  void prefetch(std::span<const Part> parts, size_t at) const {
    constexpr size_t kAhead = 6;
    if (at + kAhead >= parts.size()) return;
    const Line* set = &lines_[sets_.of(parts[at + kAhead].line >> line_shift_) * ways_];
    for (unsigned way = 0; way < ways_; way += 64 / sizeof(Line)) __builtin_prefetch(set + way, 1);
  }
  // Moves the line to the front of its set; true if it was there. A dirty victim is written back from `at` on.
  bool touch(uint64_t line, Ticks at, bool dirty, MemoryTally& tally, Line*& entry);

  Remainder sets_{1};
  unsigned ways_ = 1;
  unsigned line_shift_ = 2;  // L2 line = 128-byte line >> line_shift_
  uint32_t line_bytes_ = 512;
  std::unique_ptr<Line[], FreeDeleter> lines_;  // set by set, most recently used first; untouched pages cost nothing
  Server l2_read_, l2_write_, hbm_;
  Ticks atomic_ticks_ = 0;

  std::vector<Ticks>
      turns_;  // by sector: when its last atomic is over; direct-mapped, colliding sectors take turns together
};

}  // namespace phx::sim::timing
