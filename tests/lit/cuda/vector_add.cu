// Folded addresses, one divergent region, source lines.
// RUN: %cudac
// RUN: phx-cudac %t.bc -S | FileCheck %s

// CHECK-LABEL: _Z3addPKfS0_Pfi:
// CHECK: mad.u32 [[I:r[0-9]+]], s
// CHECK: setp.lt.s32 [[P:p[0-9]+]], [[I]], s
// CHECK: fork.k0
// CHECK: bra.not {{.*}}[[P]]
// CHECK: ld.gm.b32 {{r[0-9]+}}, [s{{[0-9]+}} + [[I]]*4]
// CHECK: add.f32
// CHECK: st.gm.b32 [s{{[0-9]+}} + [[I]]*4], {{.*}}vector_add.cu:[[# @LINE + 6]]
// CHECK: join.k0
// CHECK: exit

__global__ void add(const float* a, const float* b, float* c, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) c[i] = a[i] + b[i];
}
