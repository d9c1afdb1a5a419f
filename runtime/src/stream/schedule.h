// Schedule: commands the host has issued and the driver has not been given yet.
//
// A command carries (time, thread ordinal, sequence). Commands are handed over in that order, up to the horizon that a
// wait or a query needs, so that what the driver sees does not depend on how host threads happened to interleave.
#pragma once

#include <phalanx/hal/queue.h>

#include <map>
#include <tuple>

namespace phx::rt {

class Schedule {
 public:
  struct Command {
    hal::Queue* queue = nullptr;  // outlives the command
    hal::Submission submission;
  };

  void add(hal::SimTime when, uint32_t thread, Command command) {
    pending_.emplace(Key{when, thread, next_sequence_++}, std::move(command));
  }

  // Hands over everything issued up to `horizon`. A refused submission fails its own signals, so that whoever waits
  // for it learns why.
  void hand_over(hal::SimTime horizon) {
    while (!pending_.empty() && std::get<0>(pending_.begin()->first) <= horizon) {
      Command command = std::move(pending_.begin()->second);
      pending_.erase(pending_.begin());
      auto signals = command.submission.signals;
      if (hal::Status status = command.queue->submit(std::move(command.submission)); !status)
        for (const hal::Point& point : signals) point.semaphore->fail(status);
    }
  }

  bool empty() const { return pending_.empty(); }

 private:
  using Key = std::tuple<hal::SimTime, uint32_t, uint64_t>;
  std::map<Key, Command> pending_;
  uint64_t next_sequence_ = 0;
};

}  // namespace phx::rt
