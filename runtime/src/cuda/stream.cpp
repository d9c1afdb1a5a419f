// Streams and events.
#include "runtime/src/cuda/process.h"

using namespace phx;
using namespace phx::cuda;

namespace {

rt::Result invalid(const char* why) { return {phxErrorInvalidValue, why}; }

rt::Event* event_of(cudaEvent_t handle) { return reinterpret_cast<rt::Event*>(handle); }

// Calls `use` with the runtime and the stream a handle means.
template <class Use>
cudaError_t with_stream(cudaStream_t handle, Use use) {
  Current now = current();
  if (!now) return finish(now.why);
  rt::Stream* stream = nullptr;
  if (rt::Result result = stream_of(now, handle, &stream); !result.ok()) return finish(result);
  return finish(use(*now.runtime, stream));
}

template <class Use>
cudaError_t with_event(cudaEvent_t handle, Use use) {
  Current now = current();
  if (!now) return finish(now.why);
  if (!handle) return finish({phxErrorInvalidResourceHandle, "the event is null"});
  return finish(use(*now.runtime, event_of(handle)));
}

// A query's "not ready" is an answer, not an error to remember.
cudaError_t answer(rt::Result result) {
  if (result.code == phxErrorNotReady) return cudaErrorNotReady;
  return finish(result);
}

cudaError_t create_stream(cudaStream_t* stream, unsigned flags, int priority) {
  if (!stream || (flags & ~cudaStreamNonBlocking))
    return finish(invalid("the place for the stream is null, or unknown flags"));
  Current now = current();
  if (!now) return finish(now.why);
  rt::Stream* made = nullptr;
  rt::Result result = now.runtime->create_stream(*now.device, !(flags & cudaStreamNonBlocking), priority, &made);
  *stream = reinterpret_cast<cudaStream_t>(made);
  return finish(result);
}

}  // namespace

extern "C" {

cudaError_t phx_cudaStreamCreate(cudaStream_t* stream) { return create_stream(stream, 0, 0); }
cudaError_t phx_cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned int flags) {
  return create_stream(stream, flags, 0);
}
cudaError_t phx_cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned int flags, int priority) {
  return create_stream(stream, flags, priority);
}

cudaError_t phx_cudaStreamDestroy(cudaStream_t stream) {
  if (!stream || stream == cudaStreamLegacy || stream == cudaStreamPerThread)
    return finish({phxErrorInvalidResourceHandle, "the default streams cannot be destroyed"});
  return with_stream(stream, [](rt::Runtime& runtime, rt::Stream* on) { return runtime.destroy_stream(on); });
}

cudaError_t phx_cudaStreamSynchronize(cudaStream_t stream) {
  return with_stream(stream, [](rt::Runtime& runtime, rt::Stream* on) { return runtime.synchronize(on); });
}

cudaError_t phx_cudaStreamQuery(cudaStream_t stream) {
  Current now = current();
  if (!now) return finish(now.why);
  rt::Stream* on = nullptr;
  if (rt::Result result = stream_of(now, stream, &on); !result.ok()) return finish(result);
  return answer(now.runtime->query(on));
}

cudaError_t phx_cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned int flags) {
  if (flags & ~cudaEventWaitExternal) return finish(invalid("unknown flags"));
  if (!event) return finish({phxErrorInvalidResourceHandle, "the event is null"});
  return with_stream(stream,
                     [&](rt::Runtime& runtime, rt::Stream* on) { return runtime.wait_event(on, event_of(event)); });
}

cudaError_t phx_cudaStreamGetFlags(cudaStream_t stream, unsigned int* flags) {
  if (!flags) return finish(invalid("flags is null"));
  return with_stream(stream, [&](rt::Runtime&, rt::Stream* on) {
    *flags = on->blocking ? cudaStreamDefault : cudaStreamNonBlocking;
    return rt::Result();
  });
}

cudaError_t phx_cudaStreamGetPriority(cudaStream_t stream, int* priority) {
  if (!priority) return finish(invalid("priority is null"));
  return with_stream(stream, [&](rt::Runtime&, rt::Stream* on) {
    *priority = on->priority;
    return rt::Result();
  });
}

cudaError_t phx_cudaStreamAddCallback(cudaStream_t stream, cudaStreamCallback_t callback, void* userData,
                                      unsigned int flags) {
  if (!callback || flags != 0) return finish(invalid("the callback is null, or flags are not 0"));
  return with_stream(stream, [&](rt::Runtime& runtime, rt::Stream* on) {
    return runtime.host_function(on, [=] { callback(stream, cudaSuccess, userData); });
  });
}

cudaError_t phx_cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* userData) {
  if (!function) return finish(invalid("the function is null"));
  return with_stream(stream, [&](rt::Runtime& runtime, rt::Stream* on) {
    return runtime.host_function(on, [=] { function(userData); });
  });
}

cudaError_t phx_cudaStreamAttachMemAsync(cudaStream_t stream, void* pointer, size_t, unsigned int) {
  return with_stream(stream, [&](rt::Runtime& runtime, rt::Stream*) {
    auto known = runtime.lookup(pointer);
    return known && known->kind == rt::MemoryKind::managed ? rt::Result() : invalid("the memory is not managed");
  });
}

cudaError_t phx_cudaStreamIsCapturing(cudaStream_t stream, enum cudaStreamCaptureStatus* status) {
  if (!status) return finish(invalid("status is null"));
  return with_stream(stream, [&](rt::Runtime&, rt::Stream*) {
    *status = cudaStreamCaptureStatusNone;
    return rt::Result();
  });
}

cudaError_t phx_cudaEventCreateWithFlags(cudaEvent_t* event, unsigned int flags) {
  if (!event || (flags & ~7u)) return finish(invalid("the place for the event is null, or unknown flags"));
  Current now = current();
  if (!now) return finish(now.why);
  rt::Event* made = nullptr;
  rt::Result result = now.runtime->create_event(*now.device, !(flags & cudaEventDisableTiming), &made);
  *event = reinterpret_cast<cudaEvent_t>(made);
  return finish(result);
}
cudaError_t phx_cudaEventCreate(cudaEvent_t* event) { return phx_cudaEventCreateWithFlags(event, cudaEventDefault); }

cudaError_t phx_cudaEventDestroy(cudaEvent_t event) {
  return with_event(event, [](rt::Runtime& runtime, rt::Event* it) { return runtime.destroy_event(it); });
}

cudaError_t phx_cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  if (!event) return finish({phxErrorInvalidResourceHandle, "the event is null"});
  return with_stream(stream, [&](rt::Runtime& runtime, rt::Stream* on) { return runtime.record(event_of(event), on); });
}
cudaError_t phx_cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t stream, unsigned int flags) {
  if (flags & ~cudaEventRecordExternal) return finish(invalid("unknown flags"));
  return phx_cudaEventRecord(event, stream);
}

cudaError_t phx_cudaEventQuery(cudaEvent_t event) {
  Current now = current();
  if (!now) return finish(now.why);
  if (!event) return finish({phxErrorInvalidResourceHandle, "the event is null"});
  return answer(now.runtime->query(event_of(event)));
}

cudaError_t phx_cudaEventSynchronize(cudaEvent_t event) {
  return with_event(event, [](rt::Runtime& runtime, rt::Event* it) { return runtime.synchronize(it); });
}

cudaError_t phx_cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t stop) {
  if (!milliseconds) return finish(invalid("milliseconds is null"));
  if (!start || !stop) return finish({phxErrorInvalidResourceHandle, "the event is null"});
  Current now = current();
  if (!now) return finish(now.why);
  double seconds = 0;
  rt::Result result = now.runtime->elapsed(event_of(start), event_of(stop), &seconds);
  if (result.ok()) *milliseconds = static_cast<float>(seconds * 1e3);
  return finish(result);
}

}  // extern "C"
