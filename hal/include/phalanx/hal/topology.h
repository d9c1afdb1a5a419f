// Topology: where the devices of a group sit and what connects them. Immutable, hierarchical, computed.
//
// A machine is a tree: `levels[0]` groups devices into packages, `levels[1]` packages into nodes, and so on up to the
// supernode. What a transfer costs is decided by the outermost level it has to cross: that level's link states the
// whole path, ends included. Nothing here is a table over pairs, so a topology of thousands of devices costs as much
// as one of two. Slices share the levels and remember only their range.
#pragma once

#include <phalanx/hal/device.h>
#include <phalanx/hal/sim_time.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace phx::hal {

// What crossing a level costs: between two devices in different units of the level below, same unit of this one.
struct Link {
  std::string name;           // "SIO", "HCCS", "UB", ...
  SimTime latency = 0;        // of one access, whole path
  double read_bandwidth = 0;  // bytes/s between one pair of devices, one direction
  double write_bandwidth = 0;
  double port_bandwidth = 0;  // bytes/s of one device to all others across this level, one direction
  uint32_t hops = 1;          // switches, or direct links, on the way
};

struct Level {
  std::string name;               // "package", "node", "rack", "supernode"
  uint32_t devices_per_unit = 1;  // devices below one unit of this level; a multiple of the level before
  Link link;
};

// How data gets from one device to another. `level` is null for a device and itself: no link is involved.
struct Path {
  const Level* level = nullptr;  // the outermost level crossed; lives as long as the topology
  uint32_t hops = 0;
  SimTime latency = 0;
  double read_bandwidth = 0, write_bandwidth = 0;  // bytes/s
};

class Topology {
 public:
  // A tree over devices 0 .. count-1. invalid_argument if a level is not a multiple of the one below it.
  static StatusOr<Topology> create(std::vector<Level> levels, uint32_t count);

  uint32_t size() const { return count_; }
  const std::vector<Level>& levels() const { return *levels_; }

  // Arguments are positions in this topology (0 .. size()-1), which must be in range.
  Path path(uint32_t from, uint32_t to) const;
  // The unit of `level` that holds a device, numbered over the whole machine.
  uint32_t unit_of(uint32_t position, uint32_t level) const;
  // How many units of a level this topology touches: unit_count(0) is the number of packages.
  uint32_t unit_count(uint32_t level) const;

  // Positions first .. first+count-1, renumbered from 0. invalid_argument if out of range or empty.
  StatusOr<Topology> slice(uint32_t first, uint32_t count) const;

 private:
  Topology(std::shared_ptr<const std::vector<Level>> levels, uint32_t first, uint32_t count)
      : levels_(std::move(levels)), first_(first), count_(count) {}

  std::shared_ptr<const std::vector<Level>> levels_;
  uint32_t first_ = 0;
  uint32_t count_ = 0;
};

}  // namespace phx::hal
