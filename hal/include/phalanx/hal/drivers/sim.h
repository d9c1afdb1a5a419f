// The sim driver: the virtual device behind the HAL.
//
// One phx::sim::System per opened driver. The System executes and times single launches and copies; what this driver
// adds is what lies between them: queues, which cores and copy engines are free when, telemetry, the service ring.
#pragma once

#include <phalanx/hal/driver.h>

namespace phx::hal::sim {

DriverKind driver_kind();

}  // namespace phx::hal::sim
