// Queue: in-order submission to one kind of engine of a group.
//
// Submissions of one queue start in the order in which they were made; different queues are ordered only by
// semaphores. Queues are cheap objects: a stream of the runtime takes its own, and what is scarce (cores, copy
// engines, links) is shared out by the driver. A submission to a queue of a group of N is one record that fans out.
#pragma once

#include <phalanx/hal/command_buffer.h>
#include <phalanx/hal/semaphore.h>

#include <memory>
#include <string>
#include <vector>

namespace phx::hal {

enum class EngineKind { compute, copy, collective };
const char* engine_name(EngineKind kind);

struct Submission {
  std::vector<Point> waits;                       // all must be reached before anything starts
  std::shared_ptr<const CommandBuffer> commands;  // may be null: a pure wait-and-signal
  Bindings bindings;
  std::vector<Point> signals;  // reached when everything is done, at that simulated time
  SimTime issued = 0;          // the host's simulated time: nothing starts earlier
  std::string label;           // names the track in traces: "stream 3"
};

class Queue {
 public:
  virtual ~Queue() = default;
  virtual EngineKind kind() const = 0;

  // Returns at once with the verdict of validate(); a refused submission signals nothing. What goes wrong later fails
  // the signals. A failed wait fails the signals with the same status. Commands may run during the call, on the
  // calling thread; a wait whose value is not yet reached does not block it.
  virtual Status submit(Submission submission) = 0;
};

}  // namespace phx::hal
