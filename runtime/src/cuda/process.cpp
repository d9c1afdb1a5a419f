#include "runtime/src/cuda/process.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "runtime/src/drivers.h"

extern char** environ;

namespace phx::cuda {

ThreadState& thread_state() {
  thread_local ThreadState state;
  return state;
}

// Never destroyed: hooks and calls of other libraries may come after any destructor of ours.
Process& Process::get() {
  static Process* process = new Process;
  return *process;
}

void finish_process() {
  Process& process = Process::get();
  std::unique_ptr<rt::Runtime> runtime;
  {
    std::lock_guard lock(process.mutex);
    process.unloading_ = true;
    process.open_ = nullptr;
    runtime = std::move(process.runtime_);
  }
  if (!runtime) return;
  runtime->finish();
  for (FatBinary& binary : process.binaries) runtime->unload(binary.module);
}

rt::Result Process::open() {
  auto settings = rt::read_settings({}, environ);
  if (!settings) return {phxErrorInitialization, settings.status().message()};
  auto opened = rt::Runtime::open(rt::instance_with_all_drivers(), std::move(*settings));
  if (!opened) return {phxErrorInitialization, opened.status().message()};
  runtime_ = std::move(*opened);
  open_ = runtime_.get();
  // Images are loaded when they are needed, but their time is charged here, as if all had been loaded at start-up:
  // otherwise whoever measures the first launch with events measures the load as well.
  for (FatBinary& binary : binaries) {
    runtime_->advance_host(runtime_->device(0)->costs().load);
    binary.module.cost_paid = true;
  }
  std::atexit(finish_process);
  return {};
}

rt::Runtime* Process::runtime(rt::Result* why) {
  if (rt::Runtime* open = open_.load()) return open;
  std::lock_guard lock(mutex);
  if (unloading_) {
    *why = {phxErrorUnloading, "the program is exiting"};
    return nullptr;
  }
  if (!tried_) {
    tried_ = true;
    failure_ = open();
    if (!failure_.ok()) std::fprintf(stderr, "phalanx: error: %s\n", failure_.message.c_str());
  }
  *why = failure_;
  return runtime_.get();
}

cudaError_t finish(const rt::Result& result) {
  if (!result.ok()) thread_state().last_error = static_cast<cudaError_t>(result.code);
  return static_cast<cudaError_t>(result.code);
}

Current on_device(int device) {
  Current now;
  now.runtime = Process::get().runtime(&now.why);
  if (!now.runtime) return now;
  now.device = now.runtime->device(device);
  if (!now.device) now.why = {phxErrorInvalidDevice, "there is no device " + std::to_string(device)};
  return now;
}

Current current() { return on_device(thread_state().device); }

rt::Result stream_of(const Current& now, cudaStream_t handle, rt::Stream** stream) {
  bool per_thread = handle == cudaStreamPerThread;
  auto* given = handle == cudaStreamLegacy || per_thread ? nullptr : reinterpret_cast<rt::Stream*>(handle);
  return now.runtime->resolve_stream(*now.device, given, per_thread, stream);
}

namespace {

// Copies the embedded image once somebody needs it; its own header says how long it is.
rt::Result measured(const Current& now, FatBinary& binary) {
  std::call_once(binary.measured, [&] {
    auto size = now.device->group().measure(binary.image);
    if (!size) {
      binary.bad_image = {phxErrorInvalidKernelImage, size.status().message()};
      return;
    }
    auto* first = static_cast<const std::byte*>(binary.image);
    binary.module.bytes.assign(first, first + *size);
  });
  return binary.bad_image;
}

// The host memory of managed variables, and the device's pointer to it.
rt::Result place_managed(const Current& now, FatBinary& binary) {
  if (binary.managed.empty() || binary.module.loaded.contains(now.device->index())) return {};
  for (const FatBinary::Managed& managed : binary.managed) {
    hal::Symbol symbol;
    if (rt::Result result = now.runtime->symbol(*now.device, binary.module, managed.name, &symbol); !result.ok())
      return result;
    rt::Stream* stream = nullptr;
    if (rt::Result result = stream_of(now, nullptr, &stream); !result.ok()) return result;
    void* place = reinterpret_cast<void*>(symbol.buffer->address() + symbol.offset);
    if (rt::Result result = now.runtime->copy(stream, place, &managed.memory, hal::Region::bytes(sizeof managed.memory),
                                              rt::Direction::any, true);
        !result.ok())
      return result;
  }
  return {};
}

rt::Result ready(const Current& now, FatBinary& binary) {
  if (rt::Result result = measured(now, binary); !result.ok()) return result;
  return place_managed(now, binary);
}

}  // namespace

rt::Result kernel_of(const Current& now, const void* stub, rt::KernelRef* kernel) {
  Process& process = Process::get();
  Function function;
  {
    std::lock_guard lock(process.mutex);
    auto found = process.functions.find(stub);
    if (found == process.functions.end())
      return {phxErrorInvalidDeviceFunction, "the function is no kernel of this program"};
    function = found->second;
  }
  if (rt::Result result = ready(now, *function.binary); !result.ok()) return result;
  return now.runtime->kernel(*now.device, function.binary->module, function.name, kernel);
}

rt::Result symbol_of(const Current& now, const void* shadow, hal::Symbol* symbol) {
  Process& process = Process::get();
  Variable variable;
  {
    std::lock_guard lock(process.mutex);
    auto found = process.variables.find(shadow);
    if (found == process.variables.end())
      return {phxErrorInvalidSymbol, "the symbol is no device variable of this program"};
    variable = found->second;
  }
  if (rt::Result result = ready(now, *variable.binary); !result.ok()) return result;
  return now.runtime->symbol(*now.device, variable.binary->module, variable.name, symbol);
}

}  // namespace phx::cuda
