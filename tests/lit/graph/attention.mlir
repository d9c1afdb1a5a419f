// Scores of attention: a transposed operand is read in place, the scale belongs to the cube group, softmax is one vector group.
// RUN: phx-opt --phx-form-groups %s | FileCheck %s

// CHECK-LABEL: func.func @main
// CHECK-NOT: npu.rearrange
// CHECK: npu.group "scores + scale" <cube> domain [4, 8, 8]
// CHECK: arith.extf
// CHECK: arith.truncf
// CHECK: arith.mulf
// CHECK: npu.group {{.*}} <vector> domain [32, 8]
// CHECK: arith.maxnumf
// CHECK: math.exp
// CHECK: arith.divf
// CHECK-NOT: npu.group
// CHECK: return
#a = affine_map<(b, m, n, k) -> (b, m, k)>
#b = affine_map<(b, m, n, k) -> (b, n, k)>
#c = affine_map<(b, m, n, k) -> (b, m, n)>
#id = affine_map<(b, m, n) -> (b, m, n)>
func.func @main(%q: tensor<4x8x16xf16>, %k: tensor<4x8x16xf16>) -> tensor<4x8x8xf16> {
  %zero = arith.constant 0.0 : f16
  %empty = tensor.empty() : tensor<4x8x8xf16>
  %start = linalg.fill ins(%zero : f16) outs(%empty : tensor<4x8x8xf16>) -> tensor<4x8x8xf16>
  %scores = linalg.batch_matmul indexing_maps = [#a, #b, #c] ins(%q, %k : tensor<4x8x16xf16>, tensor<4x8x16xf16>) outs(%start : tensor<4x8x8xf16>) -> tensor<4x8x8xf16> loc("scores")
  %scaled = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%scores : tensor<4x8x8xf16>) outs(%empty : tensor<4x8x8xf16>) {
  ^bb0(%x: f16, %o: f16):
    %quarter = arith.constant 0.25 : f16
    %s = arith.mulf %x, %quarter : f16
    linalg.yield %s : f16
  } -> tensor<4x8x8xf16> loc("scale")
  %p = linalg.softmax dimension(2) ins(%scaled : tensor<4x8x8xf16>) outs(%empty : tensor<4x8x8xf16>) -> tensor<4x8x8xf16>
  return %p : tensor<4x8x8xf16>
}
