// A loop whose trip count is the same for all lanes keeps its counter in a scalar register and needs no region.
// RUN: %cudac
// RUN: phx-cudac %t.bc -S | FileCheck %s

// CHECK-LABEL: _Z3sumPKfPfi:
// CHECK-NOT: fork
// CHECK: ld.gm.b32
// CHECK: fma.f32
// CHECK: setp.{{(ne|eq|lt)}}.{{[su]}}32 p{{[0-9]+}}, s
// CHECK: bra
// CHECK-NOT: join
// CHECK: exit

__global__ void sum(const float* a, float* out, int n) {
  float total = 0;
  for (int i = 0; i < n; ++i) total += a[i * 32 + threadIdx.x] * 0.5f;
  out[threadIdx.x] = total;
}
