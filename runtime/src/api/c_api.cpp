// phalanx.h over phx::rt::Runtime. Handles are pointers to the structures below; live streams and events are looked up
// before they are used, so that a stale handle is an error and not a crash.
#include <phalanx/phalanx.h>

#include <cstring>
#include <map>
#include <set>

#include "runtime/src/drivers.h"
#include "runtime/src/runtime.h"

extern char** environ;

using namespace phx;

struct phxRuntime_st {
  std::unique_ptr<rt::Runtime> runtime;
  std::mutex mutex;  // guards the two lists
  std::map<phxModule, std::unique_ptr<phxModule_st>> modules;
  std::map<phxKernel, std::unique_ptr<phxKernel_st>> kernels;
};
struct phxStream_st {
  rt::Runtime* runtime;
  rt::Stream* stream;
};
struct phxEvent_st {
  rt::Runtime* runtime;
  rt::Event* event;
};
struct phxModule_st {
  phxRuntime runtime;
  rt::VisibleDevice* device;
  rt::Module module;
};
struct phxKernel_st {
  phxRuntime runtime;
  rt::VisibleDevice* device;
  rt::KernelRef kernel;
};

namespace {

thread_local std::string last_message;

phxResult tell(rt::Result result) {
  if (!result.ok()) last_message = std::move(result.message);
  return result.code;
}

phxResult refuse(phxResult code, const char* why) { return tell({code, why}); }

// The device, or null with the message set.
rt::VisibleDevice* device_of(phxRuntime runtime, int index, phxResult* code) {
  *code = phxSuccess;
  if (!runtime) {
    *code = refuse(phxErrorInvalidResourceHandle, "the runtime handle is null");
    return nullptr;
  }
  rt::VisibleDevice* device = runtime->runtime->device(index);
  if (!device)
    *code = tell({phxErrorInvalidDevice, "there is no device " + std::to_string(index) + "; the runtime has " +
                                             std::to_string(runtime->runtime->device_count())});
  return device;
}

rt::Result stream_on(rt::Runtime& runtime, rt::VisibleDevice& device, phxStream stream, rt::Stream** resolved) {
  return runtime.resolve_stream(device, stream ? stream->stream : nullptr, false, resolved);
}

template <class T>
phxResult property(const hal::StatusOr<T>& value, T* out) {
  if (!value) return tell({phxErrorInvalidValue, value.status().message()});
  *out = *value;
  return phxSuccess;
}

}  // namespace

extern "C" {

const char* phxLastMessage(void) { return last_message.c_str(); }

phxResult phxRuntimeOpen(const phxOption* options, size_t count, phxRuntime* runtime) {
  if (!runtime || (count && !options)) return refuse(phxErrorInvalidValue, "a pointer is null");
  std::map<std::string, std::string> given;
  for (size_t i = 0; i < count; ++i) {
    if (!options[i].key || !options[i].value) return refuse(phxErrorInvalidValue, "an option has no key or no value");
    given[options[i].key] = options[i].value;
  }
  auto settings = rt::read_settings(given, environ);
  if (!settings) return tell({phxErrorInitialization, settings.status().message()});
  auto opened = rt::Runtime::open(rt::instance_with_all_drivers(), std::move(*settings));
  if (!opened) return tell({phxErrorInitialization, opened.status().message()});
  *runtime = new phxRuntime_st{std::move(*opened), {}, {}, {}};
  return phxSuccess;
}

phxResult phxRuntimeClose(phxRuntime runtime) {
  if (!runtime) return refuse(phxErrorInvalidResourceHandle, "the runtime handle is null");
  runtime->runtime->finish();
  runtime->kernels.clear();
  for (auto& [handle, module] : runtime->modules) runtime->runtime->unload(module->module);
  runtime->modules.clear();
  delete runtime;
  return phxSuccess;
}

phxResult phxDeviceCount(phxRuntime runtime, int* count) {
  if (!runtime || !count) return refuse(phxErrorInvalidValue, "a pointer is null");
  *count = runtime->runtime->device_count();
  return phxSuccess;
}

phxResult phxDeviceInteger(phxRuntime runtime, int device, const char* key, int64_t* value) {
  phxResult code;
  rt::VisibleDevice* found = device_of(runtime, device, &code);
  if (!found) return code;
  if (!key || !value) return refuse(phxErrorInvalidValue, "a pointer is null");
  return property(found->integer(key), value);
}

phxResult phxDeviceReal(phxRuntime runtime, int device, const char* key, double* value) {
  phxResult code;
  rt::VisibleDevice* found = device_of(runtime, device, &code);
  if (!found) return code;
  if (!key || !value) return refuse(phxErrorInvalidValue, "a pointer is null");
  return property(found->real(key), value);
}

phxResult phxDeviceText(phxRuntime runtime, int device, const char* key, char* text, size_t size) {
  phxResult code;
  rt::VisibleDevice* found = device_of(runtime, device, &code);
  if (!found) return code;
  if (!key || !text || size == 0) return refuse(phxErrorInvalidValue, "a pointer is null or the text has no room");
  std::string value;
  if (phxResult result = property(found->text(key), &value); result != phxSuccess) return result;
  size_t length = std::min(value.size(), size - 1);
  std::memcpy(text, value.data(), length);
  text[length] = '\0';
  return phxSuccess;
}

phxResult phxDeviceSynchronize(phxRuntime runtime, int device) {
  phxResult code;
  rt::VisibleDevice* found = device_of(runtime, device, &code);
  return found ? tell(runtime->runtime->synchronize(*found)) : code;
}

phxResult phxDeviceReset(phxRuntime runtime, int device) {
  phxResult code;
  rt::VisibleDevice* found = device_of(runtime, device, &code);
  return found ? tell(runtime->runtime->reset(*found)) : code;
}

phxResult phxHostSeconds(phxRuntime runtime, double* seconds) {
  if (!runtime || !seconds) return refuse(phxErrorInvalidValue, "a pointer is null");
  *seconds = hal::seconds(runtime->runtime->host_now());
  return phxSuccess;
}

phxResult phxReport(phxRuntime runtime, char* text, size_t size, size_t* needed) {
  if (!runtime || !needed) return refuse(phxErrorInvalidValue, "a pointer is null");
  for (int i = 0; i < runtime->runtime->device_count(); ++i)
    (void)runtime->runtime->synchronize(*runtime->runtime->device(i));
  std::string report = runtime->runtime->report();
  *needed = report.size() + 1;
  if (text && size >= *needed) std::memcpy(text, report.c_str(), *needed);
  return phxSuccess;
}

void phxCancel(phxRuntime runtime) {
  if (runtime) runtime->runtime->cancel();
}

phxResult phxMalloc(phxRuntime runtime, int device, uint64_t size, void** pointer) {
  phxResult code;
  rt::VisibleDevice* found = device_of(runtime, device, &code);
  if (!found) return code;
  if (!pointer || size == 0)
    return refuse(phxErrorInvalidValue, "an allocation needs a place for the pointer and at least one byte");
  return tell(runtime->runtime->allocate(*found, size, pointer, "phxMalloc"));
}

phxResult phxMallocHost(phxRuntime runtime, uint64_t size, void** pointer) {
  phxResult code;
  rt::VisibleDevice* found = device_of(runtime, 0, &code);
  if (!found) return code;
  if (!pointer || size == 0)
    return refuse(phxErrorInvalidValue, "an allocation needs a place for the pointer and at least one byte");
  return tell(runtime->runtime->allocate_host(*found, size, rt::MemoryKind::pinned, 0, pointer));
}

phxResult phxHostRegister(phxRuntime runtime, void* memory, uint64_t size) {
  phxResult code;
  rt::VisibleDevice* found = device_of(runtime, 0, &code);
  return found ? tell(runtime->runtime->register_host(*found, memory, size, 0)) : code;
}

phxResult phxHostUnregister(phxRuntime runtime, void* memory) {
  if (!runtime) return refuse(phxErrorInvalidResourceHandle, "the runtime handle is null");
  return tell(runtime->runtime->unregister_host(memory));
}

phxResult phxFree(phxRuntime runtime, void* pointer) {
  if (!runtime) return refuse(phxErrorInvalidResourceHandle, "the runtime handle is null");
  return tell(runtime->runtime->free(pointer));
}

phxResult phxMemcpy(phxRuntime runtime, int device, void* to, const void* from, uint64_t size, phxStream stream) {
  phxResult code;
  rt::VisibleDevice* found = device_of(runtime, device, &code);
  if (!found) return code;
  rt::Stream* on = nullptr;
  if (rt::Result result = stream_on(*runtime->runtime, *found, stream, &on); !result.ok())
    return tell(std::move(result));
  return tell(runtime->runtime->copy(on, to, from, hal::Region::bytes(size), rt::Direction::any, !stream));
}

phxResult phxMemset(phxRuntime runtime, int device, void* pointer, int value, uint64_t size, phxStream stream) {
  phxResult code;
  rt::VisibleDevice* found = device_of(runtime, device, &code);
  if (!found) return code;
  rt::Stream* on = nullptr;
  if (rt::Result result = stream_on(*runtime->runtime, *found, stream, &on); !result.ok())
    return tell(std::move(result));
  return tell(runtime->runtime->fill(on, pointer, value, hal::Region::bytes(size), !stream));
}

phxResult phxStreamCreate(phxRuntime runtime, int device, phxStream* stream) {
  phxResult code;
  rt::VisibleDevice* found = device_of(runtime, device, &code);
  if (!found) return code;
  if (!stream) return refuse(phxErrorInvalidValue, "a pointer is null");
  rt::Stream* made = nullptr;
  if (rt::Result result = runtime->runtime->create_stream(*found, false, 0, &made); !result.ok())
    return tell(std::move(result));
  *stream = new phxStream_st{runtime->runtime.get(), made};
  return phxSuccess;
}

phxResult phxStreamDestroy(phxStream stream) {
  if (!stream) return refuse(phxErrorInvalidResourceHandle, "the stream handle is null");
  phxResult code = tell(stream->runtime->destroy_stream(stream->stream));
  delete stream;
  return code;
}

phxResult phxStreamSynchronize(phxStream stream) {
  if (!stream) return refuse(phxErrorInvalidResourceHandle, "the stream handle is null");
  return tell(stream->runtime->synchronize(stream->stream));
}

phxResult phxStreamQuery(phxStream stream) {
  if (!stream) return refuse(phxErrorInvalidResourceHandle, "the stream handle is null");
  return tell(stream->runtime->query(stream->stream));
}

phxResult phxStreamWaitEvent(phxStream stream, phxEvent event) {
  if (!stream || !event) return refuse(phxErrorInvalidResourceHandle, "a handle is null");
  return tell(stream->runtime->wait_event(stream->stream, event->event));
}

phxResult phxEventCreate(phxRuntime runtime, int device, phxEvent* event) {
  phxResult code;
  rt::VisibleDevice* found = device_of(runtime, device, &code);
  if (!found) return code;
  if (!event) return refuse(phxErrorInvalidValue, "a pointer is null");
  rt::Event* made = nullptr;
  if (rt::Result result = runtime->runtime->create_event(*found, true, &made); !result.ok())
    return tell(std::move(result));
  *event = new phxEvent_st{runtime->runtime.get(), made};
  return phxSuccess;
}

phxResult phxEventDestroy(phxEvent event) {
  if (!event) return refuse(phxErrorInvalidResourceHandle, "the event handle is null");
  phxResult code = tell(event->runtime->destroy_event(event->event));
  delete event;
  return code;
}

phxResult phxEventRecord(phxEvent event, phxStream stream) {
  if (!event) return refuse(phxErrorInvalidResourceHandle, "the event handle is null");
  rt::Stream* on = nullptr;
  if (rt::Result result = stream_on(*event->runtime, *event->event->device, stream, &on); !result.ok())
    return tell(std::move(result));
  return tell(event->runtime->record(event->event, on));
}

phxResult phxEventSynchronize(phxEvent event) {
  if (!event) return refuse(phxErrorInvalidResourceHandle, "the event handle is null");
  return tell(event->runtime->synchronize(event->event));
}

phxResult phxEventQuery(phxEvent event) {
  if (!event) return refuse(phxErrorInvalidResourceHandle, "the event handle is null");
  return tell(event->runtime->query(event->event));
}

phxResult phxEventElapsed(phxEvent start, phxEvent stop, double* seconds) {
  if (!start || !stop || !seconds) return refuse(phxErrorInvalidResourceHandle, "a handle or a pointer is null");
  return tell(start->runtime->elapsed(start->event, stop->event, seconds));
}

phxResult phxModuleLoad(phxRuntime runtime, int device, const void* bytes, size_t size, phxModule* module) {
  phxResult code;
  rt::VisibleDevice* found = device_of(runtime, device, &code);
  if (!found) return code;
  if (!bytes || !module) return refuse(phxErrorInvalidValue, "a pointer is null");
  auto* first = static_cast<const std::byte*>(bytes);
  auto made = std::unique_ptr<phxModule_st>(new phxModule_st{runtime, found, {"module", {first, first + size}, {}}});
  std::shared_ptr<hal::Executable> executable;
  if (rt::Result result = runtime->runtime->load(*found, made->module, &executable); !result.ok())
    return tell(std::move(result));
  std::lock_guard lock(runtime->mutex);
  *module = made.get();
  runtime->modules.emplace(*module, std::move(made));
  return phxSuccess;
}

phxResult phxModuleUnload(phxModule module) {
  if (!module) return refuse(phxErrorInvalidResourceHandle, "the module handle is null");
  phxRuntime runtime = module->runtime;
  runtime->runtime->unload(module->module);
  std::lock_guard lock(runtime->mutex);
  runtime->modules.erase(module);
  return phxSuccess;
}

phxResult phxModuleKernel(phxModule module, const char* name, phxKernel* kernel) {
  if (!module || !name || !kernel) return refuse(phxErrorInvalidValue, "a handle or a pointer is null");
  phxRuntime runtime = module->runtime;
  rt::KernelRef found;
  if (rt::Result result = runtime->runtime->kernel(*module->device, module->module, name, &found); !result.ok())
    return tell(std::move(result));
  std::lock_guard lock(runtime->mutex);
  auto made = std::make_unique<phxKernel_st>(phxKernel_st{runtime, module->device, std::move(found)});
  *kernel = made.get();
  runtime->kernels.emplace(*kernel, std::move(made));
  return phxSuccess;
}

phxResult phxModuleSymbol(phxModule module, const char* name, void** pointer, uint64_t* size) {
  if (!module || !name) return refuse(phxErrorInvalidValue, "a handle or a pointer is null");
  hal::Symbol symbol;
  if (rt::Result result = module->runtime->runtime->symbol(*module->device, module->module, name, &symbol);
      !result.ok())
    return tell(std::move(result));
  if (pointer) *pointer = reinterpret_cast<void*>(symbol.buffer->address() + symbol.offset);
  if (size) *size = symbol.size;
  return phxSuccess;
}

phxResult phxLaunch(phxKernel kernel, phxExtent grid, phxExtent block, uint64_t dynamic_shared, const void* arguments,
                    size_t size, phxStream stream) {
  if (!kernel || (size && !arguments)) return refuse(phxErrorInvalidValue, "a handle or a pointer is null");
  rt::Runtime& runtime = *kernel->runtime->runtime;
  rt::Stream* on = nullptr;
  if (rt::Result result = stream_on(runtime, *kernel->device, stream, &on); !result.ok())
    return tell(std::move(result));
  if (on->device != kernel->device)
    return refuse(phxErrorInvalidResourceHandle, "the stream belongs to another device than the kernel");
  auto* first = static_cast<const std::byte*>(arguments);
  rt::LaunchShape shape{{grid.x, grid.y, grid.z}, {block.x, block.y, block.z}, dynamic_shared, false};
  return tell(runtime.launch(on, kernel->kernel, shape, {first, first + size}));
}

phxResult phxKernelOccupancy(phxKernel kernel, uint32_t block_threads, uint64_t dynamic_shared, uint32_t* blocks) {
  if (!kernel || !blocks) return refuse(phxErrorInvalidValue, "a handle or a pointer is null");
  return tell(kernel->runtime->runtime->occupancy(kernel->kernel, block_threads, dynamic_shared, blocks));
}

}  // extern "C"
