// Stage 1 prints what it parses.
// RUN: phx-opt %s | phx-opt | FileCheck %s

// CHECK-LABEL: visa.kernel @k
visa.kernel @k {
  // CHECK: visa.inst "ld.param.b64"(zero, zero) ext 8 : () -> !visa.s
  %base = visa.inst "ld.param.b64"(zero, zero) ext 8 : () -> !visa.s
  %lane = visa.inst "rdsr.laneid.u32"() : () -> !visa.r<1>
  // CHECK: visa.inst "setp.lt.s32"(%{{.*}}, imm) ext 7
  %p = visa.inst "setp.lt.s32"(%lane, imm) ext 7 : (!visa.r<1>) -> !visa.p
  // CHECK: visa.if divergent %{{.*}} : !visa.r<1>
  %x = visa.if divergent %p : !visa.r<1> {
    // CHECK: visa.inst "ld.gm.x2.b32"
    %l = visa.inst "ld.gm.x2.b32"(%base, %lane) : (!visa.s, !visa.r<1>) -> !visa.r<1>
    visa.yield %l : !visa.r<1>
  } else {
    visa.yield %lane : !visa.r<1>
  }
  // CHECK: visa.loop %{{.*}} : (!visa.r<1>) -> !visa.r<1>
  %y = visa.loop %x : (!visa.r<1>) -> !visa.r<1> {
  ^bb0(%i: !visa.r<1>):
    %n = visa.inst "add.u32"(%i, imm) ext 1 : (!visa.r<1>) -> !visa.r<1>
    // CHECK: visa.next %{{.*}} carry(%{{.*}}) leave(%{{.*}})
    visa.next %p carry(%n) leave(%n) : (!visa.r<1>), (!visa.r<1>)
  }
  visa.inst "st.gm.x2.b32"(%base, %lane, %y) : (!visa.s, !visa.r<1>, !visa.r<1>) -> ()
  visa.end
}
