// Simulated host time: one logical clock per host thread, advanced only by API calls.
//
// What the host computes between calls is free; a call costs what the driver says it costs, and a wait moves the clock
// to the moment the device was done. Ordinals number the threads in the order of their first call and break ties
// between commands issued at the same time.
#pragma once

#include <phalanx/hal/sim_time.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <thread>

namespace phx::rt {

struct ThreadClock {
  hal::SimTime now = 0;
  uint32_t ordinal = 0;

  void advance(hal::SimTime cost) { now += cost; }
  void advance_to(hal::SimTime when) { now = std::max(now, when); }
};

class HostClocks {
 public:
  // The calling thread's clock; it stays where it is in memory.
  ThreadClock& mine() {
    std::lock_guard lock(mutex_);
    auto [entry, is_new] = clocks_.try_emplace(std::this_thread::get_id());
    if (is_new) entry->second.ordinal = static_cast<uint32_t>(clocks_.size() - 1);
    return entry->second;
  }

  hal::SimTime latest() const {
    std::lock_guard lock(mutex_);
    hal::SimTime latest = 0;
    for (const auto& [thread, clock] : clocks_) latest = std::max(latest, clock.now);
    return latest;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::thread::id, ThreadClock> clocks_;
};

}  // namespace phx::rt
