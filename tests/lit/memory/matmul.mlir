// A matmul kernel with loops over tiles, over k in L1 and over k in L0; two copies of everything.
// RUN: phx-opt %s --phx-place | FileCheck %s --check-prefix=PLACE
// RUN: phx-opt %s --phx-place --phx-buffer | FileCheck %s --check-prefix=BUFFER
// RUN: phx-opt %s --phx-place --phx-buffer --phx-pipeline | FileCheck %s --check-prefix=PIPELINE
// RUN: phx-opt %s --phx-place --phx-buffer --phx-pipeline --phx-plan --phx-sync | FileCheck %s --check-prefix=SYNC

// PLACE-LABEL: func.func private @matmul
// PLACE: tensor.empty() {npu.buffers = 2 : i64} : tensor<128x128xf32, #npu.space<l0c>>
// PLACE: npu.load %arg0{{.*}} -> tensor<128x256xf16, #npu.space<l1>>
// PLACE: npu.load %arg1{{.*}} -> tensor<256x128xf16, #npu.space<l1>>
// PLACE: npu.extract {{.*}} -> tensor<128x64xf16, #npu.space<l0a>>
// PLACE: npu.extract {{.*}} -> tensor<64x128xf16, #npu.space<l0b>>
// PLACE: npu.mmad {{.*}} -> tensor<128x128xf32, #npu.space<l0c>>

// The accumulators live as long as a tile, and both loops over k work on them in place.
// BUFFER-LABEL: func.func private @matmul
// BUFFER: scf.for
// BUFFER: %[[ACC:.*]] = memref.alloc() {npu.buffers = 2 : i64} : memref<128x128xf32, #npu.space<l0c>>
// BUFFER: scf.for
// BUFFER: memref.alloc() {{.*}}l1
// BUFFER: scf.for
// BUFFER: memref.alloc() {{.*}}l0a
// BUFFER: memref.alloc() {{.*}}l0b
// BUFFER: npu.mmad {{.*}} outs(%[[ACC]]
// BUFFER: npu.fixpipe %[[ACC]]

// Counters are not reset by inner loops.
// PIPELINE-LABEL: func.func private @matmul
// PIPELINE: scf.for %{{.*}} iter_args(%[[TILE:[^ ]*]] = %{{[^,]*}}, %[[OL1:[^ ]*]] = %{{[^,]*}}, %[[OL0:[^ ]*]] = %{{.*}})
// PIPELINE: npu.slot %{{.*}}[%[[TILE]]] {{.*}}l0c
// PIPELINE: scf.for %{{.*}} iter_args(%[[L1:[^ ]*]] = %[[OL1]], %[[IL0:[^ ]*]] = %[[OL0]])
// PIPELINE: npu.slot %{{.*}}[%[[L1]]] {{.*}}l1
// PIPELINE: scf.for %{{.*}} iter_args(%[[L0:[^ ]*]] = %[[IL0]])
// PIPELINE: npu.slot %{{.*}}[%[[L0]]] {{.*}}l0a

// Flags are set before the loop over tiles only, so that the next tile starts while this one ends.
// SYNC-LABEL: func.func private @matmul
// SYNC-DAG: npu.set_flag <m> to <mte1> id 0
// SYNC-DAG: npu.set_flag <m> to <mte1> id 1
// SYNC-DAG: npu.set_flag <mte1> to <mte2> id 0
// SYNC-DAG: npu.set_flag <fix> to <m> id 0
// SYNC: scf.for
// SYNC-NOT: set_flag
// SYNC: npu.wait_flag <fix> to <m> id 0 +
// SYNC-NEXT: scf.for
// SYNC: npu.wait_flag <mte1> to <mte2>
// SYNC: npu.load
// SYNC: npu.load
// SYNC: npu.set_flag <mte2> to <mte1>
// SYNC: scf.for
// SYNC: npu.wait_flag <m> to <mte1> id 0 +
// SYNC: npu.extract
// SYNC-NOT: wait_flag
// SYNC: npu.extract
// SYNC-NEXT: npu.set_flag <mte1> to <m>
// SYNC: npu.wait_flag <mte1> to <m>
// SYNC: npu.mmad
// SYNC-NEXT: npu.set_flag <m> to <mte1> id 0 +
// SYNC: npu.set_flag <m> to <fix>
// SYNC: npu.wait_flag <m> to <fix>
// SYNC-NEXT: npu.fixpipe
// SYNC-NEXT: npu.set_flag <fix> to <m> id 0 +
func.func private @matmul(%a: memref<1048576xf16, #npu.space<gm>>, %b: memref<1048576xf16, #npu.space<gm>>,
                          %c: memref<1048576xf32, #npu.space<gm>>) attributes {npu.core = #npu.core<aic>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %c256 = arith.constant 256 : index
  %c1024 = arith.constant 1024 : index
  %core = npu.block_idx
  %m0 = arith.muli %core, %c128 : index
  scf.for %ni = %c0 to %c8 step %c1 {
    %n0 = arith.muli %ni, %c128 : index
    %acc = tensor.empty() {npu.buffers = 2 : i64} : tensor<128x128xf32>
    %sum = scf.for %k = %c0 to %c1024 step %c256 iter_args(%acc1 = %acc) -> tensor<128x128xf32> {
      %arow = arith.muli %m0, %c1024 : index
      %aoff = arith.addi %arow, %k : index
      %brow = arith.muli %k, %c1024 : index
      %boff = arith.addi %brow, %n0 : index
      %ea = tensor.empty() : tensor<128x256xf16>
      %a1 = npu.load %a[%aoff] rows %c128 cols %c256 pitch %c1024 outs(%ea : tensor<128x256xf16>) {buffers = 2 : i64} : memref<1048576xf16, #npu.space<gm>> -> tensor<128x256xf16>
      %eb = tensor.empty() : tensor<256x128xf16>
      %b1 = npu.load %b[%boff] rows %c256 cols %c128 pitch %c1024 outs(%eb : tensor<256x128xf16>) {buffers = 2 : i64} : memref<1048576xf16, #npu.space<gm>> -> tensor<256x128xf16>
      %part = scf.for %kk = %c0 to %c256 step %c64 iter_args(%acc0 = %acc1) -> tensor<128x128xf32> {
        %fa = tensor.empty() : tensor<128x64xf16>
        %a0 = npu.extract %a1[%c0, %kk] rows %c128 cols %c64 outs(%fa : tensor<128x64xf16>) {buffers = 2 : i64} : tensor<128x256xf16> -> tensor<128x64xf16>
        %fb = tensor.empty() : tensor<64x128xf16>
        %b0 = npu.extract trans %b1[%kk, %c0] rows %c64 cols %c128 outs(%fb : tensor<64x128xf16>) {buffers = 2 : i64} : tensor<256x128xf16> -> tensor<64x128xf16>
        %at = arith.addi %k, %kk : index
        %first = arith.cmpi eq, %at, %c0 : index
        %next = npu.mmad %a0, %b0 m %c128 n %c128 k %c64 init %first outs(%acc0 : tensor<128x128xf32>) : tensor<128x64xf16>, tensor<64x128xf16> -> tensor<128x128xf32>
        scf.yield %next : tensor<128x128xf32>
      }
      scf.yield %part : tensor<128x128xf32>
    }
    %crow = arith.muli %m0, %c1024 : index
    %coff = arith.addi %crow, %n0 : index
    npu.fixpipe %sum to %c[%coff] m %c128 n %c128 pitch %c1024 : tensor<128x128xf32>, memref<1048576xf32, #npu.space<gm>>
  }
  return
}
