// Energy of a launch or a transfer from what it did: operations and bytes times the machine file's `power.*`.
//
// Energies on the chip are given for a reference technology. One factor brings them to the chip: with it, the design
// load draws power.tdp (docs/energy.md). So the model is fitted to the design power and the idle power, and to nothing
// else.
#pragma once

#include <map>
#include <string>

#include "device_sim/machine/machine.h"
#include "device_sim/timing/engine.h"

namespace phx::sim {

// Joules by part: "cube", "vector", "simt", "scalar", "mte" (L1, L0 and UB on the way in and out), "fixpipe", "l2",
// "hbm", "link", "host_link", "idle".
using Energy = std::map<std::string, double>;

// `members`: devices that the launch ran on; all of them idle for its whole time beside what they do.
Energy energy_of(const LaunchCounters& counters, size_t members, const machine::Machine& machine);
// Of a copy of `bytes`; without idle power.
Energy energy_of(CopyPath path, uint64_t bytes, const machine::Machine& machine);

// The factor on the energies of the chip itself. Design load: every cube multiplies f16 at its full rate in tiles of
// 128 x 256 whose operands come from the L2, and device memory delivers what it can.
double on_chip_scale(const machine::Machine& machine);

}  // namespace phx::sim
