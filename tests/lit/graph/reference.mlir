// The reference lowering: groups are their bodies, rearrangements are loops over elements.
// RUN: phx-opt --phx-inline-groups %s | FileCheck %s

// CHECK-LABEL: func.func @main
// CHECK-NOT: npu.
// CHECK: linalg.fill
// CHECK: scf.for
// CHECK: scf.for
// CHECK: tensor.extract
// CHECK: tensor.insert
// CHECK: math.exp
// CHECK-NOT: npu.
func.func @main(%x: tensor<2x3xf32>) -> tensor<4x4xf32> {
  %0 = npu.group "pad" <copy> domain [](%x) : (tensor<2x3xf32>) -> tensor<4x4xf32> {
  ^bb0(%a: tensor<2x3xf32>):
    %1 = npu.rearrange %a [#npu.piece<0, 0 to 5, [2, 3], [3, 1] to [4, 1]>] fill(0.0 : f32) : (tensor<2x3xf32>) -> tensor<4x4xf32>
    npu.yield %1 : tensor<4x4xf32>
  }
  %flat = tensor.collapse_shape %0 [[0, 1]] : tensor<4x4xf32> into tensor<16xf32>
  %2 = npu.group "exp" <vector> domain [16](%flat) : (tensor<16xf32>) -> tensor<16xf32> {
  ^bb0(%a: tensor<16xf32>):
    %empty = tensor.empty() : tensor<16xf32>
    %3 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%a : tensor<16xf32>) outs(%empty : tensor<16xf32>) attrs = {npu.dims = array<i64: 0>} {
    ^bb0(%in: f32, %out: f32):
      %4 = math.exp %in : f32
      linalg.yield %4 : f32
    } -> tensor<16xf32>
    npu.yield %3 : tensor<16xf32>
  }
  %shaped = tensor.expand_shape %2 [[0, 1]] output_shape [4, 4] : tensor<16xf32> into tensor<4x4xf32>
  return %shaped : tensor<4x4xf32>
}
