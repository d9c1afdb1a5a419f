// The global order of everything that touches a shared resource: by time, then by kind, member and core.
#pragma once

#include <cstdint>
#include <vector>

#include "device_sim/timing/ticks.h"

namespace phx::sim::timing {

// Kinds in the order in which they happen at one instant: what memory answers is known before anybody goes on.
enum class Agent : uint8_t { memory, block_end, core, pipe };

struct Event {
  Ticks time = 0;
  uint64_t order =
      0;  // [63:60] agent, [59:46] member, [45:32] core, [31:0] what the core itself counts: its requests, its blocks
  uint32_t payload =
      0;  // number of the request or place of the block; these depend on history and must not decide the order

  static uint64_t order_of(Agent agent, uint32_t member, uint32_t core, uint32_t count) {
    return uint64_t(agent) << 60 | uint64_t(member) << 46 | uint64_t(core) << 32 | count;
  }
  Agent agent() const { return static_cast<Agent>(order >> 60); }
  uint32_t member() const { return order >> 46 & 0x3FFF; }
  uint32_t core() const { return order >> 32 & 0x3FFF; }
  bool operator<(const Event& other) const { return time != other.time ? time < other.time : order < other.order; }
};

// A heap with four children a node: half the levels of a binary one, and one cache line a family.
class EventQueue {
 public:
  bool empty() const { return heap_.empty(); }
  const Event& top() const { return heap_.front(); }

  void push(Event event) {
    size_t at = heap_.size();
    heap_.push_back(event);
    while (at > 0) {
      size_t parent = (at - 1) / 4;
      if (!(event < heap_[parent])) break;
      heap_[at] = heap_[parent];
      at = parent;
    }
    heap_[at] = event;
  }

  void pop() {
    Event last = heap_.back();
    heap_.pop_back();
    if (heap_.empty()) return;
    size_t at = 0, size = heap_.size();
    for (;;) {
      size_t first = at * 4 + 1;
      if (first >= size) break;
      size_t least = first, end = std::min(first + 4, size);
      for (size_t child = first + 1; child < end; ++child)
        if (heap_[child] < heap_[least]) least = child;
      if (!(heap_[least] < last)) break;
      heap_[at] = heap_[least];
      at = least;
    }
    heap_[at] = last;
  }

 private:
  std::vector<Event> heap_;
};

}  // namespace phx::sim::timing
