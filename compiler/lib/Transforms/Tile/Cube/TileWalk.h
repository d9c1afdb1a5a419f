// How the output tiles of a product are dealt to cores, and in which order a core takes them.
#pragma once

#include "lib/Transforms/Tile/Cube/CubeSchedule.h"

namespace phx::compiler {

// Both halves of a launch with two core kinds walk alike.
//
// The grid of a product has ceil(m / base_m) rows and ceil(n / base_n) columns of tiles. With l2_m, l2_n it is cut into
// L2 blocks, which all cores walk one after the other (they do not wait for each other). Within a block, or the grid,
// deal=0 gives core (i, j) of cores_m x cores_n a contiguous part, ceil(rows / cores_m) x ceil(columns / cores_n);
// deal=1 gives tile number t, row by row (n_outer: column by column), to core t mod (cores_m * cores_n).
// core_order=1: with deal=0 core i starts at column i mod columns of its part and wraps round; with deal=1 each row
// begins one column further than the one before, so that the tiles of one time lie on diagonals.
struct TileWalk {
  const Contraction& contraction;
  CubeSchedule schedule;
  int64_t coresB = 1;  // cores along the batch
  int64_t cores() const { return coresB * schedule.cores(); }

  TileWalk(const Contraction& contraction, const CubeSchedule& schedule, int64_t aic);

  struct Tile {
    mlir::Value batch, split;        // numbers
    mlir::Value m0, n0, rows, cols;  // first row and column, size
    mlir::Value k0, depth;           // part of k
    mlir::Value number;              // how many tiles this core has done before
  };
  // Loops over the tiles of core `core`; `body` emits at the builder's insertion point.
  void emit(mlir::OpBuilder& b, mlir::Location location, mlir::Value core,
            llvm::function_ref<void(mlir::OpBuilder&, const Tile&)> body) const;
};

}  // namespace phx::compiler
