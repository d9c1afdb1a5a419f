// Operands of a product that lie in NZ in device memory (schedule field nd2nz=0).
//
// A matrix of R x C elements as it is stored, C0 = 32 bytes of elements, lies there as ceil(C / C0) column blocks of
// up(R, 16) rows of 32 bytes: element (r, c) is number (c / C0) * up(R, 16) * C0 + r * C0 + c mod C0, and what the
// matrix does not have is zero. Matrices of a batch follow each other. A load of part of it is a burst for each column
// block.
#pragma once

#include "lib/Transforms/Tile/Cube/Contraction.h"

namespace phx::compiler {

// On a program's input, with the value "nz": the caller gives it in NZ. Both dimensions of the matrix must be whole
// fractals, so that the number of elements is the same.
inline constexpr llvm::StringLiteral kLayoutAttr = "phx.layout";

// How a matrix lies in NZ, in elements.
struct NzLayout {
  int64_t rows, columns;              // as stored
  int64_t block;                      // C0
  int64_t paddedRows, paddedColumns;  // in whole fractals
  int64_t elements() const { return paddedRows * paddedColumns; }
};
NzLayout nzLayoutOf(const Contraction& contraction, bool isA);

// The device buffer that holds the operand in NZ: the input itself if the program says that it lies so, a constant that
// is rearranged here, or an intermediate buffer that a launch before the product fills. Sets `nz` and `batch` of the
// operand.
Expected<mlir::Value> prepareOperand(npu::GroupOp group, TileContext& context, Contraction& contraction, bool isA);

}  // namespace phx::compiler
