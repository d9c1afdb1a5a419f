// What a schedule cannot be is said with the field or the buffer.
// RUN: not phx-opt %s --to=schedule --schedule=base_x=1 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not phx-opt %s --to=schedule --schedule=base_m=many 2>&1 | FileCheck %s --check-prefix=NUMBER
// RUN: not phx-opt %s --to=schedule --schedule=base_m=24 2>&1 | FileCheck %s --check-prefix=BASE
// RUN: not phx-opt %s --to=schedule --schedule=unit_flag=2 2>&1 | FileCheck %s --check-prefix=UNIT
// RUN: not phx-opt %s --to=schedule --schedule=overlap=0,l1_buffers=2 2>&1 | FileCheck %s --check-prefix=OVERLAP
// RUN: not phx-opt %s --to=schedule --schedule=step_ka=2,step_kb=3 2>&1 | FileCheck %s --check-prefix=STEP
// RUN: not phx-opt %s --to=schedule --schedule=cores_m=5,cores_n=5 2>&1 | FileCheck %s --check-prefix=CORES
// RUN: not phx-opt %s --to=schedule --schedule=base_m=128,base_n=256,l0c_buffers=2 2>&1 | FileCheck %s --check-prefix=L0C
// RUN: not phx-opt %s --to=schedule --schedule=base_m=128,base_n=128,base_k=64,step_k=16,l1_buffers=2 2>&1 | FileCheck %s --check-prefix=L1
// RUN: phx-opt %s --to=schedule --schedule=base_m=128,base_n=128,base_k=64,step_k=8,l1_buffers=2 | FileCheck %s --check-prefix=FULL
// RUN: phx-opt %s --to=schedule --schedule=base_m=128,base_n=256 | FileCheck %s --check-prefix=FITS
// RUN: phx-opt %s --to=schedule --schedule=overlap=0,step_k=1,base_k=32,cores_m=2,cores_n=12 | FileCheck %s --check-prefix=SERIAL

// NAME: schedule has no field 'base_x'
// NUMBER: schedule field 'base_m' needs a number, got 'many'
// BASE: schedule: base_m is a multiple of 16, not 24
// UNIT: schedule: unit_flag is 0 to 1, not 2
// OVERLAP: schedule: overlap=0 goes with l1_buffers=1 and l0_buffers=1
// STEP: schedule: one of step_ka and step_kb is a multiple of the other, not 2 and 3
// CORES: schedule: cores_m * cores_n * split_k is more than the 24 cube cores
// L0C: schedule: L0C would need 262144 bytes of 131072

// L1: schedule: L1 would need 1048576 bytes of 524288
// All of L1 may be asked for.
// FULL: schedule <{{.*}} step_ka = 8, step_kb = 8,

// What is left open goes with what is asked for.
// FITS: schedule <base_m = 128, base_n = 256,{{.*}} l0c_buffers = 1
// SERIAL: step_ka = 1, step_kb = 1, cores_m = 2, cores_n = 12,{{.*}} l1_buffers = 1, l0_buffers = 1,{{.*}} overlap = 0
func.func @main(%a: tensor<512x512xf16>, %b: tensor<512x512xf16>) -> tensor<512x512xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<512x512xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<512x512xf32>) -> tensor<512x512xf32>
  %c = linalg.matmul ins(%a, %b : tensor<512x512xf16>, tensor<512x512xf16>) outs(%z : tensor<512x512xf32>) -> tensor<512x512xf32>
  return %c : tensor<512x512xf32>
}
