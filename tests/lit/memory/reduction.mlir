// A loop-carried tile: a running maximum is overwritten in place, unless its old value is still needed.
// RUN: phx-opt %s --phx-place --phx-buffer --split-input-file | FileCheck %s
// RUN: phx-opt %s --phx-place --phx-buffer --phx-pipeline --phx-plan --phx-sync --split-input-file | FileCheck %s --check-prefix=SYNC

// The sum is added up in the buffer that the loop carries.
// CHECK-LABEL: func.func private @sum
// CHECK: %[[ACC:.*]] = memref.alloc() : memref<8x64xf32
// CHECK: npu.vec "vdup.b32"{{.*}} outs(%[[ACC]]
// CHECK: scf.for
// CHECK-NOT: iter_args
// CHECK: npu.vec "vadd.f32" ins(%[[ACC]], %{{[^ ]*}} :{{.*}} outs(%[[ACC]] :
// CHECK-NOT: vcopy
// CHECK: npu.store %[[ACC]]

// SYNC-LABEL: func.func private @sum
// SYNC: npu.set_flag <v> to <mte2> id 0
// SYNC: npu.set_flag <v> to <mte2> id 1
// SYNC: scf.for
// SYNC: npu.wait_flag <v> to <mte2> id 0 +
// SYNC: npu.load
// SYNC: npu.set_flag <v> to <mte2> id 0 +
// SYNC: npu.set_flag <v> to <mte3>
// SYNC: npu.wait_flag <v> to <mte3>
// SYNC-NEXT: npu.store
func.func private @sum(%x: memref<8192xf32, #npu.space<gm>>, %y: memref<512xf32, #npu.space<gm>>) attributes {npu.core = #npu.core<aiv>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %c16 = arith.constant 16 : index
  %c64 = arith.constant 64 : index
  %c512 = arith.constant 512 : index
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<8x64xf32>
  %init = npu.vec "vdup.b32" ins() value %zero : f32 rows %c8 cols %c64 outs(%e : tensor<8x64xf32>) -> tensor<8x64xf32>
  %sum = scf.for %i = %c0 to %c16 step %c1 iter_args(%acc = %init) -> tensor<8x64xf32> {
    %offset = arith.muli %i, %c512 : index
    %t = npu.load %x[%offset] rows %c8 cols %c64 pitch %c64 outs(%e : tensor<8x64xf32>) {buffers = 2 : i64} : memref<8192xf32, #npu.space<gm>> -> tensor<8x64xf32>
    %new = npu.vec "vadd.f32" ins(%acc, %t : tensor<8x64xf32>, tensor<8x64xf32>) rows %c8 cols %c64 outs(%e : tensor<8x64xf32>) -> tensor<8x64xf32>
    scf.yield %new : tensor<8x64xf32>
  }
  npu.store %sum to %y[%c0] rows %c8 cols %c64 pitch %c64 : tensor<8x64xf32>, memref<512xf32, #npu.space<gm>>
  return
}

// -----

// The old maximum is still needed after the new one is known: the new one has its own buffer and is copied at the end.
// CHECK-LABEL: func.func private @rescale
// CHECK: %[[MAX:.*]] = memref.alloc() : memref<8x64xf32
// CHECK: %[[SUM:.*]] = memref.alloc() : memref<8x64xf32
// CHECK: scf.for
// CHECK: npu.vec "vmax.f32" ins(%[[MAX]], {{.*}} outs(%[[NEW:[^ ]*]] :
// CHECK: npu.vec "vsub.f32" ins(%[[MAX]], %[[NEW]] :{{.*}} outs(%[[DIFF:[^ ]*]] :
// CHECK: npu.vec "vmul.f32" ins(%[[SUM]], %[[DIFF]] :{{.*}} outs(%[[SUM]] :
// CHECK: npu.vec "vcopy.b32" ins(%[[NEW]] :{{.*}} outs(%[[MAX]] :
// CHECK: npu.store %[[SUM]]
func.func private @rescale(%x: memref<8192xf32, #npu.space<gm>>, %y: memref<512xf32, #npu.space<gm>>) attributes {npu.core = #npu.core<aiv>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %c16 = arith.constant 16 : index
  %c64 = arith.constant 64 : index
  %c512 = arith.constant 512 : index
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<8x64xf32>
  %init = npu.vec "vdup.b32" ins() value %zero : f32 rows %c8 cols %c64 outs(%e : tensor<8x64xf32>) -> tensor<8x64xf32>
  %one = npu.vec "vdup.b32" ins() value %zero : f32 rows %c8 cols %c64 outs(%e : tensor<8x64xf32>) -> tensor<8x64xf32>
  %r:2 = scf.for %i = %c0 to %c16 step %c1 iter_args(%max = %init, %sum = %one) -> (tensor<8x64xf32>, tensor<8x64xf32>) {
    %offset = arith.muli %i, %c512 : index
    %t = npu.load %x[%offset] rows %c8 cols %c64 pitch %c64 outs(%e : tensor<8x64xf32>) {buffers = 2 : i64} : memref<8192xf32, #npu.space<gm>> -> tensor<8x64xf32>
    %new = npu.vec "vmax.f32" ins(%max, %t : tensor<8x64xf32>, tensor<8x64xf32>) rows %c8 cols %c64 outs(%e : tensor<8x64xf32>) -> tensor<8x64xf32>
    %diff = npu.vec "vsub.f32" ins(%max, %new : tensor<8x64xf32>, tensor<8x64xf32>) rows %c8 cols %c64 outs(%e : tensor<8x64xf32>) -> tensor<8x64xf32>
    %scaled = npu.vec "vmul.f32" ins(%sum, %diff : tensor<8x64xf32>, tensor<8x64xf32>) rows %c8 cols %c64 outs(%e : tensor<8x64xf32>) -> tensor<8x64xf32>
    scf.yield %new, %scaled : tensor<8x64xf32>, tensor<8x64xf32>
  }
  npu.store %r#1 to %y[%c0] rows %c8 cols %c64 pitch %c64 : tensor<8x64xf32>, memref<512xf32, #npu.space<gm>>
  return
}

// -----

// Carried tiles that change places are copied before either is overwritten.
// CHECK-LABEL: func.func private @swap
// CHECK: %[[A:.*]] = memref.alloc() : memref<8x64xf32
// CHECK: %[[B:.*]] = memref.alloc() : memref<8x64xf32
// CHECK: scf.for
// CHECK: npu.vec "vcopy.b32" ins(%[[B]] :{{.*}} outs(%[[T:[^ ]*]] :
// CHECK: npu.vec "vcopy.b32" ins(%[[A]] :{{.*}} outs(%[[B]] :
// CHECK: npu.vec "vcopy.b32" ins(%[[T]] :{{.*}} outs(%[[A]] :
// CHECK: npu.store %[[A]]
func.func private @swap(%x: memref<8192xf32, #npu.space<gm>>, %y: memref<512xf32, #npu.space<gm>>) attributes {npu.core = #npu.core<aiv>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %c64 = arith.constant 64 : index
  %c512 = arith.constant 512 : index
  %e = tensor.empty() : tensor<8x64xf32>
  %p = npu.load %x[%c0] rows %c8 cols %c64 pitch %c64 outs(%e : tensor<8x64xf32>) : memref<8192xf32, #npu.space<gm>> -> tensor<8x64xf32>
  %q = npu.load %x[%c512] rows %c8 cols %c64 pitch %c64 outs(%e : tensor<8x64xf32>) : memref<8192xf32, #npu.space<gm>> -> tensor<8x64xf32>
  %r:2 = scf.for %i = %c0 to %c8 step %c1 iter_args(%a = %p, %b = %q) -> (tensor<8x64xf32>, tensor<8x64xf32>) {
    scf.yield %b, %a : tensor<8x64xf32>, tensor<8x64xf32>
  }
  npu.store %r#0 to %y[%c0] rows %c8 cols %c64 pitch %c64 : tensor<8x64xf32>, memref<512xf32, #npu.space<gm>>
  return
}
