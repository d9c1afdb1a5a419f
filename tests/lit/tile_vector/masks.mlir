// RUN: phx-opt --phx-tile --split-input-file %s | FileCheck %s
//
// Comparisons, logic on masks, positions.

// Masks hold a bit per element, so logic counts units of 16 columns.
// CHECK-LABEL: func.func private @Masks
// CHECK: npu.vec "vcmps.gt.f32"{{.*}} -> tensor<1x32xi8>
// CHECK: npu.vec "vcmps.lt.f32"
// CHECK: npu.vec "vand.u16"{{.*}} cols %c4
// CHECK: npu.vec "vnot.u16"
// CHECK: npu.vec "vsels.b32"
#d0_of1 = affine_map<(d0) -> (d0)>
func.func @main(%in0: tensor<64xf32> {phx.name = "in0"}, %in1: tensor<64xf32> {phx.name = "in1"}) -> (tensor<64xf32> {phx.name = "y0"}) {
  %r = npu.group "Masks" <vector> domain [64] (%in0, %in1) : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32> {
  ^bb0(%a0: tensor<64xf32>, %a1: tensor<64xf32>):
    %v1 = tensor.empty() : tensor<64xf32>
    %v2 = linalg.generic {indexing_maps = [#d0_of1, #d0_of1, #d0_of1], iterator_types = ["parallel"]} ins(%a0, %a1 : tensor<64xf32>, tensor<64xf32>) outs(%v1 : tensor<64xf32>) attrs = {npu.dims = array<i64: 0>} {
    ^bb1(%x0: f32, %x1: f32, %acc: f32):
      %z = arith.constant 0.0 : f32
      %o = arith.constant 1.0 : f32
      %m = arith.cmpf ogt, %x0, %z : f32
      %n = arith.cmpf olt, %x1, %o : f32
      %a = arith.andi %m, %n : i1
      %t = arith.constant true
      %b = arith.xori %a, %t : i1
      %y = arith.select %b, %x0, %z : f32
      linalg.yield %y : f32
    } -> tensor<64xf32>
    npu.yield %v2 : tensor<64xf32>
  }
  return %r : tensor<64xf32>
}

// -----

// Booleans of other groups are bytes.
// CHECK-LABEL: func.func private @Booleans
// CHECK: npu.vec "vconv.u8.f16"
// CHECK: npu.vec "vcmps.ne.f16"
// CHECK: npu.vec "vsel.ablk.bblk.u16"
// CHECK: npu.vec "vconv.f16.u8"
#d0_of1 = affine_map<(d0) -> (d0)>
func.func @main(%in0: tensor<64xi8> {phx.name = "in0"}) -> (tensor<64xi8> {phx.name = "y0"}) {
  %r = npu.group "Booleans" <vector> domain [64] (%in0) : (tensor<64xi8>) -> tensor<64xi8> {
  ^bb0(%a0: tensor<64xi8>):
    %v1 = tensor.empty() : tensor<64xi8>
    %v2 = linalg.generic {indexing_maps = [#d0_of1, #d0_of1], iterator_types = ["parallel"]} ins(%a0 : tensor<64xi8>) outs(%v1 : tensor<64xi8>) attrs = {npu.dims = array<i64: 0>} {
    ^bb1(%x0: i8, %acc: i8):
      %z = arith.constant 0 : i8
      %m = arith.cmpi ne, %x0, %z : i8
      %y = arith.extui %m : i1 to i8
      linalg.yield %y : i8
    } -> tensor<64xi8>
    npu.yield %v2 : tensor<64xi8>
  }
  return %r : tensor<64xi8>
}

// -----

// CHECK-LABEL: func.func private @Triangle
// CHECK: %[[ROWS:.*]] = npu.vec "vci.s32"
// CHECK: %[[BLOCKS:.*]] = npu.vec "vbrcb.b32" ins(%[[ROWS]]
// CHECK: %[[COLUMNS:.*]] = npu.vec "vci.s32"
// CHECK: npu.vec "vcmp.ge.ablk.s32" ins(%[[BLOCKS]], %[[COLUMNS]]
// CHECK: npu.vec "vsels.b32"
#d0d1_of2 = affine_map<(d0, d1) -> (d0, d1)>
func.func @main(%in0: tensor<16x64xf32> {phx.name = "in0"}) -> (tensor<16x64xf32> {phx.name = "y0"}) {
  %r = npu.group "Triangle" <vector> domain [16, 64] (%in0) : (tensor<16x64xf32>) -> tensor<16x64xf32> {
  ^bb0(%a0: tensor<16x64xf32>):
    %v1 = tensor.empty() : tensor<16x64xf32>
    %v2 = linalg.generic {indexing_maps = [#d0d1_of2, #d0d1_of2], iterator_types = ["parallel", "parallel"]} ins(%a0 : tensor<16x64xf32>) outs(%v1 : tensor<16x64xf32>) attrs = {npu.dims = array<i64: 0, 1>} {
    ^bb1(%x0: f32, %acc: f32):
      %i = linalg.index 0 : index
      %j = linalg.index 1 : index
      %a = arith.index_cast %i : index to i32
      %b = arith.index_cast %j : index to i32
      %m = arith.cmpi sge, %a, %b : i32
      %z = arith.constant 0.0 : f32
      %y = arith.select %m, %x0, %z : f32
      linalg.yield %y : f32
    } -> tensor<16x64xf32>
    npu.yield %v2 : tensor<16x64xf32>
  }
  return %r : tensor<16x64xf32>
}

// -----

// The mask of a column cannot be repeated bit by bit: it is compared again, a block a row.
// CHECK-LABEL: func.func private @ColumnMask
// CHECK: npu.vec "vcmps.gt.f32"
// CHECK: npu.vec "vsel.ablk.bblk.u16"
// CHECK: npu.vec "vbrcb.u16"
// CHECK: npu.vec "vcmp.ne.ablk.bblk.f16"
// CHECK: npu.vec "vsel.bblk.b32"
#d0d1_of2 = affine_map<(d0, d1) -> (d0, d1)>
#d0_of2 = affine_map<(d0, d1) -> (d0)>
func.func @main(%in0: tensor<16x64xf32> {phx.name = "in0"}, %in1: tensor<16xf32> {phx.name = "in1"}) -> (tensor<16x64xf32> {phx.name = "y0"}) {
  %r = npu.group "ColumnMask" <vector> domain [16, 64] (%in0, %in1) : (tensor<16x64xf32>, tensor<16xf32>) -> tensor<16x64xf32> {
  ^bb0(%a0: tensor<16x64xf32>, %a1: tensor<16xf32>):
    %v1 = tensor.empty() : tensor<16x64xf32>
    %v2 = linalg.generic {indexing_maps = [#d0d1_of2, #d0_of2, #d0d1_of2], iterator_types = ["parallel", "parallel"]} ins(%a0, %a1 : tensor<16x64xf32>, tensor<16xf32>) outs(%v1 : tensor<16x64xf32>) attrs = {npu.dims = array<i64: 0, 1>} {
    ^bb1(%x0: f32, %x1: f32, %acc: f32):
      %k = arith.constant 0.0 : f32
      %m = arith.cmpf ogt, %x1, %k : f32
      %y = arith.select %m, %x0, %x1 : f32
      linalg.yield %y : f32
    } -> tensor<16x64xf32>
    npu.yield %v2 : tensor<16x64xf32>
  }
  return %r : tensor<16x64xf32>
}
