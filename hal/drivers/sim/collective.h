// Collectives on the virtual machine: the values, and how long a ring takes.
#pragma once

#include <phalanx/hal/command_buffer.h>
#include <phalanx/hal/group.h>

#include "hal/drivers/sim/machine_state.h"

namespace phx::hal::sim {

// Moves and combines the bytes. Members are combined in order 0, 1, 2, ..., each step rounded to the element type, so
// the result is the same on every member and in every run. device_fault if memory is not there.
Status run_collective(MachineState& machine, const Collective& collective, const Bindings& bindings);

// Duration on a ring over the members in order: a pipeline of steps, each as slow as the slowest hop of the ring.
//   all_reduce 2(n-1) steps of count/n, all_gather and reduce_scatter n-1 steps of one part, broadcast and reduce n-1
//   hops in pipelined pieces, all_to_all n-1 steps of count.
SimTime collective_time(const Collective& collective, const Topology& topology);

}  // namespace phx::hal::sim
