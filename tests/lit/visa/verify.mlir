// RUN: phx-opt %s -split-input-file -verify-diagnostics

visa.kernel @scalar_from_lane {
  %lane = visa.inst "rdsr.laneid.u32"() : () -> !visa.r<1>
  // expected-error @below {{a scalar result cannot have a lane source}}
  %s = visa.inst "add.u32"(%lane, imm) ext 1 : (!visa.r<1>) -> !visa.s
  visa.end
}

// -----

visa.kernel @missing_slot {
  // expected-error @below {{slot b is missing}}
  %s = visa.inst "add.u32"(imm) ext 1 : () -> !visa.s
  visa.end
}

// -----

visa.kernel @scalar_leaves_divergent_if {
  %lane = visa.inst "rdsr.laneid.u32"() : () -> !visa.r<1>
  %p = visa.inst "setp.eq.u32"(%lane, zero) : (!visa.r<1>) -> !visa.p
  %s = visa.inst "rdsr.ctaid.x.u32"() : () -> !visa.s
  // expected-error @below {{is divergent and has a scalar result}}
  %x = visa.if divergent %p : !visa.s {
    visa.yield %s : !visa.s
  } else {
    visa.yield %s : !visa.s
  }
  visa.end
}

// -----

visa.kernel @unknown {
  // expected-error @below {{'frob.u32' is not an instruction of the ISA table}}
  visa.inst "frob.u32"() : () -> ()
  visa.end
}
