// Turns the tallies of a replay into the counters of a launch.
#pragma once

#include "device_sim/timing/engine.h"
#include "device_sim/timing/replay.h"

namespace phx::sim::timing {

// Cycles and overhead are the caller's.
void count(Replay& replay, const TimingEngine::Code& code, bool simt, LaunchCounters& counters);

}  // namespace phx::sim::timing
