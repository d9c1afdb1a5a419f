// Four kernels and the same loops compiled natively, timed in one process: how much slower is the interpreter?
//
//   interpreter [runs [wall]]
//
// Prints one JSON object a kernel: {"kernel", "native_seconds", "simulated_on_host_seconds",
// "llvm_operations", "correct"}. Run by tests/bench/run.
#include <time.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "native.h"

constexpr int kTile = 16;

// Filled by kernels compiled with phxcc -count-llvm-operations llvm_operations; 0 otherwise.
__device__ unsigned long long llvm_operations;

__global__ void saxpy(float a, const float* x, float* y, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = a * x[i] + y[i];
}

// The same over arrays that no cache of a host holds.
__global__ void axpy_32M(float a, const float* x, float* y, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = a * x[i] + y[i];
}

__global__ void matmul(const float* a, const float* b, float* c, int n) {
  __shared__ float tile_a[kTile][kTile], tile_b[kTile][kTile];
  const int row = blockIdx.y * kTile + threadIdx.y, col = blockIdx.x * kTile + threadIdx.x;
  float sum = 0;
  for (int first = 0; first < n; first += kTile) {
    tile_a[threadIdx.y][threadIdx.x] = a[row * n + first + threadIdx.x];
    tile_b[threadIdx.y][threadIdx.x] = b[(first + threadIdx.y) * n + col];
    __syncthreads();
    for (int i = 0; i < kTile; ++i) sum += tile_a[threadIdx.y][i] * tile_b[i][threadIdx.x];
    __syncthreads();
  }
  c[row * n + col] = sum;
}

__global__ void reduce(const float* x, float* sums, int n) {
  __shared__ float partial[8];
  float sum = 0;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) sum += x[i];
  for (int offset = 16; offset > 0; offset /= 2) sum += __shfl_down_sync(0xffffffffu, sum, offset);
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int w = 1; w < static_cast<int>(blockDim.x) / 32; ++w) sum += partial[w];
    sums[blockIdx.x] = sum;
  }
}

__global__ void nbody(const float4* bodies, float3* forces, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  const float4 me = bodies[i];
  float fx = 0, fy = 0, fz = 0;
  for (int j = 0; j < n; ++j) {
    const float4 other = bodies[j];
    const float dx = other.x - me.x, dy = other.y - me.y, dz = other.z - me.z;
    const float inverse = 1.0f / sqrtf(dx * dx + dy * dy + dz * dz + 1e-4f);
    const float strength = other.w * inverse * inverse * inverse;
    fx += dx * strength;
    fy += dy * strength;
    fz += dz * strength;
  }
  forces[i] = make_float3(fx, fy, fz);
}

namespace {

// CPU time of the process disturbs least with one host thread; with more only wall time says what they gain.
clockid_t measured_clock = CLOCK_PROCESS_CPUTIME_ID;

double now() {
  timespec time;
  clock_gettime(measured_clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// Shortest of a few runs: the machine's noise only ever adds.
template <class Work>
double shortest(int runs, Work work) {
  double best = 1e30;
  for (int i = 0; i < runs; ++i) {
    const double start = now();
    work();
    best = std::fmin(best, now() - start);
  }
  return best;
}

bool close(const float* a, const float* b, size_t n, float tolerance) {
  for (size_t i = 0; i < n; ++i)
    if (!(std::fabs(a[i] - b[i]) <= tolerance * (1.0f + std::fabs(b[i])))) return false;
  return true;
}

template <class T>
T* upload(const std::vector<T>& values) {
  T* device = nullptr;
  cudaMalloc(&device, values.size() * sizeof(T));
  cudaMemcpy(device, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice);
  return device;
}

void print(const char* kernel, double native, double simulated, bool correct) {
  static unsigned long long before = 0;
  unsigned long long operations = 0;
  cudaMemcpyFromSymbol(&operations, llvm_operations, sizeof operations);
  std::printf(
      "{\"kernel\": \"%s\", \"native_seconds\": %.9f, \"simulated_on_host_seconds\": %.9f, \"llvm_operations\": %llu, "
      "\"correct\": %s}\n",
      kernel, native, simulated, operations - before, correct ? "true" : "false");
  before = operations;
}

std::vector<float> noise(size_t n) {
  std::vector<float> values(n);
  unsigned state = 12345;
  for (float& v : values) v = static_cast<float>((state = state * 1664525u + 1013904223u) >> 8) / 16777216.0f - 0.5f;
  return values;
}

}  // namespace

int main(int argc, char** argv) {
  const int runs = argc > 1 ? std::atoi(argv[1]) : 3;
  if (argc > 2 && std::strcmp(argv[2], "wall") == 0) measured_clock = CLOCK_MONOTONIC;
  {
    const int n = 1 << 20;
    std::vector<float> x = noise(n), y = x, out(n);
    float *dx = upload(x), *dy = upload(y);
    const double native = shortest(runs, [&] { native_saxpy(1.5f, x.data(), y.data(), n); });
    const double simulated = shortest(runs, [&] {
      saxpy<<<n / 256, 256>>>(1.5f, dx, dy, n);
      cudaDeviceSynchronize();
    });
    cudaMemcpy(out.data(), dy, n * sizeof(float), cudaMemcpyDeviceToHost);
    print("saxpy", native, simulated, close(out.data(), y.data(), n, 1e-5f));
  }
  {
    const int n = 1 << 25;
    std::vector<float> x = noise(n), y = x, out(n);
    float *dx = upload(x), *dy = upload(y);
    const double native = shortest(runs, [&] { native_saxpy(1.5f, x.data(), y.data(), n); });
    const double simulated = shortest(runs, [&] {
      axpy_32M<<<n / 256, 256>>>(1.5f, dx, dy, n);
      cudaDeviceSynchronize();
    });
    cudaMemcpy(out.data(), dy, n * sizeof(float), cudaMemcpyDeviceToHost);
    print("axpy_32M", native, simulated, close(out.data(), y.data(), n, 1e-5f));
  }
  {
    const int n = 256;
    std::vector<float> a = noise(n * n), b = noise(n * n), c(n * n), out(n * n);
    float *da = upload(a), *db = upload(b), *dc = upload(c);
    const double native = shortest(runs, [&] { native_matmul(a.data(), b.data(), c.data(), n); });
    const dim3 block(kTile, kTile), grid(n / kTile, n / kTile);
    const double simulated = shortest(runs, [&] {
      matmul<<<grid, block>>>(da, db, dc, n);
      cudaDeviceSynchronize();
    });
    cudaMemcpy(out.data(), dc, n * n * sizeof(float), cudaMemcpyDeviceToHost);
    print("matmul", native, simulated, close(out.data(), c.data(), n * n, 1e-4f));
  }
  {
    const int n = 1 << 22, blocks = 192;
    std::vector<float> x = noise(n), sums(blocks);
    float *dx = upload(x), *ds = upload(sums);
    float total = 0;
    const double native = shortest(runs, [&] { total = native_reduce(x.data(), n); });
    const double simulated = shortest(runs, [&] {
      reduce<<<blocks, 256>>>(dx, ds, n);
      cudaDeviceSynchronize();
    });
    cudaMemcpy(sums.data(), ds, blocks * sizeof(float), cudaMemcpyDeviceToHost);
    float mine = 0;
    for (float s : sums) mine += s;
    print("reduction", native, simulated, std::fabs(mine - total) < 2.0f);
  }
  {
    const int n = 2048;
    std::vector<float> raw = noise(4 * n), forces(3 * n), out(3 * n);
    for (int i = 0; i < n; ++i) raw[4 * i + 3] = 1.0f;
    float* dbodies = upload(raw);
    float* dforces = upload(forces);
    const double native = shortest(runs, [&] { native_nbody(raw.data(), forces.data(), n); });
    const double simulated = shortest(runs, [&] {
      nbody<<<n / 128, 128>>>(reinterpret_cast<float4*>(dbodies), reinterpret_cast<float3*>(dforces), n);
      cudaDeviceSynchronize();
    });
    cudaMemcpy(out.data(), dforces, 3 * n * sizeof(float), cudaMemcpyDeviceToHost);
    print("nbody", native, simulated, close(out.data(), forces.data(), 3 * n, 2e-2f));
  }
  return 0;
}
