// A padded convolution with bias and ReLU is: padding, im2col, one cube group. The pool behind it reduces leading windows.
// RUN: phx-opt --phx-form-groups %s | FileCheck %s

// CHECK-LABEL: func.func @main
// CHECK: npu.group {{.*}} <copy>
// CHECK: npu.rearrange %{{.*}} [#npu.piece<0, 0 to 13, [3, 9, 10], [90, 10, 1] to[132, 12, 1]>] fill(0.000000e+00 : f32)
// CHECK: npu.group {{.*}} <copy>
// CHECK: npu.rearrange
// CHECK: npu.group {{.*}} <cube> domain [5, 25]({{.*}}) : (tensor<5x27xf32>, tensor<{{.*}}xf32>, tensor<5xf32>) -> tensor<5x25xf32>
// CHECK: linalg.fill {npu.dims = array<i64: 0, 1>}
// CHECK: linalg.generic {{.*}}attrs = {npu.dims = array<i64: 0, 1, -1>}
// CHECK: linalg.generic {{.*}}attrs = {npu.dims = array<i64: 0, 1>}
// CHECK: arith.addf
// CHECK: arith.maximumf
// CHECK: npu.group {{.*}} <vector> domain [4, 20]
// CHECK: iterator_types = ["reduction", "parallel"]
// CHECK: arith.maximumf
// CHECK-NOT: npu.group
func.func @main(%x: tensor<1x3x9x10xf32>, %w: tensor<5x3x3x3xf32>, %b: tensor<5xf32>) -> (tensor<1x5x5x5xf32>, tensor<1x5x2x2xf32>) {
  %zero = arith.constant 0.0 : f32
  %least = arith.constant 0xFF800000 : f32
  %padded = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %zero : f32
  } : tensor<1x3x9x10xf32> to tensor<1x3x11x12xf32>
  %empty = tensor.empty() : tensor<1x5x5x5xf32>
  %start = linalg.fill ins(%zero : f32) outs(%empty : tensor<1x5x5x5xf32>) -> tensor<1x5x5x5xf32>
  %conv = linalg.conv_2d_nchw_fchw {strides = dense<2> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
    ins(%padded, %w : tensor<1x3x11x12xf32>, tensor<5x3x3x3xf32>) outs(%start : tensor<1x5x5x5xf32>) -> tensor<1x5x5x5xf32>
  %relu = linalg.generic {indexing_maps = [affine_map<(a, b, c, d) -> (a, b, c, d)>, affine_map<(a, b, c, d) -> (b)>, affine_map<(a, b, c, d) -> (a, b, c, d)>],
                          iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
    ins(%conv, %b : tensor<1x5x5x5xf32>, tensor<5xf32>) outs(%empty : tensor<1x5x5x5xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %s = arith.addf %p, %q : f32
    %t = arith.maximumf %s, %zero : f32
    linalg.yield %t : f32
  } -> tensor<1x5x5x5xf32>
  %pool_empty = tensor.empty() : tensor<1x5x2x2xf32>
  %window = tensor.empty() : tensor<2x2xf32>
  %pool_start = linalg.fill ins(%least : f32) outs(%pool_empty : tensor<1x5x2x2xf32>) -> tensor<1x5x2x2xf32>
  %pool = linalg.pooling_nchw_max {strides = dense<2> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
    ins(%relu, %window : tensor<1x5x5x5xf32>, tensor<2x2xf32>) outs(%pool_start : tensor<1x5x2x2xf32>) -> tensor<1x5x2x2xf32>
  return %relu, %pool : tensor<1x5x5x5xf32>, tensor<1x5x2x2xf32>
}
