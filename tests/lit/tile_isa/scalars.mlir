// Scalar code: index arithmetic on values known not to be negative, loops, branches, slots.
// RUN: phx-opt %s --phx-lower-kernels | FileCheck %s

#gm = #npu.space<gm>
#ub = #npu.space<ub>
// CHECK-LABEL: visa.kernel @sizes
// CHECK: %[[CORE:.*]] = visa.inst "rdsr.block_idx.u32"()
// CHECK: %[[RUNS:.*]] = visa.inst "setp.lt.s64"(%[[CORE]], imm) ext 64
// CHECK: %[[TURNS:.*]] = visa.if %[[RUNS]] : !visa.s
// CHECK: visa.loop %[[CORE]], %{{.*}} : (!visa.s, !visa.s) -> !visa.s
// CHECK: ^bb0(%[[I:.*]]: !visa.s, %[[TURN:.*]]: !visa.s)
// CHECK-NEXT: visa.inst "shr.u64"(%[[I]], imm) ext 3
// CHECK-NEXT: visa.inst "and.b64"(%[[I]], imm) ext 7
// CHECK-NEXT: visa.inst "div.s64"(%[[I]], imm) ext 3
// CHECK-NEXT: %[[ABOVE:.*]] = visa.inst "add.u64"(%[[I]], imm) ext 7
// CHECK-NEXT: visa.inst "shr.u64"(%[[ABOVE]], imm) ext 3
// CHECK: %[[ROWS:.*]] = visa.if
// CHECK: visa.inst "min.s64"
// CHECK: visa.inst "max.s64"
// CHECK: %[[COPY:.*]] = visa.inst "and.b64"(%[[TURN]], imm) ext 1
// CHECK-NEXT: %[[AT:.*]] = visa.inst "shl.b64"(%[[COPY]], imm) ext 11
// CHECK: %[[BYTES:.*]] = visa.inst "shl.b64"(%[[ROWS]], imm) ext 24
// CHECK: %[[BURST:.*]] = visa.inst "or.b64"(%[[BYTES]], imm) ext 1
// CHECK: visa.inst "dma_gm_ub.pad"(%[[AT]], %{{.*}}, %[[BURST]], zero)
// CHECK: visa.next %{{.*}} carry(%{{.*}}, %[[NEXT:.*]]) leave(%[[NEXT]])
// CHECK: visa.inst "setp.lt.s64"(zero, %[[TURNS]])
// CHECK: visa.inst "pipe_barrier.v"
func.func private @sizes(%a: memref<4096xf32, #gm>) attributes {npu.core = #npu.core<aiv>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %c8 = arith.constant 8 : index
  %c24 = arith.constant 24 : index
  %c64 = arith.constant 64 : index
  %t = memref.alloc() {npu.address = 0 : i64} : memref<2x8x64xf32, #ub>
  %core = npu.block_idx
  %last = scf.for %i = %core to %c64 step %c24 iter_args(%turn = %c0) -> index {
    %y = arith.divsi %i, %c8 : index
    %x = arith.remsi %i, %c8 : index
    %z = arith.floordivsi %i, %c3 : index
    %up = arith.ceildivsi %i, %c8 : index
    %even = arith.cmpi eq, %x, %c0 : index
    %rows = scf.if %even -> index {
      %r = arith.minsi %y, %c8 : index
      scf.yield %r : index
    } else {
      %r = arith.maxsi %z, %up : index
      scf.yield %r : index
    }
    %at = arith.muli %i, %c64 : index
    %s = npu.slot %t[%turn] : memref<2x8x64xf32, #ub> -> memref<8x64xf32, #ub>
    npu.load %a[%at] rows %rows cols %c64 pitch %c64 outs(%s : memref<8x64xf32, #ub>) : memref<4096xf32, #gm>
    %next = arith.addi %turn, %c1 : index
    scf.yield %next : index
  }
  scf.for %j = %c0 to %last step %c1 {
    npu.pipe_barrier <v>
  }
  return
}
