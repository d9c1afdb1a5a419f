// 02_reduction: the sum of many integers and floats, in two stages: warps reduce with shuffles, blocks through shared
// memory, and one atomic per block joins the blocks. The integer sum is exact; the float sum is compared with a
// double-precision sum within the rounding that its depth allows.
//
//   phxcc -o reduction 02_reduction.cu && ./reduction [elements]
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#define CHECK(call)                                                                                           \
  do {                                                                                                        \
    const cudaError_t error = (call);                                                                         \
    if (error != cudaSuccess) {                                                                               \
      std::printf("%s:%d: %s: %s\n", __FILE__, __LINE__, cudaGetErrorName(error), cudaGetErrorString(error)); \
      std::printf("reduction FAILED\n");                                                                      \
      std::exit(1);                                                                                           \
    }                                                                                                         \
  } while (0)

constexpr int kBlock = 256;
constexpr int kWarp = 32;

template <class T>
__device__ T warp_sum(T value) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2) value += __shfl_down_sync(0xffffffffu, value, offset);
  return value;  // complete in lane 0
}

// Sums in[0..n) into *total. Every thread walks the input with the stride of the grid.
template <class T>
__global__ void sum(const T* in, int n, T* total) {
  __shared__ T per_warp[kBlock / kWarp];
  T value = 0;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) value += in[i];

  value = warp_sum(value);
  const int lane = threadIdx.x % kWarp;
  const int warp = threadIdx.x / kWarp;
  if (lane == 0) per_warp[warp] = value;
  __syncthreads();

  if (warp == 0) {
    value = lane < kBlock / kWarp ? per_warp[lane] : T(0);
    value = warp_sum(value);
    if (lane == 0) atomicAdd(total, value);
  }
}

template <class T>
T device_sum(const std::vector<T>& in, int blocks) {
  T *dev_in, *dev_total, total = 0;
  CHECK(cudaMalloc(&dev_in, in.size() * sizeof(T)));
  CHECK(cudaMalloc(&dev_total, sizeof(T)));
  CHECK(cudaMemcpy(dev_in, in.data(), in.size() * sizeof(T), cudaMemcpyHostToDevice));
  CHECK(cudaMemset(dev_total, 0, sizeof(T)));
  sum<<<blocks, kBlock>>>(dev_in, static_cast<int>(in.size()), dev_total);
  CHECK(cudaGetLastError());
  CHECK(cudaMemcpy(&total, dev_total, sizeof(T), cudaMemcpyDeviceToHost));
  CHECK(cudaFree(dev_in));
  CHECK(cudaFree(dev_total));
  return total;
}

int main(int argc, char** argv) {
  const int n = argc > 1 ? std::atoi(argv[1]) : 1 << 18;
  const int blocks = 64;
  std::vector<int> integers(n);
  std::vector<float> floats(n);
  long long exact = 0;
  double reference = 0, magnitude = 0;
  for (int i = 0; i < n; ++i) {
    integers[i] = i % 17 - 8;
    floats[i] = std::sin(0.01f * static_cast<float>(i)) + 0.25f;
    exact += integers[i];
    reference += floats[i];
    magnitude += std::fabs(floats[i]);
  }

  const int integer_sum = device_sum(integers, blocks);
  const float float_sum = device_sum(floats, blocks);

  // Each value passes through at most this many additions, each of relative error 2^-24.
  const double depth = n / (blocks * kBlock) + 10 + blocks;
  const double bound = depth * magnitude / (1 << 24);
  if (integer_sum != static_cast<int>(exact)) {
    std::printf("reduction FAILED: integer sum %d, expected %lld\n", integer_sum, exact);
    return 1;
  }
  if (!(std::fabs(float_sum - reference) <= bound)) {
    std::printf("reduction FAILED: float sum %.9g, expected %.9g within %.3g\n", float_sum, reference, bound);
    return 1;
  }
  std::printf("reduction PASSED: %d elements, integer sum %d, float sum %.6g\n", n, integer_sum, float_sum);
  return 0;
}
