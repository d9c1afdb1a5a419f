// 06_streams: copies and kernels in several streams, an event that makes one stream wait for another, and simulated
// time read from events. The same work is run in one stream first; both results must be equal and right. Small kernels
// of different streams share the cores of a device: with the default size, four streams take less than half the time of
// one.
//
//   phxcc -o streams 06_streams.cu && ./streams [elements per stream] [streams]
#include <cstdio>
#include <cstdlib>
#include <vector>

#define CHECK(call)                                                                                           \
  do {                                                                                                        \
    const cudaError_t error = (call);                                                                         \
    if (error != cudaSuccess) {                                                                               \
      std::printf("%s:%d: %s: %s\n", __FILE__, __LINE__, cudaGetErrorName(error), cudaGetErrorString(error)); \
      std::printf("streams FAILED\n");                                                                        \
      std::exit(1);                                                                                           \
    }                                                                                                         \
  } while (0)

// A chain of dependent steps, so that a launch takes longer than its copies.
__global__ void advance(unsigned* state, int n, int steps) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  unsigned x = state[i];
  for (int s = 0; s < steps; ++s) x = x * 1664525u + 1013904223u;
  state[i] = x;
}

// A warp folds its elements first: atomics on one address take turns.
__global__ void checksum(const unsigned* state, int n, unsigned* sum) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  unsigned x = i < n ? state[i] : 0;
  for (int lanes = 16; lanes > 0; lanes /= 2) x ^= __shfl_xor_sync(0xffffffffu, x, lanes);
  if (threadIdx.x % 32 == 0) atomicXor(sum, x);
}

constexpr int kSteps = 5000;

// Runs the work of all parts over the given streams (round robin); returns simulated milliseconds.
float run(const std::vector<cudaStream_t>& streams, unsigned* host, unsigned* device, unsigned* sum, int n, int parts) {
  cudaEvent_t start, stop;
  CHECK(cudaEventCreate(&start));
  CHECK(cudaEventCreate(&stop));
  CHECK(cudaMemset(sum, 0, sizeof(unsigned)));
  for (int i = 0; i < n * parts; ++i) host[i] = static_cast<unsigned>(i);

  CHECK(cudaEventRecord(start));
  std::vector<cudaEvent_t> done(parts);
  for (int part = 0; part < parts; ++part) {
    const cudaStream_t stream = streams[part % streams.size()];
    unsigned* host_part = host + static_cast<size_t>(part) * n;
    unsigned* device_part = device + static_cast<size_t>(part) * n;
    CHECK(cudaStreamWaitEvent(stream, start, 0));
    CHECK(cudaMemcpyAsync(device_part, host_part, n * sizeof(unsigned), cudaMemcpyHostToDevice, stream));
    advance<<<(n + 127) / 128, 128, 0, stream>>>(device_part, n, kSteps);
    CHECK(cudaMemcpyAsync(host_part, device_part, n * sizeof(unsigned), cudaMemcpyDeviceToHost, stream));
    CHECK(cudaEventCreateWithFlags(&done[part], cudaEventDisableTiming));
    CHECK(cudaEventRecord(done[part], stream));
  }
  // The first stream sums up what all of them produced.
  for (const cudaEvent_t event : done) CHECK(cudaStreamWaitEvent(streams[0], event, 0));
  checksum<<<(n * parts + 127) / 128, 128, 0, streams[0]>>>(device, n * parts, sum);
  CHECK(cudaGetLastError());
  CHECK(cudaEventRecord(stop, streams[0]));
  CHECK(cudaEventSynchronize(stop));

  float milliseconds = 0;
  CHECK(cudaEventElapsedTime(&milliseconds, start, stop));
  for (const cudaEvent_t event : done) CHECK(cudaEventDestroy(event));
  CHECK(cudaEventDestroy(start));
  CHECK(cudaEventDestroy(stop));
  return milliseconds;
}

int main(int argc, char** argv) {
  const int n = argc > 1 ? std::atoi(argv[1]) : 1500;
  const int parts = argc > 2 ? std::atoi(argv[2]) : 4;

  unsigned *host, *device, *sum;
  CHECK(cudaMallocHost(&host, static_cast<size_t>(n) * parts * sizeof(unsigned)));
  CHECK(cudaMalloc(&device, static_cast<size_t>(n) * parts * sizeof(unsigned)));
  CHECK(cudaMalloc(&sum, sizeof(unsigned)));
  std::vector<cudaStream_t> streams(parts);
  for (cudaStream_t& stream : streams) CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));

  unsigned expected_sum = 0;
  std::vector<unsigned> expected(static_cast<size_t>(n) * parts);
  for (size_t i = 0; i < expected.size(); ++i) {
    unsigned x = static_cast<unsigned>(i);
    for (int s = 0; s < kSteps; ++s) x = x * 1664525u + 1013904223u;
    expected[i] = x;
    expected_sum ^= x;
  }

  float times[2];
  for (const bool concurrent : {false, true}) {
    times[concurrent] = run(concurrent ? streams : std::vector<cudaStream_t>{streams[0]}, host, device, sum, n, parts);
    unsigned device_sum = 0;
    CHECK(cudaMemcpy(&device_sum, sum, sizeof(unsigned), cudaMemcpyDeviceToHost));
    for (size_t i = 0; i < expected.size(); ++i) {
      if (host[i] != expected[i]) {
        std::printf("streams FAILED: element %zu is %u, expected %u\n", i, host[i], expected[i]);
        return 1;
      }
    }
    if (device_sum != expected_sum) {
      std::printf("streams FAILED: checksum %08x, expected %08x\n", device_sum, expected_sum);
      return 1;
    }
  }
  if (!(times[0] > 0 && times[1] > 0)) {
    std::printf("streams FAILED: elapsed times %g and %g ms must be positive\n", times[0], times[1]);
    return 1;
  }

  for (const cudaStream_t stream : streams) CHECK(cudaStreamDestroy(stream));
  CHECK(cudaFreeHost(host));
  CHECK(cudaFree(device));
  CHECK(cudaFree(sum));
  std::printf("streams PASSED: %d parts of %d, one stream %.3f ms, %d streams %.3f ms simulated\n", parts, n, times[0],
              parts, times[1]);
  return 0;
}
