// Memory, copies, fills, symbols.
#include <algorithm>

#include "runtime/src/cuda/process.h"

using namespace phx;
using namespace phx::cuda;

namespace {

constexpr size_t kPitch = 512;

rt::Result invalid(const char* why) { return {phxErrorInvalidValue, why}; }

bool direction_of(cudaMemcpyKind kind, rt::Direction* direction) {
  switch (kind) {
    case cudaMemcpyHostToHost:
      *direction = rt::Direction::host_to_host;
      return true;
    case cudaMemcpyHostToDevice:
      *direction = rt::Direction::host_to_device;
      return true;
    case cudaMemcpyDeviceToHost:
      *direction = rt::Direction::device_to_host;
      return true;
    case cudaMemcpyDeviceToDevice:
      *direction = rt::Direction::device_to_device;
      return true;
    case cudaMemcpyDefault:
      *direction = rt::Direction::any;
      return true;
  }
  return false;
}

cudaError_t copy(void* to, const void* from, const hal::Region& region, cudaMemcpyKind kind, cudaStream_t handle,
                 bool wait) {
  Current now = current();
  if (!now) return finish(now.why);
  rt::Direction direction;
  if (!direction_of(kind, &direction))
    return finish({phxErrorInvalidMemcpyDirection, "the direction is not one of cudaMemcpyKind"});
  rt::Stream* stream = nullptr;
  if (rt::Result result = stream_of(now, handle, &stream); !result.ok()) return finish(result);
  return finish(now.runtime->copy(stream, to, from, region, direction, wait));
}

cudaError_t copy_2d(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width, size_t height,
                    cudaMemcpyKind kind, cudaStream_t stream, bool wait) {
  if (width > to_pitch || width > from_pitch)
    return finish({phxErrorInvalidPitch, "a pitch is smaller than the width"});
  return copy(to, from, {width, height, 1, to_pitch, 0, from_pitch, 0}, kind, stream, wait);
}

cudaError_t copy_3d(const cudaMemcpy3DParms* p, cudaStream_t stream, bool wait) {
  if (!p) return finish(invalid("the parameters are null"));
  if (p->srcArray || p->dstArray) return finish({phxErrorNotSupported, "arrays are not supported; use linear memory"});
  auto start = [](const cudaPitchedPtr& memory, const cudaPos& at) {
    return static_cast<char*>(memory.ptr) + at.z * memory.pitch * memory.ysize + at.y * memory.pitch + at.x;
  };
  hal::Region region{p->extent.width,
                     p->extent.height,
                     p->extent.depth,
                     p->dstPtr.pitch,
                     p->dstPtr.pitch * p->dstPtr.ysize,
                     p->srcPtr.pitch,
                     p->srcPtr.pitch * p->srcPtr.ysize};
  return copy(start(p->dstPtr, p->dstPos), start(p->srcPtr, p->srcPos), region, p->kind, stream, wait);
}

cudaError_t fill(void* pointer, int value, const hal::Region& region, cudaStream_t handle, bool wait) {
  Current now = current();
  if (!now) return finish(now.why);
  rt::Stream* stream = nullptr;
  if (rt::Result result = stream_of(now, handle, &stream); !result.ok()) return finish(result);
  return finish(now.runtime->fill(stream, pointer, value, region, wait));
}

hal::Region fill_3d(const cudaPitchedPtr& p, const cudaExtent& extent) {
  return {extent.width, extent.height, extent.depth, p.pitch, p.pitch * p.ysize, 0, 0};
}

cudaError_t allocate(void** pointer, size_t size, const char* what) {
  if (!pointer) return finish(invalid("the place for the pointer is null"));
  *pointer = nullptr;
  Current now = current();
  if (!now) return finish(now.why);
  if (size == 0) return cudaSuccess;
  return finish(now.runtime->allocate(*now.device, size, pointer, what));
}

cudaError_t allocate_host(void** pointer, size_t size, rt::MemoryKind kind, unsigned flags) {
  if (!pointer) return finish(invalid("the place for the pointer is null"));
  *pointer = nullptr;
  Current now = current();
  if (!now) return finish(now.why);
  if (size == 0)
    return kind == rt::MemoryKind::managed ? finish(invalid("an allocation needs at least one byte")) : cudaSuccess;
  return finish(now.runtime->allocate_host(*now.device, size, kind, flags, pointer));
}

// A device variable and a part of it.
rt::Result part_of_symbol(const void* shadow, size_t count, size_t offset, char** address) {
  Current now = current();
  if (!now) return now.why;
  hal::Symbol symbol;
  if (rt::Result result = symbol_of(now, shadow, &symbol); !result.ok()) return result;
  if (offset > symbol.size || count > symbol.size - offset) return invalid("the range leaves the variable");
  *address = reinterpret_cast<char*>(symbol.buffer->address() + symbol.offset + offset);
  return {};
}

cudaError_t copy_to_symbol(const void* symbol, const void* from, size_t count, size_t offset, cudaMemcpyKind kind,
                           cudaStream_t stream, bool wait) {
  char* to = nullptr;
  if (rt::Result result = part_of_symbol(symbol, count, offset, &to); !result.ok()) return finish(result);
  return copy(to, from, hal::Region::bytes(count), kind, stream, wait);
}

cudaError_t copy_from_symbol(void* to, const void* symbol, size_t count, size_t offset, cudaMemcpyKind kind,
                             cudaStream_t stream, bool wait) {
  char* from = nullptr;
  if (rt::Result result = part_of_symbol(symbol, count, offset, &from); !result.ok()) return finish(result);
  return copy(to, from, hal::Region::bytes(count), kind, stream, wait);
}

Pool* pool_of(int device) {
  Process& process = Process::get();
  Pool*& pool = process.default_pool[device];
  if (!pool) pool = &process.pools.emplace_back(Pool{device, {}});
  return pool;
}

Pool* live_pool(cudaMemPool_t handle) {
  Process& process = Process::get();
  for (Pool& pool : process.pools)
    if (&pool == reinterpret_cast<Pool*>(handle)) return &pool;
  return nullptr;
}

}  // namespace

extern "C" {

cudaError_t phx_cudaMalloc(void** pointer, size_t size) { return allocate(pointer, size, "cudaMalloc"); }

cudaError_t phx_cudaMallocPitch(void** pointer, size_t* pitch, size_t width, size_t height) {
  if (!pitch) return finish(invalid("the place for the pitch is null"));
  *pitch = (width + kPitch - 1) / kPitch * kPitch;
  return allocate(pointer, *pitch * height, "cudaMallocPitch");
}

cudaError_t phx_cudaMalloc3D(struct cudaPitchedPtr* pointer, struct cudaExtent extent) {
  if (!pointer) return finish(invalid("the place for the pointer is null"));
  pointer->xsize = extent.width;
  pointer->ysize = extent.height;
  pointer->pitch = (extent.width + kPitch - 1) / kPitch * kPitch;
  return allocate(&pointer->ptr, pointer->pitch * extent.height * extent.depth, "cudaMalloc3D");
}

cudaError_t phx_cudaFree(void* pointer) {
  Current now = current();
  if (!now) return finish(now.why);
  auto known = now.runtime->lookup(pointer);
  if (known && known->kind == rt::MemoryKind::pinned) return finish(invalid("host memory is freed with cudaFreeHost"));
  return finish(now.runtime->free(pointer));
}

cudaError_t phx_cudaMallocHost(void** pointer, size_t size) {
  return allocate_host(pointer, size, rt::MemoryKind::pinned, 0);
}

cudaError_t phx_cudaHostAlloc(void** pointer, size_t size, unsigned int flags) {
  if (flags & ~7u) return finish(invalid("unknown flags"));
  return allocate_host(pointer, size, rt::MemoryKind::pinned, flags);
}

cudaError_t phx_cudaFreeHost(void* pointer) {
  Current now = current();
  if (!now) return finish(now.why);
  if (!pointer) return cudaSuccess;
  auto known = now.runtime->lookup(pointer);
  if (!known || known->kind != rt::MemoryKind::pinned)
    return finish(invalid("the memory was not allocated by cudaMallocHost or cudaHostAlloc"));
  return finish(now.runtime->free(pointer));
}

cudaError_t phx_cudaHostRegister(void* pointer, size_t size, unsigned int flags) {
  Current now = current();
  return finish(now ? now.runtime->register_host(*now.device, pointer, size, flags) : now.why);
}

cudaError_t phx_cudaHostUnregister(void* pointer) {
  Current now = current();
  return finish(now ? now.runtime->unregister_host(pointer) : now.why);
}

cudaError_t phx_cudaHostGetDevicePointer(void** device, void* host, unsigned int flags) {
  if (!device || flags != 0) return finish(invalid("the place for the pointer is null, or flags are not 0"));
  Current now = current();
  if (!now) return finish(now.why);
  auto known = now.runtime->lookup(host);
  if (!known || !known->on_host()) return finish(invalid("the host memory is not registered"));
  *device = host;  // the same on both sides
  return cudaSuccess;
}

cudaError_t phx_cudaHostGetFlags(unsigned int* flags, void* host) {
  if (!flags) return finish(invalid("flags is null"));
  Current now = current();
  if (!now) return finish(now.why);
  auto known = now.runtime->lookup(host);
  if (!known || !known->on_host()) return finish(invalid("the host memory is not registered"));
  *flags = known->flags;
  return cudaSuccess;
}

cudaError_t phx_cudaMallocManaged(void** pointer, size_t size, unsigned int flags) {
  if (flags != cudaMemAttachGlobal && flags != cudaMemAttachHost)
    return finish(invalid("flags are neither global nor host"));
  return allocate_host(pointer, size, rt::MemoryKind::managed, flags);
}

// Managed memory lives on the host and does not move: advice and prefetches are checked and accepted.
cudaError_t phx_cudaMemPrefetchAsync(const void* pointer, size_t, int device, cudaStream_t) {
  Current now = current();
  if (!now) return finish(now.why);
  if (device != cudaCpuDeviceId)
    if (Current there = on_device(device); !there) return finish(there.why);
  auto known = now.runtime->lookup(pointer);
  if (!known || known->kind != rt::MemoryKind::managed) return finish(invalid("the memory is not managed"));
  now.runtime->advance_host(now.device->costs().call);
  return cudaSuccess;
}

cudaError_t phx_cudaMemAdvise(const void* pointer, size_t, enum cudaMemoryAdvise advice, int) {
  Current now = current();
  if (!now) return finish(now.why);
  auto known = now.runtime->lookup(pointer);
  if (!known || known->kind != rt::MemoryKind::managed) return finish(invalid("the memory is not managed"));
  if (advice < cudaMemAdviseSetReadMostly || advice > cudaMemAdviseUnsetAccessedBy)
    return finish(invalid("there is no such advice"));
  return cudaSuccess;
}

cudaError_t phx_cudaMallocAsync(void** pointer, size_t size, cudaStream_t stream) {
  Current now = current();
  if (!now) return finish(now.why);
  rt::Stream* on = nullptr;
  if (rt::Result result = stream_of(now, stream, &on); !result.ok()) return finish(result);
  return allocate(pointer, size, "cudaMallocAsync");
}

cudaError_t phx_cudaMallocFromPoolAsync(void** pointer, size_t size, cudaMemPool_t pool, cudaStream_t stream) {
  {
    std::lock_guard lock(Process::get().mutex);
    if (!live_pool(pool)) return finish(invalid("the pool does not exist"));
  }
  return phx_cudaMallocAsync(pointer, size, stream);
}

cudaError_t phx_cudaFreeAsync(void* pointer, cudaStream_t stream) {
  Current now = current();
  if (!now) return finish(now.why);
  rt::Stream* on = nullptr;
  if (rt::Result result = stream_of(now, stream, &on); !result.ok()) return finish(result);
  return finish(now.runtime->free_async(pointer, on));
}

cudaError_t phx_cudaMemPoolCreate(cudaMemPool_t* pool, const struct cudaMemPoolProps* properties) {
  if (!pool || !properties) return finish(invalid("a pointer is null"));
  if (Current there = on_device(properties->location.id); !there) return finish(there.why);
  std::lock_guard lock(Process::get().mutex);
  *pool = reinterpret_cast<cudaMemPool_t>(&Process::get().pools.emplace_back(Pool{properties->location.id, {}}));
  return cudaSuccess;
}

cudaError_t phx_cudaMemPoolDestroy(cudaMemPool_t handle) {
  Process& process = Process::get();
  std::lock_guard lock(process.mutex);
  Pool* pool = live_pool(handle);
  if (!pool || process.default_pool[pool->device] == pool)
    return finish(invalid("the pool does not exist or is a default pool"));
  std::erase_if(process.current_pool, [&](const auto& entry) { return entry.second == pool; });
  process.pools.remove_if([&](const Pool& other) { return &other == pool; });
  return cudaSuccess;
}

cudaError_t phx_cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int device) {
  if (!pool) return finish(invalid("the place for the pool is null"));
  if (Current there = on_device(device); !there) return finish(there.why);
  std::lock_guard lock(Process::get().mutex);
  *pool = reinterpret_cast<cudaMemPool_t>(pool_of(device));
  return cudaSuccess;
}

cudaError_t phx_cudaDeviceGetMemPool(cudaMemPool_t* pool, int device) {
  if (!pool) return finish(invalid("the place for the pool is null"));
  if (Current there = on_device(device); !there) return finish(there.why);
  Process& process = Process::get();
  std::lock_guard lock(process.mutex);
  auto chosen = process.current_pool.find(device);
  *pool = reinterpret_cast<cudaMemPool_t>(chosen == process.current_pool.end() ? pool_of(device) : chosen->second);
  return cudaSuccess;
}

cudaError_t phx_cudaDeviceSetMemPool(int device, cudaMemPool_t handle) {
  if (Current there = on_device(device); !there) return finish(there.why);
  Process& process = Process::get();
  std::lock_guard lock(process.mutex);
  Pool* pool = live_pool(handle);
  if (!pool) return finish(invalid("the pool does not exist"));
  process.current_pool[device] = pool;
  return cudaSuccess;
}

cudaError_t phx_cudaMemPoolSetAttribute(cudaMemPool_t handle, enum cudaMemPoolAttr attribute, void* value) {
  std::lock_guard lock(Process::get().mutex);
  Pool* pool = live_pool(handle);
  if (!pool || !value) return finish(invalid("the pool does not exist or the value is null"));
  if (attribute < cudaMemPoolReuseFollowEventDependencies || attribute > cudaMemPoolAttrUsedMemHigh)
    return finish(invalid("there is no such attribute"));
  bool is_int = attribute <= cudaMemPoolReuseAllowInternalDependencies;
  pool->attributes[attribute] =
      is_int ? static_cast<uint64_t>(*static_cast<int*>(value)) : *static_cast<cuuint64_t*>(value);
  return cudaSuccess;
}

cudaError_t phx_cudaMemPoolGetAttribute(cudaMemPool_t handle, enum cudaMemPoolAttr attribute, void* value) {
  std::lock_guard lock(Process::get().mutex);
  Pool* pool = live_pool(handle);
  if (!pool || !value) return finish(invalid("the pool does not exist or the value is null"));
  if (attribute < cudaMemPoolReuseFollowEventDependencies || attribute > cudaMemPoolAttrUsedMemHigh)
    return finish(invalid("there is no such attribute"));
  if (attribute <= cudaMemPoolReuseAllowInternalDependencies) {
    auto set = pool->attributes.find(attribute);
    *static_cast<int*>(value) = set == pool->attributes.end() ? 1 : static_cast<int>(set->second);
    return cudaSuccess;
  }
  uint64_t answer = pool->attributes[attribute];
  if (attribute == cudaMemPoolAttrUsedMemCurrent || attribute == cudaMemPoolAttrReservedMemCurrent) {
    Current there = on_device(pool->device);
    if (!there) return finish(there.why);
    auto size = there.device->integer("memory.size"), free = there.device->integer("memory.free");
    answer = size && free ? static_cast<uint64_t>(*size - *free) : 0;
  }
  *static_cast<cuuint64_t*>(value) = answer;
  return cudaSuccess;
}

cudaError_t phx_cudaMemPoolTrimTo(cudaMemPool_t handle, size_t) {
  std::lock_guard lock(Process::get().mutex);
  return finish(live_pool(handle) ? rt::Result() : invalid("the pool does not exist"));
}

cudaError_t phx_cudaMemcpy(void* to, const void* from, size_t count, enum cudaMemcpyKind kind) {
  return copy(to, from, hal::Region::bytes(count), kind, nullptr, true);
}
cudaError_t phx_cudaMemcpyAsync(void* to, const void* from, size_t count, enum cudaMemcpyKind kind,
                                cudaStream_t stream) {
  return copy(to, from, hal::Region::bytes(count), kind, stream, false);
}
cudaError_t phx_cudaMemcpy2D(void* to, size_t toPitch, const void* from, size_t fromPitch, size_t width, size_t height,
                             enum cudaMemcpyKind kind) {
  return copy_2d(to, toPitch, from, fromPitch, width, height, kind, nullptr, true);
}
cudaError_t phx_cudaMemcpy2DAsync(void* to, size_t toPitch, const void* from, size_t fromPitch, size_t width,
                                  size_t height, enum cudaMemcpyKind kind, cudaStream_t stream) {
  return copy_2d(to, toPitch, from, fromPitch, width, height, kind, stream, false);
}
cudaError_t phx_cudaMemcpy3D(const struct cudaMemcpy3DParms* parameters) { return copy_3d(parameters, nullptr, true); }
cudaError_t phx_cudaMemcpy3DAsync(const struct cudaMemcpy3DParms* parameters, cudaStream_t stream) {
  return copy_3d(parameters, stream, false);
}

cudaError_t phx_cudaMemcpyPeer(void* to, int toDevice, const void* from, int fromDevice, size_t count) {
  for (int device : {toDevice, fromDevice})
    if (Current there = on_device(device); !there) return finish(there.why);
  return copy(to, from, hal::Region::bytes(count), cudaMemcpyDefault, nullptr, true);
}
cudaError_t phx_cudaMemcpyPeerAsync(void* to, int toDevice, const void* from, int fromDevice, size_t count,
                                    cudaStream_t stream) {
  for (int device : {toDevice, fromDevice})
    if (Current there = on_device(device); !there) return finish(there.why);
  return copy(to, from, hal::Region::bytes(count), cudaMemcpyDefault, stream, false);
}

cudaError_t phx_cudaMemset(void* pointer, int value, size_t count) {
  return fill(pointer, value, hal::Region::bytes(count), nullptr, false);
}
cudaError_t phx_cudaMemsetAsync(void* pointer, int value, size_t count, cudaStream_t stream) {
  return fill(pointer, value, hal::Region::bytes(count), stream, false);
}
cudaError_t phx_cudaMemset2D(void* pointer, size_t pitch, int value, size_t width, size_t height) {
  if (width > pitch) return finish({phxErrorInvalidPitch, "the pitch is smaller than the width"});
  return fill(pointer, value, {width, height, 1, pitch, 0, 0, 0}, nullptr, false);
}
cudaError_t phx_cudaMemset2DAsync(void* pointer, size_t pitch, int value, size_t width, size_t height,
                                  cudaStream_t stream) {
  if (width > pitch) return finish({phxErrorInvalidPitch, "the pitch is smaller than the width"});
  return fill(pointer, value, {width, height, 1, pitch, 0, 0, 0}, stream, false);
}
cudaError_t phx_cudaMemset3D(struct cudaPitchedPtr pointer, int value, struct cudaExtent extent) {
  return fill(pointer.ptr, value, fill_3d(pointer, extent), nullptr, false);
}
cudaError_t phx_cudaMemset3DAsync(struct cudaPitchedPtr pointer, int value, struct cudaExtent extent,
                                  cudaStream_t stream) {
  return fill(pointer.ptr, value, fill_3d(pointer, extent), stream, false);
}

cudaError_t phx_cudaMemGetInfo(size_t* free, size_t* total) {
  if (!free || !total) return finish(invalid("a pointer is null"));
  Current now = current();
  if (!now) return finish(now.why);
  now.runtime->advance_host(now.device->costs().call);
  auto has = now.device->integer("memory.size"), left = now.device->integer("memory.free");
  if (!has || !left) return finish(phx::rt::result_of((has ? left : has).status()));
  *free = static_cast<size_t>(*left);
  *total = static_cast<size_t>(*has);
  return cudaSuccess;
}

cudaError_t phx_cudaPointerGetAttributes(struct cudaPointerAttributes* attributes, const void* pointer) {
  if (!attributes) return finish(invalid("attributes is null"));
  Current now = current();
  if (!now) return finish(now.why);
  auto known = now.runtime->lookup(pointer);
  *attributes = {cudaMemoryTypeUnregistered, cudaInvalidDeviceId, nullptr, const_cast<void*>(pointer)};
  if (!known) return cudaSuccess;
  attributes->device = known->device;
  attributes->devicePointer = const_cast<void*>(pointer);
  switch (known->kind) {
    case rt::MemoryKind::device:
    case rt::MemoryKind::variable:
      attributes->type = cudaMemoryTypeDevice;
      attributes->hostPointer = nullptr;
      break;
    case rt::MemoryKind::pinned:
    case rt::MemoryKind::registered:
      attributes->type = cudaMemoryTypeHost;
      break;
    case rt::MemoryKind::managed:
      attributes->type = cudaMemoryTypeManaged;
      break;
  }
  return cudaSuccess;
}

cudaError_t phx_cudaMemcpyToSymbol(const void* symbol, const void* from, size_t count, size_t offset,
                                   enum cudaMemcpyKind kind) {
  return copy_to_symbol(symbol, from, count, offset, kind, nullptr, true);
}
cudaError_t phx_cudaMemcpyFromSymbol(void* to, const void* symbol, size_t count, size_t offset,
                                     enum cudaMemcpyKind kind) {
  return copy_from_symbol(to, symbol, count, offset, kind, nullptr, true);
}
cudaError_t phx_cudaMemcpyToSymbolAsync(const void* symbol, const void* from, size_t count, size_t offset,
                                        enum cudaMemcpyKind kind, cudaStream_t stream) {
  return copy_to_symbol(symbol, from, count, offset, kind, stream, false);
}
cudaError_t phx_cudaMemcpyFromSymbolAsync(void* to, const void* symbol, size_t count, size_t offset,
                                          enum cudaMemcpyKind kind, cudaStream_t stream) {
  return copy_from_symbol(to, symbol, count, offset, kind, stream, false);
}

cudaError_t phx_cudaGetSymbolAddress(void** pointer, const void* symbol) {
  if (!pointer) return finish(invalid("the place for the pointer is null"));
  char* address = nullptr;
  if (rt::Result result = part_of_symbol(symbol, 0, 0, &address); !result.ok()) return finish(result);
  *pointer = address;
  return cudaSuccess;
}

cudaError_t phx_cudaGetSymbolSize(size_t* size, const void* shadow) {
  if (!size) return finish(invalid("size is null"));
  Current now = current();
  if (!now) return finish(now.why);
  hal::Symbol symbol;
  if (rt::Result result = symbol_of(now, shadow, &symbol); !result.ok()) return finish(result);
  *size = symbol.size;
  return cudaSuccess;
}

}  // extern "C"
