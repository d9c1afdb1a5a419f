// 04_histogram: 256 bins over bytes, once with atomics on global memory and once with a private histogram per block
// in shared memory that is added to the total at the end. Both must equal the plain count.
//
//   phxcc -o histogram 04_histogram.cu && ./histogram [bytes]
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#define CHECK(call)                                                                                           \
  do {                                                                                                        \
    const cudaError_t error = (call);                                                                         \
    if (error != cudaSuccess) {                                                                               \
      std::printf("%s:%d: %s: %s\n", __FILE__, __LINE__, cudaGetErrorName(error), cudaGetErrorString(error)); \
      std::printf("histogram FAILED\n");                                                                      \
      std::exit(1);                                                                                           \
    }                                                                                                         \
  } while (0)

constexpr int kBins = 256;

__global__ void histogram_global(const uint8_t* data, int n, unsigned* bins) {
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) atomicAdd(&bins[data[i]], 1u);
}

__global__ void histogram_shared(const uint8_t* data, int n, unsigned* bins) {
  extern __shared__ unsigned mine[];  // kBins counters
  for (int bin = threadIdx.x; bin < kBins; bin += blockDim.x) mine[bin] = 0;
  __syncthreads();
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) atomicAdd(&mine[data[i]], 1u);
  __syncthreads();
  for (int bin = threadIdx.x; bin < kBins; bin += blockDim.x) {
    if (mine[bin]) atomicAdd(&bins[bin], mine[bin]);
  }
}

int main(int argc, char** argv) {
  const int n = argc > 1 ? std::atoi(argv[1]) : 200000;
  std::vector<uint8_t> data(n);
  std::vector<unsigned> expected(kBins, 0);
  uint32_t state = 12345;
  for (int i = 0; i < n; ++i) {
    state = state * 1664525u + 1013904223u;
    data[i] = static_cast<uint8_t>((state >> 24) & (state >> 16));  // low values are more frequent
    ++expected[data[i]];
  }

  uint8_t* dev_data;
  unsigned* dev_bins;
  CHECK(cudaMalloc(&dev_data, n));
  CHECK(cudaMalloc(&dev_bins, kBins * sizeof(unsigned)));
  CHECK(cudaMemcpy(dev_data, data.data(), n, cudaMemcpyHostToDevice));

  for (const bool shared : {false, true}) {
    CHECK(cudaMemset(dev_bins, 0, kBins * sizeof(unsigned)));
    if (shared) {
      histogram_shared<<<32, 256, kBins * sizeof(unsigned)>>>(dev_data, n, dev_bins);
    } else {
      histogram_global<<<32, 256>>>(dev_data, n, dev_bins);
    }
    CHECK(cudaGetLastError());
    std::vector<unsigned> bins(kBins);
    CHECK(cudaMemcpy(bins.data(), dev_bins, kBins * sizeof(unsigned), cudaMemcpyDeviceToHost));
    for (int bin = 0; bin < kBins; ++bin) {
      if (bins[bin] != expected[bin]) {
        std::printf("histogram FAILED (%s): bin %d holds %u, expected %u\n", shared ? "shared" : "global", bin,
                    bins[bin], expected[bin]);
        return 1;
      }
    }
  }
  CHECK(cudaFree(dev_data));
  CHECK(cudaFree(dev_bins));
  std::printf("histogram PASSED: %d bytes, global and shared\n", n);
  return 0;
}
