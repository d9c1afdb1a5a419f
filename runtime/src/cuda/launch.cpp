// Launches, functions, and the hooks that compiled code calls by itself.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "runtime/src/cuda/process.h"

using namespace phx;
using namespace phx::cuda;

namespace {

rt::Result invalid(const char* why) { return {phxErrorInvalidValue, why}; }

// Arguments come as one pointer per parameter; the entry says where each goes in the block.
std::vector<std::byte> packed(const hal::EntryPoint& entry, void** arguments) {
  std::vector<std::byte> block(entry.argument_bytes);
  for (size_t i = 0; i < entry.arguments.size(); ++i)
    std::memcpy(&block[entry.arguments[i].offset], arguments[i], entry.arguments[i].size);
  return block;
}

cudaError_t launch(const void* function, dim3 grid, dim3 block, void** arguments, size_t shared, cudaStream_t handle,
                   bool cooperative) {
  Current now = current();
  if (!now) return finish(now.why);
  rt::Stream* stream = nullptr;
  if (rt::Result result = stream_of(now, handle, &stream); !result.ok()) return finish(result);
  if (stream->device != now.device)
    return finish({phxErrorInvalidResourceHandle, "the stream belongs to another device than the current one"});
  rt::KernelRef kernel;
  if (rt::Result result = kernel_of(now, function, &kernel); !result.ok()) {
    // Nearly every program ignores the result of a launch: what is wrong with its image is said, once.
    if (now.runtime->health(*now.device).ok() && Process::get().tell_once(result.message))
      std::fprintf(stderr, "phalanx: error: launch: %s\n", result.message.c_str());
    return finish(result);
  }
  const hal::EntryPoint& entry = kernel.info();
  if (!entry.arguments.empty() && !arguments) return finish(invalid("the kernel takes arguments"));
  rt::LaunchShape shape{{grid.x, grid.y, grid.z}, {block.x, block.y, block.z}, shared, cooperative};
  rt::Result result = now.runtime->launch(stream, kernel, shape, packed(entry, arguments));
  return finish(result);
}

Function* function_of(const void* stub) {
  auto& functions = Process::get().functions;
  auto found = functions.find(stub);
  return found == functions.end() ? nullptr : &found->second;
}

// A kernel on the current device, for the calls that only ask about it.
rt::Result looked_up(const void* function, Current* now, rt::KernelRef* kernel) {
  *now = current();
  if (!*now) return now->why;
  now->runtime->advance_host(now->device->costs().call);
  return kernel_of(*now, function, kernel);
}

int64_t integer(const rt::VisibleDevice& device, const char* key) {
  auto value = device.integer(key);
  return value ? *value : 0;
}

}  // namespace

extern "C" {

cudaError_t phx_cudaLaunchKernel(const void* function, dim3 grid, dim3 block, void** arguments, size_t sharedBytes,
                                 cudaStream_t stream) {
  return launch(function, grid, block, arguments, sharedBytes, stream, false);
}

cudaError_t phx_cudaLaunchCooperativeKernel(const void* function, dim3 grid, dim3 block, void** arguments,
                                            size_t sharedBytes, cudaStream_t stream) {
  return launch(function, grid, block, arguments, sharedBytes, stream, true);
}

cudaError_t phx_cudaLaunchKernelExC(const cudaLaunchConfig_t* config, const void* function, void** arguments) {
  if (!config || (config->numAttrs && !config->attrs)) return finish(invalid("the configuration is null"));
  bool cooperative = false;
  for (unsigned i = 0; i < config->numAttrs; ++i) {
    const cudaLaunchAttribute& attribute = config->attrs[i];
    if (attribute.id == cudaLaunchAttributeCooperative) cooperative = attribute.val.cooperative != 0;
    if (attribute.id == cudaLaunchAttributeClusterDimension &&
        uint64_t{attribute.val.clusterDim.x} * attribute.val.clusterDim.y * attribute.val.clusterDim.z > 1)
      return finish({phxErrorNotSupported, "block clusters are not supported"});
  }
  return launch(function, config->gridDim, config->blockDim, arguments, config->dynamicSmemBytes, config->stream,
                cooperative);
}

cudaError_t phx_cudaFuncGetAttributes(struct cudaFuncAttributes* attributes, const void* function) {
  if (!attributes) return finish(invalid("attributes is null"));
  Current now;
  rt::KernelRef kernel;
  if (rt::Result result = looked_up(function, &now, &kernel); !result.ok()) return finish(result);
  const hal::EntryPoint& entry = kernel.info();
  *attributes = {};
  attributes->sharedSizeBytes = entry.static_shared;
  attributes->constSizeBytes = entry.constant_bytes;
  attributes->localSizeBytes = entry.local;
  auto most = static_cast<int>(integer(*now.device, "block.threads"));
  attributes->maxThreadsPerBlock =
      entry.max_block_threads ? std::min(most, static_cast<int>(entry.max_block_threads)) : most;
  attributes->numRegs = static_cast<int>(entry.registers);
  attributes->ptxVersion = attributes->binaryVersion = 80;
  auto room = integer(*now.device, "block.shared") - static_cast<int64_t>(entry.static_shared);
  attributes->maxDynamicSharedSizeBytes = static_cast<int>(std::max<int64_t>(room, 0));
  std::lock_guard lock(Process::get().mutex);
  if (Function* known = function_of(function)) attributes->preferredShmemCarveout = known->carveout;
  return cudaSuccess;
}

cudaError_t phx_cudaFuncSetAttribute(const void* function, enum cudaFuncAttribute attribute, int value) {
  Current now;
  rt::KernelRef kernel;
  if (rt::Result result = looked_up(function, &now, &kernel); !result.ok()) return finish(result);
  std::lock_guard lock(Process::get().mutex);
  Function* known = function_of(function);
  switch (attribute) {
    case cudaFuncAttributeMaxDynamicSharedMemorySize:
      if (value < 0 || value + static_cast<int64_t>(kernel.info().static_shared) > integer(*now.device, "block.shared"))
        return finish(invalid("a block does not have that much shared memory"));
      known->max_dynamic_shared = value;
      return cudaSuccess;
    case cudaFuncAttributePreferredSharedMemoryCarveout:
      if (value < -1 || value > 100) return finish(invalid("the carveout is a percentage, or -1"));
      known->carveout = value;
      return cudaSuccess;
    default:
      return finish(invalid("the attribute cannot be set"));
  }
}

cudaError_t phx_cudaFuncSetCacheConfig(const void* function, enum cudaFuncCache) {
  Current now;
  rt::KernelRef kernel;
  return finish(looked_up(function, &now, &kernel));
}
cudaError_t phx_cudaFuncSetSharedMemConfig(const void* function, enum cudaSharedMemConfig) {
  return phx_cudaFuncSetCacheConfig(function, cudaFuncCachePreferNone);
}

cudaError_t phx_cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* function, int blockSize,
                                                              size_t sharedBytes) {
  if (!blocks || blockSize <= 0) return finish(invalid("the place for the answer is null, or the block is empty"));
  Current now;
  rt::KernelRef kernel;
  if (rt::Result result = looked_up(function, &now, &kernel); !result.ok()) return finish(result);
  uint32_t answer = 0;
  rt::Result result = now.runtime->occupancy(kernel, static_cast<uint32_t>(blockSize), sharedBytes, &answer);
  *blocks = static_cast<int>(answer);
  return finish(result);
}
cudaError_t phx_cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, const void* function, int blockSize,
                                                                       size_t sharedBytes, unsigned int flags) {
  if (flags & ~cudaOccupancyDisableCachingOverride) return finish(invalid("unknown flags"));
  return phx_cudaOccupancyMaxActiveBlocksPerMultiprocessor(blocks, function, blockSize, sharedBytes);
}

// The most shared memory with which `blocks` blocks still share a core, found by asking.
cudaError_t phx_cudaOccupancyAvailableDynamicSMemPerBlock(size_t* bytes, const void* function, int blocks,
                                                          int blockSize) {
  if (!bytes || blocks <= 0 || blockSize <= 0)
    return finish(invalid("the place for the answer is null, or a count is not positive"));
  Current now;
  rt::KernelRef kernel;
  if (rt::Result result = looked_up(function, &now, &kernel); !result.ok()) return finish(result);
  auto fits = [&](size_t shared) {
    uint32_t answer = 0;
    rt::Result result = now.runtime->occupancy(kernel, static_cast<uint32_t>(blockSize), shared, &answer);
    return result.ok() && answer >= static_cast<uint32_t>(blocks);
  };
  *bytes = 0;
  if (!fits(0)) return cudaSuccess;
  size_t low = 0, high = static_cast<size_t>(integer(*now.device, "block.shared"));
  while (low < high) {
    size_t middle = low + (high - low + 1) / 2;
    if (fits(middle))
      low = middle;
    else
      high = middle - 1;
  }
  *bytes = low;
  return cudaSuccess;
}

// --- Hooks

unsigned phx_cudaPushCallConfiguration(dim3 grid, dim3 block, size_t sharedBytes, struct CUstream_st* stream) {
  thread_state().pushed = LaunchConfiguration{grid, block, sharedBytes, stream};
  return 0;
}

cudaError_t phx_cudaPopCallConfiguration(dim3* grid, dim3* block, size_t* sharedBytes, void* stream) {
  auto& pushed = thread_state().pushed;
  if (!pushed) return finish({static_cast<phxResult>(52), "a kernel stub was called without a launch configuration"});
  *grid = pushed->grid;
  *block = pushed->block;
  *sharedBytes = pushed->shared;
  *static_cast<cudaStream_t*>(stream) = pushed->stream;
  pushed.reset();
  return cudaSuccess;
}

void** phx_cudaRegisterFatBinary(void* fatbin) {
  struct Wrapper {
    int magic, version;
    const void* image;
    void* unused;
  };
  auto* wrapper = static_cast<const Wrapper*>(fatbin);
  Process& process = Process::get();
  std::lock_guard lock(process.mutex);
  FatBinary& binary = process.binaries.emplace_back();
  binary.module.label = "image " + std::to_string(process.binaries.size());
  binary.image = wrapper && wrapper->magic == 0x466243b1 ? wrapper->image : nullptr;
  return reinterpret_cast<void**>(&binary);
}

void phx_cudaRegisterFatBinaryEnd(void**) {}

void phx_cudaUnregisterFatBinary(void** module) {
  auto* binary = reinterpret_cast<FatBinary*>(module);
  Process& process = Process::get();
  if (rt::Runtime* runtime = process.runtime_if_open()) runtime->unload(binary->module);
  std::lock_guard lock(process.mutex);
  std::erase_if(process.functions, [&](const auto& entry) { return entry.second.binary == binary; });
  std::erase_if(process.variables, [&](const auto& entry) { return entry.second.binary == binary; });
  process.binaries.remove_if([&](const FatBinary& other) { return &other == binary; });
}

int phx_cudaRegisterFunction(void** module, const char* stub, char* name, const char*, int, void*, void*, void*, void*,
                             int*) {
  Process& process = Process::get();
  std::lock_guard lock(process.mutex);
  process.functions[stub] = Function{reinterpret_cast<FatBinary*>(module), name};
  return 0;
}

void phx_cudaRegisterVar(void** module, char* variable, char*, const char* name, int, size_t size, int constant, int) {
  Process& process = Process::get();
  std::lock_guard lock(process.mutex);
  process.variables[variable] = Variable{reinterpret_cast<FatBinary*>(module), name, size, constant != 0};
}

void phx_cudaRegisterManagedVar(void** module, void** variable, char*, const char* name, int, size_t size, int, int) {
  auto* binary = reinterpret_cast<FatBinary*>(module);
  Current now = current();
  void* memory = nullptr;
  if (!now ||
      !now.runtime->allocate_host(*now.device, size, rt::MemoryKind::managed, cudaMemAttachGlobal, &memory).ok())
    return;
  *variable = memory;
  binary->managed.push_back({name, memory});
}

}  // extern "C"
