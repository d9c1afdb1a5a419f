// Cross-core flags of a launch that are wrong by themselves: cores that wait for one another, and flags that are up
// when the launch ends (internal to this folder).
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "device_sim/check/finding.h"
#include "device_sim/core/block.h"

namespace phx::sim {

// The programs of a launch, and what they are called.
struct CrossFlagCores {
  const LaunchContext& launch;
  uint64_t blocks = 0;
  std::function<std::string(uint64_t block)> name;

  // Blocks that raise a flag and that wait for it.
  std::vector<uint64_t> raisers(const OrderedState::CrossFlag& flag) const;
  std::vector<uint64_t> waiters(const OrderedState::CrossFlag& flag) const;
};

enum class CoreState : uint8_t { runs, ended };
// Who waits for whom, a line for each waiting core, then one that shows a cycle if there is one. `state` is asked of
// cores that wait for no cross-core flag. Lines begin with a line break.
std::string cross_wait_graph(const CrossFlagCores& cores, const OrderedState& state,
                             const std::map<uint64_t, Block::CrossWait>& waits,
                             std::function<CoreState(uint64_t block)> state_of);

// Synccheck: flags that somebody who should wait for them did not lower as often as they were raised.
struct SurplusCrossFlag {
  Finding finding;
  // Some instruction of the program waits for it. Then it may be the last answers of a ring of buffers, which nobody
  // needs, and is no error by itself.
  bool waited = false;
};
std::vector<SurplusCrossFlag> surplus_cross_flags(const CrossFlagCores& cores, const OrderedState& state);

}  // namespace phx::sim
