#include <cuda_runtime.h>

#include "scale.h"

__global__ void scale_kernel(const float* in, float* out, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) out[i] = FACTOR * in[i];
}

bool scale(const float* in, float* out, int n) {
  float *from, *to;
  cudaMalloc(&from, n * sizeof(float));
  cudaMalloc(&to, n * sizeof(float));
  cudaMemcpy(from, in, n * sizeof(float), cudaMemcpyHostToDevice);
  scale_kernel<<<(n + 127) / 128, 128>>>(from, to, n);
  return cudaMemcpy(out, to, n * sizeof(float), cudaMemcpyDeviceToHost) == cudaSuccess;
}
