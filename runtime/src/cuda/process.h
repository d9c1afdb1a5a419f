// The process-wide state behind the CUDA names, all of it: CUDA's interface has one implicit runtime per process and
// one current device per host thread. Nothing else in the SDK is process-wide.
//
// The runtime is opened by the first call that needs it, from the PHX_ environment. Registration hooks run before
// main and only take notes. At exit the runtime finishes (report, trace, pending output); later calls return
// cudaErrorCudartUnloading.
#pragma once

#include <atomic>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "runtime/include/cuda/phx_cuda_api.h"
#include "runtime/src/runtime.h"

namespace phx::cuda {

// An image the program embeds, as __cudaRegisterFatBinary got it.
struct FatBinary {
  const void* image = nullptr;
  rt::Module module;  // bytes are copied when first needed
  std::once_flag measured;
  rt::Result bad_image;
  struct Managed {
    std::string name;
    void* memory = nullptr;
  };
  std::list<Managed> managed;
};

struct Function {
  FatBinary* binary = nullptr;
  std::string name;
  int max_dynamic_shared = 0;  // cudaFuncAttributeMaxDynamicSharedMemorySize
  int carveout = -1;
};

struct Variable {
  FatBinary* binary = nullptr;
  std::string name;
  size_t size = 0;
  bool constant = false;
};

// cudaMallocAsync's pools: every device has one; pools a program creates only carry attributes.
struct Pool {
  int device = 0;
  std::map<int, uint64_t> attributes;
};

struct LaunchConfiguration {
  dim3 grid, block;
  size_t shared = 0;
  cudaStream_t stream = nullptr;
};

struct ThreadState {
  int device = 0;
  cudaError_t last_error = cudaSuccess;
  std::optional<LaunchConfiguration> pushed;
};
ThreadState& thread_state();

class Process {
 public:
  static Process& get();

  // The open runtime, or null with the reason as the thread's result.
  rt::Runtime* runtime(rt::Result* why);
  rt::Runtime* runtime_if_open() const { return open_.load(); }

  // True the first time a message is given.
  bool tell_once(const std::string& message) {
    std::lock_guard lock(mutex);
    return told_.insert(message).second;
  }

  std::recursive_mutex mutex;  // guards the registries; never held while the runtime is called
  std::list<FatBinary> binaries;
  std::map<const void*, Function> functions;  // by host stub
  std::map<const void*, Variable> variables;  // by host shadow
  std::list<Pool> pools;
  std::map<int, Pool*> default_pool, current_pool;

 private:
  friend void finish_process();
  rt::Result open();
  std::unique_ptr<rt::Runtime> runtime_;
  // What runtime() answers once open, without the lock: a host function in a stream may call while another thread
  // holds the registries and waits for the runtime.
  std::atomic<rt::Runtime*> open_ = nullptr;
  std::set<std::string> told_;
  bool tried_ = false, unloading_ = false;
  rt::Result failure_;
};

// Records a failure as the thread's last error and returns it in CUDA's type.
cudaError_t finish(const rt::Result& result);
inline cudaError_t finish(cudaError_t code) { return finish(rt::Result(static_cast<phxResult>(code))); }

// What nearly every call starts with: the runtime and the current device.
struct Current {
  rt::Runtime* runtime = nullptr;
  rt::VisibleDevice* device = nullptr;
  rt::Result why;
  explicit operator bool() const { return why.ok(); }
};
Current current();
// The same for a device given by number.
Current on_device(int device);

// The stream a handle means: null and cudaStreamLegacy, cudaStreamPerThread, or one that was created.
rt::Result stream_of(const Current& now, cudaStream_t handle, rt::Stream** stream);

// The kernel behind a host stub on the current device; cudaErrorInvalidDeviceFunction if it was never registered.
rt::Result kernel_of(const Current& now, const void* stub, rt::KernelRef* kernel);
// The device variable behind a host shadow; cudaErrorInvalidSymbol if it was never registered.
rt::Result symbol_of(const Current& now, const void* shadow, hal::Symbol* symbol);

}  // namespace phx::cuda
