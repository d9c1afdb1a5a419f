// The checker of flags, on flags written by hand.
// RUN: not phx-opt %s --phx-sync=check-only --split-input-file 2>&1 | FileCheck %s

// CHECK: kernel 'missing': 'npu.store' reads what 'npu.load' writes (ub 0): no flag from pipe mte2 to pipe mte3 orders them
func.func private @missing(%x: memref<512xf32, #npu.space<gm>>, %y: memref<512xf32, #npu.space<gm>>) attributes {npu.core = #npu.core<aiv>} {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %a = memref.alloc() {npu.address = 0 : i64} : memref<8x64xf32, #npu.space<ub>>
  npu.load %x[%c0] rows %c8 cols %c8 pitch %c8 outs(%a : memref<8x64xf32, #npu.space<ub>>) : memref<512xf32, #npu.space<gm>>
  npu.store %a to %y[%c0] rows %c8 cols %c8 pitch %c8 : memref<8x64xf32, #npu.space<ub>>, memref<512xf32, #npu.space<gm>>
  return
}

// -----

// The way back is missing: the second iteration overwrites what the first still stores.
// CHECK: kernel 'back': 'npu.load' overwrites before 'npu.store' has read it (ub 0): no flag from pipe mte3 to pipe mte2 orders them
func.func private @back(%x: memref<512xf32, #npu.space<gm>>, %y: memref<512xf32, #npu.space<gm>>) attributes {npu.core = #npu.core<aiv>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  scf.for %i = %c0 to %c8 step %c1 {
    %a = memref.alloc() {npu.address = 0 : i64} : memref<8x64xf32, #npu.space<ub>>
    npu.load %x[%c0] rows %c8 cols %c8 pitch %c8 outs(%a : memref<8x64xf32, #npu.space<ub>>) : memref<512xf32, #npu.space<gm>>
    npu.set_flag <mte2> to <mte3> id 0
    npu.wait_flag <mte2> to <mte3> id 0
    npu.store %a to %y[%c0] rows %c8 cols %c8 pitch %c8 : memref<8x64xf32, #npu.space<ub>>, memref<512xf32, #npu.space<gm>>
  }
  return
}

// -----

// CHECK: kernel 'left': flag 3 from pipe mte2 to pipe v is still set when the kernel ends
func.func private @left() attributes {npu.core = #npu.core<aiv>} {
  npu.set_flag <mte2> to <v> id 3
  return
}

// -----

// CHECK: kernel 'unbalanced': flag 0 from pipe mte2 to pipe v is waited for, and nothing before sets it
func.func private @unbalanced(%flag: i1) attributes {npu.core = #npu.core<aiv>} {
  scf.if %flag {
    npu.set_flag <mte2> to <v> id 0
  }
  npu.wait_flag <mte2> to <v> id 0
  return
}

// -----

// CHECK: kernel 'twice': flag 0 from pipe mte2 to pipe v is set again before anybody waited for it
func.func private @twice() attributes {npu.core = #npu.core<aiv>} {
  npu.set_flag <mte2> to <v> id 0
  npu.set_flag <mte2> to <v> id 0
  npu.wait_flag <mte2> to <v> id 0
  npu.wait_flag <mte2> to <v> id 0
  return
}
