// A double-buffered elementwise kernel through all the middle phases: loads of one iteration overlap the arithmetic of the one
// before and the store of the one before that.
// RUN: phx-opt %s --phx-place | FileCheck %s --check-prefix=PLACE
// RUN: phx-opt %s --phx-place --phx-buffer | FileCheck %s --check-prefix=BUFFER
// RUN: phx-opt %s --phx-place --phx-buffer --phx-pipeline | FileCheck %s --check-prefix=PIPELINE
// RUN: phx-opt %s --phx-place --phx-buffer --phx-pipeline --phx-plan | FileCheck %s --check-prefix=PLAN
// RUN: phx-opt %s --phx-place --phx-buffer --phx-pipeline --phx-plan --phx-sync | FileCheck %s --check-prefix=SYNC

// PLACE-LABEL: func.func private @add
// PLACE: npu.load {{.*}} -> tensor<16x256xf32, #npu.space<ub>>
// PLACE: npu.vec "vadd.f32" {{.*}} -> tensor<16x256xf32, #npu.space<ub>>

// BUFFER-LABEL: func.func private @add
// BUFFER-NOT: tensor
// BUFFER: scf.for
// BUFFER: %[[A:.*]] = memref.alloc() {npu.buffers = 2 : i64} : memref<16x256xf32, #npu.space<ub>>
// BUFFER-NEXT: npu.load %arg0{{.*}} outs(%[[A]]
// BUFFER: %[[B:.*]] = memref.alloc() {npu.buffers = 2 : i64}
// BUFFER-NEXT: npu.load %arg1{{.*}} outs(%[[B]]
// BUFFER: %[[C:.*]] = memref.alloc() {npu.buffers = 2 : i64}
// BUFFER-NEXT: npu.vec "vadd.f32" ins(%[[A]], %[[B]]{{.*}} outs(%[[C]]
// BUFFER-NEXT: npu.store %[[C]]

// PIPELINE-LABEL: func.func private @add
// PIPELINE: scf.for {{.*}} iter_args(%[[COUNT:.*]] = %{{.*}}) -> (index)
// PIPELINE: %[[A:.*]] = memref.alloc() : memref<2x16x256xf32, #npu.space<ub>>
// PIPELINE: npu.slot %[[A]][%[[COUNT]]]
// PIPELINE: arith.addi %[[COUNT]]
// PIPELINE-NEXT: scf.yield

// PLAN-LABEL: func.func private @add
// PLAN: memref.alloc() {npu.address = 0 : i64}
// PLAN: memref.alloc() {npu.address = 32768 : i64}
// PLAN: memref.alloc() {npu.address = 65536 : i64}

// Two events for each buffer's way back, one for each way forward.
// SYNC-LABEL: func.func private @add
// SYNC: npu.set_flag <v> to <mte2> id [[ID:[0-9]+]]
// SYNC: scf.for
// SYNC: %[[SLOT:.*]] = arith.remui
// SYNC: npu.wait_flag <v> to <mte2> id {{[0-9]+}} + %[[SLOT]]
// SYNC-NEXT: npu.load
// SYNC: npu.load
// SYNC-NEXT: npu.set_flag <mte2> to <v> id 0
// SYNC: npu.wait_flag <mte2> to <v> id 0
// SYNC: npu.vec
// SYNC: npu.set_flag <v> to <mte3> id 0
// SYNC: npu.wait_flag <v> to <mte3> id 0
// SYNC: npu.store
// SYNC-NEXT: npu.set_flag <mte3> to <v> id 0 + %[[SLOT]]
// SYNC: scf.yield
// SYNC: npu.wait_flag <mte3> to <v>
func.func private @add(%a: memref<65536xf32, #npu.space<gm>>, %b: memref<65536xf32, #npu.space<gm>>,
                       %c: memref<65536xf32, #npu.space<gm>>) attributes {npu.core = #npu.core<aiv>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c16 = arith.constant 16 : index
  %c256 = arith.constant 256 : index
  %c4096 = arith.constant 4096 : index
  %core = npu.block_idx
  %first = arith.muli %core, %c4 : index
  %last = arith.addi %first, %c4 : index
  scf.for %i = %first to %last step %c1 {
    %offset = arith.muli %i, %c4096 : index
    %e = tensor.empty() : tensor<16x256xf32>
    %x = npu.load %a[%offset] rows %c16 cols %c256 pitch %c256 outs(%e : tensor<16x256xf32>) {buffers = 2 : i64} : memref<65536xf32, #npu.space<gm>> -> tensor<16x256xf32>
    %y = npu.load %b[%offset] rows %c16 cols %c256 pitch %c256 outs(%e : tensor<16x256xf32>) {buffers = 2 : i64} : memref<65536xf32, #npu.space<gm>> -> tensor<16x256xf32>
    %o = tensor.empty() {npu.buffers = 2 : i64} : tensor<16x256xf32>
    %z = npu.vec "vadd.f32" ins(%x, %y : tensor<16x256xf32>, tensor<16x256xf32>) rows %c16 cols %c256 outs(%o : tensor<16x256xf32>) -> tensor<16x256xf32>
    npu.store %z to %c[%offset] rows %c16 cols %c256 pitch %c256 : tensor<16x256xf32>, memref<65536xf32, #npu.space<gm>>
  }
  return
}
