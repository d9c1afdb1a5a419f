// VisibleDevice: a device as the program sees it: one device of the machine, or a whole supernode as one.
//
// Holds what belongs to the device and dies with its reset: streams, events, the fault that poisons it, limits.
#pragma once

#include <phalanx/hal/group.h>

#include <map>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "runtime/src/result.h"
#include "runtime/src/stream/stream.h"

namespace phx::rt {

// What API calls cost the caller's clock; the host.cost.* properties.
struct HostCosts {
  hal::SimTime launch = 0, copy = 0, fill = 0, allocate = 0, free = 0, wait = 0, query = 0, event = 0, stream = 0,
               load = 0, call = 0;
};

class VisibleDevice {
 public:
  static hal::StatusOr<std::unique_ptr<VisibleDevice>> create(int index, hal::Group group);

  int index() const { return index_; }
  const hal::Group& group() const { return group_; }
  const HostCosts& costs() const { return costs_; }
  bool contains(hal::DeviceOrdinal device) const {
    return device >= group_.first() && device - group_.first() < group_.size();
  }

  // One of property.def, summed or taken from the first member as its meaning asks: a supernode has the cores, memory
  // and bandwidth of all members, and the block limits of one.
  hal::StatusOr<int64_t> integer(std::string_view key) const;
  hal::StatusOr<double> real(std::string_view key) const;
  hal::StatusOr<std::string> text(std::string_view key) const;

  hal::StatusOr<Stream*> create_stream(bool blocking, int priority);
  void destroy_stream(Stream* stream);
  hal::StatusOr<Stream*> legacy_stream();
  hal::StatusOr<Stream*> per_thread_stream();
  const std::vector<std::unique_ptr<Stream>>& streams() const { return streams_; }
  bool owns(const Stream* stream) const;

  Event* create_event(bool timing);
  void destroy_event(Event* event);
  bool owns(const Event* event) const { return events_.contains(const_cast<Event*>(event)); }

  // The fault that poisons the device, if any: every call returns it until reset.
  const Result& fault() const { return fault_; }
  void poison(Result fault) {
    if (fault_.ok()) fault_ = std::move(fault);
  }

  void reset();

  std::set<int> peers;             // enabled peer access
  std::map<int, uint64_t> limits;  // cudaLimit -> value

 private:
  VisibleDevice(int index, hal::Group group) : index_(index), group_(std::move(group)) {}
  hal::StatusOr<Stream*> add_stream(std::string label, bool blocking, int priority);

  int index_;
  hal::Group group_;
  HostCosts costs_;
  std::vector<std::unique_ptr<Stream>> streams_;
  Stream* legacy_ = nullptr;
  std::map<std::thread::id, Stream*> per_thread_;
  std::map<Event*, std::unique_ptr<Event>> events_;
  uint32_t streams_made_ = 0;
  Result fault_;
};

}  // namespace phx::rt
