// The functions behind the CUDA names, over the null driver (PHX_DRIVER=null PHX_DEVICES=2).
#include <doctest/doctest.h>

#include <cstring>
#include <thread>

#include "runtime/include/cuda/phx_cuda_api.h"

namespace {

const char kImage[] = "kernel k 16\nsymbol table 64\n";
struct Wrapper {
  int magic = 0x466243b1, version = 1;
  const void* image = kImage;
  void* unused = nullptr;
} wrapper;
char stub, shadow;

// What a module constructor does, once.
void registered() {
  static bool done = [] {
    void** module = phx_cudaRegisterFatBinary(&wrapper);
    char name[] = "k";
    phx_cudaRegisterFunction(module, &stub, name, name, -1, nullptr, nullptr, nullptr, nullptr, nullptr);
    phx_cudaRegisterVar(module, &shadow, nullptr, "table", 0, 64, 0, 0);
    phx_cudaRegisterFatBinaryEnd(module);
    return true;
  }();
  (void)done;
}

dim3 extent(unsigned x, unsigned y = 1, unsigned z = 1) {
  dim3 d;
  d.x = x, d.y = y, d.z = z;
  return d;
}

}  // namespace

TEST_CASE("devices and their properties") {
  int count = 0, device = -1;
  CHECK(phx_cudaGetDeviceCount(&count) == cudaSuccess);
  CHECK(count == 2);
  CHECK(phx_cudaSetDevice(1) == cudaSuccess);
  CHECK(phx_cudaGetDevice(&device) == cudaSuccess);
  CHECK(device == 1);
  CHECK(phx_cudaSetDevice(2) == cudaErrorInvalidDevice);
  CHECK(phx_cudaSetDevice(0) == cudaSuccess);
  cudaDeviceProp properties;
  CHECK(phx_cudaGetDeviceProperties(&properties, 0) == cudaSuccess);
  CHECK(std::string(properties.name) == "null device");
  CHECK(properties.warpSize == 32);
  int value = 0;
  CHECK(phx_cudaDeviceGetAttribute(&value, cudaDevAttrMultiProcessorCount, 0) == cudaSuccess);
  CHECK(value == 4);
  CHECK(phx_cudaDeviceGetAttribute(&value, static_cast<cudaDeviceAttr>(9999), 0) == cudaErrorInvalidValue);
}

TEST_CASE("the last error is the thread's, and is read once") {
  (void)phx_cudaGetLastError();
  CHECK(phx_cudaSetDevice(7) == cudaErrorInvalidDevice);
  CHECK(phx_cudaPeekAtLastError() == cudaErrorInvalidDevice);
  std::thread([] { CHECK(phx_cudaPeekAtLastError() == cudaSuccess); }).join();
  CHECK(phx_cudaGetLastError() == cudaErrorInvalidDevice);
  CHECK(phx_cudaGetLastError() == cudaSuccess);
  CHECK(std::string(phx_cudaGetErrorName(cudaErrorInvalidDevice)) == "cudaErrorInvalidDevice");
  CHECK(std::strlen(phx_cudaGetErrorString(cudaErrorInvalidDevice)) > 0);
  CHECK(std::string(phx_cudaGetErrorName(static_cast<cudaError_t>(54321))) == "unrecognized error code");
}

TEST_CASE("memory in its kinds") {
  void *device = nullptr, *pinned = nullptr, *managed = nullptr;
  CHECK(phx_cudaMalloc(&device, 1000) == cudaSuccess);
  CHECK(phx_cudaMallocHost(&pinned, 1000) == cudaSuccess);
  CHECK(phx_cudaMallocManaged(&managed, 1000, cudaMemAttachGlobal) == cudaSuccess);
  char host[1000];
  CHECK(phx_cudaMemcpy(device, host, 1000, cudaMemcpyHostToDevice) == cudaSuccess);
  CHECK(phx_cudaMemcpy(device, host, 1001, cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
  CHECK(phx_cudaMemcpy(device, host, 10, static_cast<cudaMemcpyKind>(9)) == cudaErrorInvalidMemcpyDirection);
  CHECK(phx_cudaMemcpyAsync(pinned, device, 1000, cudaMemcpyDeviceToHost, nullptr) == cudaSuccess);
  CHECK(phx_cudaMemset(managed, 0, 1000) == cudaSuccess);
  cudaPointerAttributes attributes;
  CHECK(phx_cudaPointerGetAttributes(&attributes, device) == cudaSuccess);
  CHECK(attributes.type == cudaMemoryTypeDevice);
  CHECK(phx_cudaPointerGetAttributes(&attributes, managed) == cudaSuccess);
  CHECK(attributes.type == cudaMemoryTypeManaged);
  CHECK(phx_cudaPointerGetAttributes(&attributes, host) == cudaSuccess);
  CHECK(attributes.type == cudaMemoryTypeUnregistered);
  CHECK(phx_cudaFreeHost(device) == cudaErrorInvalidValue);
  CHECK(phx_cudaFree(pinned) == cudaErrorInvalidValue);
  CHECK(phx_cudaFree(device) == cudaSuccess);
  CHECK(phx_cudaFree(device) == cudaErrorInvalidValue);
  CHECK(phx_cudaFree(nullptr) == cudaSuccess);
  CHECK(phx_cudaFreeHost(pinned) == cudaSuccess);
  CHECK(phx_cudaFree(managed) == cudaSuccess);
  size_t pitch = 0;
  CHECK(phx_cudaMallocPitch(&device, &pitch, 700, 3) == cudaSuccess);
  CHECK(pitch == 1024);
  CHECK(phx_cudaMemcpy2D(device, pitch, host, 300, 300, 3, cudaMemcpyHostToDevice) == cudaSuccess);
  CHECK(phx_cudaMemcpy2D(device, pitch, host, 200, 300, 3, cudaMemcpyHostToDevice) == cudaErrorInvalidPitchValue);
  CHECK(phx_cudaFree(device) == cudaSuccess);
  (void)phx_cudaGetLastError();
}

TEST_CASE("launches go through the hooks") {
  registered();
  (void)phx_cudaGetLastError();
  CHECK(phx_cudaPushCallConfiguration(extent(4), extent(64), 0, nullptr) == 0);
  dim3 grid, block;
  size_t shared = 1;
  cudaStream_t stream = nullptr;
  CHECK(phx_cudaPopCallConfiguration(&grid, &block, &shared, &stream) == cudaSuccess);
  CHECK(grid.x == 4);
  CHECK(block.x == 64);
  CHECK(shared == 0);
  CHECK(phx_cudaLaunchKernel(&stub, grid, block, nullptr, shared, stream) == cudaSuccess);
  CHECK(phx_cudaDeviceSynchronize() == cudaSuccess);
  CHECK(phx_cudaLaunchKernel(&stub, extent(1), extent(2048), nullptr, 0, nullptr) == cudaErrorInvalidConfiguration);
  CHECK(phx_cudaGetLastError() == cudaErrorInvalidConfiguration);
  CHECK(phx_cudaLaunchKernel(&stub, extent(0), extent(32), nullptr, 0, nullptr) == cudaErrorInvalidConfiguration);
  CHECK(phx_cudaLaunchKernel(&stub, extent(1), extent(32), nullptr, 1 << 20, nullptr) == cudaErrorInvalidValue);
  CHECK(phx_cudaLaunchKernel(&wrapper, extent(1), extent(32), nullptr, 0, nullptr) == cudaErrorInvalidDeviceFunction);
  CHECK(phx_cudaLaunchCooperativeKernel(&stub, extent(100000), extent(1024), nullptr, 0, nullptr) ==
        cudaErrorInvalidConfiguration);
  CHECK(phx_cudaLaunchCooperativeKernel(&stub, extent(1000), extent(1024), nullptr, 0, nullptr) ==
        cudaErrorCooperativeLaunchTooLarge);
  CHECK(phx_cudaPopCallConfiguration(&grid, &block, &shared, &stream) == cudaErrorMissingConfiguration);
  int blocks = 0;
  CHECK(phx_cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, &stub, 256, 0) == cudaSuccess);
  CHECK(blocks == 8);
  cudaFuncAttributes attributes;
  CHECK(phx_cudaFuncGetAttributes(&attributes, &stub) == cudaSuccess);
  CHECK(attributes.maxThreadsPerBlock == 1024);
  (void)phx_cudaGetLastError();
}

TEST_CASE("device variables by their host shadow") {
  registered();
  void* address = nullptr;
  size_t size = 0;
  char host[64] = {};
  CHECK(phx_cudaGetSymbolAddress(&address, &shadow) == cudaSuccess);
  CHECK(phx_cudaGetSymbolSize(&size, &shadow) == cudaSuccess);
  CHECK(size == 64);
  CHECK(phx_cudaMemcpyToSymbol(&shadow, host, 32, 32, cudaMemcpyHostToDevice) == cudaSuccess);
  CHECK(phx_cudaMemcpyToSymbol(&shadow, host, 33, 32, cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
  CHECK(phx_cudaMemcpyFromSymbol(host, &shadow, 64, 0, cudaMemcpyDeviceToHost) == cudaSuccess);
  CHECK(phx_cudaGetSymbolSize(&size, &stub) == cudaErrorInvalidSymbol);
  CHECK(phx_cudaFree(address) == cudaErrorInvalidValue);
}

TEST_CASE("streams, events and peers") {
  cudaStream_t stream = nullptr;
  cudaEvent_t start = nullptr, stop = nullptr;
  float milliseconds = -1;
  CHECK(phx_cudaStreamCreate(&stream) == cudaSuccess);
  CHECK(phx_cudaEventCreate(&start) == cudaSuccess);
  CHECK(phx_cudaEventCreate(&stop) == cudaSuccess);
  CHECK(phx_cudaEventRecord(start, stream) == cudaSuccess);
  CHECK(phx_cudaEventRecord(stop, stream) == cudaSuccess);
  CHECK(phx_cudaEventSynchronize(stop) == cudaSuccess);
  CHECK(phx_cudaEventElapsedTime(&milliseconds, start, stop) == cudaSuccess);
  CHECK(milliseconds >= 0);
  CHECK(phx_cudaStreamQuery(stream) == cudaSuccess);
  CHECK(phx_cudaStreamSynchronize(cudaStreamPerThread) == cudaSuccess);
  CHECK(phx_cudaStreamDestroy(stream) == cudaSuccess);
  CHECK(phx_cudaStreamDestroy(stream) == cudaErrorInvalidResourceHandle);
  CHECK(phx_cudaStreamDestroy(nullptr) == cudaErrorInvalidResourceHandle);
  int can = 0;
  CHECK(phx_cudaDeviceCanAccessPeer(&can, 0, 1) == cudaSuccess);
  CHECK(can == 1);
  CHECK(phx_cudaDeviceEnablePeerAccess(1, 0) == cudaSuccess);
  CHECK(phx_cudaDeviceEnablePeerAccess(1, 0) == cudaErrorPeerAccessAlreadyEnabled);
  CHECK(phx_cudaDeviceEnablePeerAccess(0, 0) == cudaErrorInvalidDevice);
  CHECK(phx_cudaDeviceDisablePeerAccess(1) == cudaSuccess);
  CHECK(phx_cudaDeviceDisablePeerAccess(1) == cudaErrorPeerAccessNotEnabled);
}
