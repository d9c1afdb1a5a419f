// RUN: not phx-opt --phx-tile --split-input-file %s 2>&1 | FileCheck %s
//
// One error that names the operation, its type and the group.

// CHECK: in vector group 'Gamma_1': the vector cores have no form of 'math.fma'
#d0_of1 = affine_map<(d0) -> (d0)>
func.func @main(%in0: tensor<64xf32> {phx.name = "in0"}, %in1: tensor<64xf32> {phx.name = "in1"}) -> (tensor<64xf32> {phx.name = "y0"}) {
  %r = npu.group "Gamma_1" <vector> domain [64] (%in0, %in1) : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32> {
  ^bb0(%a0: tensor<64xf32>, %a1: tensor<64xf32>):
    %v1 = tensor.empty() : tensor<64xf32>
    %v2 = linalg.generic {indexing_maps = [#d0_of1, #d0_of1, #d0_of1], iterator_types = ["parallel"]} ins(%a0, %a1 : tensor<64xf32>, tensor<64xf32>) outs(%v1 : tensor<64xf32>) attrs = {npu.dims = array<i64: 0>} {
    ^bb1(%x0: f32, %x1: f32, %acc: f32):
      %y = math.fma %x0, %x1, %x1 : f32
      linalg.yield %y : f32
    } -> tensor<64xf32>
    npu.yield %v2 : tensor<64xf32>
  }
  return %r : tensor<64xf32>
}
