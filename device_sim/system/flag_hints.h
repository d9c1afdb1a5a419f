// What is known of the use of a tile program's flags over all its launches, and hints from it (internal to this
// folder).
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "device_sim/check/flag_use.h"
#include "device_sim/core/program.h"

namespace phx::sim {

class FlagHints {
 public:
  void add(const FlagUse::Counts& counts);
  void add(const FlagHints& more);
  // A core's program was too long to say: nothing is told of its kernel.
  void give_up() { complete_ = false; }
  // Flags and barriers that no core needed in any execution so far; each is told once, and at most kMost in all.
  std::vector<std::string> untold(const Program& program);
  // Whether something else about this instruction was not told before and may be now.
  bool tell(uint32_t instruction) { return told_.size() < kMost && told_.insert(instruction).second; }
  static constexpr size_t kMost = 20;

 private:
  FlagUse::Counts counts_;
  std::set<uint32_t> told_;
  bool complete_ = true;
};

}  // namespace phx::sim
