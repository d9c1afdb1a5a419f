// Turns the tallies of a replay into the counters of a launch.
#pragma once

#include "device_sim/timing/engine.h"
#include "device_sim/timing/replay.h"

namespace phx::sim::timing {

// `words`: code word of each instruction. Cycles and overhead are the caller's.
void count(Replay& replay, std::span<const uint32_t> words, LaunchCounters& counters);

}  // namespace phx::sim::timing
