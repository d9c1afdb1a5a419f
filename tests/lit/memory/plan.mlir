// Addresses in the buffers of a core and offsets in the workspace.
// RUN: phx-opt %s --phx-plan --split-input-file | FileCheck %s
// RUN: phx-opt %s --phx-plan --split-input-file --remarks-filter-missed=plan --remark-policy=all --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=REMARK

// The loaded tile has bytes of its own; temporaries of the vector pipe share theirs once they are dead. Rows are padded to 32 bytes.
// CHECK-LABEL: func.func private @temporaries
// CHECK: memref.alloc() {npu.address = [[#LOADED:]] : i64} : memref<8x60xf32
// CHECK: memref.alloc() {npu.address = [[#A:]] : i64}
// CHECK: memref.alloc() {npu.address = [[#B:A+2048]] : i64}
// CHECK: memref.alloc() {npu.address = [[#A]] : i64}
func.func private @temporaries(%x: memref<8192xf32, #npu.space<gm>>) attributes {npu.core = #npu.core<aiv>} {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %t = memref.alloc() : memref<8x60xf32, #npu.space<ub>>
  npu.load %x[%c0] rows %c8 cols %c8 pitch %c8 outs(%t : memref<8x60xf32, #npu.space<ub>>) : memref<8192xf32, #npu.space<gm>>
  %a = memref.alloc() : memref<8x60xf32, #npu.space<ub>>
  npu.vec "vabs.f32" ins(%t : memref<8x60xf32, #npu.space<ub>>) rows %c8 cols %c8 outs(%a : memref<8x60xf32, #npu.space<ub>>)
  %b = memref.alloc() : memref<8x60xf32, #npu.space<ub>>
  npu.vec "vabs.f32" ins(%a : memref<8x60xf32, #npu.space<ub>>) rows %c8 cols %c8 outs(%b : memref<8x60xf32, #npu.space<ub>>)
  %c = memref.alloc() : memref<8x60xf32, #npu.space<ub>>
  npu.vec "vabs.f32" ins(%b : memref<8x60xf32, #npu.space<ub>>) rows %c8 cols %c8 outs(%c : memref<8x60xf32, #npu.space<ub>>)
  return
}

// -----

// Two copies of both tiles need 256 KiB of UB; the larger tile loses its second copy.
// REMARK: remark: {{.*}}one copy instead of 2: ub is too small for all
// CHECK-LABEL: func.func private @crowded
// CHECK: memref.alloc() {npu.address = 0 : i64} : memref<96x256xf32, #npu.space<ub>>
// CHECK: memref.alloc() {npu.address = 98304 : i64} : memref<2x32x256xf32, #npu.space<ub>>
func.func private @crowded(%x: memref<65536xf32, #npu.space<gm>>) attributes {npu.core = #npu.core<aiv>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %r = scf.for %i = %c0 to %c8 step %c1 iter_args(%n = %c0) -> (index) {
    %a = memref.alloc() : memref<2x96x256xf32, #npu.space<ub>>
    %a0 = npu.slot %a[%n] : memref<2x96x256xf32, #npu.space<ub>> -> memref<96x256xf32, #npu.space<ub>>
    %b = memref.alloc() : memref<2x32x256xf32, #npu.space<ub>>
    %b0 = npu.slot %b[%n] : memref<2x32x256xf32, #npu.space<ub>> -> memref<32x256xf32, #npu.space<ub>>
    npu.load %x[%c0] rows %c8 cols %c8 pitch %c8 outs(%a0 : memref<96x256xf32, #npu.space<ub>>) : memref<65536xf32, #npu.space<gm>>
    npu.load %x[%c0] rows %c8 cols %c8 pitch %c8 outs(%b0 : memref<32x256xf32, #npu.space<ub>>) : memref<65536xf32, #npu.space<gm>>
    npu.store %a0 to %x[%c0] rows %c8 cols %c8 pitch %c8 : memref<96x256xf32, #npu.space<ub>>, memref<65536xf32, #npu.space<gm>>
    npu.store %b0 to %x[%c0] rows %c8 cols %c8 pitch %c8 : memref<32x256xf32, #npu.space<ub>>, memref<65536xf32, #npu.space<gm>>
    %m = arith.addi %n, %c1 : index
    scf.yield %m : index
  }
  return
}

// -----

// Fractals of L0 are 512 bytes, accumulators come in blocks of 16 x 16 x 4 bytes, NZ tiles are padded both ways.
// CHECK-LABEL: func.func private @fractals
// CHECK: npu.address = 0 : i64} : memref<17x40xf16, #npu.space<l1>>
// CHECK: npu.address = 3072 : i64} : memref<17x40xf16, #npu.space<l1>>
// CHECK: npu.address = 0 : i64} : memref<17x40xf16, #npu.space<l0a>>
// CHECK: npu.address = 0 : i64} : memref<40x17xf16, #npu.space<l0b>>
// CHECK: npu.address = 0 : i64} : memref<17x17xf32, #npu.space<l0c>>
// CHECK: npu.address = 4096 : i64} : memref<17x17xf32, #npu.space<l0c>>
func.func private @fractals(%x: memref<8192xf16, #npu.space<gm>>, %y: memref<8192xf32, #npu.space<gm>>) attributes {npu.core = #npu.core<aic>} {
  %c0 = arith.constant 0 : index
  %c17 = arith.constant 17 : index
  %c40 = arith.constant 40 : index
  %true = arith.constant true
  %a = memref.alloc() : memref<17x40xf16, #npu.space<l1>>
  %b = memref.alloc() : memref<17x40xf16, #npu.space<l1>>
  npu.load %x[%c0] rows %c17 cols %c40 pitch %c40 outs(%a : memref<17x40xf16, #npu.space<l1>>) : memref<8192xf16, #npu.space<gm>>
  npu.load %x[%c0] rows %c17 cols %c40 pitch %c40 outs(%b : memref<17x40xf16, #npu.space<l1>>) : memref<8192xf16, #npu.space<gm>>
  %l0a = memref.alloc() : memref<17x40xf16, #npu.space<l0a>>
  npu.extract %a[%c0, %c0] rows %c17 cols %c40 outs(%l0a : memref<17x40xf16, #npu.space<l0a>>) : memref<17x40xf16, #npu.space<l1>>
  %l0b = memref.alloc() : memref<40x17xf16, #npu.space<l0b>>
  npu.extract %b[%c0, %c0] rows %c40 cols %c17 outs(%l0b : memref<40x17xf16, #npu.space<l0b>>) : memref<17x40xf16, #npu.space<l1>>
  %c = memref.alloc() : memref<17x17xf32, #npu.space<l0c>>
  %d = memref.alloc() : memref<17x17xf32, #npu.space<l0c>>
  npu.mmad %l0a, %l0b m %c17 n %c17 k %c40 init %true outs(%c : memref<17x17xf32, #npu.space<l0c>>) : memref<17x40xf16, #npu.space<l0a>>, memref<40x17xf16, #npu.space<l0b>>
  npu.mmad %l0a, %l0b m %c17 n %c17 k %c40 init %true outs(%d : memref<17x17xf32, #npu.space<l0c>>) : memref<17x40xf16, #npu.space<l0a>>, memref<40x17xf16, #npu.space<l0b>>
  npu.fixpipe %c to %y[%c0] m %c17 n %c17 pitch %c17 : memref<17x17xf32, #npu.space<l0c>>, memref<8192xf32, #npu.space<gm>>
  npu.fixpipe %d to %y[%c0] m %c17 n %c17 pitch %c17 : memref<17x17xf32, #npu.space<l0c>>, memref<8192xf32, #npu.space<gm>>
  return
}

// -----

// A chain of kernels needs two intermediate buffers at a time; the third takes the place of the first. Parts start at 512 bytes.
// CHECK-LABEL: func.func @main
// CHECK: memref.alloc() {npu.address = [[#A:]] : i64} : memref<1000xf32
// CHECK: memref.alloc() {npu.address = [[#]] : i64} : memref<1000xf32
// CHECK: memref.alloc() {npu.address = [[#A]] : i64} : memref<1000xf32
func.func private @k(%x: memref<1000xf32, #npu.space<gm>>, %y: memref<1000xf32, #npu.space<gm>>) attributes {npu.core = #npu.core<aiv>} {
  return
}
func.func @main(%x: memref<1000xf32, #npu.space<gm>>, %y: memref<1000xf32, #npu.space<gm>>) {
  %a = memref.alloc() : memref<1000xf32, #npu.space<gm>>
  npu.launch @k grid 1 (%x, %a) source "a" : memref<1000xf32, #npu.space<gm>>, memref<1000xf32, #npu.space<gm>>
  %b = memref.alloc() : memref<1000xf32, #npu.space<gm>>
  npu.launch @k grid 1 (%a, %b) source "b" : memref<1000xf32, #npu.space<gm>>, memref<1000xf32, #npu.space<gm>>
  %c = memref.alloc() : memref<1000xf32, #npu.space<gm>>
  npu.launch @k grid 1 (%b, %c) source "c" : memref<1000xf32, #npu.space<gm>>, memref<1000xf32, #npu.space<gm>>
  npu.launch @k grid 1 (%c, %y) source "d" : memref<1000xf32, #npu.space<gm>>, memref<1000xf32, #npu.space<gm>>
  return
}
