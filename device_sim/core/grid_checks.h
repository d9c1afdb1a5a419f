// Initcheck and racecheck between the blocks of a launch, on one device or several.
//
// Between rounds it takes the logs of all blocks, lowest first, and compares them with what all blocks did before; then
// each atomic or volatile access is compared when it is served, and carries knowledge from who releases to who
// acquires. Two accesses of one round by different blocks are never ordered, since order comes from operations that
// are served between rounds. So nothing here depends on the host's threads.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "device_sim/core/access_checks.h"
#include "device_sim/memory/footprint.h"

namespace phx::sim {

struct LaunchContext;
struct Machinery;

class GridChecks {
 public:
  // `device_of`: the member that runs a block.
  GridChecks(const LaunchContext& launch, AddressSpace& memory, std::function<uint16_t(uint64_t block)> device_of);

  // After the blocks of a round have run, ascending by block.
  void take(uint64_t block, CheckLog log);
  // A block's own findings, when it has ended.
  void take(const std::vector<Finding>& findings);
  void grid_barrier();

  // An access of the running split that is served now.
  void serve(const Decoded* d, Frame* f, const uint64_t* at, unsigned bytes, bool reads, bool writes);
  // A core raises a cross-core flag, or goes on after having waited for one. `flag` names it, `round` counts from 0.
  void raise(Machinery& m, uint64_t flag, uint64_t round);
  void wait(Machinery& m, uint64_t flag, uint64_t round);

  const std::vector<Finding>& findings() const { return findings_; }
  uint64_t untold() const { return untold_; }
  // All bytes of device memory that the launch read and wrote.
  Footprint take_footprint() { return std::move(footprint_); }

 private:
  void compare(uint64_t unit, Access now, const HorizonPointer& known);
  std::string name(const Access& access) const;

  const LaunchContext& launch_;
  AddressSpace& memory_;
  std::function<uint16_t(uint64_t)> device_of_;
  FarHistory history_;
  std::unordered_map<uint64_t, HorizonPointer> flags_;  // by address / 4
  std::map<std::pair<uint64_t, uint64_t>, HorizonPointer> cross_flags_;
  std::vector<Finding> findings_;
  uint64_t untold_ = 0;
  Footprint footprint_;
};

}  // namespace phx::sim
