// What looks like a member of a group but is none.
// RUN: phx-opt --phx-form-groups --split-input-file %s | FileCheck %s

// The rows of the product are two dimensions of its reader, which asks for the number of one of them.
// CHECK-LABEL: func.func @main
// CHECK: npu.group {{.*}} <cube> domain [24, 20]
// CHECK-NOT: linalg.index
// CHECK: npu.group {{.*}} <vector> domain [3, 8, 20]
// CHECK: linalg.index 1
#id = affine_map<(a, b, c) -> (a, b, c)>
func.func @main(%x: tensor<24x16xf16>, %y: tensor<16x20xf16>) -> tensor<3x8x20xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<24x20xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<24x20xf32>) -> tensor<24x20xf32>
  %p = linalg.matmul ins(%x, %y : tensor<24x16xf16>, tensor<16x20xf16>) outs(%f : tensor<24x20xf32>) -> tensor<24x20xf32>
  %r = tensor.expand_shape %p [[0, 1], [2]] output_shape [3, 8, 20] : tensor<24x20xf32> into tensor<3x8x20xf32>
  %o = tensor.empty() : tensor<3x8x20xf32>
  %t = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%r : tensor<3x8x20xf32>) outs(%o : tensor<3x8x20xf32>) {
  ^bb0(%v: f32, %u: f32):
    %z = arith.constant 0.0 : f32
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %below = arith.cmpi sge, %i, %j : index
    %s = arith.select %below, %v, %z : f32
    linalg.yield %s : f32
  } -> tensor<3x8x20xf32>
  return %t : tensor<3x8x20xf32>
}

// -----

// A reduction in the middle ends a group, so nobody in its group reads it.
// CHECK-LABEL: func.func @main
// CHECK: npu.group {{.*}} <vector>
// CHECK: arith.maximumf
// CHECK: npu.yield
// CHECK: npu.group {{.*}} <vector>
// CHECK: arith.minimumf
#full = affine_map<(a, b, c) -> (a, b, c)>
#ends = affine_map<(a, b, c) -> (a, c)>
func.func @main(%x: tensor<6x50x4xf32>) -> tensor<6x50x4xf32> {
  %least = arith.constant 0xFF800000 : f32
  %e = tensor.empty() : tensor<6x50x4xf32>
  %abs = linalg.generic {indexing_maps = [#full, #full], iterator_types = ["parallel", "parallel", "parallel"]} ins(%x : tensor<6x50x4xf32>) outs(%e : tensor<6x50x4xf32>) {
  ^bb0(%v: f32, %u: f32):
    %s = math.absf %v : f32
    linalg.yield %s : f32
  } -> tensor<6x50x4xf32>
  %m = tensor.empty() : tensor<6x4xf32>
  %f = linalg.fill ins(%least : f32) outs(%m : tensor<6x4xf32>) -> tensor<6x4xf32>
  %max = linalg.generic {indexing_maps = [#full, #ends], iterator_types = ["parallel", "reduction", "parallel"]} ins(%x : tensor<6x50x4xf32>) outs(%f : tensor<6x4xf32>) {
  ^bb0(%v: f32, %u: f32):
    %s = arith.maximumf %u, %v : f32
    linalg.yield %s : f32
  } -> tensor<6x4xf32>
  %r = linalg.generic {indexing_maps = [#full, #ends, #full], iterator_types = ["parallel", "parallel", "parallel"]} ins(%abs, %max : tensor<6x50x4xf32>, tensor<6x4xf32>) outs(%e : tensor<6x50x4xf32>) {
  ^bb0(%v: f32, %w: f32, %u: f32):
    %s = arith.minimumf %v, %w : f32
    linalg.yield %s : f32
  } -> tensor<6x50x4xf32>
  return %r : tensor<6x50x4xf32>
}

// -----

// What has no elements is not computed.
// CHECK-LABEL: func.func @main
// CHECK-NOT: linalg.generic
// CHECK: return
func.func @main(%x: tensor<4x0xf32>) -> (tensor<4x0xf32>, tensor<0x4xf32>) {
  %e = tensor.empty() : tensor<4x0xf32>
  %y = linalg.exp ins(%x : tensor<4x0xf32>) outs(%e : tensor<4x0xf32>) -> tensor<4x0xf32>
  %f = tensor.empty() : tensor<0x4xf32>
  %t = linalg.transpose ins(%x : tensor<4x0xf32>) outs(%f : tensor<0x4xf32>) permutation = [1, 0]
  return %y, %t : tensor<4x0xf32>, tensor<0x4xf32>
}
