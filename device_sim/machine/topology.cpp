#include <algorithm>

#include "device_sim/machine/machine.h"

namespace phx::machine {

int64_t Chip::dcache_bytes(int64_t shared_in_use) const {
  int64_t set = simt.dcache_line_bytes * simt.dcache_ways;
  int64_t left = std::clamp(buffers.ub_usable_bytes() - shared_in_use, simt.dcache_least_bytes, simt.dcache_bytes);
  return std::max(left / set, int64_t{1}) * set;
}

int64_t System::devices() const {
  int64_t count = 1;
  for (const Level& level : levels) count *= level.members;
  return count;
}

int64_t System::packages() const { return devices() / levels[0].members; }

Expected<Path> path(const Machine& machine, int64_t from, int64_t to) {
  const int64_t devices = machine.system.devices();
  for (int64_t device : {from, to}) {
    if (device < 0 || device >= devices) {
      return error("device " + std::to_string(device) + " does not exist: " + machine.name + " has devices 0 to " +
                   std::to_string(devices - 1));
    }
  }
  if (from == to) {
    double local = machine.chip.hbm.bytes_per_second();
    return Path{"device", 0, 0, local, local, local, 0, 0};
  }
  // The innermost level whose unit holds both devices is the outermost that the access crosses.
  for (const Level& level : machine.system.levels) {
    from /= level.members;
    to /= level.members;
    if (from == to)
      return Path{level.name,
                  level.hops,
                  level.latency_ns,
                  level.read_bytes_per_second,
                  level.write_bytes_per_second,
                  level.copy_read_bytes_per_second > 0 ? level.copy_read_bytes_per_second : level.read_bytes_per_second,
                  level.copy_setup_ns,
                  level.pj_per_byte};
  }
  return error("devices are not connected");  // unreachable: the last level holds every device
}

}  // namespace phx::machine
