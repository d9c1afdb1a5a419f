// phx_cuda_overloads.h: the C++ forms of the runtime API: typed pointers, device variables by reference, kernels by
// name, and the occupancy search, which is the only one with work of its own.
#pragma once

#include <utility>

// --- Allocation into a typed pointer -----------------------------------------------------------------------
template <class T>
static inline cudaError_t cudaMalloc(T** pointer, size_t size) {
  return ::cudaMalloc((void**)(void*)pointer, size);
}
template <class T>
static inline cudaError_t cudaMallocHost(T** pointer, size_t size, unsigned int flags = 0) {
  return ::cudaHostAlloc((void**)(void*)pointer, size, flags);
}
template <class T>
static inline cudaError_t cudaHostAlloc(T** pointer, size_t size, unsigned int flags) {
  return ::cudaHostAlloc((void**)(void*)pointer, size, flags);
}
template <class T>
static inline cudaError_t cudaHostGetDevicePointer(T** device, void* host, unsigned int flags) {
  return ::cudaHostGetDevicePointer((void**)(void*)device, host, flags);
}
template <class T>
static inline cudaError_t cudaMallocManaged(T** pointer, size_t size, unsigned int flags = cudaMemAttachGlobal) {
  return ::cudaMallocManaged((void**)(void*)pointer, size, flags);
}
template <class T>
static inline cudaError_t cudaMallocPitch(T** pointer, size_t* pitch, size_t width, size_t height) {
  return ::cudaMallocPitch((void**)(void*)pointer, pitch, width, height);
}
template <class T>
static inline cudaError_t cudaMallocAsync(T** pointer, size_t size, cudaStream_t stream) {
  return ::cudaMallocAsync((void**)(void*)pointer, size, stream);
}
template <class T>
static inline cudaError_t cudaMallocAsync(T** pointer, size_t size, cudaMemPool_t pool, cudaStream_t stream) {
  return ::cudaMallocFromPoolAsync((void**)(void*)pointer, size, pool, stream);
}
template <class T>
static inline cudaError_t cudaMallocFromPoolAsync(T** pointer, size_t size, cudaMemPool_t pool, cudaStream_t stream) {
  return ::cudaMallocFromPoolAsync((void**)(void*)pointer, size, pool, stream);
}

// --- Device variables by reference -------------------------------------------------------------------------
template <class T>
static inline cudaError_t cudaMemcpyToSymbol(const T& symbol, const void* from, size_t count, size_t offset = 0,
                                             cudaMemcpyKind kind = cudaMemcpyHostToDevice) {
  return ::cudaMemcpyToSymbol((const void*)&reinterpret_cast<const char&>(symbol), from, count, offset, kind);
}
template <class T>
static inline cudaError_t cudaMemcpyFromSymbol(void* to, const T& symbol, size_t count, size_t offset = 0,
                                               cudaMemcpyKind kind = cudaMemcpyDeviceToHost) {
  return ::cudaMemcpyFromSymbol(to, (const void*)&reinterpret_cast<const char&>(symbol), count, offset, kind);
}
template <class T>
static inline cudaError_t cudaMemcpyToSymbolAsync(const T& symbol, const void* from, size_t count, size_t offset = 0,
                                                  cudaMemcpyKind kind = cudaMemcpyHostToDevice,
                                                  cudaStream_t stream = 0) {
  return ::cudaMemcpyToSymbolAsync((const void*)&reinterpret_cast<const char&>(symbol), from, count, offset, kind,
                                   stream);
}
template <class T>
static inline cudaError_t cudaMemcpyFromSymbolAsync(void* to, const T& symbol, size_t count, size_t offset = 0,
                                                    cudaMemcpyKind kind = cudaMemcpyDeviceToHost,
                                                    cudaStream_t stream = 0) {
  return ::cudaMemcpyFromSymbolAsync(to, (const void*)&reinterpret_cast<const char&>(symbol), count, offset, kind,
                                     stream);
}
template <class T>
static inline cudaError_t cudaGetSymbolAddress(void** pointer, const T& symbol) {
  return ::cudaGetSymbolAddress(pointer, (const void*)&reinterpret_cast<const char&>(symbol));
}
template <class T, class S>
static inline cudaError_t cudaGetSymbolAddress(T** pointer, const S& symbol) {
  return ::cudaGetSymbolAddress((void**)(void*)pointer, (const void*)&reinterpret_cast<const char&>(symbol));
}
template <class T>
static inline cudaError_t cudaGetSymbolSize(size_t* size, const T& symbol) {
  return ::cudaGetSymbolSize(size, (const void*)&reinterpret_cast<const char&>(symbol));
}

// --- Kernels by name ---------------------------------------------------------------------------------------
template <class T>
static inline cudaError_t cudaLaunchKernel(T* kernel, dim3 grid, dim3 block, void** arguments, size_t sharedBytes = 0,
                                           cudaStream_t stream = 0) {
  return ::cudaLaunchKernel((const void*)kernel, grid, block, arguments, sharedBytes, stream);
}
template <class T>
static inline cudaError_t cudaLaunchCooperativeKernel(T* kernel, dim3 grid, dim3 block, void** arguments,
                                                      size_t sharedBytes = 0, cudaStream_t stream = 0) {
  return ::cudaLaunchCooperativeKernel((const void*)kernel, grid, block, arguments, sharedBytes, stream);
}
template <class... Parameters, class... Arguments>
static inline cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                                             Arguments&&... arguments) {
  return [&](Parameters... converted) {
    void* pointers[sizeof...(Parameters) + 1] = {(void*)&converted...};
    return ::cudaLaunchKernelExC(config, (const void*)kernel, pointers);
  }(std::forward<Arguments>(arguments)...);
}
template <class T>
static inline cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, T* kernel) {
  return ::cudaFuncGetAttributes(attributes, (const void*)kernel);
}
template <class T>
static inline cudaError_t cudaFuncSetAttribute(T* kernel, cudaFuncAttribute attribute, int value) {
  return ::cudaFuncSetAttribute((const void*)kernel, attribute, value);
}
template <class T>
static inline cudaError_t cudaFuncSetCacheConfig(T* kernel, cudaFuncCache config) {
  return ::cudaFuncSetCacheConfig((const void*)kernel, config);
}
template <class T>
static inline cudaError_t cudaFuncSetSharedMemConfig(T* kernel, cudaSharedMemConfig config) {
  return ::cudaFuncSetSharedMemConfig((const void*)kernel, config);
}

// --- Other overloads ---------------------------------------------------------------------------------------
static inline cudaError_t cudaEventCreate(cudaEvent_t* event, unsigned int flags) {
  return ::cudaEventCreateWithFlags(event, flags);
}
// The CUDA 13 form, with a location in place of a device ordinal.
static inline cudaError_t cudaMemPrefetchAsync(const void* pointer, size_t count, cudaMemLocation location,
                                               unsigned int flags, cudaStream_t stream = 0) {
  (void)flags;
  return ::cudaMemPrefetchAsync(pointer, count,
                                location.type == cudaMemLocationTypeDevice ? location.id : cudaCpuDeviceId, stream);
}
static inline cudaError_t cudaMemAdvise(const void* pointer, size_t count, cudaMemoryAdvise advice,
                                        cudaMemLocation location) {
  return ::cudaMemAdvise(pointer, count, advice,
                         location.type == cudaMemLocationTypeDevice ? location.id : cudaCpuDeviceId);
}

// --- Occupancy ---------------------------------------------------------------------------------------------
template <class T>
static inline cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, T* kernel, int blockSize,
                                                                        size_t sharedBytes) {
  return ::cudaOccupancyMaxActiveBlocksPerMultiprocessor(blocks, (const void*)kernel, blockSize, sharedBytes);
}
template <class T>
static inline cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, T* kernel, int blockSize,
                                                                                 size_t sharedBytes,
                                                                                 unsigned int flags) {
  return ::cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(blocks, (const void*)kernel, blockSize, sharedBytes,
                                                                  flags);
}

// The block size, a multiple of a warp, that keeps most threads resident on a core (ties: the larger block), and
// the number of blocks that fills the device with it. blockSizeLimit 0 = the kernel's own limit.
template <class T, class BlockSizeToShared>
static inline cudaError_t cudaOccupancyMaxPotentialBlockSizeVariableSMem(int* minGridSize, int* blockSize, T kernel,
                                                                         BlockSizeToShared sharedBytesFor,
                                                                         int blockSizeLimit = 0) {
  if (!minGridSize || !blockSize) return cudaErrorInvalidValue;
  int device, cores, warp, limit;
  cudaFuncAttributes attributes;
  cudaError_t error;
  if ((error = ::cudaGetDevice(&device)) != cudaSuccess) return error;
  if ((error = ::cudaDeviceGetAttribute(&cores, cudaDevAttrMultiProcessorCount, device)) != cudaSuccess) return error;
  if ((error = ::cudaDeviceGetAttribute(&warp, cudaDevAttrWarpSize, device)) != cudaSuccess) return error;
  if ((error = ::cudaDeviceGetAttribute(&limit, cudaDevAttrMaxThreadsPerBlock, device)) != cudaSuccess) return error;
  if ((error = ::cudaFuncGetAttributes(&attributes, (const void*)kernel)) != cudaSuccess) return error;
  if (attributes.maxThreadsPerBlock < limit) limit = attributes.maxThreadsPerBlock;
  if (blockSizeLimit > 0 && blockSizeLimit < limit) limit = blockSizeLimit;

  int bestThreads = 0;
  *minGridSize = *blockSize = 0;
  for (int size = (limit + warp - 1) / warp * warp; size > 0; size -= warp) {
    const int threads = size < limit ? size : limit;
    int blocks = 0;
    error = ::cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, (const void*)kernel, threads,
                                                            (size_t)sharedBytesFor(threads));
    if (error != cudaSuccess) return error;
    if (blocks * threads > bestThreads) {
      bestThreads = blocks * threads;
      *blockSize = threads;
      *minGridSize = blocks * cores;
    }
  }
  return cudaSuccess;
}
template <class T>
static inline cudaError_t cudaOccupancyMaxPotentialBlockSize(int* minGridSize, int* blockSize, T kernel,
                                                             size_t sharedBytes = 0, int blockSizeLimit = 0) {
  return cudaOccupancyMaxPotentialBlockSizeVariableSMem(
      minGridSize, blockSize, kernel, [sharedBytes](int) { return sharedBytes; }, blockSizeLimit);
}
template <class T>
static inline cudaError_t cudaOccupancyMaxPotentialBlockSizeWithFlags(int* minGridSize, int* blockSize, T kernel,
                                                                      size_t sharedBytes = 0, int blockSizeLimit = 0,
                                                                      unsigned int flags = 0) {
  (void)flags;
  return cudaOccupancyMaxPotentialBlockSize(minGridSize, blockSize, kernel, sharedBytes, blockSizeLimit);
}
