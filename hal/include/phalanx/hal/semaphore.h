// Semaphore: a 64-bit timeline, and the only ordering primitive of this interface.
//
// A semaphore holds a value that only grows. Work waits for it to reach a value and signals a larger one when done.
// A signal carries the simulated time at which it happened, so that whoever waited knows when it could go on. A
// semaphore can fail, for good: every later wait returns the failure. Streams, events, fences and host waits are
// built from this above the HAL.
#pragma once

#include <phalanx/hal/sim_time.h>
#include <phalanx/hal/status.h>

#include <cstdint>
#include <memory>

namespace phx::hal {

class Semaphore {
 public:
  virtual ~Semaphore() = default;

  // The value reached so far, or the failure.
  virtual StatusOr<uint64_t> value() const = 0;

  // Moves the timeline to `value` at simulated time `when`, from the host. failed_precondition if the value does not
  // grow; the failure if it has failed. A time earlier than that of a smaller value is raised to it.
  virtual Status signal(uint64_t value, SimTime when) = 0;

  // Fails the timeline. The first failure stays; later ones are ignored. Pending waits return at once.
  virtual void fail(Status why) = 0;

  // Blocks the calling host thread until `value` is reached and returns the simulated time at which it was.
  // `host_seconds` bounds the host time spent (deadline); negative means for ever. Does not advance any clock.
  virtual StatusOr<SimTime> wait(uint64_t value, double host_seconds = -1) = 0;

  // When `value` was reached; not_found if it has not been yet; the failure if it failed before reaching it.
  // The times of values already passed stay available until forget().
  virtual StatusOr<SimTime> time_of(uint64_t value) const = 0;

  // Gives up the times of all values below `value` (time_of then answers with the next one kept): bounded memory
  // for timelines that live as long as the process.
  virtual void forget(uint64_t value) = 0;
};

// A point on a timeline: what a submission waits for or signals.
struct Point {
  std::shared_ptr<Semaphore> semaphore;
  uint64_t value = 0;
};

}  // namespace phx::hal
