// The unit flag takes the place of the events between the cube and FIX; without overlap MTE2 waits for the cube.
// RUN: phx-opt %s --to=sync --schedule=l0c_buffers=1,unit_flag=0 | FileCheck %s --check-prefix=EVENTS
// RUN: phx-opt %s --to=sync --schedule=l0c_buffers=1,unit_flag=1 | FileCheck %s --check-prefix=UNIT
// RUN: phx-opt %s --to=sync --schedule=overlap=0 | FileCheck %s --check-prefix=SERIAL

// EVENTS: npu.set_flag <fix> to <m>
// EVENTS: npu.wait_flag <m> to <fix>
// EVENTS-NEXT: npu.fixpipe %

// UNIT-NOT: <fix> to <m>
// UNIT-NOT: <m> to <fix>
// UNIT: npu.mmad {{.*}} unit %
// UNIT-NOT: <m> to <fix>
// UNIT: npu.fixpipe unit

// SERIAL: npu.set_flag <m> to <mte2>
// SERIAL: npu.wait_flag <m> to <mte2>
// SERIAL: npu.load
// SERIAL: npu.load
// SERIAL-NEXT: npu.set_flag <mte2> to <mte1>
// SERIAL: npu.wait_flag <mte2> to <mte1>
// SERIAL: npu.mmad
// SERIAL: npu.set_flag <m> to <mte2>
func.func @main(%a: tensor<512x512xf16>, %b: tensor<512x512xf16>) -> tensor<512x512xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<512x512xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<512x512xf32>) -> tensor<512x512xf32>
  %c = linalg.matmul ins(%a, %b : tensor<512x512xf16>, tensor<512x512xf16>) outs(%z : tensor<512x512xf32>) -> tensor<512x512xf32>
  return %c : tensor<512x512xf32>
}
