// mmad and fixpipe.
// RUN: phx-opt %s --phx-lower-kernels | FileCheck %s

#gm = #npu.space<gm>
#l1 = #npu.space<l1>
#l0a = #npu.space<l0a>
#l0b = #npu.space<l0b>
#l0c = #npu.space<l0c>
#bt = #npu.space<bt>

// The shape is one constant; a start that is known only at run time is chosen beside it (from the bias table at 128 = 2 * 64 bytes).
// CHECK-LABEL: visa.kernel @product attributes {npu.core = #npu.core<aic>}
// CHECK-DAG: %[[LAST:.*]] = visa.inst "mov.b64"(imm) ext 275414843432 
// CHECK: visa.loop
// CHECK: %[[FIRST:.*]] = visa.inst "setp.eq.s64"(%{{.*}}, zero)
// CHECK: %[[START:.*]] = visa.inst "sel.b64"(imm, zero, %[[FIRST]]) ext 2405181685760
// CHECK: %[[CONFIG:.*]] = visa.inst "or.b64"(%[[START]], imm) ext 536936488
// CHECK: visa.inst "mmad.f16"(zero, zero, imm, %[[CONFIG]]) ext 512
// CHECK: visa.inst "mmad.f16"(zero, zero, imm, %[[LAST]]) ext 512
// CHECK: %[[TO:.*]] = visa.inst "add.u64"(%{{.*}}, imm) ext 8 
// CHECK: visa.inst "fixpipe.gm.f32.relu.unit.f16"(%[[TO]], zero, imm, %{{.*}}) ext 50462760
func.func private @product(%c: memref<4096xf16, #gm>) attributes {npu.core = #npu.core<aic>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %m = arith.constant 40 : index
  %n = arith.constant 32 : index
  %k = arith.constant 16 : index
  %false = arith.constant false
  %true = arith.constant true
  %a = memref.alloc() {npu.address = 0 : i64} : memref<48x16xf16, #l0a>
  %b = memref.alloc() {npu.address = 512 : i64} : memref<16x32xf16, #l0b>
  %t = memref.alloc() {npu.address = 128 : i64} : memref<1x32xf32, #bt>
  %acc = memref.alloc() {npu.address = 0 : i64} : memref<48x32xf32, #l0c>
  scf.for %i = %c0 to %c4 step %c1 {
    %first = arith.cmpi eq, %i, %c0 : index
    npu.mmad %a, %b bias %t : memref<1x32xf32, #bt> m %m n %n k %k init %first outs(%acc : memref<48x32xf32, #l0c>)
      : memref<48x16xf16, #l0a>, memref<16x32xf16, #l0b>
  }
  npu.mmad %a, %b m %m n %n k %k init %false unit %true outs(%acc : memref<48x32xf32, #l0c>) : memref<48x16xf16, #l0a>, memref<16x32xf16, #l0b>
  npu.fixpipe relu unit %acc to %c[%c4] m %m n %n pitch %n : memref<48x32xf32, #l0c>, memref<4096xf16, #gm>
  return
}

// CHECK-LABEL: visa.kernel @bytes
// CHECK: visa.inst "dma_nd2nz.e4m3"
// CHECK: visa.inst "l1_l0a.e4m3"
// CHECK: visa.inst "mmad.e4m3"
// CHECK: visa.inst "mmad.e5m2"
func.func private @bytes(%x: memref<4096xf8E4M3FN, #gm>) attributes {npu.core = #npu.core<aic>} {
  %c0 = arith.constant 0 : index
  %m = arith.constant 16 : index
  %k = arith.constant 32 : index
  %true = arith.constant true
  %l = memref.alloc() {npu.address = 0 : i64} : memref<16x32xf8E4M3FN, #l1>
  %a = memref.alloc() {npu.address = 0 : i64} : memref<16x32xf8E4M3FN, #l0a>
  %b = memref.alloc() {npu.address = 0 : i64} : memref<32x16xf8E4M3FN, #l0b>
  %c = memref.alloc() {npu.address = 512 : i64} : memref<16x32xf8E5M2, #l0a>
  %d = memref.alloc() {npu.address = 512 : i64} : memref<32x16xf8E5M2, #l0b>
  %acc = memref.alloc() {npu.address = 0 : i64} : memref<16x16xf32, #l0c>
  npu.load %x[%c0] rows %m cols %k pitch %k outs(%l : memref<16x32xf8E4M3FN, #l1>) : memref<4096xf8E4M3FN, #gm>
  npu.extract %l[%c0, %c0] rows %m cols %k outs(%a : memref<16x32xf8E4M3FN, #l0a>) : memref<16x32xf8E4M3FN, #l1>
  npu.mmad %a, %b m %m n %m k %k init %true outs(%acc : memref<16x16xf32, #l0c>) : memref<16x32xf8E4M3FN, #l0a>, memref<32x16xf8E4M3FN, #l0b>
  npu.mmad %c, %d m %m n %m k %k init %true outs(%acc : memref<16x16xf32, #l0c>) : memref<16x32xf8E5M2, #l0a>, memref<32x16xf8E5M2, #l0b>
  return
}

// CHECK-LABEL: visa.kernel @scaled
// CHECK: visa.inst "set_quant.f32"(imm) ext 1056964608
// CHECK-NEXT: visa.inst "fixpipe.gm.s32.quant.s8"(%{{.*}}, zero, imm, %{{.*}}) ext 16842768
func.func private @scaled(%c: memref<4096xi8, #gm>) attributes {npu.core = #npu.core<aic>} {
  %c0 = arith.constant 0 : index
  %m = arith.constant 16 : index
  %acc = memref.alloc() {npu.address = 0 : i64} : memref<16x16xi32, #l0c>
  npu.fixpipe quant 0.5 %acc to %c[%c0] m %m n %m pitch %m : memref<16x16xi32, #l0c>, memref<4096xi8, #gm>
  return
}
