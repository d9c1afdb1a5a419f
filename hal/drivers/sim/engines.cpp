#include "hal/drivers/sim/engines.h"

namespace phx::hal::sim {

SimTime Engines::cores_free(std::span<const uint16_t> members, Cores cores, SimTime ready) const {
  const uint64_t asked[] = {cores.vector, cores.cube};
  for (uint16_t member : members)
    for (int kind = 0; kind < 2; ++kind) {
      const std::vector<SimTime>& free = devices_[member].cores[kind];
      if (const uint64_t wanted = std::min<uint64_t>(asked[kind], free.size()))
        ready = std::max(ready, free[wanted - 1]);
    }
  return ready;
}

void Engines::take_cores(std::span<const uint16_t> members, Cores cores, SimTime start, SimTime end) {
  const uint64_t asked[] = {cores.vector, cores.cube};
  for (uint16_t member : members)
    for (int kind = 0; kind < 2; ++kind) {
      std::vector<SimTime>& free = devices_[member].cores[kind];
      const uint64_t wanted = std::min<uint64_t>(asked[kind], free.size());
      // Of the cores free by then, those that became free last: the others stay available to earlier starts.
      auto end_of_free = std::upper_bound(free.begin(), free.end(), start);
      std::fill(end_of_free - static_cast<std::ptrdiff_t>(wanted), end_of_free, end);
      std::sort(free.begin(), free.end());
    }
}

SimTime Engines::lane_free(std::span<const uint16_t> members, Lane lane, SimTime ready) const {
  for (uint16_t member : members) ready = std::max(ready, devices_[member].lanes[static_cast<int>(lane)]);
  return ready;
}

void Engines::take_lane(std::span<const uint16_t> members, Lane lane, SimTime end) {
  for (uint16_t member : members) devices_[member].lanes[static_cast<int>(lane)] = end;
}

}  // namespace phx::hal::sim
