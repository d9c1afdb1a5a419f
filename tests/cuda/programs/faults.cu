// Failures inside kernels: each gives its error from the next synchronising call, stays with the device until it is
// reset, and leaves the process alive.
#include <cassert>

#include "check.h"

__global__ void out_of_bounds(int* p, int n) { p[n + threadIdx.x] = 1; }
__global__ void misaligned(char* p) { *reinterpret_cast<int*>(p + 1) = 1; }
__global__ void asserts(int n) { assert(n < 5 && "n is small"); }
__global__ void traps() { __trap(); }
__global__ void reads_host(const int* p, int* out) { *out = *p; }
__global__ void fine(int* out) { *out = 123; }

// Launches, expects `wanted` from the synchronisation and from a later call, resets, and runs a good kernel.
template <class Launch>
void fails_with(const char* what, cudaError_t wanted, Launch launch) {
  launch();
  const cudaError_t got = cudaDeviceSynchronize();
  EXPECT(got == wanted, "%s: %s, expected %s", what, cudaGetErrorName(got), cudaGetErrorName(wanted));
  int* pointer = nullptr;
  EXPECT(cudaMalloc(&pointer, 4) == wanted, "%s is not sticky", what);
  CUDA(cudaDeviceReset());
  CUDA(cudaMalloc(&pointer, 4));
  fine<<<1, 1>>>(pointer);
  int value = 0;
  CUDA(cudaMemcpy(&value, pointer, 4, cudaMemcpyDeviceToHost));
  EXPECT(value == 123, "after %s and a reset: %d", what, value);
  CUDA(cudaFree(pointer));
}

int main() {
  fails_with("an index out of bounds", cudaErrorIllegalAddress, [] {
    int* p;
    CUDA(cudaMalloc(&p, 64 * sizeof(int)));
    out_of_bounds<<<1, 32>>>(p, 1 << 20);
  });
  fails_with("a null pointer", cudaErrorIllegalAddress, [] { out_of_bounds<<<1, 32>>>(nullptr, 0); });
  fails_with("use after free", cudaErrorIllegalAddress, [] {
    int* p;
    CUDA(cudaMalloc(&p, 64 * sizeof(int)));
    CUDA(cudaFree(p));
    out_of_bounds<<<1, 32>>>(p, 0);
  });
  fails_with("a host pointer", cudaErrorIllegalAddress, [] {
    static int on_host = 7;
    int* p;
    CUDA(cudaMalloc(&p, sizeof(int)));
    reads_host<<<1, 1>>>(&on_host, p);
  });
  fails_with("a misaligned store", cudaErrorMisalignedAddress, [] {
    char* p;
    CUDA(cudaMalloc(&p, 64));
    misaligned<<<1, 1>>>(p);
  });
  fails_with("an assertion", cudaErrorAssert, [] { asserts<<<2, 32>>>(9); });
  fails_with("a trap", cudaErrorLaunchFailure, [] { traps<<<1, 32>>>(); });
  asserts<<<1, 32>>>(3);
  CUDA(cudaDeviceSynchronize());
  return verdict("faults");
}
