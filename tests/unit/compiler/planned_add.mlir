// c = a + b over 10000 elements, as it is after phase sync: tiles of 1024 elements dealt to four cores, each tile in
// two copies, so that loads, sums and stores of neighbouring tiles overlap.
#gm = #npu.space<gm>
#ub = #npu.space<ub>
module {
  func.func @main(%a: memref<10000xf32, #gm> {phx.name = "a", phx.tensor = tensor<100x100xf32>},
                  %b: memref<10000xf32, #gm> {phx.name = "b", phx.tensor = tensor<100x100xf32>},
                  %c: memref<10000xf32, #gm> {phx.name = "c", phx.output, phx.tensor = tensor<100x100xf32>}) {
    npu.launch @add grid 4 (%a, %b, %c) source "Add_0 (Add)"
      : memref<10000xf32, #gm>, memref<10000xf32, #gm>, memref<10000xf32, #gm>
    return
  }
  func.func private @add(%a: memref<10000xf32, #gm>, %b: memref<10000xf32, #gm>, %c: memref<10000xf32, #gm>)
      attributes {npu.core = #npu.core<aiv>} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c4 = arith.constant 4 : index
    %c10 = arith.constant 10 : index
    %width = arith.constant 1024 : index
    %size = arith.constant 10000 : index
    %x = memref.alloc() {npu.address = 0 : i64} : memref<2x1x1024xf32, #ub>
    %y = memref.alloc() {npu.address = 8192 : i64} : memref<2x1x1024xf32, #ub>
    %z = memref.alloc() {npu.address = 16384 : i64} : memref<2x1x1024xf32, #ub>
    %core = npu.block_idx
    npu.set_flag <v> to <mte2> id 0
    npu.set_flag <v> to <mte2> id 1
    npu.set_flag <mte3> to <v> id 0
    npu.set_flag <mte3> to <v> id 1
    %turns = scf.for %tile = %core to %c10 step %c4 iter_args(%k = %c0) -> index {
      %at = arith.muli %tile, %width : index
      %left = arith.subi %size, %at : index
      %cols = arith.minsi %left, %width : index
      %s = arith.remui %k, %c2 : index
      %xs = npu.slot %x[%k] : memref<2x1x1024xf32, #ub> -> memref<1x1024xf32, #ub>
      %ys = npu.slot %y[%k] : memref<2x1x1024xf32, #ub> -> memref<1x1024xf32, #ub>
      %zs = npu.slot %z[%k] : memref<2x1x1024xf32, #ub> -> memref<1x1024xf32, #ub>
      npu.wait_flag <v> to <mte2> id 0 + %s
      npu.load %a[%at] rows %c1 cols %cols pitch %width outs(%xs : memref<1x1024xf32, #ub>) : memref<10000xf32, #gm>
      npu.load %b[%at] rows %c1 cols %cols pitch %width outs(%ys : memref<1x1024xf32, #ub>) : memref<10000xf32, #gm>
      npu.set_flag <mte2> to <v> id 0 + %s
      npu.wait_flag <mte2> to <v> id 0 + %s
      npu.wait_flag <mte3> to <v> id 0 + %s
      npu.vec "vadd.f32" ins(%xs, %ys : memref<1x1024xf32, #ub>, memref<1x1024xf32, #ub>) rows %c1 cols %cols
        outs(%zs : memref<1x1024xf32, #ub>)
      npu.set_flag <v> to <mte2> id 0 + %s
      npu.set_flag <v> to <mte3> id 0 + %s
      npu.wait_flag <v> to <mte3> id 0 + %s
      npu.store %zs to %c[%at] rows %c1 cols %cols pitch %width : memref<1x1024xf32, #ub>, memref<10000xf32, #gm>
      npu.set_flag <mte3> to <v> id 0 + %s
      %next = arith.addi %k, %c1 : index
      scf.yield %next : index
    }
    npu.wait_flag <v> to <mte2> id 0
    npu.wait_flag <v> to <mte2> id 1
    npu.wait_flag <mte3> to <v> id 0
    npu.wait_flag <mte3> to <v> id 1
    return
  }
}
