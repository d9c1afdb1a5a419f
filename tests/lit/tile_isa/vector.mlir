// Vector instructions: pitches from the tiles' types, 0 for a tile of one row; values as bits.
// RUN: phx-opt %s --phx-lower-kernels | FileCheck %s

#ub = #npu.space<ub>

// CHECK-LABEL: visa.kernel @sums
// CHECK-DAG: %[[ROW:.*]] = visa.inst "mov.b64"(imm) ext 35218732089404 
// CHECK-DAG: %[[COLUMN:.*]] = visa.inst "mov.b64"(imm) ext 4538818359459900 
// CHECK-DAG: %[[SUM:.*]] = visa.inst "mov.b64"(imm) ext 35184372351036 
// CHECK-DAG: %[[BLOCKS:.*]] = visa.inst "mov.b64"(imm) ext 4295229440 
// CHECK-DAG: %[[MASK:.*]] = visa.inst "mov.b64"(imm) ext 35188667318332 
// CHECK-DAG: %[[BYTES:.*]] = visa.inst "mov.b32"(imm) ext 32 
// CHECK: visa.inst "vadd.f32"(zero, zero, imm, %[[ROW]]) ext 1024
// CHECK-NEXT: visa.inst "vsub.bblk.f32"(zero, zero, imm, %[[COLUMN]]) ext 2048
// CHECK-NEXT: visa.inst "vmuls.f32"(zero, zero, imm, %[[ROW]]) ext 1056964608
// CHECK-NEXT: visa.inst "vexp.f32"(zero, zero, _, imm) ext 35218732089404
// CHECK-NEXT: visa.inst "vcadd.f32"(imm, zero, _, %[[SUM]]) ext 3072
// CHECK-NEXT: visa.inst "vbrcb.b32"(imm, %{{.*}}, _, %[[BLOCKS]]) ext 2048
// CHECK-NEXT: visa.inst "vcmp.lt.f32"(imm, zero, %{{.*}}, %[[MASK]]) ext 4096
// CHECK-NEXT: visa.inst "set_cmpmask"(imm, %[[BYTES]]) ext 4096
// CHECK-NEXT: visa.inst "vsel.b32"(zero, zero, imm, %[[ROW]]) ext 1024
// CHECK-NEXT: visa.inst "vdup.b32"(zero, _, imm, %{{.*}}) ext 1056964608
func.func private @sums() attributes {npu.core = #npu.core<aiv>} {
  %c4 = arith.constant 4 : index
  %c60 = arith.constant 60 : index
  %half = arith.constant 0.5 : f32
  %x = memref.alloc() {npu.address = 0 : i64} : memref<4x64xf32, #ub>
  %row = memref.alloc() {npu.address = 1024 : i64} : memref<1x64xf32, #ub>
  %col = memref.alloc() {npu.address = 2048 : i64} : memref<4x8xf32, #ub>
  %sum = memref.alloc() {npu.address = 3072 : i64} : memref<1x8xf32, #ub>
  %mask = memref.alloc() {npu.address = 4096 : i64} : memref<4x32xi8, #ub>
  npu.vec "vadd.f32" ins(%x, %row : memref<4x64xf32, #ub>, memref<1x64xf32, #ub>) rows %c4 cols %c60 outs(%x : memref<4x64xf32, #ub>)
  npu.vec "vsub.bblk.f32" ins(%x, %col : memref<4x64xf32, #ub>, memref<4x8xf32, #ub>) rows %c4 cols %c60 outs(%x : memref<4x64xf32, #ub>)
  npu.vec "vmuls.f32" ins(%x : memref<4x64xf32, #ub>) value %half : f32 rows %c4 cols %c60 outs(%x : memref<4x64xf32, #ub>)
  npu.vec "vexp.f32" ins(%x : memref<4x64xf32, #ub>) rows %c4 cols %c60 outs(%x : memref<4x64xf32, #ub>)
  npu.vec "vcadd.f32" ins(%x : memref<4x64xf32, #ub>) rows %c4 cols %c60 outs(%sum : memref<1x8xf32, #ub>)
  npu.vec "vbrcb.b32" ins(%sum : memref<1x8xf32, #ub>) rows %c4 cols %c60 outs(%col : memref<4x8xf32, #ub>)
  npu.vec "vcmp.lt.f32" ins(%x, %row : memref<4x64xf32, #ub>, memref<1x64xf32, #ub>) rows %c4 cols %c60 outs(%mask : memref<4x32xi8, #ub>)
  npu.vec "vsel.b32" ins(%mask, %x, %row : memref<4x32xi8, #ub>, memref<4x64xf32, #ub>, memref<1x64xf32, #ub>) rows %c4 cols %c60 outs(%x : memref<4x64xf32, #ub>)
  npu.vec "vdup.b32" ins() value %half : f32 rows %c4 cols %c60 outs(%x : memref<4x64xf32, #ub>)
  return
}

// Rows of 32 KiB and more lie too far apart for the pitch fields: one row at a time.
// CHECK-LABEL: visa.kernel @far_rows
// CHECK: visa.loop
// CHECK: %[[AT:.*]] = visa.inst "shl.b64"(%{{.*}}, imm) ext 15
// CHECK-NEXT: visa.inst "vabs.f16"(%[[AT]], %[[AT]], _, imm) ext 65538
func.func private @far_rows(%n: memref<1xf32, #npu.space<gm>>) attributes {npu.core = #npu.core<aiv>} {
  %c2 = arith.constant 2 : index
  %x = memref.alloc() {npu.address = 0 : i64} : memref<2x16384xf16, #ub>
  npu.vec "vabs.f16" ins(%x : memref<2x16384xf16, #ub>) rows %c2 cols %c2 outs(%x : memref<2x16384xf16, #ub>)
  %y = memref.alloc() {npu.address = 65536 : i64} : memref<2x32768xf16, #ub>
  npu.vec "vabs.f16" ins(%y : memref<2x32768xf16, #ub>) rows %c2 cols %c2 outs(%y : memref<2x32768xf16, #ub>)
  return
}
