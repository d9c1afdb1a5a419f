// One deliberate fault per run, chosen by name; tests/run/check_faults.py knows the line of each from the FAULT
// comments. Prints the error of the next call, the error of the call after it (faults are sticky), and, with two
// devices, whether the other one goes on.
#include <cassert>
#include <cstdio>
#include <cstring>
#include <string>

__device__ __forceinline__ void deep_store(float* p, int i) {
  p[i] = 1.0f;  // FAULT: inlined
}

__global__ void out_of_bounds(float* p, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  p[i] = 2.0f;  // FAULT: out_of_bounds
}
__global__ void load_before(const float* p, float* q) {
  q[threadIdx.x] = p[static_cast<int>(threadIdx.x) - 8];  // FAULT: before_start
}
__global__ void misaligned(char* p) {
  *reinterpret_cast<int*>(p + threadIdx.x * 4 + 1) = 5;  // FAULT: misaligned
}
__global__ void store(float* p) {
  if (threadIdx.x == 3) p[threadIdx.x] = 1.0f;  // FAULT: store
}
__global__ void spin(volatile int* flag) {
  while (*flag == 0) {  // FAULT: spin
  }
}
__global__ void busy(unsigned* out, unsigned stop) {
  unsigned x = threadIdx.x, steps = 0;
  for (; x != stop; ++steps) x = (x * 5u + 1u) & 0xffffu;  // FAULT: busy
  *out = steps;
}
__global__ void endless() {
  while (true) {  // FAULT: endless
  }
}
__global__ void shared_bounds(int* out, int i) {
  __shared__ int tile[32];
  tile[threadIdx.x] = threadIdx.x;
  __syncthreads();
  out[threadIdx.x] = tile[threadIdx.x + i];  // FAULT: shared
}
__global__ void inlined(float* p, int i) { deep_store(p, i); }
__global__ void asserts(int limit) {
  assert(static_cast<int>(threadIdx.x) < limit);  // FAULT: assert
}
__global__ void barrier_mismatch(int* out) {
  if (threadIdx.x < 16) __syncthreads();  // FAULT: barrier
  if (__shfl_sync(0xffffffffu, 1, 0) != 0) out[threadIdx.x] = 1;
}
__global__ void fine(int* p) { p[threadIdx.x] = threadIdx.x; }

int main(int argc, char** argv) {
  const std::string which = argc > 1 ? argv[1] : "";
  float *p, *q;
  cudaMalloc(&p, 100 * sizeof(float));
  cudaMalloc(&q, 100 * sizeof(float));
  float host[64] = {};
  if (which == "out_of_bounds") {
    out_of_bounds<<<4, 32>>>(p, 100);
  } else if (which == "before_start") {
    load_before<<<1, 32>>>(p, q);
  } else if (which == "misaligned") {
    misaligned<<<1, 8>>>(reinterpret_cast<char*>(p));
  } else if (which == "host_pointer") {
    store<<<1, 32>>>(host);
  } else if (which == "null_pointer") {
    store<<<1, 32>>>(nullptr);
  } else if (which == "use_after_free") {
    cudaFree(q);
    store<<<1, 32>>>(q);
  } else if (which == "spin") {
    cudaMemset(p, 0, 4);
    spin<<<1, 32>>>(reinterpret_cast<int*>(p));
  } else if (which == "busy") {
    busy<<<2, 64>>>(reinterpret_cast<unsigned*>(p), 0xffffffffu);
  } else if (which == "endless") {
    endless<<<1, 32>>>();
  } else if (which == "endless_everywhere") {
    endless<<<4800, 256>>>();
  } else if (which == "shared") {
    shared_bounds<<<1, 32>>>(reinterpret_cast<int*>(p), 100000);
  } else if (which == "inlined") {
    inlined<<<1, 1>>>(p, 100);
  } else if (which == "assert") {
    asserts<<<2, 32>>>(20);
  } else if (which == "barrier") {
    barrier_mismatch<<<1, 32>>>(reinterpret_cast<int*>(p));
  } else {
    std::printf("unknown fault '%s'\n", which.c_str());
    return 2;
  }
  const cudaError_t next = cudaDeviceSynchronize();
  const cudaError_t sticky = cudaMemset(p, 0, 4);
  std::printf("next %s sticky %s\n", cudaGetErrorName(next), cudaGetErrorName(sticky));

  int devices = 0;
  cudaGetDeviceCount(&devices);
  if (devices > 1) {
    int* r;
    int values[32] = {};
    cudaSetDevice(1);
    cudaMalloc(&r, sizeof values);
    fine<<<1, 32>>>(r);
    const cudaError_t other = cudaMemcpy(values, r, sizeof values, cudaMemcpyDeviceToHost);
    std::printf("other %s %d\n", cudaGetErrorName(other), values[31]);
    cudaSetDevice(0);
    std::printf("reset %s\n", cudaGetErrorName(cudaDeviceReset()));
    int* again;
    cudaMalloc(&again, sizeof values);
    fine<<<1, 32>>>(again);
    std::printf("after reset %s\n", cudaGetErrorName(cudaDeviceSynchronize()));
  }
  return 0;
}
