#include "hal/drivers/sim/engines.h"

namespace phx::hal::sim {

SimTime Engines::cores_free(std::span<const uint16_t> members, uint64_t cores, SimTime ready) const {
  for (uint16_t member : members) {
    const std::vector<SimTime>& free = devices_[member].cores;
    uint64_t wanted = std::clamp<uint64_t>(cores, 1, free.size());
    ready = std::max(ready, free[wanted - 1]);
  }
  return ready;
}

void Engines::take_cores(std::span<const uint16_t> members, uint64_t cores, SimTime start, SimTime end) {
  for (uint16_t member : members) {
    std::vector<SimTime>& free = devices_[member].cores;
    uint64_t wanted = std::clamp<uint64_t>(cores, 1, free.size());
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
