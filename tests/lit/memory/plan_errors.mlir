// A kernel that no address plan fits.
// RUN: not phx-opt %s --phx-plan 2>&1 | FileCheck %s

// CHECK: plan_errors.mlir:[[# @LINE + 1]]:{{[0-9]+}}: kernel 'large' needs 262144 bytes of ub, a core has 196608
func.func private @large(%x: memref<65536xf32, #npu.space<gm>>) attributes {npu.core = #npu.core<aiv>} {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %a = memref.alloc() : memref<256x256xf32, #npu.space<ub>>
  npu.load %x[%c0] rows %c8 cols %c8 pitch %c8 outs(%a : memref<256x256xf32, #npu.space<ub>>) : memref<65536xf32, #npu.space<gm>>
  return
}
