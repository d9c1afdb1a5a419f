// When copies take turns and when they would not.
// RUN: phx-opt %s --phx-pipeline --split-input-file | FileCheck %s

// No loop around it, or one that runs once: one copy.
// CHECK-LABEL: func.func private @still
// CHECK-NOT: npu.slot
// CHECK: return
func.func private @still(%x: memref<8192xf32, #npu.space<gm>>) attributes {npu.core = #npu.core<aiv>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %a = memref.alloc() {npu.buffers = 2 : i64} : memref<8x64xf32, #npu.space<ub>>
  npu.load %x[%c0] rows %c8 cols %c8 pitch %c8 outs(%a : memref<8x64xf32, #npu.space<ub>>) : memref<8192xf32, #npu.space<gm>>
  scf.for %i = %c0 to %c1 step %c1 {
    %b = memref.alloc() {npu.buffers = 2 : i64} : memref<8x64xf32, #npu.space<ub>>
    npu.load %x[%c0] rows %c8 cols %c8 pitch %c8 outs(%b : memref<8x64xf32, #npu.space<ub>>) : memref<8192xf32, #npu.space<gm>>
  }
  return
}

// -----

// The count goes through an if between two loops, on both of its sides.
// CHECK-LABEL: func.func private @through_if
// CHECK: scf.for {{.*}} iter_args(%[[OUTER:.*]] = %{{.*}}) -> (index)
// CHECK: %[[IF:.*]] = scf.if %{{.*}} -> (index) {
// CHECK: %[[FOR:.*]] = scf.for {{.*}} iter_args(%[[COUNT:.*]] = %[[OUTER]]) -> (index)
// CHECK: npu.slot %{{.*}}[%[[COUNT]]]
// CHECK: scf.yield %[[FOR]] : index
// CHECK: } else {
// CHECK-NEXT: scf.yield %[[OUTER]] : index
// CHECK: scf.yield %[[IF]] : index
func.func private @through_if(%x: memref<8192xf32, #npu.space<gm>>, %flag: i1) attributes {npu.core = #npu.core<aiv>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  scf.for %i = %c0 to %c8 step %c1 {
    scf.if %flag {
      scf.for %j = %c0 to %c8 step %c1 {
        %b = memref.alloc() {npu.buffers = 3 : i64} : memref<8x64xf32, #npu.space<ub>>
        npu.load %x[%c0] rows %c8 cols %c8 pitch %c8 outs(%b : memref<8x64xf32, #npu.space<ub>>) : memref<8192xf32, #npu.space<gm>>
      }
    }
  }
  return
}
