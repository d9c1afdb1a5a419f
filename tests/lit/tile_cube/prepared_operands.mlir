// nd2nz=0: plain DMA of operands that lie in NZ. A constant is rearranged here, an input by a copy kernel before the product, unless it says that it lies so.
// RUN: phx-opt %s --to=tile --schedule=nd2nz=0 | FileCheck %s
// RUN: phx-opt %s --to=tile --schedule=nd2nz=0 | FileCheck %s --check-prefix=CONSTANT
// RUN: phx-opt %s --to=isa --schedule=nd2nz=0 | FileCheck %s --check-prefix=DMA

// CHECK-LABEL: func.func @main
// CHECK: npu.launch @copy_{{.*}}nd2nz
// CHECK-NOT: npu.launch @copy
// CHECK: npu.launch
// CHECK: npu.load {{.*}}npu.nz

// Two column blocks of 16, each of 3 rows and 13 of zeros.
// CONSTANT: memref.global {{.*}}@prepared : memref<512xf16, #npu.space<gm>> = dense<"0x{{(003C){48}(0000){208}(003C){4}(0000){12}003C}}

// DMA-NOT: dma_nd2nz
// DMA: dma_gm_l1
func.func @main(%a: tensor<20x3xf16>, %n: tensor<32x32xf16> {phx.layout = "nz"}) -> (tensor<20x20xf32>, tensor<32x32xf32>) {
  %b = arith.constant dense<1.0> : tensor<3x20xf16>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<20x20xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<20x20xf32>) -> tensor<20x20xf32>
  %c = linalg.matmul ins(%a, %b : tensor<20x3xf16>, tensor<3x20xf16>) outs(%z : tensor<20x20xf32>) -> tensor<20x20xf32>
  %f = tensor.empty() : tensor<32x32xf32>
  %y = linalg.fill ins(%zero : f32) outs(%f : tensor<32x32xf32>) -> tensor<32x32xf32>
  %d = linalg.matmul ins(%n, %n : tensor<32x32xf16>, tensor<32x32xf16>) outs(%y : tensor<32x32xf32>) -> tensor<32x32xf32>
  return %c, %d : tensor<20x20xf32>, tensor<32x32xf32>
}
