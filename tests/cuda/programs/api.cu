// The host side: devices, errors and their memory, pointers, streams, events, callbacks, attributes, limits.
#include "check.h"

__global__ void __launch_bounds__(128) fill(int* out, int value, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) out[i] = value;
}
__global__ void scale(int* out, int factor, int n) {
  extern __shared__ int unused[];
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) out[i] *= factor;
}

void devices() {
  int count = 0, current = -1, value = 0, driver = 0, runtime = 0;
  CUDA(cudaGetDeviceCount(&count));
  EXPECT(count >= 1, "%d devices", count);
  CUDA(cudaSetDevice(count - 1));
  CUDA(cudaGetDevice(&current));
  EXPECT(current == count - 1, "current device %d", current);
  CUDA(cudaSetDevice(0));
  cudaDeviceProp properties;
  CUDA(cudaGetDeviceProperties(&properties, 0));
  EXPECT(properties.name[0] != 0 && properties.warpSize == 32 && properties.major == 8, "name '%s', warp %d, major %d",
         properties.name, properties.warpSize, properties.major);
  EXPECT(properties.multiProcessorCount > 0 && properties.totalGlobalMem > 1u << 30, "cores %d",
         properties.multiProcessorCount);
  EXPECT(properties.maxThreadsPerBlock >= 1024 && properties.sharedMemPerBlock >= 48 * 1024, "shared %zu",
         properties.sharedMemPerBlock);
  CUDA(cudaDeviceGetAttribute(&value, cudaDevAttrMultiProcessorCount, 0));
  EXPECT(value == properties.multiProcessorCount, "attribute %d", value);
  CUDA(cudaDeviceGetAttribute(&value, cudaDevAttrWarpSize, 0));
  EXPECT(value == 32, "warp size %d", value);
  CUDA(cudaDriverGetVersion(&driver));
  CUDA(cudaRuntimeGetVersion(&runtime));
  EXPECT(driver >= runtime && runtime == CUDART_VERSION, "versions %d %d", driver, runtime);
  EXPECT(cudaSetDevice(count) == cudaErrorInvalidDevice, "a device that does not exist");
  EXPECT(cudaGetLastError() == cudaErrorInvalidDevice && cudaGetLastError() == cudaSuccess,
         "the last error is read once");
}

void errors() {
  EXPECT(std::strcmp(cudaGetErrorName(cudaErrorInvalidValue), "cudaErrorInvalidValue") == 0, "%s",
         cudaGetErrorName(cudaErrorInvalidValue));
  EXPECT(std::strlen(cudaGetErrorString(cudaErrorIllegalAddress)) > 5, "%s",
         cudaGetErrorString(cudaErrorIllegalAddress));
  EXPECT(std::strcmp(cudaGetErrorName(static_cast<cudaError_t>(12345)), "unrecognized error code") == 0, "%s",
         cudaGetErrorName(static_cast<cudaError_t>(12345)));
  void* pointer = nullptr;
  EXPECT(cudaMalloc(&pointer, size_t(1) << 60) == cudaErrorMemoryAllocation, "more memory than there is");
  EXPECT(cudaPeekAtLastError() == cudaErrorMemoryAllocation && cudaGetLastError() == cudaErrorMemoryAllocation,
         "peek leaves it");
  EXPECT(cudaGetLastError() == cudaSuccess, "get clears it");
  EXPECT(cudaMemcpy(nullptr, "x", 1, cudaMemcpyHostToDevice) == cudaErrorInvalidValue, "a copy to nowhere");
  EXPECT(cudaFree(nullptr) == cudaSuccess, "free of null");
  int on_stack;
  EXPECT(cudaFree(&on_stack) == cudaErrorInvalidValue, "free of a host address");
  cudaGetLastError();
  fill<<<1, 2000>>>(nullptr, 0, 0);
  EXPECT(cudaGetLastError() == cudaErrorInvalidConfiguration, "a block of 2000 threads");
  fill<<<1, 256>>>(nullptr, 0, 0);
  EXPECT(cudaGetLastError() != cudaSuccess, "more threads than the launch bounds");
  fill<<<0, 32>>>(nullptr, 0, 0);
  EXPECT(cudaGetLastError() == cudaErrorInvalidConfiguration, "an empty grid");
  EXPECT(cudaDeviceSynchronize() == cudaSuccess, "none of these is sticky");
}

void pointers() {
  int *device, *pinned;
  CUDA(cudaMalloc(&device, 4096));
  CUDA(cudaMallocHost(&pinned, 4096));
  cudaPointerAttributes attributes;
  CUDA(cudaPointerGetAttributes(&attributes, device + 5));
  EXPECT(attributes.type == cudaMemoryTypeDevice && attributes.device == 0, "type %d", attributes.type);
  CUDA(cudaPointerGetAttributes(&attributes, pinned));
  EXPECT(attributes.type == cudaMemoryTypeHost, "type %d", attributes.type);
  int on_stack;
  CUDA(cudaPointerGetAttributes(&attributes, &on_stack));
  EXPECT(attributes.type == cudaMemoryTypeUnregistered, "type %d", attributes.type);

  // Pinned memory is reachable from the device.
  int* mapped = nullptr;
  CUDA(cudaHostGetDevicePointer(&mapped, pinned, 0));
  fill<<<8, 128>>>(mapped, 77, 1024);
  CUDA(cudaDeviceSynchronize());
  EXPECT(pinned[0] == 77 && pinned[1023] == 77, "pinned %d %d", pinned[0], pinned[1023]);

  size_t before = 0, after = 0, total = 0;
  CUDA(cudaMemGetInfo(&before, &total));
  void* large;
  CUDA(cudaMalloc(&large, 64 << 20));
  CUDA(cudaMemGetInfo(&after, &total));
  EXPECT(after + (60 << 20) <= before && before <= total, "free %zu then %zu of %zu", before, after, total);
  CUDA(cudaFree(large));
  CUDA(cudaFree(device));
  CUDA(cudaFreeHost(pinned));
}

void streams_and_events() {
  constexpr int n = 5000;
  cudaStream_t a, b;
  CUDA(cudaStreamCreate(&a));
  CUDA(cudaStreamCreateWithFlags(&b, cudaStreamNonBlocking));
  cudaEvent_t start, middle, stop;
  CUDA(cudaEventCreate(&start));
  CUDA(cudaEventCreateWithFlags(&middle, cudaEventDisableTiming));
  CUDA(cudaEventCreate(&stop));
  int *device, *host;
  CUDA(cudaMallocAsync(&device, n * sizeof(int), a));
  CUDA(cudaMallocHost(&host, n * sizeof(int)));
  CUDA(cudaEventRecord(start, a));
  fill<<<(n + 127) / 128, 128, 0, a>>>(device, 6, n);
  CUDA(cudaEventRecord(middle, a));
  CUDA(cudaStreamWaitEvent(b, middle, 0));
  scale<<<(n + 127) / 128, 128, 256, b>>>(device, 7, n);
  CUDA(cudaMemcpyAsync(host, device, n * sizeof(int), cudaMemcpyDeviceToHost, b));
  int called = 0;
  CUDA(cudaLaunchHostFunc(b, [](void* data) { *static_cast<int*>(data) += 1; }, &called));
  CUDA(cudaStreamAddCallback(
      b,
      [](cudaStream_t, cudaError_t status, void* data) {
        *static_cast<int*>(data) += status == cudaSuccess ? 10 : 100;
      },
      &called, 0));
  CUDA(cudaEventRecord(stop, b));
  int polls = 0;
  while (cudaEventQuery(stop) == cudaErrorNotReady && polls < 1000000) ++polls;
  CUDA(cudaEventQuery(stop));
  CUDA(cudaStreamSynchronize(b));
  EXPECT(called == 11, "callbacks %d", called);
  EXPECT(host[0] == 42 && host[n - 1] == 42, "values %d %d", host[0], host[n - 1]);
  float milliseconds = -1;
  CUDA(cudaEventElapsedTime(&milliseconds, start, stop));
  EXPECT(milliseconds > 0, "elapsed %g ms", milliseconds);
  EXPECT(cudaEventElapsedTime(&milliseconds, start, middle) == cudaErrorInvalidResourceHandle,
         "an event without timing");
  cudaGetLastError();
  EXPECT(cudaStreamQuery(a) == cudaSuccess, "an empty stream");
  CUDA(cudaMemsetAsync(device, 0xff, n * sizeof(int), a));
  CUDA(cudaMemcpyAsync(host, device, sizeof(int), cudaMemcpyDeviceToHost, a));
  CUDA(cudaFreeAsync(device, a));
  CUDA(cudaStreamSynchronize(a));
  EXPECT(host[0] == -1, "after memset %d", host[0]);
  int least = 0, greatest = 0;
  CUDA(cudaDeviceGetStreamPriorityRange(&least, &greatest));
  EXPECT(greatest <= least, "priorities %d %d", least, greatest);
  CUDA(cudaFreeHost(host));
  CUDA(cudaEventDestroy(start));
  CUDA(cudaEventDestroy(middle));
  CUDA(cudaEventDestroy(stop));
  CUDA(cudaStreamDestroy(a));
  CUDA(cudaStreamDestroy(b));
}

void functions() {
  cudaFuncAttributes attributes;
  CUDA(cudaFuncGetAttributes(&attributes, fill));
  EXPECT(attributes.numRegs > 0 && attributes.maxThreadsPerBlock == 128, "registers %d, threads %d", attributes.numRegs,
         attributes.maxThreadsPerBlock);
  int blocks = 0, grid = 0, block = 0;
  CUDA(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, fill, 128, 0));
  EXPECT(blocks >= 1, "%d blocks", blocks);
  CUDA(cudaOccupancyMaxPotentialBlockSize(&grid, &block, fill, 0, 0));
  EXPECT(grid >= 1 && block >= 32 && block <= 128, "grid %d, block %d", grid, block);
  CUDA(cudaFuncSetCacheConfig(fill, cudaFuncCachePreferL1));
  CUDA(cudaFuncSetAttribute(scale, cudaFuncAttributeMaxDynamicSharedMemorySize, 64 * 1024));

  int* device;
  CUDA(cudaMalloc(&device, 128 * sizeof(int)));
  int value = 9, n = 128, result = 0;
  void* arguments[] = {&device, &value, &n};
  CUDA(cudaLaunchKernel(fill, dim3(1), dim3(128), arguments));
  CUDA(cudaMemcpy(&result, device + 100, sizeof(int), cudaMemcpyDeviceToHost));
  EXPECT(result == 9, "launched by pointer: %d", result);
  CUDA(cudaFree(device));
  size_t limit = 0;
  CUDA(cudaDeviceSetLimit(cudaLimitMallocHeapSize, 16 << 20));
  CUDA(cudaDeviceGetLimit(&limit, cudaLimitMallocHeapSize));
  EXPECT(limit >= 16u << 20, "heap %zu", limit);
}

void managed() {
  int* both;
  CUDA(cudaMallocManaged(&both, 1000 * sizeof(int)));
  for (int i = 0; i < 1000; ++i) both[i] = i;
  CUDA(cudaMemPrefetchAsync(both, 1000 * sizeof(int), 0));
  scale<<<8, 128>>>(both, 3, 1000);
  CUDA(cudaDeviceSynchronize());
  EXPECT(both[0] == 0 && both[999] == 2997, "managed %d %d", both[0], both[999]);
  CUDA(cudaFree(both));
}

int main() {
  devices();
  errors();
  pointers();
  streams_and_events();
  functions();
  managed();
  CUDA(cudaDeviceReset());
  return verdict("api");
}
