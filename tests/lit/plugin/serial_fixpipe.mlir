// The example of docs/add_a_pass.md, loaded into phx-opt.
// RUN: phx-opt %s --load-pass-plugin=%plugins/libSerialFixpipe.so \
// RUN:   --pass-pipeline='builtin.module(func.func(serial-fixpipe))' | FileCheck %s

// CHECK-LABEL: @product
// CHECK: npu.mmad {{.*}} init %true outs
// CHECK: npu.fixpipe relu %
func.func private @product(%c: memref<256xf32, #npu.space<gm>>) attributes {npu.core = #npu.core<aic>} {
  %c0 = arith.constant 0 : index
  %n = arith.constant 16 : index
  %true = arith.constant true
  %a = memref.alloc() {npu.address = 0 : i64} : memref<16x16xf16, #npu.space<l0a>>
  %b = memref.alloc() {npu.address = 0 : i64} : memref<16x16xf16, #npu.space<l0b>>
  %acc = memref.alloc() {npu.address = 0 : i64} : memref<16x16xf32, #npu.space<l0c>>
  npu.mmad %a, %b m %n n %n k %n init %true unit %true outs(%acc : memref<16x16xf32, #npu.space<l0c>>)
    : memref<16x16xf16, #npu.space<l0a>>, memref<16x16xf16, #npu.space<l0b>>
  npu.fixpipe relu unit %acc to %c[%c0] m %n n %n pitch %n : memref<16x16xf32, #npu.space<l0c>>, memref<256xf32, #npu.space<gm>>
  return
}
