// Engines: when the cores, copy engines and links of each device are free. What lies between single launches.
//
// A kernel takes one core per block up to all of them - vector cores, cube cores, or both - and starts when that many
// are free, so kernels that do not fill a device run side by side; a copy takes the copy engine of its direction on
// every member it touches. First come, first served, in the order of submission.
#pragma once

#include <phalanx/hal/sim_time.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace phx::hal::sim {

enum class Lane { to_device, from_device, between_devices };

// Cores of each kind; more than a device has mean all of them.
struct Cores {
  uint64_t vector = 0, cube = 0;
};

class Engines {
 public:
  Engines(uint32_t devices, Cores cores)
      : devices_(devices, Device{{std::vector<SimTime>(cores.vector, 0), std::vector<SimTime>(cores.cube, 0)}, {}}) {}

  // Earliest time from `ready` on at which every member has so many free ones.
  SimTime cores_free(std::span<const uint16_t> members, Cores cores, SimTime ready) const;
  void take_cores(std::span<const uint16_t> members, Cores cores, SimTime start, SimTime end);

  SimTime lane_free(std::span<const uint16_t> members, Lane lane, SimTime ready) const;
  void take_lane(std::span<const uint16_t> members, Lane lane, SimTime end);

 private:
  struct Device {
    std::vector<SimTime> cores[2];  // vector, cube: when each is free, ascending
    SimTime lanes[3];
  };
  std::vector<Device> devices_;
};

}  // namespace phx::hal::sim
