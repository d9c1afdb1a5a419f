// Loads, stores and what MTE1 moves: addresses, bursts, strides, layouts (isa.def section 9). Sizes that are constant fold into
// the packed words.
// RUN: phx-opt %s --phx-lower-kernels | FileCheck %s

#gm = #npu.space<gm>
#ub = #npu.space<ub>
#l1 = #npu.space<l1>

// One row needs no strides. Bursts: 1 | 256 bytes << 16.
// CHECK-LABEL: visa.kernel @one_row attributes {npu.core = #npu.core<aiv>}
// CHECK-DAG: %[[BURST:.*]] = visa.inst "mov.b32"(imm) ext 16777217
// CHECK-DAG: %[[B:.*]] = visa.inst "ld.param.b64"(zero, zero) ext 8 :
// CHECK-DAG: %[[A:.*]] = visa.inst "ld.param.b64"(zero, zero) :
// CHECK: visa.inst "dma_gm_ub.pad"(imm, %[[A]], %[[BURST]], zero) ext 96
// CHECK-NEXT: visa.inst "dma_ub_gm.pad"(%[[B]], imm, %[[BURST]], zero) ext 96
func.func private @one_row(%a: memref<64xf32, #gm>, %b: memref<64xf32, #gm>) attributes {npu.core = #npu.core<aiv>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  %t = memref.alloc() {npu.address = 96 : i64} : memref<1x64xf32, #ub>
  npu.load %a[%c0] rows %c1 cols %c64 pitch %c64 outs(%t : memref<1x64xf32, #ub>) : memref<64xf32, #gm>
  npu.store %t to %b[%c0] rows %c1 cols %c64 pitch %c64 : memref<1x64xf32, #ub>, memref<64xf32, #gm>
  return
}

// 8 rows of 32 bytes, 200 bytes apart in device memory; then rows that touch on both sides: one burst of 256 bytes; then 16 of
// the 32 bytes of each row back, 32 bytes apart in UB.
// CHECK-LABEL: visa.kernel @rows
// CHECK-DAG: %[[IN:.*]] = visa.inst "mov.b64"(imm) ext 137438953672
// CHECK-DAG: %[[OUT:.*]] = visa.inst "mov.b64"(imm) ext 858993459232
// CHECK: %[[AT:.*]] = visa.inst "add.u64"(%{{.*}}, imm) ext 200
// CHECK: visa.inst "dma_gm_ub.pad"(zero, %[[AT]], imm, %[[IN]]) ext 2097160
// CHECK-NEXT: visa.inst "dma_gm_ub.pad"(zero, %{{.*}}, imm, zero) ext 16777217
// CHECK-NEXT: visa.inst "dma_ub_gm.pad"(%{{.*}}, zero, imm, %[[OUT]]) ext 1048584
func.func private @rows(%a: memref<4096xf16, #gm>) attributes {npu.core = #npu.core<aiv>} {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %c16 = arith.constant 16 : index
  %c100 = arith.constant 100 : index
  %t = memref.alloc() {npu.address = 0 : i64} : memref<8x16xf16, #ub>
  npu.load %a[%c100] rows %c8 cols %c16 pitch %c100 outs(%t : memref<8x16xf16, #ub>) : memref<4096xf16, #gm>
  npu.load %a[%c0] rows %c8 cols %c16 pitch %c16 outs(%t : memref<8x16xf16, #ub>) : memref<4096xf16, #gm>
  npu.store %t to %a[%c0] rows %c8 cols %c8 pitch %c100 : memref<8x16xf16, #ub>, memref<4096xf16, #gm>
  return
}

// Column blocks of a 40-row tile lie 48 rows apart. Element (16, 32) is row 16 of block 2: 2 * 48 * 32 + 16 * 32 = 3584. The row for
// the bias table is loaded as it is.
// CHECK-LABEL: visa.kernel @matrix
// CHECK-DAG: %[[PITCH:.*]] = visa.inst "mov.b32"(imm) ext 128 
// CHECK-DAG: %[[PART:.*]] = visa.inst "mov.b32"(imm) ext 3584 
// CHECK-DAG: %[[BLOCK:.*]] = visa.inst "mov.b32"(imm) ext 1536 
// CHECK-DAG: %[[SHAPE:.*]] = visa.inst "mov.b64"(imm) ext 206158561282 
// CHECK: visa.inst "dma_nd2nz.f16"(zero, %{{.*}}, imm, %[[PITCH]]) ext 206162624532
// CHECK-NEXT: visa.inst "dma_gm_l1.pad"(imm, %{{.*}}, %{{.*}}, zero) ext 32768
// CHECK-NEXT: visa.inst "l1_l0a.f16"(imm, %[[PART]], %[[SHAPE]]) ext 512
// CHECK-NEXT: visa.inst "l1_l0b.trans.f16"(imm, %[[BLOCK]], %[[SHAPE]]) ext 1024
// CHECK-NEXT: visa.inst "l1_bt.f32"(imm, %{{.*}}, %{{.*}}) ext 64
func.func private @matrix(%a: memref<4096xf16, #gm>, %n: memref<64xf32, #gm>) attributes {npu.core = #npu.core<aic>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c20 = arith.constant 20 : index
  %c32 = arith.constant 32 : index
  %c16 = arith.constant 16 : index
  %c64 = arith.constant 64 : index
  %t = memref.alloc() {npu.address = 0 : i64} : memref<40x64xf16, #l1>
  %r = memref.alloc() {npu.address = 32768 : i64} : memref<1x64xf32, #l1>
  %l0a = memref.alloc() {npu.address = 512 : i64} : memref<32x32xf16, #npu.space<l0a>>
  %l0b = memref.alloc() {npu.address = 1024 : i64} : memref<32x32xf16, #npu.space<l0b>>
  %bt = memref.alloc() {npu.address = 64 : i64} : memref<1x64xf32, #npu.space<bt>>
  npu.load %a[%c0] rows %c20 cols %c64 pitch %c64 outs(%t : memref<40x64xf16, #l1>) : memref<4096xf16, #gm>
  npu.load %n[%c0] rows %c1 cols %c64 pitch %c64 outs(%r : memref<1x64xf32, #l1>) : memref<64xf32, #gm>
  npu.extract %t[%c16, %c32] rows %c20 cols %c32 outs(%l0a : memref<32x32xf16, #npu.space<l0a>>) : memref<40x64xf16, #l1>
  npu.extract trans %t[%c0, %c16] rows %c32 cols %c20 outs(%l0b : memref<32x32xf16, #npu.space<l0b>>) : memref<40x64xf16, #l1>
  npu.load_bias %r cols %c64 outs(%bt : memref<1x64xf32, #npu.space<bt>>) : memref<1x64xf32, #l1>
  return
}
