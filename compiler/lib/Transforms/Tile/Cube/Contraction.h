// What a cube group computes: C[b, m, n] = sum over k of A[b, m, k] B[b, k, n], and what is done with C afterwards.
#pragma once

#include "lib/Dialect/Npu/Npu.h"
#include "lib/Transforms/Tile/Tile.h"

namespace mlir::linalg {
class LinalgOp;
}

namespace phx::compiler {

// One operand matrix in device memory.
struct CubeOperand {
  unsigned input = 0;  // number of the group's input
  bool trans = false;  // A lies as k x m, B as n x k
  int64_t batch = 0;   // elements from one matrix to the next; 0: the same for every b
  bool nz = false;     // it lies in NZ (PreparedOperand.h), else row-major
};

struct Contraction {
  mlir::Operation* op = nullptr;
  int64_t b = 1, m = 1, n = 1, k = 1;
  CubeOperand a, rhs;
  mlir::Type element;      // of A and B: f8E4M3FN, f8E5M2, f16, bf16, f32, i8
  mlir::Type accumulator;  // f32 or i32
};
Expected<Contraction> analyseContraction(npu::GroupOp group);

// What fixpipe can do on the way out of L0C, if that is all the group does after the contraction.
struct FixpipeEpilogue {
  std::optional<unsigned> bias;  // input of the group: n values added to every row before anything else
  bool relu = false;
};
// nullopt: the operations after the contraction belong on the vector cores.
std::optional<FixpipeEpilogue> matchFixpipeEpilogue(npu::GroupOp group, const Contraction& contraction);

}  // namespace phx::compiler
