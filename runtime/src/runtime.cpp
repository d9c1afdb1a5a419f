#include "runtime/src/runtime.h"

#include <algorithm>
#include <cstdio>
#include <limits>

#include "runtime/src/profile/profile_html.h"
#include "runtime/src/report/report.h"

namespace phx::rt {
namespace {

constexpr hal::SimTime kEverything = std::numeric_limits<hal::SimTime>::max();

}  // namespace

hal::StatusOr<std::unique_ptr<Runtime>> Runtime::open(const hal::Instance& instance, Settings settings) {
  std::unique_ptr<Runtime> runtime(new Runtime(std::move(settings)));
  const Settings& wanted = runtime->settings_;
  // A driver that lacks an option which makes no difference to it (the null driver has no timing model) is not an
  // error of the user's: only what the driver knows is passed on, the rest becomes a warning.
  hal::Config config;
  for (const hal::DriverKind& kind : instance.kinds()) {
    if (kind.name != wanted.driver) continue;
    for (const auto& [key, value] : wanted.driver_options) {
      auto known = [&](const hal::OptionInfo& option) { return option.key == key; };
      if (std::any_of(kind.options.begin(), kind.options.end(), known))
        config[key] = value;
      else
        runtime->log_.warning("driver '" + kind.name + "' has no option '" + key + "'; it is ignored");
    }
  }
  // A driver with a trace of its own sees more than telemetry tells.
  for (const hal::DriverKind& kind : instance.kinds())
    for (const hal::OptionInfo& option : kind.options)
      if (kind.name == wanted.driver && option.key == "trace" && !wanted.trace.empty()) {
        config["trace"] = wanted.trace;
        runtime->driver_writes_trace_ = true;
      }
  for (const std::string& warning : wanted.warnings) {
    std::fprintf(stderr, "phalanx: warning: %s\n", warning.c_str());
    runtime->log_.warning(warning);
  }
  auto driver = instance.open(wanted.driver, config, &runtime->log_);
  if (!driver) return driver.status();
  runtime->driver_ = std::move(*driver);
  auto all = runtime->driver_->devices();
  if (!all) return all.status();
  runtime->all_ = std::move(*all);

  uint32_t visible = wanted.visible == Visibility::supernode ? 1 : runtime->all_->size();
  for (uint32_t index = 0; index < visible; ++index) {
    auto group = wanted.visible == Visibility::supernode ? runtime->all_->slice(0, runtime->all_->size())
                                                         : runtime->all_->slice(index, 1);
    if (!group) return group.status();
    auto device = VisibleDevice::create(static_cast<int>(index), std::move(*group));
    if (!device) return device.status();
    runtime->devices_.push_back(std::move(*device));
  }
  return runtime;
}

Runtime::~Runtime() {
  finish();
  auto guard = lock();
  for (Module* module : modules_with_code_) module->loaded.clear();
  addresses_.each([](const Allocation& allocation) {
    if (allocation.kind == MemoryKind::pinned || allocation.kind == MemoryKind::managed)
      std::free(reinterpret_cast<void*>(allocation.address));
  });
}

VisibleDevice* Runtime::device(int index) const {
  return index >= 0 && index < device_count() ? devices_[index].get() : nullptr;
}

hal::SimTime Runtime::host_now() { return clock().now; }
void Runtime::advance_host(hal::SimTime cost) { clock().advance(cost); }

void Runtime::hand_over(hal::SimTime horizon) {
  schedule_.hand_over(horizon);
  for (const hal::FaultRecord& fault : log_.take_new_faults())
    for (const auto& device : devices_)
      if (device->contains(fault.device)) device->poison({code_of(fault.kind), fault.message});
}

hal::StatusOr<hal::SimTime> Runtime::reach(const hal::Point& point, hal::SimTime horizon) {
  hand_over(horizon);
  auto when = point.semaphore->time_of(point.value);
  if (when || when.status().code() != hal::Code::not_found) return when;
  // What the point depends on was issued later by a thread whose clock is ahead, or the driver is asynchronous.
  hand_over(kEverything);
  when = point.semaphore->time_of(point.value);
  if (when || when.status().code() != hal::Code::not_found) return when;
  return point.semaphore->wait(point.value);
}

Result Runtime::failed(VisibleDevice& device, const hal::Status& status) {
  // A fault has printed its message already; what else ends a stream is said here.
  if (device.fault().ok()) std::fprintf(stderr, "phalanx: error: %s\n", status.message().c_str());
  device.poison(result_of(status));
  return device.fault();
}

Result Runtime::usable(VisibleDevice& device) {
  if (finished_) return {phxErrorUnloading, "the runtime has been closed"};
  return device.fault();
}

Result Runtime::health(VisibleDevice& device) {
  auto guard = lock();
  return usable(device);
}

Result Runtime::synchronize(VisibleDevice& device) {
  auto guard = lock();
  if (Result result = usable(device); !result.ok()) return result;
  if (in_host_function_) return {kErrorNotPermitted, "a host function in a stream must not wait for the device"};
  ThreadClock& now = clock();
  hal::SimTime horizon = now.now;
  for (const auto& stream : device.streams()) horizon = std::max(horizon, stream->last_issued);
  Result worst;
  for (const auto& stream : device.streams()) {
    if (stream->last == 0) continue;
    auto done = reach(stream->end(), horizon);
    if (done)
      now.advance_to(*done);
    else if (worst.ok())
      worst = failed(device, done.status());
  }
  now.advance(device.costs().wait);
  drain_output(device);
  return worst.ok() ? device.fault() : worst;
}

Result Runtime::synchronize(Stream* stream) {
  auto guard = lock();
  VisibleDevice& device = *stream->device;
  if (Result result = usable(device); !result.ok()) return result;
  return wait(device, stream->last ? std::optional(stream->end()) : std::nullopt, stream->last_issued);
}

Result Runtime::wait(VisibleDevice& device, const std::optional<hal::Point>& point, hal::SimTime issued) {
  if (in_host_function_) return {kErrorNotPermitted, "a host function in a stream must not wait for the device"};
  ThreadClock& now = clock();
  Result result;
  if (point) {
    auto done = reach(*point, std::max(now.now, issued));
    if (done)
      now.advance_to(*done);
    else
      result = failed(device, done.status());
  }
  now.advance(device.costs().wait);
  drain_output(device);
  return result.ok() ? device.fault() : result;
}

Result Runtime::query(Stream* stream) {
  auto guard = lock();
  VisibleDevice& device = *stream->device;
  if (Result result = usable(device); !result.ok()) return result;
  ThreadClock& now = clock();
  now.advance(device.costs().query);
  hand_over(now.now);
  if (!device.fault().ok()) return device.fault();
  if (stream->last == 0) return {};
  auto done = stream->timeline->time_of(stream->last);
  if (!done && done.status().code() != hal::Code::not_found) return failed(device, done.status());
  if (!done || *done > now.now) return {phxErrorNotReady, "the stream has work left"};
  drain_output(device);
  return {};
}

Result Runtime::reset(VisibleDevice& device) {
  auto guard = lock();
  if (finished_) return {phxErrorUnloading, "the runtime has been closed"};
  if (device.fault().ok()) (void)synchronize(device);
  hand_over(kEverything);
  drain_output(device);
  for (Module* module : modules_with_code_) module->loaded.erase(device.index());
  addresses_.remove_if([&](const Allocation& allocation) {
    if (allocation.device != device.index() || allocation.kind == MemoryKind::registered) return false;
    if (allocation.on_host()) std::free(reinterpret_cast<void*>(allocation.address));
    return true;
  });
  device.reset();
  clock().advance(device.costs().call);
  return {};
}

void Runtime::drain_output(VisibleDevice& device) {
  bool wrote = false;
  for (uint32_t member = 0; member < device.group().size(); ++member) {
    auto output = device.group().device(member).service_ring().drain();
    for (const hal::PrintRecord& print : output.prints) {
      std::fwrite(print.text.data(), 1, print.text.size(), stdout);
      wrote = true;
    }
    for (const hal::AssertRecord& record : output.asserts) {
      std::fflush(stdout);
      const hal::Extent &b = record.origin.block, &t = record.origin.thread;
      std::fprintf(stderr, "%s:%u: %s: block: [%u,%u,%u], thread: [%u,%u,%u] Assertion `%s` failed.\n",
                   record.file.c_str(), record.line, record.function.c_str(), b.x, b.y, b.z, t.x, t.y, t.z,
                   record.expression.c_str());
    }
    if (output.dropped_prints)
      log_.warning("device printf: " + std::to_string(output.dropped_prints) +
                   " records did not fit the buffer and were dropped");
  }
  if (wrote) std::fflush(stdout);
}

void Runtime::finish() {
  auto guard = lock();
  if (finished_) return;
  for (const auto& device : devices_) {
    if (device->fault().ok()) (void)synchronize(*device);
    drain_output(*device);
  }
  hand_over(kEverything);
  if (!settings_.report.empty())
    write_file(settings_.report, is_page_name(settings_.report) ? profile_html(report()) : report(), "report");
  if (!settings_.trace.empty() && !driver_writes_trace_)
    write_file(settings_.trace, trace_json(log_.contents()), "trace");
  finished_ = true;
}

std::string Runtime::report() {
  auto guard = lock();
  if (!finished_) hand_over(kEverything);
  log_.forget_totals();
  driver_->summarize();
  ReportFacts facts;
  facts.machine = driver_->facts();
  facts.driver = settings_.driver;
  facts.visible = settings_.visible == Visibility::flat ? "flat" : "supernode";
  facts.placement = settings_.placement == Spread::blocked ? "blocked" : "interleaved";
  facts.devices = all_->size();
  facts.packages = all_->topology().levels().empty() ? all_->size() : all_->topology().unit_count(0);
  facts.host_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - opened_).count();
  facts.host_end = clocks_.latest();
  if (auto clock_rate = all_->device(0).real("clock")) facts.clock_hz = *clock_rate;
  return report_json(facts, log_.contents());
}

}  // namespace phx::rt
