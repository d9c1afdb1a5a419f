// What a launch finds in the memory side of its device and what it leaves there, in terms that hold for the same launch
// at another time, and at other addresses: the two ends of "identical work is timed once" (docs/timing.md).
//
// Times count from the launch's start, lines from the device's origin (DeviceMemory::set_origin). A uniform move of all
// addresses by whole L2 lines renames the lines of an L2 and rotates its sets, and changes nothing else.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "device_sim/timing/ticks.h"

namespace phx::sim::timing {

// Two launches of the same work that find equal conditions take equally long.
struct MemoryCondition {
  std::array<uint64_t, 2> contents{};  // digest of the L2: lines, their order in each set, which are dirty
  std::array<int64_t, 13> busy{};      // 2^-16 ticks that each server still works for what came before
};

struct LaunchEffect {
  static constexpr size_t kServers = 13;  // L2 read and write, HBM, host in and out, four ports in and four out
  static constexpr Ticks kUnchanged = -1;

  struct Line {
    uint64_t tag;  // of the L2 line, its number counted from the origin
    Ticks filled;  // 0: without a fill; kUnchanged: as it was before
  };
  struct Service {
    bool used = false;
    int64_t free = 0, busy = 0;  // 2^-16 ticks; `busy` is what this launch added
  };
  struct Turn {
    uint32_t entry;
    Ticks over;
  };

  // The sets that changed, each as it is after the launch; of a set only lines that hold something.
  std::vector<uint32_t> sets;  // counted from the origin's
  std::vector<uint8_t> held;   // lines of each
  std::vector<Line> lines;     // set by set, most recently used first
  std::vector<Turn> turns;
  std::array<Service, kServers> servers;
  std::array<uint64_t, 2> contents{};  // MemoryCondition::contents after the launch
  Ticks latest = 0;                    // end of its last fill or atomic's turn

  uint64_t bytes() const {
    return sizeof *this + sets.size() * 5 + lines.size() * sizeof(Line) + turns.size() * sizeof(Turn);
  }
};

}  // namespace phx::sim::timing
