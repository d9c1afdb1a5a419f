// Runtime: an opened machine with the state of a program that uses it. Both APIs are thin layers over this class.
//
// One lock guards everything, and every public member takes it: host threads may call freely. Functional work runs in
// the calls that need its outcome, on the calling thread, with the lock held; a host function that runs as part of a
// stream may call back, but must not wait (kErrorNotPermitted).
//
// Where the pieces are: runtime.cpp opens, waits and ends; memory/, stream/, module/, launch/ hold the members named
// after them; report/ what is told afterwards.
#pragma once

#include <phalanx/hal/instance.h>
#include <phalanx/hal/service_ring.h>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/src/environment.h"
#include "runtime/src/host_clock.h"
#include "runtime/src/memory/address_map.h"
#include "runtime/src/module/module.h"
#include "runtime/src/report/telemetry_log.h"
#include "runtime/src/stream/schedule.h"
#include "runtime/src/visible_device.h"

namespace phx::rt {

// Which end of a copy the program says is where.
enum class Direction { host_to_host, host_to_device, device_to_host, device_to_device, any };

struct LaunchShape {
  hal::Extent grid, block;
  uint64_t dynamic_shared = 0;
  bool cooperative = false;
};

class Runtime {
 public:
  // `instance` knows the drivers a setting may name.
  static hal::StatusOr<std::unique_ptr<Runtime>> open(const hal::Instance& instance, Settings settings);
  ~Runtime();

  int device_count() const { return static_cast<int>(devices_.size()); }
  VisibleDevice* device(int index) const;  // nullptr if there is none
  const Settings& settings() const { return settings_; }
  hal::SimTime host_now();
  void advance_host(hal::SimTime cost);

  // --- waiting (runtime.cpp)
  Result synchronize(VisibleDevice& device);
  Result synchronize(Stream* stream);
  Result query(Stream* stream);  // phxErrorNotReady while work is left
  Result reset(VisibleDevice& device);
  // The device's fault, once everything known so far has been looked at.
  Result health(VisibleDevice& device);
  // Waits for everything, writes report and trace; further calls are phxErrorUnloading.
  void finish();
  std::string report();
  void cancel() { driver_->cancel(); }

  // --- streams and events (stream/stream.cpp)
  Result create_stream(VisibleDevice& device, bool blocking, int priority, Stream** stream);
  Result destroy_stream(Stream* stream);
  // Null: the device's legacy default stream. Fails for a handle that is not a live stream.
  Result resolve_stream(VisibleDevice& device, Stream* handle, bool per_thread, Stream** stream);
  Result create_event(VisibleDevice& device, bool timing, Event** event);
  Result destroy_event(Event* event);
  Result record(Event* event, Stream* stream);
  Result wait_event(Stream* stream, Event* event);
  Result synchronize(Event* event);
  Result query(Event* event);
  Result elapsed(Event* start, Event* stop, double* seconds);
  Result host_function(Stream* stream, std::function<void()> function);

  // --- memory (memory/memory.cpp)
  // `what` names the call and shows in faults: "cudaMalloc" becomes "cudaMalloc #2".
  Result allocate(VisibleDevice& device, uint64_t size, void** pointer, const char* what = "allocation");
  Result allocate_host(VisibleDevice& device, uint64_t size, MemoryKind kind, unsigned flags, void** pointer);
  Result free(void* pointer);
  Result free_async(void* pointer, Stream* stream);
  Result register_host(VisibleDevice& device, void* memory, uint64_t size, unsigned flags);
  Result unregister_host(void* memory);
  // A copy of what is known about a pointer; nothing for ordinary host memory.
  std::optional<Allocation> lookup(const void* pointer);
  // wait: return when the copy is done. Otherwise only ends in pageable host memory make the call wait or stage.
  Result copy(Stream* stream, void* to, const void* from, const hal::Region& region, Direction direction, bool wait);
  Result fill(Stream* stream, void* pointer, int value, const hal::Region& region, bool wait);

  // --- modules and launches (module/module.cpp, launch/launch.cpp)
  Result load(VisibleDevice& device, Module& module, std::shared_ptr<hal::Executable>* executable);
  void unload(Module& module);
  Result kernel(VisibleDevice& device, Module& module, const std::string& name, KernelRef* kernel);
  Result symbol(VisibleDevice& device, Module& module, const std::string& name, hal::Symbol* symbol);
  // `arguments` is the argument block, entry.argument_bytes long.
  Result launch(Stream* stream, const KernelRef& kernel, const LaunchShape& shape, std::vector<std::byte> arguments);
  Result occupancy(const KernelRef& kernel, uint32_t block_threads, uint64_t dynamic_shared, uint32_t* blocks);

 private:
  explicit Runtime(Settings settings) : settings_(std::move(settings)), log_(!settings_.trace.empty()) {}

  std::unique_lock<std::recursive_mutex> lock() { return std::unique_lock(mutex_); }
  ThreadClock& clock() { return clocks_.mine(); }
  // Adds a command to the end of a stream. `extra` are further points to wait for.
  Result enqueue(Stream& stream, hal::EngineKind engine, std::optional<hal::CommandBuffer> commands, hal::SimTime cost,
                 std::vector<hal::Point> extra = {});
  // Hands over what was issued up to `horizon` and takes note of faults.
  void hand_over(hal::SimTime horizon);
  // Simulated time of a point, waiting for it on the host if the driver is asynchronous.
  hal::StatusOr<hal::SimTime> reach(const hal::Point& point, hal::SimTime horizon);
  // The calling thread waits for a point that was issued at `issued`, if there is one; then device output is printed.
  Result wait(VisibleDevice& device, const std::optional<hal::Point>& point, hal::SimTime issued);
  // What a failed timeline means for its device, which it poisons.
  Result failed(VisibleDevice& device, const hal::Status& status);
  void drain_output(VisibleDevice& device);
  Result usable(VisibleDevice& device);
  bool live(const Stream* stream) const;
  bool live(const Event* event) const;
  struct End;
  Result locate(const void* pointer, uint64_t span, End* end);

  Settings settings_;
  TelemetryLog log_;
  std::shared_ptr<hal::Driver> driver_;
  std::optional<hal::Group> all_;
  std::vector<std::unique_ptr<VisibleDevice>> devices_;
  std::recursive_mutex mutex_;
  HostClocks clocks_;
  Schedule schedule_;
  AddressMap addresses_;
  std::vector<Module*> modules_with_code_;  // loaded somewhere
  uint64_t allocations_made_ = 0;
  bool in_host_function_ = false;
  bool finished_ = false;
  bool driver_writes_trace_ = false;
  std::chrono::steady_clock::time_point opened_ = std::chrono::steady_clock::now();
};

}  // namespace phx::rt
