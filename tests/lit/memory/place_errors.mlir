// Tiles whose users contradict each other, and tiles that the kind of core cannot hold.
// RUN: not phx-opt %s --phx-place --split-input-file 2>&1 | FileCheck %s

// CHECK: place_errors.mlir:[[# @LINE + 9]]:{{[0-9]+}}: 'npu.extract' needs a tile in l1 that 'npu.vec' needs in ub
func.func private @both(%x: memref<8192xf16, #npu.space<gm>>) attributes {npu.core = #npu.core<aiv>} {
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  %c64 = arith.constant 64 : index
  %e = tensor.empty() : tensor<16x64xf16>
  %t = npu.load %x[%c0] rows %c16 cols %c64 pitch %c64 outs(%e : tensor<16x64xf16>) : memref<8192xf16, #npu.space<gm>> -> tensor<16x64xf16>
  %f = tensor.empty() : tensor<16x64xf16>
  %r = npu.vec "vrelu.f16" ins(%t : tensor<16x64xf16>) rows %c16 cols %c64 outs(%f : tensor<16x64xf16>) -> tensor<16x64xf16>
  %l = npu.extract %t[%c0, %c0] rows %c16 cols %c64 outs(%f : tensor<16x64xf16>) : tensor<16x64xf16> -> tensor<16x64xf16>
  return
}

// -----

// CHECK: place_errors.mlir:[[# @LINE + 5]]:{{[0-9]+}}: 'npu.vec' needs a tile in ub, which cores of kind aic do not have
func.func private @core(%x: memref<8192xf16, #npu.space<gm>>) attributes {npu.core = #npu.core<aic>} {
  %c16 = arith.constant 16 : index
  %one = arith.constant 1.0 : f16
  %e = tensor.empty() : tensor<16x64xf16>
  %r = npu.vec "vdup.u16" ins() value %one : f16 rows %c16 cols %c16 outs(%e : tensor<16x64xf16>) -> tensor<16x64xf16>
  return
}

// -----

// CHECK: place_errors.mlir:[[# @LINE + 3]]:{{[0-9]+}}: 'tensor.cast' does not work on tiles of a kernel
func.func private @foreign() attributes {npu.core = #npu.core<aic>} {
  %e = tensor.empty() : tensor<16x64xf16>
  %c = tensor.cast %e : tensor<16x64xf16> to tensor<?x64xf16>
  return
}
