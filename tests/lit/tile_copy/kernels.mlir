// Each way of copying a box, run by an interpreter of copy kernels and compared with what the rearrangement says.
// RUN: split-file %s %t
// RUN: phx-opt --phx-tile --canonicalize %t/pad.mlir | python3 %S/interpret.py %t/pad.mlir | FileCheck %s --check-prefix=ONE
// RUN: phx-opt --phx-tile --canonicalize %t/transpose.mlir | python3 %S/interpret.py %t/transpose.mlir | FileCheck %s --check-prefix=ONE
// RUN: phx-opt --phx-tile --canonicalize %t/window.mlir | python3 %S/interpret.py %t/window.mlir | FileCheck %s --check-prefix=ONE
// RUN: phx-opt --phx-tile --canonicalize %t/reverse.mlir | python3 %S/interpret.py %t/reverse.mlir | FileCheck %s --check-prefix=ONE
// RUN: phx-opt --phx-tile --canonicalize %t/broadcast.mlir | python3 %S/interpret.py %t/broadcast.mlir | FileCheck %s --check-prefix=ONE
// RUN: phx-opt --phx-tile --canonicalize %t/concat.mlir | python3 %S/interpret.py %t/concat.mlir | FileCheck %s --check-prefix=ONE
// RUN: phx-opt --phx-tile --canonicalize %t/wide.mlir | python3 %S/interpret.py %t/wide.mlir | FileCheck %s --check-prefix=TWO
// RUN: phx-opt --phx-tile --canonicalize %t/window.mlir | FileCheck %s --check-prefix=GATHER
// RUN: phx-opt --phx-tile --canonicalize %t/transpose.mlir | FileCheck %s --check-prefix=TRANSPOSE
// TWO: 2 launches, 0 of
// ONE: 1 launches, 0 of
// GATHER: npu.vec "vgather.b32"
// TRANSPOSE: npu.vec "vtranspose.u16"

//--- pad.mlir
func.func @main(%a: tensor<3x9x10xf32>) -> tensor<3x11x12xf32> {
  %0 = npu.group "pad" <copy> domain [](%a) : (tensor<3x9x10xf32>) -> tensor<3x11x12xf32> {
  ^bb0(%x: tensor<3x9x10xf32>):
    %1 = npu.rearrange %x [#npu.piece<0, 0 to 13, [3, 9, 10], [90, 10, 1] to [132, 12, 1]>] fill(1.5 : f32) : (tensor<3x9x10xf32>) -> tensor<3x11x12xf32>
    npu.yield %1 : tensor<3x11x12xf32>
  }
  return %0 : tensor<3x11x12xf32>
}
//--- transpose.mlir
func.func @main(%a: tensor<100x70xf16>) -> tensor<70x100xf16> {
  %0 = npu.group "transpose" <copy> domain [](%a) : (tensor<100x70xf16>) -> tensor<70x100xf16> {
  ^bb0(%x: tensor<100x70xf16>):
    %1 = npu.rearrange %x [#npu.piece<0, 0 to 0, [70, 100], [1, 70] to [100, 1]>] : (tensor<100x70xf16>) -> tensor<70x100xf16>
    npu.yield %1 : tensor<70x100xf16>
  }
  return %0 : tensor<70x100xf16>
}
//--- window.mlir
func.func @main(%a: tensor<3x17x19xf32>) -> tensor<3x3x3x8x9xf32> {
  %0 = npu.group "im2col" <copy> domain [](%a) : (tensor<3x17x19xf32>) -> tensor<3x3x3x8x9xf32> {
  ^bb0(%x: tensor<3x17x19xf32>):
    %1 = npu.rearrange %x [#npu.piece<0, 0 to 0, [3, 3, 3, 8, 9], [323, 19, 1, 38, 2] to [648, 216, 72, 9, 1]>] : (tensor<3x17x19xf32>) -> tensor<3x3x3x8x9xf32>
    npu.yield %1 : tensor<3x3x3x8x9xf32>
  }
  return %0 : tensor<3x3x3x8x9xf32>
}
//--- reverse.mlir
func.func @main(%a: tensor<5x40xi8>) -> tensor<5x40xi8> {
  %0 = npu.group "reverse" <copy> domain [](%a) : (tensor<5x40xi8>) -> tensor<5x40xi8> {
  ^bb0(%x: tensor<5x40xi8>):
    %1 = npu.rearrange %x [#npu.piece<0, 39 to 0, [5, 40], [40, -1] to [40, 1]>] : (tensor<5x40xi8>) -> tensor<5x40xi8>
    npu.yield %1 : tensor<5x40xi8>
  }
  return %0 : tensor<5x40xi8>
}
//--- broadcast.mlir
func.func @main(%a: tensor<33xf32>) -> tensor<50x33x7xf32> {
  %0 = npu.group "broadcast" <copy> domain [](%a) : (tensor<33xf32>) -> tensor<50x33x7xf32> {
  ^bb0(%x: tensor<33xf32>):
    %1 = npu.rearrange %x [#npu.piece<0, 0 to 0, [50, 33, 7], [0, 1, 0] to [231, 7, 1]>] : (tensor<33xf32>) -> tensor<50x33x7xf32>
    npu.yield %1 : tensor<50x33x7xf32>
  }
  return %0 : tensor<50x33x7xf32>
}
//--- concat.mlir
func.func @main(%a: tensor<6x5xf16>, %b: tensor<6x3xf16>) -> tensor<6x8xf16> {
  %0 = npu.group "concat" <copy> domain [](%a, %b) : (tensor<6x5xf16>, tensor<6x3xf16>) -> tensor<6x8xf16> {
  ^bb0(%x: tensor<6x5xf16>, %y: tensor<6x3xf16>):
    %1 = npu.rearrange %x, %y [#npu.piece<0, 0 to 0, [6, 5], [5, 1] to [8, 1]>, #npu.piece<1, 0 to 5, [6, 3], [3, 1] to [8, 1]>] : (tensor<6x5xf16>, tensor<6x3xf16>) -> tensor<6x8xf16>
    npu.yield %1 : tensor<6x8xf16>
  }
  return %0 : tensor<6x8xf16>
}
//--- wide.mlir
func.func @main(%a: tensor<5x4xi64>) -> tensor<4x7xi64> {
  %0 = npu.group "wide" <copy> domain [](%a) : (tensor<5x4xi64>) -> tensor<4x7xi64> {
  ^bb0(%x: tensor<5x4xi64>):
    %1 = npu.rearrange %x [#npu.piece<0, 0 to 1, [4, 5], [1, 4] to [7, 1]>] fill(7 : i64) : (tensor<5x4xi64>) -> tensor<4x7xi64>
    npu.yield %1 : tensor<4x7xi64>
  }
  return %0 : tensor<4x7xi64>
}
