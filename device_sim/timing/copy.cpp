#include "device_sim/timing/engine.h"

namespace phx::sim {

double copy_seconds(const machine::Machine& machine, CopyPath path, uint64_t bytes) {
  const machine::Host& host = machine.chip.host;
  const double size = static_cast<double>(bytes);
  if (path.from == kHostHome && path.to == kHostHome) return 0;  // host code is free
  if (path.from == kHostHome) return host.link_latency_ns * 1e-9 + size / host.to_device_bytes_per_second;
  if (path.to == kHostHome) return host.link_latency_ns * 1e-9 + size / host.from_device_bytes_per_second;
  const double memory = machine.chip.hbm.bytes_per_second();
  if (path.from == path.to) {  // every byte is read and written
    return machine.chip.hbm.miss_latency_cycles / machine.chip.clock_hz + 2 * size / memory;
  }
  Expected<machine::Path> way = machine::path(machine, path.from, path.to);
  if (!way) return 2 * size / memory;
  return way->latency_seconds() + way->copy_setup_ns * 1e-9 +
         size / (path.pulled ? way->copy_read_bytes_per_second : way->write_bytes_per_second);
}

}  // namespace phx::sim
