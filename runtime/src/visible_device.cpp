#include "runtime/src/visible_device.h"

#include <algorithm>
#include <string_view>

namespace phx::rt {
namespace {

// Properties a group has as often as it has members.
constexpr std::string_view kAdditive[] = {"cores",           "cores.cube",   "memory.size",      "memory.free",
                                          "l2.size",         "engines.copy", "memory.bandwidth", "host.to_device",
                                          "host.from_device"};

bool additive(std::string_view key) {
  return std::find(std::begin(kAdditive), std::end(kAdditive), key) != std::end(kAdditive);
}

template <class T>
hal::StatusOr<T> over_members(const hal::Group& group, std::string_view key,
                              hal::StatusOr<T> (hal::Device::*ask)(std::string_view) const) {
  hal::StatusOr<T> first = (group.device(0).*ask)(key);
  if (!first || !additive(key)) return first;
  T total = *first;
  for (uint32_t member = 1; member < group.size(); ++member) {
    hal::StatusOr<T> more = (group.device(member).*ask)(key);
    if (!more) return more;
    total += *more;
  }
  return total;
}

}  // namespace

hal::StatusOr<std::unique_ptr<VisibleDevice>> VisibleDevice::create(int index, hal::Group group) {
  std::unique_ptr<VisibleDevice> device(new VisibleDevice(index, std::move(group)));
  HostCosts& costs = device->costs_;
  struct {
    const char* key;
    hal::SimTime* cost;
  } wanted[] = {
      {"host.cost.launch", &costs.launch},     {"host.cost.copy", &costs.copy},   {"host.cost.fill", &costs.fill},
      {"host.cost.allocate", &costs.allocate}, {"host.cost.free", &costs.free},   {"host.cost.wait", &costs.wait},
      {"host.cost.query", &costs.query},       {"host.cost.event", &costs.event}, {"host.cost.stream", &costs.stream},
      {"host.cost.load", &costs.load},         {"host.cost.call", &costs.call}};
  for (auto& [key, cost] : wanted) {
    auto value = device->group_.device(0).integer(key);
    if (!value) return value.status();
    *cost = static_cast<hal::SimTime>(*value);
  }
  costs.query = std::max<hal::SimTime>(costs.query, 1);  // or polling would not end
  return device;
}

hal::StatusOr<int64_t> VisibleDevice::integer(std::string_view key) const {
  return over_members(group_, key, &hal::Device::integer);
}
hal::StatusOr<double> VisibleDevice::real(std::string_view key) const {
  return over_members(group_, key, &hal::Device::real);
}
hal::StatusOr<std::string> VisibleDevice::text(std::string_view key) const {
  auto text = group_.device(0).text(key);
  if (text && key == "name" && group_.size() > 1)
    *text = "supernode of " + std::to_string(group_.size()) + " x " + *text;
  return text;
}

hal::StatusOr<Stream*> VisibleDevice::add_stream(std::string label, bool blocking, int priority) {
  auto stream = std::make_unique<Stream>();
  stream->device = this;
  stream->label = std::move(label);
  stream->blocking = blocking;
  stream->priority = priority;
  stream->timeline = group_.create_semaphore();
  for (auto [kind, queue] :
       {std::pair(hal::EngineKind::compute, &stream->compute), {hal::EngineKind::copy, &stream->copy}}) {
    auto made = group_.create_queue(kind);
    if (!made) return made.status();
    *queue = std::move(*made);
  }
  streams_.push_back(std::move(stream));
  return streams_.back().get();
}

hal::StatusOr<Stream*> VisibleDevice::create_stream(bool blocking, int priority) {
  return add_stream("stream " + std::to_string(++streams_made_), blocking, priority);
}

hal::StatusOr<Stream*> VisibleDevice::legacy_stream() {
  if (legacy_) return legacy_;
  auto stream = add_stream("default stream", true, 0);
  if (!stream) return stream;
  (*stream)->legacy = true;
  return legacy_ = *stream;
}

hal::StatusOr<Stream*> VisibleDevice::per_thread_stream() {
  Stream*& mine = per_thread_[std::this_thread::get_id()];
  if (mine) return mine;
  auto stream = add_stream("default stream of thread " + std::to_string(per_thread_.size() - 1), true, 0);
  if (!stream) return stream;
  return mine = *stream;
}

bool VisibleDevice::owns(const Stream* stream) const {
  return std::any_of(streams_.begin(), streams_.end(), [&](const auto& own) { return own.get() == stream; });
}

void VisibleDevice::destroy_stream(Stream* stream) {
  std::erase_if(streams_, [&](const auto& own) { return own.get() == stream; });
}

Event* VisibleDevice::create_event(bool timing) {
  auto event = std::make_unique<Event>();
  event->device = this;
  event->timing = timing;
  Event* handle = event.get();
  events_.emplace(handle, std::move(event));
  return handle;
}

void VisibleDevice::destroy_event(Event* event) { events_.erase(event); }

void VisibleDevice::reset() {
  streams_.clear();
  legacy_ = nullptr;
  per_thread_.clear();
  events_.clear();
  peers.clear();
  limits.clear();
  fault_ = {};
}

}  // namespace phx::rt
