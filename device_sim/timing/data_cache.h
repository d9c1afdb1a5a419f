// Contents of one core's SIMT data cache: 128-byte lines of four sectors, least recently used first out.
#pragma once

#include <cstdint>
#include <vector>

#include "device_sim/timing/remainder.h"
#include "device_sim/timing/ticks.h"

namespace phx::sim::timing {

class DataCache {
 public:
  static constexpr uint32_t kNoRequest = ~0u;

  struct Line {
    uint64_t tag = 0;               // line number + 1; 0 = empty
    Ticks ready = 0;                // when its newest sectors arrived
    uint32_t request = kNoRequest;  // that still has to bring them
    uint8_t sectors = 0;            // there, or asked for
    bool dirty = false;             // local memory only: written back when it leaves
  };

  DataCache(int64_t bytes, int64_t ways)
      : ways_(static_cast<unsigned>(std::max<int64_t>(1, ways))),
        sets_(std::max<uint64_t>(1, static_cast<uint64_t>(bytes) / (128 * ways_))),
        lines_(sets_.divisor() * ways_) {}

  // The line if it is here, moved to the front of its set.
  Line* find(uint64_t line) {
    Line* set = set_of(line);
    for (unsigned way = 0; way < ways_; ++way) {
      if (set[way].tag != line + 1) continue;
      if (way) {
        Line found = set[way];
        for (unsigned i = way; i > 0; --i) set[i] = set[i - 1];
        set[0] = found;
      }
      return set;
    }
    return nullptr;
  }
  // The same without a trace in the order of use.
  Line* peek(uint64_t line) {
    Line* set = set_of(line);
    for (unsigned way = 0; way < ways_; ++way)
      if (set[way].tag == line + 1) return &set[way];
    return nullptr;
  }
  bool holds(uint64_t line, unsigned sectors) {
    const Line* found = peek(line);
    return found && (found->sectors & sectors) == sectors;
  }
  // Puts the line in the place of the oldest of its set, which is handed out.
  Line* insert(uint64_t line, Line& victim) {
    Line* set = set_of(line);
    victim = set[ways_ - 1];
    for (unsigned i = ways_ - 1; i > 0; --i) set[i] = set[i - 1];
    set[0] = Line{.tag = line + 1};
    return set;
  }

 private:
  Line* set_of(uint64_t line) { return &lines_[sets_.of(line) * ways_]; }

  unsigned ways_;
  Remainder sets_;
  std::vector<Line> lines_;
};

}  // namespace phx::sim::timing
