// Racecheck between pieces of work: launches, copies and fills of any devices and streams.
//
// A piece of work may run beside an earlier one if it could have started before that one ended: whatever it waited for
// (its stream, events, the host) was over by then, so nothing orders the two, even if they found no engine free at the
// same time. Work that was submitted too late for that is taken to be ordered, so a missing event is found only where
// the two come close in simulated time.
#pragma once

#include <phalanx/hal/sim_time.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "device_sim/core/fault.h"
#include "device_sim/core/program.h"
#include "device_sim/memory/footprint.h"

namespace phx::hal::sim {

class ConcurrentWork {
 public:
  struct Work {
    std::string name;  // of the kernel, or "a copy host to device"
    std::shared_ptr<const phx::sim::Footprint> footprint;
    std::shared_ptr<const phx::sim::Program> program;  // of a kernel: what the footprint's instructions are of
    std::string where;                                 // "stream 3, device 0"
  };
  // `ready`: when it could have started. The race with one that came before and had not ended by then, if there is one.
  std::optional<phx::sim::Fault> add(Work work, SimTime ready, SimTime end, const phx::sim::AddressSpace& memory);

 private:
  struct Done {
    Work work;
    SimTime end = 0;
  };
  // The latest ones, as far as they fit; the oldest are forgotten.
  static constexpr size_t kMost = 256;
  static constexpr uint64_t kMostBytes = 256 << 20;  // of their footprints
  std::deque<Done> done_;
  uint64_t bytes_ = 0;
};

}  // namespace phx::hal::sim
