// With several images the product has the features outermost. The permutation back sinks behind bias and ReLU, which stay in the cube group.
// RUN: phx-opt --phx-form-groups %s | FileCheck %s

// CHECK-LABEL: func.func @main
// CHECK: npu.group {{.*}} <cube> domain [4, 32]
// CHECK: arith.addf
// CHECK: arith.addf
// CHECK: arith.maximumf
// CHECK: npu.group {{.*}} <copy>
// CHECK: npu.rearrange %{{.*}} [#npu.piece<0, 0 to 0, [2, 4, 16], [16, 32, 1] to[64, 16, 1]>]
// CHECK-NOT: npu.group
func.func @main(%x: tensor<2x3x4x4xf32>, %w: tensor<4x3x1x1xf32>, %b: tensor<4xf32>) -> tensor<2x4x4x4xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<2x4x4x4xf32>
  %start = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x4x4x4xf32>) -> tensor<2x4x4x4xf32>
  %conv = linalg.conv_2d_nchw_fchw {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
    ins(%x, %w : tensor<2x3x4x4xf32>, tensor<4x3x1x1xf32>) outs(%start : tensor<2x4x4x4xf32>) -> tensor<2x4x4x4xf32>
  %relu = linalg.generic {indexing_maps = [affine_map<(a, b, c, d) -> (a, b, c, d)>, affine_map<(a, b, c, d) -> (b)>, affine_map<(a, b, c, d) -> (a, b, c, d)>],
                          iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
    ins(%conv, %b : tensor<2x4x4x4xf32>, tensor<4xf32>) outs(%empty : tensor<2x4x4x4xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %s = arith.addf %p, %q : f32
    %t = arith.maximumf %s, %zero : f32
    linalg.yield %t : f32
  } -> tensor<2x4x4x4xf32>
  return %relu : tensor<2x4x4x4xf32>
}
