// 8-bit floats: fractals are 32 elements deep, as those of i8, and what widens an operand is read through. A machine without a rate refuses.
// RUN: phx-opt %s --machine=ascend-950dt --to=tile | FileCheck %s
// RUN: phx-opt %s --machine=ascend-950dt --to=isa | FileCheck %s --check-prefix=ISA
// RUN: not phx-opt %s --machine=ascend-910b1 --to=schedule 2>&1 | FileCheck %s --check-prefix=REFUSED

// CHECK-LABEL: func.func @main
// CHECK-COUNT-1: npu.launch
// CHECK-NOT: npu.launch
// CHECK: npu.load {{.*}}f8E4M3FN
// CHECK: npu.mmad {{.*}}f8E4M3FN

// ISA: dma_nd2nz.e4m3
// ISA: mmad.e4m3
// ISA: fixpipe.gm.f32{{.*}}.bf16

// REFUSED: float8.mlir:[[#]]{{.*}}the cube of ascend-910b1 does not multiply f8E4M3FN
func.func @main(%a: tensor<100x70xf8E4M3FN>, %b: tensor<70x50xf8E4M3FN>) -> tensor<100x50xbf16> {
  %zero = arith.constant 0.0 : f32
  %ea = tensor.empty() : tensor<100x70xf32>
  %wide = linalg.generic {indexing_maps = [affine_map<(m, k) -> (m, k)>, affine_map<(m, k) -> (m, k)>], iterator_types = ["parallel", "parallel"]}
    ins(%a : tensor<100x70xf8E4M3FN>) outs(%ea : tensor<100x70xf32>) {
  ^bb0(%p: f8E4M3FN, %q: f32):
    %x = arith.extf %p : f8E4M3FN to f32
    linalg.yield %x : f32
  } -> tensor<100x70xf32>
  %e = tensor.empty() : tensor<100x50xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<100x50xf32>) -> tensor<100x50xf32>
  %c = linalg.matmul ins(%wide, %b : tensor<100x70xf32>, tensor<70x50xf8E4M3FN>) outs(%z : tensor<100x50xf32>) -> tensor<100x50xf32>
  %ed = tensor.empty() : tensor<100x50xbf16>
  %d = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
    ins(%c : tensor<100x50xf32>) outs(%ed : tensor<100x50xbf16>) {
  ^bb0(%p: f32, %q: bf16):
    %r = arith.truncf %p : f32 to bf16
    linalg.yield %r : bf16
  } -> tensor<100x50xbf16>
  return %d : tensor<100x50xbf16>
}
