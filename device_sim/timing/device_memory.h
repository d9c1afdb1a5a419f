// The memory side of one device: L2 contents, HBM, the turn-taking of atomics, and the ports that leave the device.
//
// All calls come in order of simulated time; the state outlives launches (DeviceTiming owns one of these).
#pragma once

#include <array>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "device_sim/machine/machine.h"
#include "device_sim/timing/launch_effect.h"
#include "device_sim/timing/line_groups.h"
#include "device_sim/timing/remainder.h"
#include "device_sim/timing/ticks.h"

namespace phx::sim::timing {

// A core's turn at device memory. Cores are served in equal parts: what one asks for is there, at the latest, when its
// own part of the bandwidth has brought it, however much others have asked for before.
struct FairShare {
  Ticks line = 0;   // an L2 line at the core's part of the bandwidth
  Ticks clock = 0;  // when that part has brought everything asked for so far
  // `lines`: fetched, or written back to make room.
  Ticks next(Ticks at, double lines) {
    return clock = std::max(clock, at) + static_cast<Ticks>(static_cast<double>(line) * lines + 0.5);
  }
};

// Unloaded latencies of one kind of requester, from its request to its data.
struct AccessLatency {
  Ticks l2_hit = 0, l2_miss = 0;
  Ticks miss_pace = 0;  // between two lines that one request fetches: whoever waits for such a line waits for its turn
  FairShare* share = nullptr;  // none: first come, first served
};

struct MemoryTally {
  uint64_t l2_read = 0, l2_write = 0, hbm_read = 0, hbm_write = 0;  // bytes
  uint64_t l2_hits = 0, l2_misses = 0;                              // L2 lines asked for
  uint64_t l2_write_hits = 0, l2_write_misses = 0;                  // of them by writes
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
  // The same, but of an L2 line that is not there only the sectors of 128 bytes are fetched that are asked for.
  Answer read_sectors(std::span<const Part> parts, Ticks at, const AccessLatency& latency, MemoryTally& tally);
  Answer write(std::span<const Part> parts, Ticks at, MemoryTally& tally, uint64_t overhead_bytes = 0);
  // The same for all lines of all rows.
  Answer read(std::span<const Rows> rows, Ticks at, const AccessLatency& latency, MemoryTally& tally,
              uint64_t overhead_bytes = 0);
  Answer write(std::span<const Rows> rows, Ticks at, MemoryTally& tally, uint64_t overhead_bytes = 0,
               FairShare* share = nullptr);
  // The same with the cache hint `stream`: lines that are not in the L2 are read from HBM and not kept; what is written
  // goes to HBM at once and leaves no dirty line (served: HBM has it).
  Answer stream_in(std::span<const Rows> rows, Ticks at, const AccessLatency& latency, MemoryTally& tally,
                   uint64_t overhead_bytes);
  Answer stream_out(std::span<const Rows> rows, Ticks at, MemoryTally& tally);
  // `turns`: operations that have to follow one another in each sector. `lanes`, if not 0: of a warp that follow one
  // another on their line and wait for each other's answers.
  Answer atomic(std::span<const Part> parts, uint32_t turns, uint32_t lanes, Ticks at, const AccessLatency& latency,
                MemoryTally& tally);

  void flush();  // empties the L2; dirty lines are lost without cost

  // --- Reuse of identical work (launch_effect.h). settle() comes before the first request and after every repeat().
  void settle();
  // Addresses are told apart by their distance from the origin, so that devices whose buffers lie alike are alike. It
  // can be chosen while nothing has been asked of the L2.
  bool untouched() const { return !lines_ && deferred_.empty(); }
  void set_origin(uint64_t line) { origin_ = line >> line_shift_; }  // numbers of 128-byte lines, as in Part
  uint64_t origin() const { return origin_ << line_shift_; }
  // Whether moving all addresses by multiples of `bytes` changes nothing but names of lines.
  bool moves_by(uint64_t bytes) const {
    return bytes % (uint64_t{128} << line_shift_) == 0 && bytes % line_bytes_ == 0;
  }
  // What a launch that starts at `at` finds; nullopt while a fill or an atomic's turn ends later.
  std::optional<MemoryCondition> condition(Ticks at);
  // What a launch that started at `start` has done since condition() was asked.
  LaunchEffect effect(Ticks start);
  // As if a launch with that effect had run from `start` on, which found the same condition.
  void repeat(std::shared_ptr<const LaunchEffect> effect, Ticks start);

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
  // Sectors of 128 bytes that have not been fetched, from this bit of a tag on.
  static constexpr unsigned kAbsentShift = 56, kMostSectors = 4;
  static constexpr uint64_t kName = (uint64_t{1} << kAbsentShift) - 1;

  void prefetch(uint64_t line) const {
    const uint64_t set = sets_.of(line) * ways_;
    for (unsigned way = 0; way < ways_; way += 64 / sizeof(Line)) __builtin_prefetch(&lines_[set + way], 1);
    for (unsigned way = 0; way < ways_; way += 64 / sizeof(LineGroups::Place))
      __builtin_prefetch(&places_[set + way], 1);
  }
  // The line is the youngest of its set from now on; true if it was there. A dirty victim is written back from `at` on.
  bool touch(uint64_t line, Ticks at, bool dirty, MemoryTally& tally, Line*& entry);
  bool holds(uint64_t line) const;
  unsigned oldest(const LineGroups::Place* places) const;  // way of a set
  // Puts the lines of each set in the order in which they were asked for, the last one first, and forgets their places.
  void order();
  template <class LineAt>
  void read_lines(size_t count, LineAt line_at, Ticks served, const AccessLatency& latency, MemoryTally& tally,
                  uint64_t overhead_bytes, Answer& answer);
  template <class LineAt>
  void write_lines(size_t count, LineAt line_at, Ticks served, MemoryTally& tally, uint64_t overhead_bytes,
                   FairShare* share, Answer& answer);
  void list_lines(std::span<const Rows> rows);

  Remainder sets_{1};
  unsigned ways_ = 1;
  unsigned line_shift_ = 2;  // L2 line = 128-byte line >> line_shift_
  uint32_t line_bytes_ = 512;
  std::unique_ptr<Line[], FreeDeleter> lines_;                // set by set; untouched pages cost nothing
  std::unique_ptr<LineGroups::Place[], FreeDeleter> places_;  // of each line since order()
  LineGroups groups_;
  std::vector<uint64_t> asked_;  // lines of the rows of a request
  Server l2_read_, l2_write_, hbm_;
  Ticks atomic_ticks_ = 0, atomic_result_ticks_ = 0, atomic_l2_ticks_ = 0, atomic_turnaround_ticks_ = 0;

  static constexpr size_t kTurnEntries = size_t{1} << 14;
  std::vector<Ticks>
      turns_;  // by sector: when its last atomic is over; direct-mapped, colliding sectors take turns together

  // Reuse (launch_effect.cpp).
  struct Deferred {
    std::shared_ptr<const LaunchEffect> effect;
    Ticks start;
  };
  std::array<Server*, LaunchEffect::kServers> servers();
  // The tag with its line's number moved, and all else that it says.
  static uint64_t moved(uint64_t tag, uint64_t by) { return (tag & ~kName) | ((tag + by) & kName); }
  uint64_t digest_of(const Line* set) const;
  void fold();
  void apply(const Deferred& deferred);
  uint64_t origin_ = 0;                 // number of an L2 line
  std::unique_ptr<uint8_t[]> touched_;  // by set: something has changed since fold()
  std::vector<uint64_t> set_digests_;   // of fold(); empty: nobody has asked yet
  std::array<uint64_t, 2> contents_{};  // their sum, mixed in two ways
  Ticks latest_ = 0;                    // end of the last fill that fold() has seen, or of an atomic's turn
  Ticks latest_turn_ = 0;
  std::array<Server::Books, LaunchEffect::kServers> books_{};  // when condition() was asked
  std::vector<Deferred> deferred_;                             // repeated, not yet in lines_
};

}  // namespace phx::sim::timing
