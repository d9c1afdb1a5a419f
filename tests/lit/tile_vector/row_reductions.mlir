// RUN: phx-opt --phx-tile --split-input-file %s | FileCheck %s
//
// Softmax and layer norm: a row fits a tile, everything is computed on it.

// CHECK-LABEL: func.func private @Softmax_1
// CHECK: npu.load
// CHECK: %[[MAX:.*]] = npu.vec "vcmax.f32"{{.*}} -> tensor<1x[[R:[0-9]+]]xf32>
// CHECK: npu.vec "vbrcb.b32" ins(%[[MAX]]{{.*}} -> tensor<[[R]]x8xf32>
// CHECK: npu.vec "vsub.bblk.f32"
// CHECK: %[[EXP:.*]] = npu.vec "vexp.f32"
// CHECK: %[[SUM:.*]] = npu.vec "vcadd.f32" ins(%[[EXP]]
// CHECK: %[[BLOCKS:.*]] = npu.vec "vbrcb.b32" ins(%[[SUM]]
// CHECK: npu.vec "vdiv.bblk.f32" ins(%[[EXP]], %[[BLOCKS]]
// CHECK: npu.store
#d0d1_of2 = affine_map<(d0, d1) -> (d0, d1)>
#d0_of2 = affine_map<(d0, d1) -> (d0)>
func.func @main(%in0: tensor<128x768xf32> {phx.name = "in0"}) -> (tensor<128x768xf32> {phx.name = "y0"}) {
  %r = npu.group "Softmax_1" <vector> domain [128, 768] (%in0) : (tensor<128x768xf32>) -> tensor<128x768xf32> {
  ^bb0(%a0: tensor<128x768xf32>):
    %v1 = tensor.empty() : tensor<128xf32>
    %v2 = arith.constant 0xFF800000 : f32
    %v3 = linalg.fill ins(%v2 : f32) outs(%v1 : tensor<128xf32>) -> tensor<128xf32>
    %v4 = linalg.generic {indexing_maps = [#d0d1_of2, #d0_of2], iterator_types = ["parallel", "reduction"]} ins(%a0 : tensor<128x768xf32>) outs(%v3 : tensor<128xf32>) attrs = {npu.dims = array<i64: 0, 1>} {
    ^bb1(%x0: f32, %acc: f32):
      %y = arith.maximumf %x0, %acc : f32
      linalg.yield %y : f32
    } -> tensor<128xf32>
    %v5 = tensor.empty() : tensor<128x768xf32>
    %v6 = linalg.generic {indexing_maps = [#d0d1_of2, #d0_of2, #d0d1_of2], iterator_types = ["parallel", "parallel"]} ins(%a0, %v4 : tensor<128x768xf32>, tensor<128xf32>) outs(%v5 : tensor<128x768xf32>) attrs = {npu.dims = array<i64: 0, 1>} {
    ^bb1(%x0: f32, %x1: f32, %acc: f32):
      %s = arith.subf %x0, %x1 : f32
      %y = math.exp %s : f32
      linalg.yield %y : f32
    } -> tensor<128x768xf32>
    %v7 = tensor.empty() : tensor<128xf32>
    %v8 = arith.constant 0.0 : f32
    %v9 = linalg.fill ins(%v8 : f32) outs(%v7 : tensor<128xf32>) -> tensor<128xf32>
    %v10 = linalg.generic {indexing_maps = [#d0d1_of2, #d0_of2], iterator_types = ["parallel", "reduction"]} ins(%v6 : tensor<128x768xf32>) outs(%v9 : tensor<128xf32>) attrs = {npu.dims = array<i64: 0, 1>} {
    ^bb1(%x0: f32, %acc: f32):
      %y = arith.addf %acc, %x0 : f32
      linalg.yield %y : f32
    } -> tensor<128xf32>
    %v11 = tensor.empty() : tensor<128x768xf32>
    %v12 = linalg.generic {indexing_maps = [#d0d1_of2, #d0_of2, #d0d1_of2], iterator_types = ["parallel", "parallel"]} ins(%v6, %v10 : tensor<128x768xf32>, tensor<128xf32>) outs(%v11 : tensor<128x768xf32>) attrs = {npu.dims = array<i64: 0, 1>} {
    ^bb1(%x0: f32, %x1: f32, %acc: f32):
      %y = arith.divf %x0, %x1 : f32
      linalg.yield %y : f32
    } -> tensor<128x768xf32>
    npu.yield %v12 : tensor<128x768xf32>
  }
  return %r : tensor<128x768xf32>
}

// -----

// Scale and shift are the same for every tile: they are loaded once.
// CHECK-LABEL: func.func private @Norm
// CHECK: npu.load %arg1
// CHECK: npu.load %arg2
// CHECK: scf.for
// CHECK: npu.load %arg0{{.*}} {buffers = 2 : i64}
// CHECK-COUNT-2: npu.vec "vcadd.f32"
// CHECK: npu.store
#d0d1_of2 = affine_map<(d0, d1) -> (d0, d1)>
#d0_of2 = affine_map<(d0, d1) -> (d0)>
#d0_of1 = affine_map<(d0) -> (d0)>
#d1_of2 = affine_map<(d0, d1) -> (d1)>
func.func @main(%in0: tensor<4096x384xf32> {phx.name = "in0"}, %in1: tensor<384xf32> {phx.name = "in1"}, %in2: tensor<384xf32> {phx.name = "in2"}) -> (tensor<4096x384xf32> {phx.name = "y0"}) {
  %r = npu.group "Norm" <vector> domain [4096, 384] (%in0, %in1, %in2) : (tensor<4096x384xf32>, tensor<384xf32>, tensor<384xf32>) -> tensor<4096x384xf32> {
  ^bb0(%a0: tensor<4096x384xf32>, %a1: tensor<384xf32>, %a2: tensor<384xf32>):
    %v1 = tensor.empty() : tensor<4096xf32>
    %v2 = arith.constant 0.0 : f32
    %v3 = linalg.fill ins(%v2 : f32) outs(%v1 : tensor<4096xf32>) -> tensor<4096xf32>
    %v4 = linalg.generic {indexing_maps = [#d0d1_of2, #d0_of2], iterator_types = ["parallel", "reduction"]} ins(%a0 : tensor<4096x384xf32>) outs(%v3 : tensor<4096xf32>) attrs = {npu.dims = array<i64: 0, 1>} {
    ^bb1(%x0: f32, %acc: f32):
      %y = arith.addf %acc, %x0 : f32
      linalg.yield %y : f32
    } -> tensor<4096xf32>
    %v5 = tensor.empty() : tensor<4096xf32>
    %v6 = linalg.generic {indexing_maps = [#d0_of1, #d0_of1], iterator_types = ["parallel"]} ins(%v4 : tensor<4096xf32>) outs(%v5 : tensor<4096xf32>) attrs = {npu.dims = array<i64: 0>} {
    ^bb1(%x0: f32, %acc: f32):
      %n = arith.constant 384.0 : f32
      %y = arith.divf %x0, %n : f32
      linalg.yield %y : f32
    } -> tensor<4096xf32>
    %v7 = tensor.empty() : tensor<4096x384xf32>
    %v8 = linalg.generic {indexing_maps = [#d0d1_of2, #d0_of2, #d0d1_of2], iterator_types = ["parallel", "parallel"]} ins(%a0, %v6 : tensor<4096x384xf32>, tensor<4096xf32>) outs(%v7 : tensor<4096x384xf32>) attrs = {npu.dims = array<i64: 0, 1>} {
    ^bb1(%x0: f32, %x1: f32, %acc: f32):
      %y = arith.subf %x0, %x1 : f32
      linalg.yield %y : f32
    } -> tensor<4096x384xf32>
    %v9 = tensor.empty() : tensor<4096xf32>
    %v10 = arith.constant 0.0 : f32
    %v11 = linalg.fill ins(%v10 : f32) outs(%v9 : tensor<4096xf32>) -> tensor<4096xf32>
    %v12 = linalg.generic {indexing_maps = [#d0d1_of2, #d0_of2], iterator_types = ["parallel", "reduction"]} ins(%v8 : tensor<4096x384xf32>) outs(%v11 : tensor<4096xf32>) attrs = {npu.dims = array<i64: 0, 1>} {
    ^bb1(%x0: f32, %acc: f32):
      %q = arith.mulf %x0, %x0 : f32
      %y = arith.addf %acc, %q : f32
      linalg.yield %y : f32
    } -> tensor<4096xf32>
    %v13 = tensor.empty() : tensor<4096xf32>
    %v14 = linalg.generic {indexing_maps = [#d0_of1, #d0_of1], iterator_types = ["parallel"]} ins(%v12 : tensor<4096xf32>) outs(%v13 : tensor<4096xf32>) attrs = {npu.dims = array<i64: 0>} {
    ^bb1(%x0: f32, %acc: f32):
      %n = arith.constant 384.0 : f32
      %eps = arith.constant 1.0e-5 : f32
      %w = arith.divf %x0, %n : f32
      %z = arith.addf %w, %eps : f32
      %o = arith.constant 1.0 : f32
      %sq = math.sqrt %z : f32
      %y = arith.divf %o, %sq : f32
      linalg.yield %y : f32
    } -> tensor<4096xf32>
    %v15 = tensor.empty() : tensor<4096x384xf32>
    %v16 = linalg.generic {indexing_maps = [#d0d1_of2, #d0_of2, #d1_of2, #d1_of2, #d0d1_of2], iterator_types = ["parallel", "parallel"]} ins(%v8, %v14, %a1, %a2 : tensor<4096x384xf32>, tensor<4096xf32>, tensor<384xf32>, tensor<384xf32>) outs(%v15 : tensor<4096x384xf32>) attrs = {npu.dims = array<i64: 0, 1>} {
    ^bb1(%x0: f32, %x1: f32, %x2: f32, %x3: f32, %acc: f32):
      %p = arith.mulf %x0, %x1 : f32
      %q = arith.mulf %p, %x2 : f32
      %y = arith.addf %q, %x3 : f32
      linalg.yield %y : f32
    } -> tensor<4096x384xf32>
    npu.yield %v16 : tensor<4096x384xf32>
  }
  return %r : tensor<4096x384xf32>
}

// -----

// A row longer than a tile: one walk for the largest element, one for the sum, one for the results.
// CHECK-LABEL: func.func private @Long
// CHECK: scf.for {{.*}} iter_args
// CHECK: npu.vec "vmax.f32"
// CHECK: npu.vec "vcmax.f32"
// CHECK: scf.for {{.*}} iter_args
// CHECK: npu.vec "vexp.f32"
// CHECK: npu.vec "vadd.f32"
// CHECK: npu.vec "vcadd.f32"
// CHECK: scf.for
// CHECK: npu.vec "vdiv.bblk.f32"
// CHECK: npu.store
#d0d1_of2 = affine_map<(d0, d1) -> (d0, d1)>
#d0_of2 = affine_map<(d0, d1) -> (d0)>
func.func @main(%in0: tensor<3x60000xf32> {phx.name = "in0"}) -> (tensor<3x60000xf32> {phx.name = "y0"}) {
  %r = npu.group "Long" <vector> domain [3, 60000] (%in0) : (tensor<3x60000xf32>) -> tensor<3x60000xf32> {
  ^bb0(%a0: tensor<3x60000xf32>):
    %v1 = tensor.empty() : tensor<3xf32>
    %v2 = arith.constant 0xFF800000 : f32
    %v3 = linalg.fill ins(%v2 : f32) outs(%v1 : tensor<3xf32>) -> tensor<3xf32>
    %v4 = linalg.generic {indexing_maps = [#d0d1_of2, #d0_of2], iterator_types = ["parallel", "reduction"]} ins(%a0 : tensor<3x60000xf32>) outs(%v3 : tensor<3xf32>) attrs = {npu.dims = array<i64: 0, 1>} {
    ^bb1(%x0: f32, %acc: f32):
      %y = arith.maximumf %x0, %acc : f32
      linalg.yield %y : f32
    } -> tensor<3xf32>
    %v5 = tensor.empty() : tensor<3x60000xf32>
    %v6 = linalg.generic {indexing_maps = [#d0d1_of2, #d0_of2, #d0d1_of2], iterator_types = ["parallel", "parallel"]} ins(%a0, %v4 : tensor<3x60000xf32>, tensor<3xf32>) outs(%v5 : tensor<3x60000xf32>) attrs = {npu.dims = array<i64: 0, 1>} {
    ^bb1(%x0: f32, %x1: f32, %acc: f32):
      %s = arith.subf %x0, %x1 : f32
      %y = math.exp %s : f32
      linalg.yield %y : f32
    } -> tensor<3x60000xf32>
    %v7 = tensor.empty() : tensor<3xf32>
    %v8 = arith.constant 0.0 : f32
    %v9 = linalg.fill ins(%v8 : f32) outs(%v7 : tensor<3xf32>) -> tensor<3xf32>
    %v10 = linalg.generic {indexing_maps = [#d0d1_of2, #d0_of2], iterator_types = ["parallel", "reduction"]} ins(%v6 : tensor<3x60000xf32>) outs(%v9 : tensor<3xf32>) attrs = {npu.dims = array<i64: 0, 1>} {
    ^bb1(%x0: f32, %acc: f32):
      %y = arith.addf %acc, %x0 : f32
      linalg.yield %y : f32
    } -> tensor<3xf32>
    %v11 = tensor.empty() : tensor<3x60000xf32>
    %v12 = linalg.generic {indexing_maps = [#d0d1_of2, #d0_of2, #d0d1_of2], iterator_types = ["parallel", "parallel"]} ins(%v6, %v10 : tensor<3x60000xf32>, tensor<3xf32>) outs(%v11 : tensor<3x60000xf32>) attrs = {npu.dims = array<i64: 0, 1>} {
    ^bb1(%x0: f32, %x1: f32, %acc: f32):
      %y = arith.divf %x0, %x1 : f32
      linalg.yield %y : f32
    } -> tensor<3x60000xf32>
    npu.yield %v12 : tensor<3x60000xf32>
  }
  return %r : tensor<3x60000xf32>
}
