// RUN: phx-opt --phx-tile --split-input-file %s | FileCheck %s
//
// Operands that lack dimensions: rows are read again, columns become blocks.

// CHECK-LABEL: func.func private @Row
// CHECK: %[[X:.*]] = npu.load %arg0{{.*}} -> tensor<[[R:[0-9]+]]x64xf32>
// CHECK: %[[B:.*]] = npu.load %arg1{{.*}} rows %c1 cols %c64{{.*}} -> tensor<1x64xf32>
// CHECK: npu.vec "vadd.f32" ins(%[[X]], %[[B]] : tensor<[[R]]x64xf32>, tensor<1x64xf32>)
#d0d1_of2 = affine_map<(d0, d1) -> (d0, d1)>
#d1_of2 = affine_map<(d0, d1) -> (d1)>
func.func @main(%in0: tensor<16x64xf32> {phx.name = "in0"}, %in1: tensor<64xf32> {phx.name = "in1"}) -> (tensor<16x64xf32> {phx.name = "y0"}) {
  %r = npu.group "Row" <vector> domain [16, 64] (%in0, %in1) : (tensor<16x64xf32>, tensor<64xf32>) -> tensor<16x64xf32> {
  ^bb0(%a0: tensor<16x64xf32>, %a1: tensor<64xf32>):
    %v1 = tensor.empty() : tensor<16x64xf32>
    %v2 = linalg.generic {indexing_maps = [#d0d1_of2, #d1_of2, #d0d1_of2], iterator_types = ["parallel", "parallel"]} ins(%a0, %a1 : tensor<16x64xf32>, tensor<64xf32>) outs(%v1 : tensor<16x64xf32>) attrs = {npu.dims = array<i64: 0, 1>} {
    ^bb1(%x0: f32, %x1: f32, %acc: f32):
      %y = arith.addf %x0, %x1 : f32
      linalg.yield %y : f32
    } -> tensor<16x64xf32>
    npu.yield %v2 : tensor<16x64xf32>
  }
  return %r : tensor<16x64xf32>
}

// -----

// CHECK-LABEL: func.func private @Column
// CHECK: %[[B:.*]] = npu.load %arg1{{.*}} rows %c1
// CHECK: %[[BLOCKS:.*]] = npu.vec "vbrcb.b32" ins(%[[B]]
// CHECK: npu.vec "vadd.bblk.f32" ins(%{{.*}}, %[[BLOCKS]]
#d0d1_of2 = affine_map<(d0, d1) -> (d0, d1)>
#d0_of2 = affine_map<(d0, d1) -> (d0)>
func.func @main(%in0: tensor<16x64xf32> {phx.name = "in0"}, %in1: tensor<16xf32> {phx.name = "in1"}) -> (tensor<16x64xf32> {phx.name = "y0"}) {
  %r = npu.group "Column" <vector> domain [16, 64] (%in0, %in1) : (tensor<16x64xf32>, tensor<16xf32>) -> tensor<16x64xf32> {
  ^bb0(%a0: tensor<16x64xf32>, %a1: tensor<16xf32>):
    %v1 = tensor.empty() : tensor<16x64xf32>
    %v2 = linalg.generic {indexing_maps = [#d0d1_of2, #d0_of2, #d0d1_of2], iterator_types = ["parallel", "parallel"]} ins(%a0, %a1 : tensor<16x64xf32>, tensor<16xf32>) outs(%v1 : tensor<16x64xf32>) attrs = {npu.dims = array<i64: 0, 1>} {
    ^bb1(%x0: f32, %x1: f32, %acc: f32):
      %y = arith.addf %x0, %x1 : f32
      linalg.yield %y : f32
    } -> tensor<16x64xf32>
    npu.yield %v2 : tensor<16x64xf32>
  }
  return %r : tensor<16x64xf32>
}

// -----

// CHECK-LABEL: func.func private @Scalar
// CHECK: npu.load %arg1[%c0] rows %c1 cols %c1
// CHECK: npu.vec "vbrcb.b32"
// CHECK: npu.vec "vadd.bblk.f32"
#d0_of1 = affine_map<(d0) -> (d0)>
#none_of1 = affine_map<(d0) -> ()>
func.func @main(%in0: tensor<1024xf32> {phx.name = "in0"}, %in1: tensor<f32> {phx.name = "in1"}) -> (tensor<1024xf32> {phx.name = "y0"}) {
  %r = npu.group "Scalar" <vector> domain [1024] (%in0, %in1) : (tensor<1024xf32>, tensor<f32>) -> tensor<1024xf32> {
  ^bb0(%a0: tensor<1024xf32>, %a1: tensor<f32>):
    %v1 = tensor.empty() : tensor<1024xf32>
    %v2 = linalg.generic {indexing_maps = [#d0_of1, #none_of1, #d0_of1], iterator_types = ["parallel"]} ins(%a0, %a1 : tensor<1024xf32>, tensor<f32>) outs(%v1 : tensor<1024xf32>) attrs = {npu.dims = array<i64: 0>} {
    ^bb1(%x0: f32, %x1: f32, %acc: f32):
      %y = arith.addf %x0, %x1 : f32
      linalg.yield %y : f32
    } -> tensor<1024xf32>
    npu.yield %v2 : tensor<1024xf32>
  }
  return %r : tensor<1024xf32>
}

// -----

// Nothing is full before the product: a column of blocks times a row.
// CHECK-LABEL: func.func private @Outer
// CHECK: npu.vec "vbrcb.b32"
// CHECK: npu.vec "vmul.ablk.f32"
#d0_of2 = affine_map<(d0, d1) -> (d0)>
#d1_of2 = affine_map<(d0, d1) -> (d1)>
#d0d1_of2 = affine_map<(d0, d1) -> (d0, d1)>
func.func @main(%in0: tensor<16xf32> {phx.name = "in0"}, %in1: tensor<64xf32> {phx.name = "in1"}) -> (tensor<16x64xf32> {phx.name = "y0"}) {
  %r = npu.group "Outer" <vector> domain [16, 64] (%in0, %in1) : (tensor<16xf32>, tensor<64xf32>) -> tensor<16x64xf32> {
  ^bb0(%a0: tensor<16xf32>, %a1: tensor<64xf32>):
    %v1 = tensor.empty() : tensor<16x64xf32>
    %v2 = linalg.generic {indexing_maps = [#d0_of2, #d1_of2, #d0d1_of2], iterator_types = ["parallel", "parallel"]} ins(%a0, %a1 : tensor<16xf32>, tensor<64xf32>) outs(%v1 : tensor<16x64xf32>) attrs = {npu.dims = array<i64: 0, 1>} {
    ^bb1(%x0: f32, %x1: f32, %acc: f32):
      %y = arith.mulf %x0, %x1 : f32
      linalg.yield %y : f32
    } -> tensor<16x64xf32>
    npu.yield %v2 : tensor<16x64xf32>
  }
  return %r : tensor<16x64xf32>
}

// -----

// Neighbours that every tensor has or lacks alike are one dimension; here there are none.
// CHECK-LABEL: func.func private @Middle
// CHECK: npu.load %arg1{{.*}} rows %c1
// CHECK: npu.vec "vadd.bblk.f32"
#d0d1d2_of3 = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#d1_of3 = affine_map<(d0, d1, d2) -> (d1)>
func.func @main(%in0: tensor<4x16x512xf32> {phx.name = "in0"}, %in1: tensor<16xf32> {phx.name = "in1"}) -> (tensor<4x16x512xf32> {phx.name = "y0"}) {
  %r = npu.group "Middle" <vector> domain [4, 16, 512] (%in0, %in1) : (tensor<4x16x512xf32>, tensor<16xf32>) -> tensor<4x16x512xf32> {
  ^bb0(%a0: tensor<4x16x512xf32>, %a1: tensor<16xf32>):
    %v1 = tensor.empty() : tensor<4x16x512xf32>
    %v2 = linalg.generic {indexing_maps = [#d0d1d2_of3, #d1_of3, #d0d1d2_of3], iterator_types = ["parallel", "parallel", "parallel"]} ins(%a0, %a1 : tensor<4x16x512xf32>, tensor<16xf32>) outs(%v1 : tensor<4x16x512xf32>) attrs = {npu.dims = array<i64: 0, 1, 2>} {
    ^bb1(%x0: f32, %x1: f32, %acc: f32):
      %y = arith.addf %x0, %x1 : f32
      linalg.yield %y : f32
    } -> tensor<4x16x512xf32>
    npu.yield %v2 : tensor<4x16x512xf32>
  }
  return %r : tensor<4x16x512xf32>
}
