// The System's own state (internal to this folder).
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include <tbb/task_arena.h>

#include "device_sim/system/flag_hints.h"
#include "device_sim/system/reuse.h"
#include "device_sim/system/system.h"

namespace phx::sim {

struct System::State {
  State(machine::Machine m, SystemOptions o)
      : machine(std::move(m)),
        options(o),
        memory(o.devices, static_cast<uint64_t>(machine.chip.hbm.size_bytes), o.checks.initcheck),
        arena(o.threads == 0 ? tbb::task_arena::automatic : static_cast<int>(o.threads)) {
    timing.resize(o.devices);
  }

  // Made when first used: a machine of hundreds of devices of which few work costs what those few cost.
  DeviceTiming& timing_of(uint16_t device) {
    if (!timing[device]) timing[device] = std::make_unique<DeviceTiming>(machine);
    return *timing[device];
  }

  machine::Machine machine;
  SystemOptions options;
  AddressSpace memory;
  tbb::task_arena arena;
  std::mutex exclusive;                               // one launch, load or transfer at a time
  std::vector<std::unique_ptr<DeviceTiming>> timing;  // by device ordinal; null: has not run anything
  TimedLaunches launches;
  std::map<std::pair<Program::Identity, uint32_t>, FlagHints> flag_hints;  // by program and kernel
  std::map<Program::Identity, std::weak_ptr<const Program>> loaded;
};

}  // namespace phx::sim
