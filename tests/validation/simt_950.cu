// Workloads of published SIMT measurements on the Ascend 950: one case a run, named on the command line. simt_950.py
// compares.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

__global__ void empty() {}

// 2 M elements through a random index.
__global__ void gather(const float* source, const int* index, float* result, int n) {
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) result[i] = source[index[i]];
}

// Every thread adds to one address.
__global__ void gm_atomic(int* total) { atomicAdd(total, 1); }
__global__ void ub_atomic(int* totals) {
  __shared__ int total;
  if (threadIdx.x == 0) total = 0;
  __syncthreads();
  atomicAdd(&total, 1);
  __syncthreads();
  if (threadIdx.x == 0) totals[blockIdx.x] = total;
}

// 32 x 32 tiles through shared memory; a row of 33 has no bank conflicts.
template <int kRow>
__global__ void transpose(const float* in, float* out, int n) {
  __shared__ float tile[32][kRow];
  const int x = blockIdx.x * 32, y = blockIdx.y * 32;
  for (int j = threadIdx.y; j < 32; j += blockDim.y) tile[j][threadIdx.x] = in[(y + j) * n + x + threadIdx.x];
  __syncthreads();
  for (int j = threadIdx.y; j < 32; j += blockDim.y) out[(x + j) * n + y + threadIdx.x] = tile[threadIdx.x][j];
}

int main(int argc, char** argv) {
  const std::string which = argc > 1 ? argv[1] : "";
  const int count = argc > 2 ? std::atoi(argv[2]) : 1;  // blocks
  const int n = 2 << 20;
  std::vector<int> random(n);
  unsigned state = 1;
  for (int& i : random) i = static_cast<int>((state = state * 1664525u + 1013904223u) >> 11);
  float *a, *b;
  int* index;
  cudaMalloc(&a, n * sizeof(float));
  cudaMalloc(&b, n * sizeof(float));
  cudaMalloc(&index, n * sizeof(int));
  cudaMemcpy(index, random.data(), n * sizeof(int), cudaMemcpyHostToDevice);
  if (which == "empty") {
    empty<<<count, 1>>>();
  } else if (which == "gather") {
    gather<<<count, 1024>>>(a, index, b, n);
  } else if (which == "gm_atomic") {
    gm_atomic<<<count, 1024>>>(index);
  } else if (which == "ub_atomic") {
    ub_atomic<<<count, 1024>>>(index);
  } else if (which == "transpose") {
    transpose<32><<<dim3(32, 32), dim3(32, 8)>>>(a, b, 1024);
  } else if (which == "transpose_padded") {
    transpose<33><<<dim3(32, 32), dim3(32, 8)>>>(a, b, 1024);
  } else {
    std::printf("unknown case '%s'\n", which.c_str());
    return 2;
  }
  return cudaDeviceSynchronize() == cudaSuccess ? 0 : 1;
}
