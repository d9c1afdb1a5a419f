// The schedule of vector groups: what is chosen, what the option replaces, and what that makes of the kernel.
//
// RUN: phx-opt %s --to=schedule --machine=ascend-910b1 | FileCheck %s --check-prefix=CHOSEN
// RUN: phx-opt %s --to=tile --machine=ascend-910b1 --schedule=block=8192,cores=3,buffers=1,l2_bypass=2 | FileCheck %s --check-prefix=FORCED
// RUN: phx-opt %s --to=graph --machine=ascend-910b1 | phx-opt "--phx-choose-schedules=schedule=block=262144" --remarks-filter-missed=schedule --remark-policy=all --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=ROUNDED
// RUN: phx-opt %s --to=plan --machine=ascend-910b1 | FileCheck %s --check-prefix=APART
// RUN: phx-opt %s --to=plan --machine=ascend-910b1 --schedule=conflict_free=0 | FileCheck %s --check-prefix=CLOSE
// RUN: not phx-opt %s --to=schedule --machine=ascend-910b1 --schedule=block=100 2>&1 | FileCheck %s --check-prefix=BLOCK
// RUN: not phx-opt %s --to=schedule --machine=ascend-910b1 --schedule=buffers=3 2>&1 | FileCheck %s --check-prefix=BUFFERS
// RUN: not phx-opt %s --to=schedule --machine=ascend-910b1 --schedule=cores=49 2>&1 | FileCheck %s --check-prefix=CORES
// RUN: not phx-opt %s --to=schedule --machine=ascend-910b1 --schedule=conflict_free=2 2>&1 | FileCheck %s --check-prefix=BOOL
// RUN: not phx-opt %s --to=schedule --machine=ascend-910b1 --schedule=bloc=1 2>&1 | FileCheck %s --check-prefix=NAME

// CHOSEN: #npu.vector_schedule<block = 30720, buffers = 2, cores = 48, l2_bypass = 0, conflict_free = true>

// What is read and written once is streamed.
// FORCED-LABEL: func.func private @elementwise
// FORCED: scf.for {{.*}} step %c3
// FORCED: npu.load {{.*}} outs({{.*}}tensor<1x4096xf16>) {stream}
// FORCED: npu.load {{.*}} outs({{.*}}tensor<1x4096xf16>) {stream}
// FORCED: npu.store {{.*}} {stream}

// ROUNDED: remark: {{.*}}blocks of 32768 bytes instead of 262144
// ROUNDED: block = 32768, buffers = 2

// One buffer is half a period of the bank groups (16 x 32 bytes) further than the other.
// APART: memref.alloc() {npu.address = 0 : i64} : memref<2x1x15360xf16
// APART: memref.alloc() {npu.address = 61696 : i64} : memref<2x1x15360xf16
// CLOSE: memref.alloc() {npu.address = 0 : i64} : memref<2x1x15360xf16
// CLOSE: memref.alloc() {npu.address = 61440 : i64} : memref<2x1x15360xf16

// BLOCK: schedule: block is a multiple of 32 bytes from 64 on, not 100
// BUFFERS: schedule: buffers is 1 or 2, not 3
// CORES: schedule: cores is 1 to the 48 vector cores, not 49
// BOOL: schedule: conflict_free is 0 or 1, not 2
// NAME: schedule has no field 'bloc'
func.func @main(%a: tensor<4096x8192xf16>, %b: tensor<4096x8192xf16>) -> tensor<4096x8192xf16> {
  %e = tensor.empty() : tensor<4096x8192xf16>
  %r = linalg.add ins(%a, %b : tensor<4096x8192xf16>, tensor<4096x8192xf16>) outs(%e : tensor<4096x8192xf16>) -> tensor<4096x8192xf16>
  return %r : tensor<4096x8192xf16>
}
