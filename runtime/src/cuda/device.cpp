// Devices, properties, limits, peers. Names and numbers are the machine's own; what has no counterpart on it is 0.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "runtime/src/cuda/process.h"

using namespace phx;
using namespace phx::cuda;

namespace {

constexpr int kComputeMajor = 8, kComputeMinor = 0;  // what device code is compiled for: __CUDA_ARCH__ 800
constexpr size_t kConstantBytes = 64 << 10;

int64_t integer(const rt::VisibleDevice& device, const char* key) {
  auto value = device.integer(key);
  return value ? *value : 0;
}
double real(const rt::VisibleDevice& device, const char* key) {
  auto value = device.real(key);
  return value ? *value : 0;
}
int clamped(double value) { return value > 2147483647.0 ? 2147483647 : static_cast<int>(value); }

void fill(cudaDeviceProp& p, const rt::VisibleDevice& device) {
  p = {};
  if (auto name = device.text("name")) std::snprintf(p.name, sizeof p.name, "%s", name->c_str());
  std::memcpy(p.uuid.bytes, "phalanx", 7);
  p.uuid.bytes[15] = static_cast<char>(device.index());
  p.totalGlobalMem = static_cast<size_t>(integer(device, "memory.size"));
  p.sharedMemPerBlock = p.sharedMemPerBlockOptin = static_cast<size_t>(integer(device, "block.shared"));
  p.regsPerBlock = clamped(integer(device, "block.registers"));
  p.warpSize = clamped(integer(device, "warp"));
  p.memPitch = 2147483647;
  p.maxThreadsPerBlock = clamped(integer(device, "block.threads"));
  p.maxThreadsDim[0] = p.maxThreadsDim[1] = p.maxThreadsPerBlock;
  p.maxThreadsDim[2] = std::min(p.maxThreadsPerBlock, 64);
  for (int& extent : p.maxGridSize) extent = clamped(integer(device, "grid.extent"));
  p.clockRate = clamped(real(device, "clock") / 1e3);
  p.totalConstMem = kConstantBytes;
  p.major = kComputeMajor;
  p.minor = kComputeMinor;
  p.textureAlignment = 512;
  p.texturePitchAlignment = 32;
  p.surfaceAlignment = 512;
  p.asyncEngineCount = clamped(integer(device, "engines.copy"));
  p.deviceOverlap = p.asyncEngineCount > 0;
  p.multiProcessorCount = clamped(integer(device, "cores"));
  p.canMapHostMemory = 1;
  p.concurrentKernels = 1;
  p.pciBusID = device.index() + 1;
  p.unifiedAddressing = 1;
  p.memoryClockRate = clamped(real(device, "memory.clock") / 1e3);
  p.memoryBusWidth = clamped(integer(device, "memory.bus_width"));
  p.l2CacheSize = clamped(integer(device, "l2.size"));
  p.maxThreadsPerMultiProcessor = clamped(integer(device, "core.threads"));
  p.streamPrioritiesSupported = 0;
  p.globalL1CacheSupported = 1;
  p.localL1CacheSupported = 1;
  p.sharedMemPerMultiprocessor = static_cast<size_t>(integer(device, "core.shared"));
  p.regsPerMultiprocessor = clamped(integer(device, "core.registers"));
  p.managedMemory = 1;
  p.singleToDoublePrecisionPerfRatio = 2;
  p.canUseHostPointerForRegisteredMem = 1;
  p.cooperativeLaunch = 1;
  p.maxBlocksPerMultiProcessor = clamped(integer(device, "core.blocks"));
  p.hostRegisterSupported = 1;
  p.memoryPoolsSupported = 1;
}

// One attribute, where it is a member of the properties; nothing for numbers CUDA does not define.
std::optional<int> attribute_of(const cudaDeviceProp& p, int attribute) {
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
      return p.maxThreadsPerBlock;
    case cudaDevAttrMaxBlockDimX:
      return p.maxThreadsDim[0];
    case cudaDevAttrMaxBlockDimY:
      return p.maxThreadsDim[1];
    case cudaDevAttrMaxBlockDimZ:
      return p.maxThreadsDim[2];
    case cudaDevAttrMaxGridDimX:
      return p.maxGridSize[0];
    case cudaDevAttrMaxGridDimY:
      return p.maxGridSize[1];
    case cudaDevAttrMaxGridDimZ:
      return p.maxGridSize[2];
    case cudaDevAttrMaxSharedMemoryPerBlock:
      return clamped(static_cast<double>(p.sharedMemPerBlock));
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      return clamped(static_cast<double>(p.sharedMemPerBlockOptin));
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      return clamped(static_cast<double>(p.sharedMemPerMultiprocessor));
    case cudaDevAttrTotalConstantMemory:
      return static_cast<int>(p.totalConstMem);
    case cudaDevAttrWarpSize:
      return p.warpSize;
    case cudaDevAttrMaxPitch:
      return 2147483647;
    case cudaDevAttrMaxRegistersPerBlock:
      return p.regsPerBlock;
    case cudaDevAttrMaxRegistersPerMultiprocessor:
      return p.regsPerMultiprocessor;
    case cudaDevAttrClockRate:
      return p.clockRate;
    case cudaDevAttrTextureAlignment:
      return static_cast<int>(p.textureAlignment);
    case cudaDevAttrTexturePitchAlignment:
      return static_cast<int>(p.texturePitchAlignment);
    case cudaDevAttrSurfaceAlignment:
      return static_cast<int>(p.surfaceAlignment);
    case cudaDevAttrGpuOverlap:
      return p.deviceOverlap;
    case cudaDevAttrMultiProcessorCount:
      return p.multiProcessorCount;
    case cudaDevAttrCanMapHostMemory:
      return p.canMapHostMemory;
    case cudaDevAttrComputeMode:
      return p.computeMode;
    case cudaDevAttrConcurrentKernels:
      return p.concurrentKernels;
    case cudaDevAttrPciBusId:
      return p.pciBusID;
    case cudaDevAttrMemoryClockRate:
      return p.memoryClockRate;
    case cudaDevAttrGlobalMemoryBusWidth:
      return p.memoryBusWidth;
    case cudaDevAttrL2CacheSize:
      return p.l2CacheSize;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      return p.maxThreadsPerMultiProcessor;
    case cudaDevAttrAsyncEngineCount:
      return p.asyncEngineCount;
    case cudaDevAttrUnifiedAddressing:
      return p.unifiedAddressing;
    case cudaDevAttrComputeCapabilityMajor:
      return p.major;
    case cudaDevAttrComputeCapabilityMinor:
      return p.minor;
    case cudaDevAttrGlobalL1CacheSupported:
      return p.globalL1CacheSupported;
    case cudaDevAttrLocalL1CacheSupported:
      return p.localL1CacheSupported;
    case cudaDevAttrManagedMemory:
      return p.managedMemory;
    case cudaDevAttrSingleToDoublePrecisionPerfRatio:
      return p.singleToDoublePrecisionPerfRatio;
    case cudaDevAttrCanUseHostPointerForRegisteredMem:
      return p.canUseHostPointerForRegisteredMem;
    case cudaDevAttrCooperativeLaunch:
      return p.cooperativeLaunch;
    case cudaDevAttrHostRegisterSupported:
      return p.hostRegisterSupported;
    case cudaDevAttrMaxBlocksPerMultiprocessor:
      return p.maxBlocksPerMultiProcessor;
    case cudaDevAttrMemoryPoolsSupported:
      return p.memoryPoolsSupported;
    default:
      break;
  }
  if (attribute >= 1 && attribute < cudaDevAttrMax) return 0;  // defined, and the machine does not have it
  return std::nullopt;
}

rt::Result invalid(const char* why) { return {phxErrorInvalidValue, why}; }

}  // namespace

extern "C" {

cudaError_t phx_cudaGetDeviceCount(int* count) {
  if (!count) return finish(invalid("count is null"));
  rt::Result why;
  rt::Runtime* runtime = Process::get().runtime(&why);
  *count = runtime ? runtime->device_count() : 0;
  return finish(why);
}

cudaError_t phx_cudaGetDevice(int* device) {
  if (!device) return finish(invalid("device is null"));
  *device = thread_state().device;
  return cudaSuccess;
}

cudaError_t phx_cudaSetDevice(int device) {
  Current now = on_device(device);
  if (!now) return finish(now.why);
  now.runtime->advance_host(now.device->costs().call);
  thread_state().device = device;
  return cudaSuccess;
}

cudaError_t phx_cudaChooseDevice(int* device, const struct cudaDeviceProp* wanted) {
  if (!device || !wanted) return finish(invalid("a pointer is null"));
  Current now = current();
  if (!now) return finish(now.why);
  *device = 0;  // all devices of a machine are alike
  return cudaSuccess;
}

cudaError_t phx_cudaSetValidDevices(int* devices, int count) {
  for (int i = 0; i < count; ++i)
    if (Current there = on_device(devices[i]); !there) return finish(there.why);
  return cudaSuccess;
}

cudaError_t phx_cudaSetDeviceFlags(unsigned int flags) {
  return finish(flags & ~cudaDeviceMask ? invalid("unknown device flags") : rt::Result());
}

cudaError_t phx_cudaGetDeviceFlags(unsigned int* flags) {
  if (!flags) return finish(invalid("flags is null"));
  *flags = cudaDeviceScheduleAuto | cudaDeviceMapHost;
  return cudaSuccess;
}

cudaError_t phx_cudaInitDevice(int device, unsigned int, unsigned int) { return finish(on_device(device).why); }

cudaError_t phx_cudaGetDeviceProperties(struct cudaDeviceProp* properties, int device) {
  if (!properties) return finish(invalid("properties is null"));
  Current now = on_device(device);
  if (!now) return finish(now.why);
  now.runtime->advance_host(now.device->costs().call);
  fill(*properties, *now.device);
  return cudaSuccess;
}

cudaError_t phx_cudaDeviceGetAttribute(int* value, enum cudaDeviceAttr attribute, int device) {
  if (!value) return finish(invalid("value is null"));
  Current now = on_device(device);
  if (!now) return finish(now.why);
  now.runtime->advance_host(now.device->costs().call);
  cudaDeviceProp properties;
  fill(properties, *now.device);
  auto found = attribute_of(properties, attribute);
  if (!found) return finish(invalid("there is no such attribute"));
  *value = *found;
  return cudaSuccess;
}

cudaError_t phx_cudaDeviceGetPCIBusId(char* id, int length, int device) {
  if (!id || length < 13) return finish(invalid("the id needs 13 characters"));
  Current now = on_device(device);
  if (!now) return finish(now.why);
  std::snprintf(id, static_cast<size_t>(length), "0000:%02x:00.0", (device + 1) & 0xff);
  return cudaSuccess;
}

cudaError_t phx_cudaDeviceGetByPCIBusId(int* device, const char* id) {
  unsigned domain = 0, bus = 0, slot = 0;
  if (!device || !id || std::sscanf(id, "%x:%x:%x", &domain, &bus, &slot) != 3)
    return finish(invalid("not a PCI bus id"));
  Current now = on_device(static_cast<int>(bus) - 1);
  if (!now) return finish(now.why);
  *device = static_cast<int>(bus) - 1;
  return cudaSuccess;
}

cudaError_t phx_cudaDeviceSynchronize(void) {
  Current now = current();
  return finish(now ? now.runtime->synchronize(*now.device) : now.why);
}

cudaError_t phx_cudaDeviceReset(void) {
  Current now = current();
  if (!now) return finish(now.why);
  thread_state().last_error = cudaSuccess;
  return finish(now.runtime->reset(*now.device));
}

cudaError_t phx_cudaDeviceSetLimit(enum cudaLimit limit, size_t value) {
  Current now = current();
  if (!now) return finish(now.why);
  if (limit < cudaLimitStackSize || limit > cudaLimitPersistingL2CacheSize)
    return finish({phxErrorUnsupportedLimit, "there is no such limit"});
  now.device->limits[limit] = value;
  if (limit == cudaLimitPrintfFifoSize)
    for (uint32_t member = 0; member < now.device->group().size(); ++member)
      now.device->group().device(member).service_ring().set_capacity(value);
  return cudaSuccess;
}

cudaError_t phx_cudaDeviceGetLimit(size_t* value, enum cudaLimit limit) {
  if (!value) return finish(invalid("value is null"));
  Current now = current();
  if (!now) return finish(now.why);
  auto set = now.device->limits.find(limit);
  if (set != now.device->limits.end()) {
    *value = set->second;
    return cudaSuccess;
  }
  switch (limit) {
    case cudaLimitStackSize:
      *value = 1024;
      break;
    case cudaLimitPrintfFifoSize:
      *value = now.device->group().device(0).service_ring().capacity();
      break;
    case cudaLimitMallocHeapSize:
      *value = 8 << 20;
      break;
    case cudaLimitDevRuntimeSyncDepth:
      *value = 2;
      break;
    case cudaLimitDevRuntimePendingLaunchCount:
      *value = 2048;
      break;
    case cudaLimitMaxL2FetchGranularity:
      *value = 128;
      break;
    case cudaLimitPersistingL2CacheSize:
      *value = 0;
      break;
    default:
      return finish({phxErrorUnsupportedLimit, "there is no such limit"});
  }
  return cudaSuccess;
}

// Preferences the machine has no use for: accepted, and what is read back is the default.
cudaError_t phx_cudaDeviceGetCacheConfig(enum cudaFuncCache* config) {
  if (!config) return finish(invalid("config is null"));
  *config = cudaFuncCachePreferNone;
  return finish(current().why);
}
cudaError_t phx_cudaDeviceSetCacheConfig(enum cudaFuncCache) { return finish(current().why); }
cudaError_t phx_cudaDeviceGetSharedMemConfig(enum cudaSharedMemConfig* config) {
  if (!config) return finish(invalid("config is null"));
  *config = cudaSharedMemBankSizeFourByte;
  return finish(current().why);
}
cudaError_t phx_cudaDeviceSetSharedMemConfig(enum cudaSharedMemConfig) { return finish(current().why); }

cudaError_t phx_cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  if (least) *least = 0;
  if (greatest) *greatest = 0;
  return finish(current().why);
}

cudaError_t phx_cudaDriverGetVersion(int* version) {
  if (!version) return finish(invalid("version is null"));
  *version = 12080;
  return cudaSuccess;
}
cudaError_t phx_cudaRuntimeGetVersion(int* version) { return phx_cudaDriverGetVersion(version); }

cudaError_t phx_cudaThreadSynchronize(void) { return phx_cudaDeviceSynchronize(); }
cudaError_t phx_cudaThreadExit(void) { return phx_cudaDeviceReset(); }
cudaError_t phx_cudaThreadSetLimit(enum cudaLimit limit, size_t value) { return phx_cudaDeviceSetLimit(limit, value); }
cudaError_t phx_cudaThreadGetLimit(size_t* value, enum cudaLimit limit) { return phx_cudaDeviceGetLimit(value, limit); }
cudaError_t phx_cudaThreadSetCacheConfig(enum cudaFuncCache config) { return phx_cudaDeviceSetCacheConfig(config); }

// --- Peers: all devices of a machine reach each other; the path has a price, not a permission.

cudaError_t phx_cudaDeviceCanAccessPeer(int* can, int device, int peer) {
  if (!can) return finish(invalid("can is null"));
  for (int one : {device, peer})
    if (Current there = on_device(one); !there) return finish(there.why);
  *can = device != peer;
  return cudaSuccess;
}

cudaError_t phx_cudaDeviceEnablePeerAccess(int peer, unsigned int flags) {
  Current now = current();
  if (!now) return finish(now.why);
  if (Current there = on_device(peer); !there) return finish(there.why);
  if (flags != 0) return finish(invalid("flags must be 0"));
  if (peer == now.device->index()) return finish({phxErrorInvalidDevice, "a device is no peer of itself"});
  if (!now.device->peers.insert(peer).second)
    return finish({phxErrorPeerAccessAlreadyEnabled, "peer access is already enabled"});
  return cudaSuccess;
}

cudaError_t phx_cudaDeviceDisablePeerAccess(int peer) {
  Current now = current();
  if (!now) return finish(now.why);
  if (Current there = on_device(peer); !there) return finish(there.why);
  if (now.device->peers.erase(peer) == 0) return finish({phxErrorPeerAccessNotEnabled, "peer access is not enabled"});
  return cudaSuccess;
}

cudaError_t phx_cudaDeviceGetP2PAttribute(int* value, enum cudaDeviceP2PAttr attribute, int from, int to) {
  if (!value) return finish(invalid("value is null"));
  for (int one : {from, to})
    if (Current there = on_device(one); !there) return finish(there.why);
  if (from == to) return finish({phxErrorInvalidDevice, "a device is no peer of itself"});
  switch (attribute) {
    case cudaDevP2PAttrPerformanceRank: {
      Current now = on_device(from);
      auto all = now.device->group().driver().devices();
      *value = 0;
      if (all) {
        auto path = all->topology().path(now.device->group().first(), on_device(to).device->group().first());
        if (path.level) *value = static_cast<int>(path.level - all->topology().levels().data());
      }
      return cudaSuccess;
    }
    case cudaDevP2PAttrAccessSupported:
    case cudaDevP2PAttrNativeAtomicSupported:
      *value = 1;
      return cudaSuccess;
    case cudaDevP2PAttrCudaArrayAccessSupported:
      *value = 0;
      return cudaSuccess;
  }
  return finish(invalid("there is no such attribute"));
}

cudaError_t phx_cudaProfilerStart(void) { return finish(current().why); }
cudaError_t phx_cudaProfilerStop(void) { return finish(current().why); }

}  // extern "C"
