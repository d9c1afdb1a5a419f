// printf from device code: every conversion, in order within a thread, complete when the kernel is synchronised.
#include "check.h"

__global__ void print(const char* unused, int n) {
  const int t = threadIdx.x;
  if (t == 0) {
    printf("int %d %5d|%-5d|%05d %x %o %c\n", -7, n, n, n, 255u, 8u, 'z');
    printf("wide %lld %llu %llx\n", -(1ll << 40), 1ull << 63, 0xabcdef012345ull);
    printf("float %f %.3f %e %g\n", 1.5, 2.0f / 3, 12345.678, 1e-5);
    printf("string %s|%8s|%-8s| percent %%\n", "abc", "def", "ghi");
  }
  __syncthreads();
  if (t < 3) printf("thread %d of block (%d,%d)\n", t, blockIdx.x, blockIdx.y);
}

int main() {
  std::printf("before\n");
  std::fflush(stdout);
  print<<<1, 32>>>(nullptr, 42);
  CUDA(cudaDeviceSynchronize());
  return verdict("printing");
}
