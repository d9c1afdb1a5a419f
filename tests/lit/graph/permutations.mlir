// Movements compose: a slice of a transposition is one rearrangement, and a permuted operand is gathered once. Dimensions that all
// tensors of a vector group have side by side are one.
// RUN: phx-opt --phx-form-groups --split-input-file %s | FileCheck %s

// CHECK-LABEL: func.func @main
// CHECK: npu.rearrange %{{.*}} [#npu.piece<0, 1 to 0, [2, 6], [1, 4] to[6, 1]>] : (tensor<6x4xf32>) -> tensor<2x6xf32>
// CHECK-NOT: npu.rearrange
func.func @main(%x: tensor<6x4xf32>) -> tensor<2x6xf32> {
  %empty = tensor.empty() : tensor<4x6xf32>
  %t = linalg.transpose ins(%x : tensor<6x4xf32>) outs(%empty : tensor<4x6xf32>) permutation = [1, 0]
  %s = tensor.extract_slice %t[1, 0] [2, 6] [1, 1] : tensor<4x6xf32> to tensor<2x6xf32>
  return %s : tensor<2x6xf32>
}

// -----

// CHECK-LABEL: func.func @main
// CHECK: npu.group {{.*}} <copy>
// CHECK: npu.group {{.*}} <vector> domain [24](
// CHECK: math.exp
// CHECK: arith.addf
// CHECK-NOT: npu.group
func.func @main(%x: tensor<2x3x4xf32>, %y: tensor<4x2x3xf32>) -> tensor<2x3x4xf32> {
  %empty = tensor.empty() : tensor<2x3x4xf32>
  %e = linalg.exp ins(%x : tensor<2x3x4xf32>) outs(%empty : tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %s = linalg.generic {indexing_maps = [affine_map<(a, b, c) -> (a, b, c)>, affine_map<(a, b, c) -> (c, a, b)>, affine_map<(a, b, c) -> (a, b, c)>],
                       iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%e, %y : tensor<2x3x4xf32>, tensor<4x2x3xf32>) outs(%empty : tensor<2x3x4xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %v = arith.addf %p, %q : f32
    linalg.yield %v : f32
  } -> tensor<2x3x4xf32>
  return %s : tensor<2x3x4xf32>
}

// -----

// What is returned is the result of a group of its own: an input, and a value that is returned twice, are copied.
// CHECK-LABEL: func.func @main
// CHECK: %[[A:.*]] = npu.group {{.*}} <vector>
// CHECK-DAG: npu.group {{.*}} <copy> domain [](%arg0)
// CHECK-DAG: npu.group {{.*}} <copy> domain [](%[[A]])
// CHECK: return
func.func @main(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
  %empty = tensor.empty() : tensor<8xf32>
  %e = linalg.exp ins(%x : tensor<8xf32>) outs(%empty : tensor<8xf32>) -> tensor<8xf32>
  return %x, %e, %e : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
}

// -----

// Booleans are bytes outside of bodies.
// CHECK-LABEL: func.func @main(%arg0: tensor<6xi8> {phx.type = "bool"}
// CHECK: npu.group {{.*}} <vector> domain [6](%arg0
// CHECK: arith.cmpi ne
// CHECK: arith.select
func.func @main(%c: tensor<6xi1>, %x: tensor<6xf32>, %y: tensor<6xf32>) -> tensor<6xf32> {
  %empty = tensor.empty() : tensor<6xf32>
  %s = linalg.select ins(%c, %x, %y : tensor<6xi1>, tensor<6xf32>, tensor<6xf32>) outs(%empty : tensor<6xf32>) -> tensor<6xf32>
  return %s : tensor<6xf32>
}

// -----

// 64-bit integers are pairs of words where loop nests touch them.
// CHECK-LABEL: func.func @main(%arg0: tensor<6x2xi32> {phx.tensor = tensor<6xi64>, phx.type = "s64"}
// CHECK: npu.rearrange %{{.*}} [#npu.piece<0, 0 to 0, [6], [2] to[1]>] : (tensor<6x2xi32>) -> tensor<6xi32>
// CHECK: npu.group {{.*}} <vector> domain [6]
func.func @main(%x: tensor<6xi64>) -> tensor<6xi32> {
  %empty = tensor.empty() : tensor<6xi32>
  %s = linalg.generic {indexing_maps = [affine_map<(a) -> (a)>, affine_map<(a) -> (a)>], iterator_types = ["parallel"]} ins(%x : tensor<6xi64>) outs(%empty : tensor<6xi32>) {
  ^bb0(%p: i64, %o: i32):
    %t = arith.trunci %p : i64 to i32
    %v = arith.addi %t, %t : i32
    linalg.yield %v : i32
  } -> tensor<6xi32>
  return %s : tensor<6xi32>
}
