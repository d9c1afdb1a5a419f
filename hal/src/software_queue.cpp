#include <phalanx/hal/software_queue.h>

#include <algorithm>
#include <chrono>

namespace phx::hal {
namespace {

// A timeline in host memory. Tells its scheduler when it moves.
class TimelineSemaphore final : public Semaphore {
 public:
  TimelineSemaphore(std::weak_ptr<SubmissionScheduler> scheduler, uint64_t initial)
      : scheduler_(std::move(scheduler)), reached_{{initial, 0}} {}

  StatusOr<uint64_t> value() const override {
    std::lock_guard lock(mutex_);
    if (!failure_.ok()) return failure_;
    return reached_.back().value;
  }

  Status signal(uint64_t value, SimTime when) override {
    {
      std::lock_guard lock(mutex_);
      if (!failure_.ok()) return failure_;
      if (value <= reached_.back().value)
        return Status(Code::failed_precondition, "a semaphore at " + std::to_string(reached_.back().value) +
                                                     " cannot be signalled to " + std::to_string(value));
      reached_.push_back({value, std::max(when, reached_.back().when)});
    }
    moved();
    return {};
  }

  void fail(Status why) override {
    {
      std::lock_guard lock(mutex_);
      if (!failure_.ok()) return;
      failure_ = why.ok() ? Status(Code::internal, "a semaphore was failed without a reason") : std::move(why);
    }
    moved();
  }

  StatusOr<SimTime> wait(uint64_t value, double host_seconds) override {
    if (auto scheduler = scheduler_.lock()) scheduler->pump();
    std::unique_lock lock(mutex_);
    auto settled = [&] { return !failure_.ok() || reached_.back().value >= value; };
    if (host_seconds < 0)
      changed_.wait(lock, settled);
    else if (!changed_.wait_for(lock, std::chrono::duration<double>(host_seconds), settled))
      return Status(Code::deadline, "the semaphore is at " + std::to_string(reached_.back().value) + ", waited for " +
                                        std::to_string(value));
    return lookup(value);
  }

  StatusOr<SimTime> time_of(uint64_t value) const override {
    std::lock_guard lock(mutex_);
    return lookup(value);
  }

  void forget(uint64_t value) override {
    std::lock_guard lock(mutex_);
    while (reached_.size() > 1 && reached_.front().value < value) reached_.pop_front();
  }

 private:
  struct Reached {
    uint64_t value;
    SimTime when;
  };

  StatusOr<SimTime> lookup(uint64_t value) const {
    auto at = std::lower_bound(reached_.begin(), reached_.end(), value,
                               [](const Reached& reached, uint64_t v) { return reached.value < v; });
    if (at != reached_.end()) return at->when;
    if (!failure_.ok()) return failure_;
    return Status(Code::not_found, "the semaphore has not reached " + std::to_string(value));
  }

  void moved() {
    changed_.notify_all();
    if (auto scheduler = scheduler_.lock()) scheduler->pump();
  }

  std::weak_ptr<SubmissionScheduler> scheduler_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Reached> reached_;  // ascending; never empty
  Status failure_;
};

void fail_signals(const Submission& submission, const Status& why) {
  for (const Point& point : submission.signals) point.semaphore->fail(why);
}

}  // namespace

class SoftwareQueue final : public Queue {
 public:
  SoftwareQueue(std::shared_ptr<SubmissionScheduler> scheduler, std::shared_ptr<SubmissionScheduler::Lane> lane)
      : scheduler_(std::move(scheduler)), lane_(std::move(lane)) {}
  ~SoftwareQueue() override { scheduler_->close(lane_); }

  EngineKind kind() const override { return lane_->kind; }

  Status submit(Submission submission) override {
    for (const auto* points : {&submission.waits, &submission.signals})
      for (const Point& point : *points)
        if (!point.semaphore) return Status(Code::invalid_argument, "a submission names a null semaphore");
    if (submission.commands) {
      Status status = validate(*submission.commands, submission.bindings, lane_->group.size());
      if (!status) return status;
    }
    {
      std::lock_guard lock(scheduler_->mutex_);
      lane_->pending.push_back({std::move(submission), scheduler_->next_sequence_++});
    }
    scheduler_->pump();
    return {};
  }

 private:
  std::shared_ptr<SubmissionScheduler> scheduler_;
  std::shared_ptr<SubmissionScheduler::Lane> lane_;
};

std::unique_ptr<Queue> SubmissionScheduler::create_queue(const Group& group, EngineKind kind) {
  auto lane = std::make_shared<Lane>(group, kind);
  std::lock_guard lock(mutex_);
  lanes_.push_back(lane);
  return std::make_unique<SoftwareQueue>(shared_from_this(), lane);
}

std::shared_ptr<Semaphore> SubmissionScheduler::create_semaphore(uint64_t initial) {
  return std::make_shared<TimelineSemaphore>(weak_from_this(), initial);
}

// What has not started when its queue goes away never will.
void SubmissionScheduler::close(const std::shared_ptr<Lane>& lane) {
  std::deque<Lane::Pending> orphans;
  {
    std::lock_guard lock(mutex_);
    std::erase(lanes_, lane);
    orphans.swap(lane->pending);
  }
  for (const Lane::Pending& orphan : orphans)
    fail_signals(orphan.submission, Status(Code::cancelled, "the queue was destroyed before the work could start"));
}

std::optional<SubmissionScheduler::Ready> SubmissionScheduler::take_ready() {
  std::shared_ptr<Lane> best;
  Ready ready;
  for (const auto& lane : lanes_) {
    if (lane->pending.empty()) continue;
    const Lane::Pending& head = lane->pending.front();
    if (best) {
      const Lane::Pending& other = best->pending.front();
      if (std::pair(other.submission.issued, other.sequence) < std::pair(head.submission.issued, head.sequence))
        continue;
    }
    Status failure;
    SimTime when = head.submission.issued;
    bool waits = false;
    for (const Point& point : head.submission.waits) {
      auto reached = point.semaphore->time_of(point.value);
      if (reached)
        when = std::max(when, *reached);
      else if (reached.status().code() == Code::not_found)
        waits = true;
      else if (failure.ok())
        failure = reached.status();
    }
    if (waits && failure.ok()) continue;
    best = lane;
    ready.failure = failure;
    ready.when = when;
  }
  if (!best) return std::nullopt;
  ready.lane = best;
  ready.submission = std::move(best->pending.front().submission);
  best->pending.pop_front();
  return ready;
}

void SubmissionScheduler::pump() {
  {
    std::lock_guard lock(mutex_);
    again_ = true;
    if (pumping_) return;
    pumping_ = true;
  }
  for (;;) {
    std::optional<Ready> ready;
    {
      std::lock_guard lock(mutex_);
      ready = take_ready();
      if (!ready) {
        if (!again_) {
          pumping_ = false;
          return;
        }
        again_ = false;
        continue;
      }
    }
    Submission& submission = ready->submission;
    if (!ready->failure.ok()) {
      fail_signals(submission, ready->failure);
      continue;
    }
    auto end = run_(ready->lane->group, ready->lane->kind, submission, ready->when);
    if (!end) {
      fail_signals(submission, end.status());
      continue;
    }
    for (const Point& point : submission.signals)
      if (Status status = point.semaphore->signal(point.value, *end); !status) point.semaphore->fail(status);
  }
}

}  // namespace phx::hal
