// Module: an executable the program brought along, loaded on each device when it is first needed there.
#pragma once

#include <phalanx/hal/executable.h>

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace phx::rt {

struct Module {
  std::string label;
  std::vector<std::byte> bytes;
  std::map<int, std::shared_ptr<hal::Executable>> loaded;  // by visible device
  bool cost_paid = false;  // the time that loading takes has been charged already, at start-up
};

// An entry of a loaded module.
struct KernelRef {
  std::shared_ptr<hal::Executable> executable;
  uint32_t entry = 0;
  const hal::EntryPoint& info() const { return executable->entries()[entry]; }
};

}  // namespace phx::rt
