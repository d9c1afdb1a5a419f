// Accumulators that would have to be copied: nothing copies within L0C.
// RUN: not phx-opt %s --phx-place --phx-buffer 2>&1 | FileCheck %s

// CHECK: 'npu.mmad' makes a copy of a tile necessary that lies in l0c, where no instruction copies
func.func private @twice(%x: memref<8192xf16, #npu.space<gm>>, %y: memref<8192xf32, #npu.space<gm>>) attributes {npu.core = #npu.core<aic>} {
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  %true = arith.constant true
  %false = arith.constant false
  %e = tensor.empty() : tensor<16x16xf16>
  %t = npu.load %x[%c0] rows %c16 cols %c16 pitch %c16 outs(%e : tensor<16x16xf16>) : memref<8192xf16, #npu.space<gm>> -> tensor<16x16xf16>
  %a = npu.extract %t[%c0, %c0] rows %c16 cols %c16 outs(%e : tensor<16x16xf16>) : tensor<16x16xf16> -> tensor<16x16xf16>
  %b = npu.extract %t[%c0, %c0] rows %c16 cols %c16 outs(%e : tensor<16x16xf16>) : tensor<16x16xf16> -> tensor<16x16xf16>
  %z = tensor.empty() : tensor<16x16xf32>
  %first = npu.mmad %a, %b m %c16 n %c16 k %c16 init %true outs(%z : tensor<16x16xf32>) : tensor<16x16xf16>, tensor<16x16xf16> -> tensor<16x16xf32>
  %second = npu.mmad %a, %b m %c16 n %c16 k %c16 init %false outs(%first : tensor<16x16xf32>) : tensor<16x16xf16>, tensor<16x16xf16> -> tensor<16x16xf32>
  npu.fixpipe %first to %y[%c0] m %c16 n %c16 pitch %c16 : tensor<16x16xf32>, memref<8192xf32, #npu.space<gm>>
  npu.fixpipe %second to %y[%c0] m %c16 n %c16 pitch %c16 : tensor<16x16xf32>, memref<8192xf32, #npu.space<gm>>
  return
}
