// What is not supported is one error with its place.
// RUN: %cudac -DRECURSION && not phx-cudac %t.bc 2>&1 | FileCheck %s --check-prefix=RECURSION
// RUN: %cudac -DPOINTER && not phx-cudac %t.bc 2>&1 | FileCheck %s --check-prefix=POINTER
// RUN: %cudac -DASSEMBLY && not phx-cudac %t.bc 2>&1 | FileCheck %s --check-prefix=ASSEMBLY
// RUN: %cudac -DBESSEL && not phx-cudac %t.bc 2>&1 | FileCheck %s --check-prefix=BESSEL

// RECURSION: errors.cu:{{[0-9]+}}:{{.*}}recursive device functions are not supported
// POINTER: errors.cu:{{[0-9]+}}:{{.*}}calls through function pointers
// ASSEMBLY: errors.cu:{{[0-9]+}}:{{.*}}the inline assembly "frobnicate.b32 $0, $1;" is not supported (in kernel
// '_Z1kPi') BESSEL: the device function '__nv_j0f' has no definition

#ifdef RECURSION
__device__ int walk(int* p, int n) { return p[n] < 3 ? p[n] : walk(p, p[n]) * walk(p, p[n] - 1); }
__global__ void k(int* p) { p[0] = walk(p, threadIdx.x); }
#elif defined(POINTER)
typedef int (*F)(int);
__global__ void k(int* p, F* f) { p[0] = f[p[1]](3); }
#elif defined(ASSEMBLY)
__global__ void k(int* p) {
  int x;
  asm("frobnicate.b32 %0, %1;" : "=r"(x) : "r"(p[0]));
  p[1] = x;
}
#else
extern "C" __device__ float __nv_j0f(float);
__global__ void k(float* p) { p[0] = __nv_j0f(p[1]); }
#endif
