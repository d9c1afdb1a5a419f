// Flags take their event id as base and copy number.
// RUN: phx-opt %s --phx-lower-kernels | FileCheck %s

#ub = #npu.space<ub>
// CHECK-LABEL: visa.kernel @flags
// CHECK: %[[SLOT:.*]] = visa.inst "rem.s64"(%{{.*}}, imm) ext 3
// CHECK-NEXT: visa.inst "set_flag.mte2.v.id2"(%[[SLOT]])
// CHECK-NEXT: visa.inst "wait_flag.mte2.v.id2"(%[[SLOT]])
// CHECK: visa.inst "set_flag.v.mte3"(zero)
// CHECK-NEXT: visa.inst "pipe_barrier.all"()
// CHECK-NEXT: visa.inst "cross_set.mode2.mte3.id4"()
// CHECK-NEXT: visa.inst "cross_wait.mode2.v.id5"()
func.func private @flags() attributes {npu.core = #npu.core<aiv>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %c9 = arith.constant 9 : index
  scf.for %i = %c0 to %c9 step %c1 {
    %s = arith.remsi %i, %c3 : index
    npu.set_flag <mte2> to <v> id 2 + %s
    npu.wait_flag <mte2> to <v> id 2 + %s
  }
  npu.set_flag <v> to <mte3> id 0
  npu.pipe_barrier <all>
  npu.cross_set mode 2 <mte3> id 4
  npu.cross_wait mode 2 <v> id 5
  return
}
