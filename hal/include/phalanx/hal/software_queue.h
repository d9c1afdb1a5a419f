// For drivers whose device is software: queues, semaphores and the order between them, ready made.
//
// A driver holds one SubmissionScheduler and gives it a function that runs one submission from start to end and says
// when it ended. The scheduler does the rest: submission order within a queue, waits, failures that travel along
// semaphores, one submission at a time per driver. Among submissions that could run, the one issued earliest in
// simulated time goes first, then the one submitted first, so that the order repeats.
#pragma once

#include <phalanx/hal/group.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace phx::hal {

class SubmissionScheduler : public std::enable_shared_from_this<SubmissionScheduler> {
 public:
  // `ready` is the later of the submission's issue time and the times of its waits.
  using Run = std::function<StatusOr<SimTime>(const Group& group, EngineKind kind, const Submission& submission,
                                              SimTime ready)>;
  explicit SubmissionScheduler(Run run) : run_(std::move(run)) {}

  std::unique_ptr<Queue> create_queue(const Group& group, EngineKind kind);
  std::shared_ptr<Semaphore> create_semaphore(uint64_t initial);

  // Runs whatever can run now. Called by queues and semaphores of this scheduler; harmless at any time, and returns at
  // once if another thread (or a host call further up this one) is at it already: that one will see the new work.
  void pump();

 private:
  friend class SoftwareQueue;
  struct Lane {
    Lane(Group group, EngineKind kind) : group(std::move(group)), kind(kind) {}
    Group group;
    EngineKind kind;
    struct Pending {
      Submission submission;
      uint64_t sequence;
    };
    std::deque<Pending> pending;
  };
  // The runnable head with the least (issued, sequence), taken off its lane; nothing if all wait.
  struct Ready {
    std::shared_ptr<Lane> lane;
    Submission submission;
    Status failure;  // of a wait
    SimTime when = 0;
  };
  std::optional<Ready> take_ready();
  void close(const std::shared_ptr<Lane>& lane);

  Run run_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Lane>> lanes_;
  uint64_t next_sequence_ = 0;
  bool pumping_ = false;
  bool again_ = false;
};

}  // namespace phx::hal
