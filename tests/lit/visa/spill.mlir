// More live values than registers: the farthest go to local memory.
// RUN: phx-opt %s --phx-allocate-registers="lane=4 scalar=2" | FileCheck %s

// CHECK-LABEL: visa.kernel @many
// CHECK-SAME: lane_registers = 4
// CHECK: st.local.b32
// CHECK: ld.local.b32
visa.kernel @many {
  %base = visa.inst "ld.param.b64"(zero, zero) : () -> !visa.s
  %lane = visa.inst "rdsr.laneid.u32"() : () -> !visa.r<1>
  %a = visa.inst "ld.gm.x2.b32"(%base, %lane) : (!visa.s, !visa.r<1>) -> !visa.r<1>
  %b = visa.inst "ld.gm.x2.b32"(%base, %lane) ext 128 : (!visa.s, !visa.r<1>) -> !visa.r<1>
  %c = visa.inst "ld.gm.x2.b32"(%base, %lane) ext 256 : (!visa.s, !visa.r<1>) -> !visa.r<1>
  %d = visa.inst "ld.gm.x2.b32"(%base, %lane) ext 384 : (!visa.s, !visa.r<1>) -> !visa.r<1>
  %e = visa.inst "ld.gm.x2.b32"(%base, %lane) ext 512 : (!visa.s, !visa.r<1>) -> !visa.r<1>
  %ab = visa.inst "mul.u32"(%a, %e) : (!visa.r<1>, !visa.r<1>) -> !visa.r<1>
  %cd = visa.inst "mul.u32"(%b, %d) : (!visa.r<1>, !visa.r<1>) -> !visa.r<1>
  %s1 = visa.inst "add.u32"(%ab, %cd) : (!visa.r<1>, !visa.r<1>) -> !visa.r<1>
  %s2 = visa.inst "add.u32"(%s1, %c) : (!visa.r<1>, !visa.r<1>) -> !visa.r<1>
  %s3 = visa.inst "add.u32"(%s2, %a) : (!visa.r<1>, !visa.r<1>) -> !visa.r<1>
  %s4 = visa.inst "add.u32"(%s3, %b) : (!visa.r<1>, !visa.r<1>) -> !visa.r<1>
  visa.inst "st.gm.x2.b32"(%base, %lane, %s4) : (!visa.s, !visa.r<1>, !visa.r<1>) -> ()
  visa.end
}
