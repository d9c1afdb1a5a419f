// Streams and events: the members of Runtime that turn an order into points on timelines.
#include "runtime/src/stream/stream.h"

#include "runtime/src/runtime.h"

namespace phx::rt {

bool Runtime::live(const Stream* stream) const {
  for (const auto& device : devices_)
    if (device->owns(stream)) return true;
  return false;
}

bool Runtime::live(const Event* event) const {
  for (const auto& device : devices_)
    if (device->owns(event)) return true;
  return false;
}

Result Runtime::enqueue(Stream& stream, hal::EngineKind engine, std::optional<hal::CommandBuffer> commands,
                        hal::SimTime cost, std::vector<hal::Point> extra) {
  VisibleDevice& device = *stream.device;
  if (Result result = usable(device); !result.ok()) return result;
  ThreadClock& now = clock();
  now.advance(cost);

  hal::Submission submission;
  submission.waits = std::move(extra);
  if (stream.last) submission.waits.push_back(stream.end());
  // The legacy default stream waits for every blocking stream of its device, and they wait for it.
  for (const auto& other : device.streams()) {
    if (other.get() == &stream || other->last == 0 || !other->blocking) continue;
    if (stream.legacy || (stream.blocking && other->legacy)) submission.waits.push_back(other->end());
  }
  submission.signals = {{stream.timeline, ++stream.last}};
  if (commands) submission.commands = std::make_shared<const hal::CommandBuffer>(std::move(*commands));
  submission.issued = now.now;
  submission.label = stream.label;
  // A thread whose clock is behind may add to a stream that another thread has added to: order stays as called.
  stream.last_issued = std::max(stream.last_issued, now.now);
  hal::Queue* queue = engine == hal::EngineKind::copy ? stream.copy.get() : stream.compute.get();
  schedule_.add(stream.last_issued, now.ordinal, {queue, std::move(submission)});
  return {};
}

Result Runtime::create_stream(VisibleDevice& device, bool blocking, int priority, Stream** stream) {
  auto guard = lock();
  if (Result result = usable(device); !result.ok()) return result;
  clock().advance(device.costs().stream);
  auto made = device.create_stream(blocking, priority);
  if (!made) return result_of(made.status());
  *stream = *made;
  return {};
}

Result Runtime::destroy_stream(Stream* stream) {
  auto guard = lock();
  if (!live(stream)) return {phxErrorInvalidResourceHandle, "the stream does not exist or was destroyed"};
  VisibleDevice& device = *stream->device;
  clock().advance(device.costs().stream);
  // Work that is still in the stream is completed, but nobody waits for it: the host clock does not move.
  if (stream->last) (void)reach(stream->end(), stream->last_issued);
  device.destroy_stream(stream);
  return device.fault();
}

Result Runtime::resolve_stream(VisibleDevice& device, Stream* handle, bool per_thread, Stream** stream) {
  auto guard = lock();
  if (handle) {
    if (!live(handle)) return {phxErrorInvalidResourceHandle, "the stream does not exist or was destroyed"};
    *stream = handle;
    return {};
  }
  if (Result result = usable(device); !result.ok()) return result;
  auto found = per_thread ? device.per_thread_stream() : device.legacy_stream();
  if (!found) return result_of(found.status());
  *stream = *found;
  return {};
}

Result Runtime::create_event(VisibleDevice& device, bool timing, Event** event) {
  auto guard = lock();
  if (Result result = usable(device); !result.ok()) return result;
  clock().advance(device.costs().event);
  *event = device.create_event(timing);
  return {};
}

Result Runtime::destroy_event(Event* event) {
  auto guard = lock();
  if (!live(event)) return {phxErrorInvalidResourceHandle, "the event does not exist or was destroyed"};
  clock().advance(event->device->costs().call);
  event->device->destroy_event(event);
  return {};
}

Result Runtime::record(Event* event, Stream* stream) {
  auto guard = lock();
  if (!live(event)) return {phxErrorInvalidResourceHandle, "the event does not exist or was destroyed"};
  if (event->device != stream->device)
    return {phxErrorInvalidResourceHandle, "an event is recorded in streams of the device it was created on"};
  // A marker of its own: the event's time is that of the record, also in a stream that has been idle since long.
  if (Result result = enqueue(*stream, hal::EngineKind::compute, std::nullopt, stream->device->costs().event);
      !result.ok())
    return result;
  event->recorded = true;
  event->point = stream->end();
  event->issued = stream->last_issued;
  return {};
}

Result Runtime::wait_event(Stream* stream, Event* event) {
  auto guard = lock();
  if (!live(event)) return {phxErrorInvalidResourceHandle, "the event does not exist or was destroyed"};
  if (!event->recorded) {
    clock().advance(stream->device->costs().call);
    return usable(*stream->device);
  }
  return enqueue(*stream, hal::EngineKind::compute, std::nullopt, stream->device->costs().call, {event->point});
}

Result Runtime::synchronize(Event* event) {
  auto guard = lock();
  if (!live(event)) return {phxErrorInvalidResourceHandle, "the event does not exist or was destroyed"};
  VisibleDevice& device = *event->device;
  if (Result result = usable(device); !result.ok()) return result;
  return wait(device, event->recorded ? std::optional(event->point) : std::nullopt, event->issued);
}

Result Runtime::query(Event* event) {
  auto guard = lock();
  if (!live(event)) return {phxErrorInvalidResourceHandle, "the event does not exist or was destroyed"};
  VisibleDevice& device = *event->device;
  if (Result result = usable(device); !result.ok()) return result;
  ThreadClock& now = clock();
  now.advance(device.costs().query);
  hand_over(now.now);
  if (!device.fault().ok()) return device.fault();
  if (!event->recorded) return {};
  auto done = event->point.semaphore->time_of(event->point.value);
  if (!done && done.status().code() != hal::Code::not_found) return failed(device, done.status());
  if (!done || *done > now.now) return {phxErrorNotReady, "the event has not happened yet"};
  return {};
}

Result Runtime::elapsed(Event* start, Event* stop, double* seconds) {
  auto guard = lock();
  if (!live(start) || !live(stop)) return {phxErrorInvalidResourceHandle, "the event does not exist or was destroyed"};
  if (!start->recorded || !stop->recorded) return {phxErrorInvalidResourceHandle, "the event has not been recorded"};
  if (!start->timing || !stop->timing) return {phxErrorInvalidResourceHandle, "the event was created without timing"};
  VisibleDevice& device = *stop->device;
  if (Result result = usable(device); !result.ok()) return result;
  ThreadClock& now = clock();
  now.advance(device.costs().call);
  hand_over(now.now);
  hal::SimTime when[2];
  for (int i = 0; i < 2; ++i) {
    Event* event = i == 0 ? start : stop;
    auto done = event->point.semaphore->time_of(event->point.value);
    if (!done && done.status().code() != hal::Code::not_found) return failed(*event->device, done.status());
    if (!done || *done > now.now) return {phxErrorNotReady, "the event has not happened yet"};
    when[i] = *done;
  }
  *seconds = when[1] >= when[0] ? hal::seconds(when[1] - when[0]) : -hal::seconds(when[0] - when[1]);
  return {};
}

Result Runtime::host_function(Stream* stream, std::function<void()> function) {
  auto guard = lock();
  hal::CommandBuffer commands;
  commands.host_call([this, function = std::move(function)](hal::SimTime) {
    in_host_function_ = true;
    function();
    in_host_function_ = false;
  });
  return enqueue(*stream, hal::EngineKind::compute, std::move(commands), stream->device->costs().call);
}

}  // namespace phx::rt
