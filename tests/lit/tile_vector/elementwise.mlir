// RUN: phx-opt --phx-tile --split-input-file %s | FileCheck %s
//
// One-dimensional chains: even tiles of one row on few cores, constants as value forms, double buffers in loops.

// CHECK-LABEL: func.func private @Tanh_1
// CHECK: scf.for
// CHECK: npu.load {{.*}} {buffers = 2 : i64}
// CHECK: npu.load {{.*}} {buffers = 2 : i64}
// CHECK: npu.vec "vmul.f32"
// CHECK: npu.vec "vadds.f32" ins({{.*}}) value %{{.*}} : f32
// CHECK: npu.vec "vmath.tanh.f32"
// CHECK: tensor.empty() {npu.buffers = 2 : i64}
// CHECK: npu.vec "vdiv.bblk.f32"
// CHECK: npu.store
#d0_of1 = affine_map<(d0) -> (d0)>
func.func @main(%in0: tensor<1000003xf32> {phx.name = "in0"}, %in1: tensor<1000003xf32> {phx.name = "in1"}) -> (tensor<1000003xf32> {phx.name = "y0"}) {
  %r = npu.group "Tanh_1" <vector> domain [1000003] (%in0, %in1) : (tensor<1000003xf32>, tensor<1000003xf32>) -> tensor<1000003xf32> {
  ^bb0(%a0: tensor<1000003xf32>, %a1: tensor<1000003xf32>):
    %v1 = tensor.empty() : tensor<1000003xf32>
    %v2 = linalg.generic {indexing_maps = [#d0_of1, #d0_of1, #d0_of1], iterator_types = ["parallel"]} ins(%a0, %a1 : tensor<1000003xf32>, tensor<1000003xf32>) outs(%v1 : tensor<1000003xf32>) attrs = {npu.dims = array<i64: 0>} {
    ^bb1(%x0: f32, %x1: f32, %acc: f32):
      %c = arith.constant 1.5 : f32
      %p = arith.mulf %x0, %x1 : f32
      %q = arith.addf %p, %c : f32
      %z = math.tanh %q : f32
      %d = arith.constant 3.0 : f32
      %y = arith.divf %z, %d : f32
      linalg.yield %y : f32
    } -> tensor<1000003xf32>
    npu.yield %v2 : tensor<1000003xf32>
  }
  return %r : tensor<1000003xf32>
}

// -----

// f16 stays f16, every operation rounds. One tile: no loop, one copy.
// CHECK-LABEL: func.func private @Half
// CHECK-NOT: scf.for
// CHECK-NOT: buffers
// CHECK: npu.vec "vmul.f16"
// CHECK: npu.vec "vadds.f16"
// CHECK: npu.vec "vmath.tanh.f16"
// CHECK: npu.vec "vdiv.bblk.f16"
// CHECK: npu.store %{{.*}} rows %c1 cols %c64 pitch %c64
#d0_of1 = affine_map<(d0) -> (d0)>
func.func @main(%in0: tensor<64xf16> {phx.name = "in0"}, %in1: tensor<64xf16> {phx.name = "in1"}) -> (tensor<64xf16> {phx.name = "y0"}) {
  %r = npu.group "Half" <vector> domain [64] (%in0, %in1) : (tensor<64xf16>, tensor<64xf16>) -> tensor<64xf16> {
  ^bb0(%a0: tensor<64xf16>, %a1: tensor<64xf16>):
    %v1 = tensor.empty() : tensor<64xf16>
    %v2 = linalg.generic {indexing_maps = [#d0_of1, #d0_of1, #d0_of1], iterator_types = ["parallel"]} ins(%a0, %a1 : tensor<64xf16>, tensor<64xf16>) outs(%v1 : tensor<64xf16>) attrs = {npu.dims = array<i64: 0>} {
    ^bb1(%x0: f16, %x1: f16, %acc: f16):
      %c = arith.constant 1.5 : f16
      %p = arith.mulf %x0, %x1 : f16
      %q = arith.addf %p, %c : f16
      %z = math.tanh %q : f16
      %d = arith.constant 3.0 : f16
      %y = arith.divf %z, %d : f16
      linalg.yield %y : f16
    } -> tensor<64xf16>
    npu.yield %v2 : tensor<64xf16>
  }
  return %r : tensor<64xf16>
}

// -----

// There is no arithmetic of bytes: s16, of which the low half stays.
// CHECK-LABEL: func.func private @Bytes
// CHECK: npu.vec "vconv.s8.s16"
// CHECK: npu.vec "vconv.s8.s16"
// CHECK: npu.vec "vadd.s16"
// CHECK: npu.vec "vand.bblk.u16"
// CHECK: npu.vec "vconv.s16.u8"
#d0_of1 = affine_map<(d0) -> (d0)>
func.func @main(%in0: tensor<64xi8> {phx.name = "in0"}, %in1: tensor<64xi8> {phx.name = "in1"}) -> (tensor<64xi8> {phx.name = "y0"}) {
  %r = npu.group "Bytes" <vector> domain [64] (%in0, %in1) : (tensor<64xi8>, tensor<64xi8>) -> tensor<64xi8> {
  ^bb0(%a0: tensor<64xi8>, %a1: tensor<64xi8>):
    %v1 = tensor.empty() : tensor<64xi8>
    %v2 = linalg.generic {indexing_maps = [#d0_of1, #d0_of1, #d0_of1], iterator_types = ["parallel"]} ins(%a0, %a1 : tensor<64xi8>, tensor<64xi8>) outs(%v1 : tensor<64xi8>) attrs = {npu.dims = array<i64: 0>} {
    ^bb1(%x0: i8, %x1: i8, %acc: i8):
      %y = arith.addi %x0, %x1 : i8
      linalg.yield %y : i8
    } -> tensor<64xi8>
    npu.yield %v2 : tensor<64xi8>
  }
  return %r : tensor<64xi8>
}

// -----

// bf16 computes in f32 and rounds after every operation.
// CHECK-LABEL: func.func private @Brain
// CHECK-COUNT-2: npu.vec "vconv.bf16.f32"
// CHECK: npu.vec "vmul.f32"
// CHECK: npu.vec "vconv.f32.bf16"
// CHECK: npu.vec "vconv.bf16.f32"
// CHECK: npu.vec "vadd.f32"
// CHECK: npu.vec "vconv.f32.bf16"
#d0_of1 = affine_map<(d0) -> (d0)>
func.func @main(%in0: tensor<64xbf16> {phx.name = "in0"}, %in1: tensor<64xbf16> {phx.name = "in1"}) -> (tensor<64xbf16> {phx.name = "y0"}) {
  %r = npu.group "Brain" <vector> domain [64] (%in0, %in1) : (tensor<64xbf16>, tensor<64xbf16>) -> tensor<64xbf16> {
  ^bb0(%a0: tensor<64xbf16>, %a1: tensor<64xbf16>):
    %v1 = tensor.empty() : tensor<64xbf16>
    %v2 = linalg.generic {indexing_maps = [#d0_of1, #d0_of1, #d0_of1], iterator_types = ["parallel"]} ins(%a0, %a1 : tensor<64xbf16>, tensor<64xbf16>) outs(%v1 : tensor<64xbf16>) attrs = {npu.dims = array<i64: 0>} {
    ^bb1(%x0: bf16, %x1: bf16, %acc: bf16):
      %a = arith.mulf %x0, %x1 : bf16
      %y = arith.addf %a, %x1 : bf16
      linalg.yield %y : bf16
    } -> tensor<64xbf16>
    npu.yield %v2 : tensor<64xbf16>
  }
  return %r : tensor<64xbf16>
}
