#include <phalanx/hal/telemetry.h>

namespace phx::hal {

const char* fault_name(FaultKind kind) {
  switch (kind) {
    case FaultKind::out_of_bounds:
      return "out of bounds";
    case FaultKind::misaligned:
      return "misaligned access";
    case FaultKind::use_after_free:
      return "use after free";
    case FaultKind::host_pointer:
      return "host pointer on the device";
    case FaultKind::write_to_read_only:
      return "write to read-only memory";
    case FaultKind::uninitialized_read:
      return "uninitialised read";
    case FaultKind::missing_flag:
      return "missing flag between pipes";
    case FaultKind::race:
      return "race";
    case FaultKind::divergent_barrier:
      return "divergent barrier";
    case FaultKind::deadlock:
      return "deadlock";
    case FaultKind::watchdog:
      return "watchdog";
    case FaultKind::illegal_encoding:
      return "illegal encoding";
    case FaultKind::unsupported:
      return "unsupported on this machine";
    case FaultKind::out_of_resources:
      return "out of resources";
    case FaultKind::assertion:
      return "assertion failed";
    case FaultKind::trap:
      return "trap";
    case FaultKind::cancelled:
      return "cancelled";
  }
  return "unknown";
}

}  // namespace phx::hal
