// What all objects of an opened sim driver share: the System and the lock around it.
#pragma once

#include <phalanx/hal/group.h>

#include <memory>
#include <mutex>
#include <vector>

#include "device_sim/system/system.h"
#include "device_sim/trace/trace.h"

namespace phx::hal::sim {

// The System serialises its own calls; changes to its address space and calls that read it must not meet a launch, so
// everything takes this lock. Recursive: a host call in a command buffer may free memory.
struct MachineState {
  std::unique_ptr<phx::sim::TraceSink> trace;  // outlives the System; null if nobody asked
  std::unique_ptr<phx::sim::System> system;
  std::recursive_mutex mutex;
};

inline std::vector<uint16_t> members_of(const Group& group) {
  std::vector<uint16_t> members(group.size());
  for (uint32_t i = 0; i < group.size(); ++i) members[i] = static_cast<uint16_t>(group.first() + i);
  return members;
}

// Text of a Diagnostic under a code.
inline Status status_of(Code code, const Diagnostic& diagnostic) { return Status(code, diagnostic.str()); }

}  // namespace phx::hal::sim
