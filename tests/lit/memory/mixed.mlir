// A kernel on both kinds of core: the cube core hands tiles to the vector core through two slots in device memory. Cross-core
// flags stand in the queue of the pipe that they name, so only the flags inside each core are added.
// RUN: phx-opt %s --phx-place --phx-buffer --phx-pipeline --phx-plan --phx-sync | FileCheck %s

// CHECK-LABEL: func.func private @produce
// CHECK: npu.wait_flag <fix> to <m>
// CHECK: npu.mmad
// CHECK: npu.set_flag <m> to <fix>
// CHECK: scf.if
// CHECK: npu.cross_wait mode 2 <fix> id 2
// CHECK: npu.wait_flag <m> to <fix>
// CHECK-NEXT: npu.fixpipe
// CHECK: npu.cross_set mode 2 <fix> id 0
func.func private @produce(%a: memref<65536xf16, #npu.space<gm>>, %w: memref<16384xf32, #npu.space<gm>>, %y: memref<65536xf32, #npu.space<gm>>)
    attributes {npu.core = #npu.core<aic>, npu.mix = @produce} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c64 = arith.constant 64 : index
  %c4096 = arith.constant 4096 : index
  %true = arith.constant true
  scf.for %i = %c0 to %c4 step %c1 {
    %offset = arith.muli %i, %c4096 : index
    %e1 = tensor.empty() : tensor<64x64xf16>
    %l1 = npu.load %a[%offset] rows %c64 cols %c64 pitch %c64 outs(%e1 : tensor<64x64xf16>) {buffers = 2 : i64} : memref<65536xf16, #npu.space<gm>> -> tensor<64x64xf16>
    %a0 = npu.extract %l1[%c0, %c0] rows %c64 cols %c64 outs(%e1 : tensor<64x64xf16>) : tensor<64x64xf16> -> tensor<64x64xf16>
    %b0 = npu.extract %l1[%c0, %c0] rows %c64 cols %c64 outs(%e1 : tensor<64x64xf16>) : tensor<64x64xf16> -> tensor<64x64xf16>
    %ec = tensor.empty() : tensor<64x64xf32>
    %acc = npu.mmad %a0, %b0 m %c64 n %c64 k %c64 init %true outs(%ec : tensor<64x64xf32>) : tensor<64x64xf16>, tensor<64x64xf16> -> tensor<64x64xf32>
    %used = arith.cmpi sge, %i, %c1 : index
    scf.if %used {
      npu.cross_wait mode 2 <fix> id 2
    }
    npu.fixpipe %acc to %w[%c0] m %c64 n %c64 pitch %c64 : tensor<64x64xf32>, memref<16384xf32, #npu.space<gm>>
    npu.cross_set mode 2 <fix> id 0
  }
  return
}

// CHECK-LABEL: func.func private @consume
// CHECK: npu.cross_wait mode 2 <mte2> id 0
// CHECK: npu.wait_flag <v> to <mte2>
// CHECK: npu.load
// CHECK-DAG: npu.set_flag <mte2> to <v>
// CHECK-DAG: npu.cross_set mode 2 <mte2> id 2
// CHECK: npu.wait_flag <mte2> to <v>
// CHECK: npu.vec "vrelu.f32"
// CHECK: npu.store
func.func private @consume(%a: memref<65536xf16, #npu.space<gm>>, %w: memref<16384xf32, #npu.space<gm>>, %y: memref<65536xf32, #npu.space<gm>>)
    attributes {npu.core = #npu.core<aiv>, npu.mix = @produce} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %c4096 = arith.constant 4096 : index
  scf.for %i = %c0 to %c4 step %c1 {
    %offset = arith.muli %i, %c4096 : index
    npu.cross_wait mode 2 <mte2> id 0
    %e = tensor.empty() : tensor<32x64xf32>
    %t = npu.load %w[%c0] rows %c32 cols %c64 pitch %c64 outs(%e : tensor<32x64xf32>) {buffers = 2 : i64} : memref<16384xf32, #npu.space<gm>> -> tensor<32x64xf32>
    npu.cross_set mode 2 <mte2> id 2
    %r = npu.vec "vrelu.f32" ins(%t : tensor<32x64xf32>) rows %c32 cols %c64 outs(%e : tensor<32x64xf32>) -> tensor<32x64xf32>
    npu.store %r to %y[%offset] rows %c32 cols %c64 pitch %c64 : tensor<32x64xf32>, memref<65536xf32, #npu.space<gm>>
  }
  return
}
