// Emission of a matmul kernel for the cube cores, in value form.
#pragma once

#include "lib/Transforms/Tile/Cube/TileWalk.h"

namespace phx::compiler {

// Where a tile of the product goes and what happens on the way.
struct MatmulTarget {
  mlir::Value result;               // device buffer: [b, m, n], or [split_k, b, m, n] when the schedule splits k
  bool add = false;                 // to what `result` holds, which is [b, m, n] then
  std::optional<mlir::Value> bias;  // device buffer of n values
  bool relu = false;
  // Instead of `result`, for a launch with both core kinds: tile number t of a core goes to slot t mod 2 of the core's
  // part of `result`, as base_m x base_n values one row after the other, and cross-core flags say when a slot is full
  // or free.
  bool toSlots = false;
  llvm::SmallVector<mlir::Value> extra;  // further arguments of the kernel, which it does not use
};

// Cross-core flags of a launch with both core kinds (isa.def: cross_set, cross_wait, mode 2).
inline constexpr int64_t kSlotFull = 0, kSlotFree = 2;  // + slot: kSlotFull + 0, 1 and kSlotFree + 0, 1
inline constexpr int64_t kSlots = 2;

// A kernel on walk.cores() cube cores.
mlir::func::FuncOp emitMatmul(TileContext& context, llvm::StringRef name, mlir::Location location, const TileWalk& walk,
                              mlir::Value a, mlir::Value rhs, const MatmulTarget& target,
                              llvm::SmallVectorImpl<mlir::Value>& arguments);

}  // namespace phx::compiler
