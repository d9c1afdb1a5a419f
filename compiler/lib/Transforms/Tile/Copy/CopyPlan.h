// How one box of a rearrangement is copied by the vector cores: which dimensions a tile spans, how large it is, and
// what happens to it in the unified buffer (UB). Sizes and strides are in elements, addresses in flattened tensors.
//
// A tile is rows of consecutive elements of the result. Of the box's dimensions the last one is the columns
// (consecutive in the result), one other is the rows, and the rest, with the tiles' numbers, make the tasks that are
// dealt to cores.
#pragma once

#include <cstdint>
#include <optional>

#include "lib/Dialect/Npu/Npu.h"

namespace phx::compiler {

struct CopyDim {
  int64_t size, from, to;  // strides in the source and the result
};

enum class CopyKind {
  Rows,       // columns are consecutive in the source too: load, store
  Spread,     // and every row is the same one: load once, copy to all rows, store
  Gather,     // columns lie `from` apart: load the span that holds them, gather, store
  Fill,       // there is no source: store a tile of one value
  Transpose,  // rows are consecutive in the source: load columns as rows, transpose, store
};

struct CopyPlan {
  CopyKind kind = CopyKind::Rows;
  int64_t from = 0, to = 0;  // offsets of the box
  CopyDim row{1, 0, 0}, column{1, 1, 1};
  llvm::SmallVector<CopyDim, 4> outer;
  int64_t tile_rows = 1, tile_columns = 1;

  int64_t rowTiles() const { return (row.size + tile_rows - 1) / tile_rows; }
  int64_t columnTiles() const { return (column.size + tile_columns - 1) / tile_columns; }
  int64_t tasks() const;
};

// Elements of `bytes` bytes; tiles small enough that `cores` have work and that their buffers fit ub_bytes.
CopyPlan planCopy(npu::PieceAttr piece, int64_t bytes, int64_t cores, int64_t ub_bytes);

// The places of a tensor of `elements` elements that a piece does not cover, as boxes of result strides. nullopt: they
// are no such boxes.
std::optional<llvm::SmallVector<npu::PieceAttr>> uncovered(npu::PieceAttr piece, int64_t elements);

}  // namespace phx::compiler
