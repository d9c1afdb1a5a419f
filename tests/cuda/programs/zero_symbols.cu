// Large variables that begin as zeros: they take no space in the program, and their far ends are ordinary memory.
#include <cuda_runtime.h>

#include "check.h"

constexpr size_t kFloats = size_t{1} << 26;
__device__ float grid[kFloats];
__device__ float start = 7.0f;
__constant__ int offsets[4096];
__device__ float* ends[2] = {grid, grid + kFloats - 1};

__global__ void touch(size_t stride, size_t count) {
  size_t i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) grid[i * stride] += i + start + offsets[1000];
  if (i == 0) *ends[1] += 1.0f;
}

int main() {
  constexpr size_t kCount = 4096, kStride = kFloats / kCount;
  float value = 41.0f;
  int offset = 100;
  CUDA(cudaMemcpyToSymbol(grid, &value, sizeof value, kStride * sizeof(float)));
  CUDA(cudaMemcpyToSymbol(offsets, &offset, sizeof offset, 1000 * sizeof(int)));
  touch<<<16, 256>>>(kStride, kCount);
  auto expect = [](size_t index, float wanted) {
    float found = -1;
    CUDA(cudaMemcpyFromSymbol(&found, grid, sizeof found, index * sizeof(float)));
    EXPECT(found == wanted, "grid[%zu] %g, not %g", index, found, wanted);
  };
  expect(0, 107.0f);
  expect(kStride, 149.0f);
  expect(kStride + 1, 0.0f);
  expect((kCount - 1) * kStride, 4202.0f);
  expect(kFloats - 1, 1.0f);
  size_t bytes = 0;
  CUDA(cudaGetSymbolSize(&bytes, grid));
  EXPECT(bytes == sizeof grid, "%zu bytes", bytes);
  EXPECT(cudaMemcpyFromSymbol(&value, grid, 4, sizeof grid) != cudaSuccess, "a copy from behind the end");
  return verdict("zero_symbols");
}
