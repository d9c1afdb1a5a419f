// What has no instruction is an error with its kernel.
// RUN: phx-opt %s --phx-lower-kernels -split-input-file -verify-diagnostics

// expected-error@+1 {{in kernel 'value_form'}}
module {
  func.func private @value_form(%a: memref<64xf32, #npu.space<gm>>) attributes {npu.core = #npu.core<aiv>} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %t = tensor.empty() : tensor<1x64xf32>
    %u = npu.load %a[%c0] rows %c1 cols %c1 pitch %c1 outs(%t : tensor<1x64xf32>) : memref<64xf32, #npu.space<gm>> -> tensor<1x64xf32>
    return
  }
}

// -----

// expected-error@+1 {{rows of 40 bytes in UB are no multiple of 32}}
module {
  func.func private @ragged(%a: memref<64xf32, #npu.space<gm>>) attributes {npu.core = #npu.core<aiv>} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %t = memref.alloc() {npu.address = 0 : i64} : memref<2x10xf32, #npu.space<ub>>
    npu.load %a[%c0] rows %c1 cols %c1 pitch %c1 outs(%t : memref<2x10xf32, #npu.space<ub>>) : memref<64xf32, #npu.space<gm>>
    return
  }
}

// -----

// expected-error@+1 {{a tile has no address; phase plan comes first}}
module {
  func.func private @unplanned() attributes {npu.core = #npu.core<aiv>} {
    %c1 = arith.constant 1 : index
    %t = memref.alloc() : memref<1x64xf32, #npu.space<ub>>
    npu.vec "vabs.f32" ins(%t : memref<1x64xf32, #npu.space<ub>>) rows %c1 cols %c1 outs(%t : memref<1x64xf32, #npu.space<ub>>)
    return
  }
}

// -----

// expected-error@+1 {{m is 4112, the instruction holds at most 4095}}
module {
  func.func private @large(%c: memref<64xf32, #npu.space<gm>>) attributes {npu.core = #npu.core<aic>} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %t = memref.alloc() {npu.address = 0 : i64} : memref<4112x16xf32, #npu.space<l0c>>
    npu.fixpipe %t to %c[%c0] m %c1 n %c1 pitch %c1 : memref<4112x16xf32, #npu.space<l0c>>, memref<64xf32, #npu.space<gm>>
    return
  }
}
