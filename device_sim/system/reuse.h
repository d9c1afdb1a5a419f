// "Identical work is timed once": launches that were simulated, by everything that decided how long they took.
//
// A launch qualifies if it runs on one device, is a tile program whose times and addresses are proven not to depend on
// data, reads no clock, and touches nothing but buffers of its own device that its arguments or the program itself
// name. Then the name below tells all that matters: program, shape, arguments, the layout of those buffers, what the
// caches hold and how busy the memory still is. Pointers count from the device's origin if the program is proven to do
// the same elsewhere; else they count as they are. Only times and counters are reused, never values.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "device_sim/core/block.h"
#include "device_sim/memory/address_space.h"
#include "device_sim/timing/device_memory.h"
#include "device_sim/timing/engine.h"

namespace phx::sim {

struct LaunchRequest;

// A launch as it was simulated.
struct TimedLaunch {
  LaunchCounters counters;
  Block::Statistics statistics;
  std::shared_ptr<const timing::LaunchEffect> effect;
};

class TimedLaunches {
 public:
  const TimedLaunch* find(const std::string& name) const;
  void add(std::string name, TimedLaunch launch);
  // True from the second time on. Recording costs a little, so work that comes once is left alone.
  bool seen_before(const std::string& work);

 private:
  static constexpr uint64_t kMostBytes = uint64_t{256} << 20;  // of effects; the oldest go first
  static constexpr size_t kMostSeen = size_t{1} << 16;
  std::unordered_map<std::string, TimedLaunch> launches_;
  std::deque<std::string> order_;
  std::unordered_set<std::string> seen_;
  uint64_t bytes_ = 0;
};

// What one launch would be found by, and what it may touch for that to be true.
class ReusableLaunch {
 public:
  // nullopt if the launch does not qualify.
  static std::optional<ReusableLaunch> of(const LaunchRequest& request, std::optional<uint32_t> other_half,
                                          const AddressSpace& memory);

  // Without the state of the device.
  const std::string& work() const { return work_; }
  // With it; nullopt while something that ends later than `start` is under way.
  std::optional<std::string> name(timing::DeviceMemory& device, timing::Ticks start) const;

  // All accesses of device memory in these records (events.h) lie in the launch's buffers.
  bool covers(std::span<const uint64_t> accesses) const;

 private:
  struct Range {
    uint64_t first, last;  // 128-byte lines
    auto operator<=>(const Range&) const = default;
  };
  bool movable_ = false;
  std::string work_;
  std::vector<uint64_t> pointers_;  // of arguments and objects
  std::vector<Range> ranges_;
};

}  // namespace phx::sim
