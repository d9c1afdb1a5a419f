// Stream and Event, built on timelines.
//
// A stream is a timeline semaphore, the value its last command will reach, and one HAL queue per kind of engine: each
// command waits for the value before it and signals the next. An event is a point on the timeline of the stream it
// was recorded in. All members are guarded by the runtime's lock.
#pragma once

#include <phalanx/hal/queue.h>

#include <cstdint>
#include <memory>
#include <string>

namespace phx::rt {

class VisibleDevice;

struct Stream {
  VisibleDevice* device = nullptr;
  std::string label;     // "default", "stream 3": tracks in traces
  bool blocking = true;  // takes part in the legacy default stream's ordering
  bool legacy = false;   // is the legacy default stream
  int priority = 0;
  std::shared_ptr<hal::Semaphore> timeline;
  uint64_t last = 0;  // value of the last command issued; 0: none yet
  hal::SimTime last_issued = 0;
  std::unique_ptr<hal::Queue> compute, copy;

  hal::Point end() const { return {timeline, last}; }
};

struct Event {
  VisibleDevice* device = nullptr;
  bool timing = true;
  bool recorded = false;
  hal::Point point;         // of the last record
  hal::SimTime issued = 0;  // horizon that reaches it
};

}  // namespace phx::rt
