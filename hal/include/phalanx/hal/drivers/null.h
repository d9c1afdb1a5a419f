// The null driver: accepts everything, runs nothing. Commands have no effect on memory and each takes one nominal
// microsecond; order, waits, failures, addresses and limits are real. It tests what sits on the HAL without a
// machine, and it is the shortest driver to read before writing one.
//
// Its executables are text, one line per thing they contain:
//   kernel NAME ARGUMENT_BYTES
//   symbol NAME SIZE
#pragma once

#include <phalanx/hal/driver.h>

namespace phx::hal::null {

DriverKind driver_kind();

}  // namespace phx::hal::null
