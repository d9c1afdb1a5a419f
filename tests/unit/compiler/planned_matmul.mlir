// c = a b + bias with a 40 x 48, b 48 x 32, one tile on one cube core, as it is after phase sync.
#gm = #npu.space<gm>
#l1 = #npu.space<l1>
module {
  memref.global "private" constant @bias : memref<32xf32, #gm> = dense<0.5>
  func.func @main(%a: memref<1920xf16, #gm> {phx.name = "a", phx.tensor = tensor<40x48xf16>},
                  %b: memref<1536xf16, #gm> {phx.name = "b", phx.tensor = tensor<48x32xf16>},
                  %c: memref<1280xf32, #gm> {phx.name = "c", phx.output, phx.tensor = tensor<40x32xf32>}) {
    %bias = memref.get_global @bias : memref<32xf32, #gm>
    npu.launch @matmul grid 1 (%a, %b, %bias, %c) source "Gemm_0 (Gemm)"
      : memref<1920xf16, #gm>, memref<1536xf16, #gm>, memref<32xf32, #gm>, memref<1280xf32, #gm>
    return
  }
  func.func private @matmul(%a: memref<1920xf16, #gm>, %b: memref<1536xf16, #gm>, %bias: memref<32xf32, #gm>,
                            %c: memref<1280xf32, #gm>) attributes {npu.core = #npu.core<aic>} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %m = arith.constant 40 : index
    %n = arith.constant 32 : index
    %k = arith.constant 48 : index
    %true = arith.constant true
    %left = memref.alloc() {npu.address = 0 : i64} : memref<48x48xf16, #l1>
    %right = memref.alloc() {npu.address = 8192 : i64} : memref<48x32xf16, #l1>
    %row = memref.alloc() {npu.address = 16384 : i64} : memref<1x32xf32, #l1>
    %l0a = memref.alloc() {npu.address = 0 : i64} : memref<48x48xf16, #npu.space<l0a>>
    %l0b = memref.alloc() {npu.address = 0 : i64} : memref<48x32xf16, #npu.space<l0b>>
    %bt = memref.alloc() {npu.address = 64 : i64} : memref<1x32xf32, #npu.space<bt>>
    %acc = memref.alloc() {npu.address = 0 : i64} : memref<48x32xf32, #npu.space<l0c>>
    npu.load %a[%c0] rows %m cols %k pitch %k outs(%left : memref<48x48xf16, #l1>) : memref<1920xf16, #gm>
    npu.load %b[%c0] rows %k cols %n pitch %n outs(%right : memref<48x32xf16, #l1>) : memref<1536xf16, #gm>
    npu.load %bias[%c0] rows %c1 cols %n pitch %n outs(%row : memref<1x32xf32, #l1>) : memref<32xf32, #gm>
    npu.set_flag <mte2> to <mte1> id 0
    npu.wait_flag <mte2> to <mte1> id 0
    npu.extract %left[%c0, %c0] rows %m cols %k outs(%l0a : memref<48x48xf16, #npu.space<l0a>>) : memref<48x48xf16, #l1>
    npu.extract trans %right[%c0, %c0] rows %k cols %n outs(%l0b : memref<48x32xf16, #npu.space<l0b>>) : memref<48x32xf16, #l1>
    npu.load_bias %row cols %n outs(%bt : memref<1x32xf32, #npu.space<bt>>) : memref<1x32xf32, #l1>
    npu.set_flag <mte1> to <m> id 0
    npu.wait_flag <mte1> to <m> id 0
    npu.mmad %l0a, %l0b bias %bt : memref<1x32xf32, #npu.space<bt>> m %m n %n k %k init %true
      outs(%acc : memref<48x32xf32, #npu.space<l0c>>) : memref<48x48xf16, #npu.space<l0a>>, memref<48x32xf16, #npu.space<l0b>>
    npu.set_flag <m> to <fix> id 0
    npu.wait_flag <m> to <fix> id 0
    npu.fixpipe %acc to %c[%c0] m %m n %n pitch %n : memref<48x32xf32, #npu.space<l0c>>, memref<1280xf32, #gm>
    return
  }
}
