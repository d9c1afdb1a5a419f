// Flags under conditions, and a buffer in device memory that is written and read again.
// RUN: phx-opt %s --phx-sync --split-input-file | FileCheck %s

// Both sides of the if, in different iterations, touch one tile from two pipes: the flags go around the if.
// CHECK-LABEL: func.func private @sides
// CHECK-DAG: npu.set_flag <mte2> to <mte3> id 0
// CHECK-DAG: npu.set_flag <mte3> to <mte2> id 0
// CHECK: scf.for
// CHECK-DAG: npu.wait_flag <mte2> to <mte3> id 0
// CHECK-DAG: npu.wait_flag <mte3> to <mte2> id 0
// CHECK: scf.if
// CHECK-NOT: flag
// CHECK: } else {
// CHECK-NOT: flag
// CHECK: }
// CHECK-DAG: npu.set_flag <mte2> to <mte3> id 0
// CHECK-DAG: npu.set_flag <mte3> to <mte2> id 0
// CHECK: }
// CHECK-DAG: npu.wait_flag <mte2> to <mte3> id 0
// CHECK-DAG: npu.wait_flag <mte3> to <mte2> id 0
func.func private @sides(%x: memref<512xf32, #npu.space<gm>>, %y: memref<512xf32, #npu.space<gm>>, %flag: i1) attributes {npu.core = #npu.core<aiv>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %a = memref.alloc() {npu.address = 0 : i64} : memref<8x64xf32, #npu.space<ub>>
  scf.for %i = %c0 to %c8 step %c1 {
    scf.if %flag {
      npu.load %x[%c0] rows %c8 cols %c8 pitch %c8 outs(%a : memref<8x64xf32, #npu.space<ub>>) : memref<512xf32, #npu.space<gm>>
    } else {
      npu.store %a to %y[%c0] rows %c8 cols %c8 pitch %c8 : memref<8x64xf32, #npu.space<ub>>, memref<512xf32, #npu.space<gm>>
    }
  }
  return
}

// -----

// The second loop reads what the first has stored: one flag between the loops, for device memory.
// CHECK-LABEL: func.func private @scratch
// CHECK: npu.store
// CHECK: }
// CHECK: npu.set_flag <mte3> to <mte2> id [[ID:[0-9]]]
// CHECK: npu.wait_flag <mte3> to <mte2> id [[ID]]
// CHECK: scf.for
// CHECK: npu.load
func.func private @scratch(%x: memref<512xf32, #npu.space<gm>>, %y: memref<512xf32, #npu.space<gm>>) attributes {npu.core = #npu.core<aiv>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c8 step %c1 {
    %a = memref.alloc() {npu.address = 0 : i64} : memref<8x64xf32, #npu.space<ub>>
    npu.vec "vdup.b32" ins() value %zero : f32 rows %c8 cols %c8 outs(%a : memref<8x64xf32, #npu.space<ub>>)
    npu.store %a to %y[%c0] rows %c8 cols %c8 pitch %c8 : memref<8x64xf32, #npu.space<ub>>, memref<512xf32, #npu.space<gm>>
  }
  scf.for %i = %c0 to %c8 step %c1 {
    %b = memref.alloc() {npu.address = 2048 : i64} : memref<8x64xf32, #npu.space<ub>>
    npu.load %y[%c0] rows %c8 cols %c8 pitch %c8 outs(%b : memref<8x64xf32, #npu.space<ub>>) : memref<512xf32, #npu.space<gm>>
  }
  return
}
