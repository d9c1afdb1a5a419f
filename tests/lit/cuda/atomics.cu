// Atomics without a used result are reductions; compare-and-swap takes expected and new value side by side.
// RUN: %cudac
// RUN: phx-cudac %t.bc -S | FileCheck %s

// CHECK-LABEL: _Z5countPiPfS0_:
// CHECK-DAG: red.gm.add.u32
// CHECK-DAG: red.gm.add.f32
// CHECK-DAG: atom.gm.cas.b32
// CHECK: exit

__global__ void count(int* bins, float* total, float* unused) {
  atomicAdd(&bins[threadIdx.x % 7], 1);
  atomicAdd(total, 0.25f);
  bins[8 + threadIdx.x] = atomicCAS(&bins[7], 0, (int)threadIdx.x);
}
