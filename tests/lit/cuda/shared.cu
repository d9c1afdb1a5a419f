// Static shared variables from offset 0, the dynamic part behind them, barriers, vector accesses.
// RUN: %cudac
// RUN: phx-cudac %t.bc -S | FileCheck %s

// CHECK-LABEL: _Z7reversePK6float4PS_:
// CHECK-SAME: ub 4096
// CHECK: rdsr.ub_dynamic
// CHECK: ld.gm.v4.b32
// CHECK: st.ub
// CHECK: bar.sync
// CHECK: st.gm.v4.b32

__global__ void reverse(const float4* in, float4* out) {
  __shared__ float4 buffer[256];
  extern __shared__ int extra[];
  int t = threadIdx.x;
  buffer[t] = in[t];
  extra[t] = t;
  __syncthreads();
  float4 x = buffer[255 - t];
  x.x += extra[255 - t];
  out[t] = x;
}
