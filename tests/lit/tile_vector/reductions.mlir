// RUN: phx-opt --phx-tile --split-input-file %s | FileCheck %s
//
// Reductions that end their group.

// Rows that are reduced lie along the rows of a tile: a transpose, then sums of rows.
// CHECK-LABEL: func.func private @Columns
// CHECK: npu.load
// CHECK: npu.vec "vtranspose.b32"
// CHECK: npu.vec "vcadd.f32"
// CHECK: npu.store
#d0d1_of2 = affine_map<(d0, d1) -> (d0, d1)>
#d1_of2 = affine_map<(d0, d1) -> (d1)>
func.func @main(%in0: tensor<8x64xf32> {phx.name = "in0"}) -> (tensor<64xf32> {phx.name = "y0"}) {
  %r = npu.group "Columns" <vector> domain [8, 64] (%in0) : (tensor<8x64xf32>) -> tensor<64xf32> {
  ^bb0(%a0: tensor<8x64xf32>):
    %v1 = tensor.empty() : tensor<64xf32>
    %v2 = arith.constant 0.0 : f32
    %v3 = linalg.fill ins(%v2 : f32) outs(%v1 : tensor<64xf32>) -> tensor<64xf32>
    %v4 = linalg.generic {indexing_maps = [#d0d1_of2, #d1_of2], iterator_types = ["reduction", "parallel"]} ins(%a0 : tensor<8x64xf32>) outs(%v3 : tensor<64xf32>) attrs = {npu.dims = array<i64: 0, 1>} {
    ^bb1(%x0: f32, %acc: f32):
      %y = arith.addf %acc, %x0 : f32
      linalg.yield %y : f32
    } -> tensor<64xf32>
    npu.yield %v4 : tensor<64xf32>
  }
  return %r : tensor<64xf32>
}

// -----

// A long reduction of few items goes in parts, which a second kernel joins in their order.
// CHECK: npu.launch @Everything grid [[PARTS:[0-9]+]]
// CHECK-NEXT: npu.launch @Everything_join grid 1
// CHECK-LABEL: func.func private @Everything(
// CHECK: %[[START:.*]] = npu.vec "vdup.b32"
// CHECK: %[[SUM:.*]] = scf.for {{.*}} iter_args(%[[ACC:.*]] = %[[START]])
// CHECK: npu.vec "vadd.f32" ins(%[[ACC]], %{{.*}} outs(%[[ACC]]
// CHECK: npu.vec "vcadd.f32" ins(%[[SUM]]
// CHECK-LABEL: func.func private @Everything_join
// CHECK: npu.load {{.*}} cols %c[[PARTS]]
// CHECK: npu.vec "vcadd.f32"
// CHECK: npu.store
#d0_of1 = affine_map<(d0) -> (d0)>
#none_of1 = affine_map<(d0) -> ()>
func.func @main(%in0: tensor<4194304xf32> {phx.name = "in0"}) -> (tensor<f32> {phx.name = "y0"}) {
  %r = npu.group "Everything" <vector> domain [4194304] (%in0) : (tensor<4194304xf32>) -> tensor<f32> {
  ^bb0(%a0: tensor<4194304xf32>):
    %v1 = tensor.empty() : tensor<f32>
    %v2 = arith.constant 0.0 : f32
    %v3 = linalg.fill ins(%v2 : f32) outs(%v1 : tensor<f32>) -> tensor<f32>
    %v4 = linalg.generic {indexing_maps = [#d0_of1, #none_of1], iterator_types = ["reduction"]} ins(%a0 : tensor<4194304xf32>) outs(%v3 : tensor<f32>) attrs = {npu.dims = array<i64: 0>} {
    ^bb1(%x0: f32, %acc: f32):
      %y = arith.addf %acc, %x0 : f32
      linalg.yield %y : f32
    } -> tensor<f32>
    npu.yield %v4 : tensor<f32>
  }
  return %r : tensor<f32>
}

// -----

// Rows have no product of their own: they are multiplied one after the other.
// CHECK-LABEL: func.func private @Product
// CHECK: scf.for {{.*}} iter_args
// CHECK: npu.vec "vmul.f32"
// CHECK: npu.store
#d0d1_of2 = affine_map<(d0, d1) -> (d0, d1)>
#d1_of2 = affine_map<(d0, d1) -> (d1)>
func.func @main(%in0: tensor<30x40xf32> {phx.name = "in0"}) -> (tensor<40xf32> {phx.name = "y0"}) {
  %r = npu.group "Product" <vector> domain [30, 40] (%in0) : (tensor<30x40xf32>) -> tensor<40xf32> {
  ^bb0(%a0: tensor<30x40xf32>):
    %v1 = tensor.empty() : tensor<40xf32>
    %v2 = arith.constant 1.0 : f32
    %v3 = linalg.fill ins(%v2 : f32) outs(%v1 : tensor<40xf32>) -> tensor<40xf32>
    %v4 = linalg.generic {indexing_maps = [#d0d1_of2, #d1_of2], iterator_types = ["reduction", "parallel"]} ins(%a0 : tensor<30x40xf32>) outs(%v3 : tensor<40xf32>) attrs = {npu.dims = array<i64: 0, 1>} {
    ^bb1(%x0: f32, %acc: f32):
      %y = arith.mulf %acc, %x0 : f32
      linalg.yield %y : f32
    } -> tensor<40xf32>
    npu.yield %v4 : tensor<40xf32>
  }
  return %r : tensor<40xf32>
}

// -----

// What follows works on a dense row of results. Division by a power of two is a product.
// CHECK-LABEL: func.func private @Mean
// CHECK: npu.vec "vcadd.f32"
// CHECK: npu.vec "vmuls.f32" {{.*}} rows %c1
// CHECK: npu.store
#d0d1_of2 = affine_map<(d0, d1) -> (d0, d1)>
#d0_of2 = affine_map<(d0, d1) -> (d0)>
#d0_of1 = affine_map<(d0) -> (d0)>
func.func @main(%in0: tensor<300x500xf32> {phx.name = "in0"}) -> (tensor<300xf32> {phx.name = "y0"}) {
  %r = npu.group "Mean" <vector> domain [300, 500] (%in0) : (tensor<300x500xf32>) -> tensor<300xf32> {
  ^bb0(%a0: tensor<300x500xf32>):
    %v1 = tensor.empty() : tensor<300xf32>
    %v2 = arith.constant 0.0 : f32
    %v3 = linalg.fill ins(%v2 : f32) outs(%v1 : tensor<300xf32>) -> tensor<300xf32>
    %v4 = linalg.generic {indexing_maps = [#d0d1_of2, #d0_of2], iterator_types = ["parallel", "reduction"]} ins(%a0 : tensor<300x500xf32>) outs(%v3 : tensor<300xf32>) attrs = {npu.dims = array<i64: 0, 1>} {
    ^bb1(%x0: f32, %acc: f32):
      %y = arith.addf %acc, %x0 : f32
      linalg.yield %y : f32
    } -> tensor<300xf32>
    %v5 = tensor.empty() : tensor<300xf32>
    %v6 = linalg.generic {indexing_maps = [#d0_of1, #d0_of1], iterator_types = ["parallel"]} ins(%v4 : tensor<300xf32>) outs(%v5 : tensor<300xf32>) attrs = {npu.dims = array<i64: 0>} {
    ^bb1(%x0: f32, %acc: f32):
      %n = arith.constant 512.0 : f32
      %y = arith.divf %x0, %n : f32
      linalg.yield %y : f32
    } -> tensor<300xf32>
    npu.yield %v6 : tensor<300xf32>
  }
  return %r : tensor<300xf32>
}

// -----

// A number wins over NaN, so NaN counts as the smallest.
// CHECK-LABEL: func.func private @Number
// CHECK: npu.vec "vcmp.num.f32"
// CHECK: npu.vec "vsels.b32"
// CHECK: npu.vec "vcmax.f32"
#d0d1_of2 = affine_map<(d0, d1) -> (d0, d1)>
#d0_of2 = affine_map<(d0, d1) -> (d0)>
func.func @main(%in0: tensor<8x64xf32> {phx.name = "in0"}) -> (tensor<8xf32> {phx.name = "y0"}) {
  %r = npu.group "Number" <vector> domain [8, 64] (%in0) : (tensor<8x64xf32>) -> tensor<8xf32> {
  ^bb0(%a0: tensor<8x64xf32>):
    %v1 = tensor.empty() : tensor<8xf32>
    %v2 = arith.constant 0xFFC00000 : f32
    %v3 = linalg.fill ins(%v2 : f32) outs(%v1 : tensor<8xf32>) -> tensor<8xf32>
    %v4 = linalg.generic {indexing_maps = [#d0d1_of2, #d0_of2], iterator_types = ["parallel", "reduction"]} ins(%a0 : tensor<8x64xf32>) outs(%v3 : tensor<8xf32>) attrs = {npu.dims = array<i64: 0, 1>} {
    ^bb1(%x0: f32, %acc: f32):
      %y = arith.maxnumf %acc, %x0 : f32
      linalg.yield %y : f32
    } -> tensor<8xf32>
    npu.yield %v4 : tensor<8xf32>
  }
  return %r : tensor<8xf32>
}
