// A Program on the tiles of a Plan, as one kernel function in value form.
//
// What a value looks like in UB follows from the dimensions it has, R being those of rows and C those of columns:
//   R and C   a tile of R rows and C columns
//   C         a tile of one row, which instructions read again for every row
//   R         one dense row of R values; as operand beside a full tile `vbrcb` makes a block of 32 bytes of each
//   neither   one value; as operand a block
// Code stands in the outermost place where it is right: what is the same for all tiles before the loop over items, what
// is the same for all steps before the loop over steps. Ragged edges are the run-time sizes of instructions.
#pragma once

#include "lib/Transforms/Tile/Tile.h"
#include "lib/Transforms/Tile/Vector/Tiling.h"

namespace phx::compiler::vector {

struct Store {
  NodeId node;
  Tensor tensor;            // the destination, row-major
  unsigned argument;        // of the kernel
  int64_t part_stride = 0;  // elements from the results of one part to the next
  bool stream = false;      // nothing reads it soon: it need not stay in the L2
};

// A tile that the caller's own loops walk over the iteration space, in place of the loops of a plan.
struct Window {
  mlir::Operation* outermost;              // what is the same for all tiles is computed before this loop
  mlir::OpBuilder inside;                  // where the code for one tile goes
  std::vector<mlir::Value> start, length;  // of the tile, per dimension of the program
  // Input of the program that does not lie row-major in its buffer, and where this tile of it is.
  unsigned special = ~0u;
  mlir::Value offset, pitch;  // elements
};
// The program on one window: no reductions, `plan` gives rows, columns and their extents.
void emitWindow(const Program& program, const Plan& plan, mlir::func::FuncOp kernel,
                const std::vector<unsigned>& inputs, const std::vector<Store>& stores, const Window& window);

// Fills the empty body of the kernel. Program input i is argument inputs[i]; where streamed[i], loads of what the
// kernel reads once carry the hint `stream`.
void emitKernel(const Program& program, const Plan& plan, mlir::func::FuncOp kernel,
                const std::vector<unsigned>& inputs, const std::vector<Store>& stores,
                const std::vector<bool>& streamed = {});

}  // namespace phx::compiler::vector
