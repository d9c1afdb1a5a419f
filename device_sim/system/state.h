// The System's own state (internal to this folder).
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include <tbb/task_arena.h>

#include "device_sim/system/system.h"

namespace phx::sim {

struct System::State {
  State(machine::Machine m, SystemOptions o)
      : machine(std::move(m)),
        options(o),
        memory(o.devices, static_cast<uint64_t>(machine.chip.hbm.size_bytes)),
        arena(o.threads == 0 ? tbb::task_arena::automatic : static_cast<int>(o.threads)) {
    for (unsigned d = 0; d < o.devices; ++d) timing.push_back(std::make_unique<DeviceTiming>(machine));
  }

  machine::Machine machine;
  SystemOptions options;
  AddressSpace memory;
  tbb::task_arena arena;
  std::mutex exclusive;                               // one launch, load or transfer at a time
  std::vector<std::unique_ptr<DeviceTiming>> timing;  // by device ordinal
};

}  // namespace phx::sim
