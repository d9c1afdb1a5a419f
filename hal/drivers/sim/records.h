// From the simulator's results to telemetry records.
#pragma once

#include <phalanx/hal/telemetry.h>

#include "device_sim/system/system.h"

namespace phx::hal::sim {

FaultRecord fault_record(const phx::sim::Fault& fault);

// Everything of a launch but when it started, and its label.
KernelRecord kernel_record(const phx::sim::LaunchResult& result, const phx::sim::LaunchRequest& request,
                           const machine::Machine& machine);

}  // namespace phx::hal::sim
