// How the iteration space of a vector group is cut into tiles and dealt to cores.
//
// Columns are the last dimension. One other dimension may give the rows of tiles; further ones are loops. Tiles over
// dimensions that are not reduced are items, dealt to the cores in turn. Along reduced dimensions an item walks its
// steps one after the other. A long reduction of few items is cut into parts, whose results a second kernel joins.
#pragma once

#include "device_sim/machine/machine.h"
#include "lib/Transforms/Tile/Vector/Expression.h"

namespace phx::compiler::vector {

struct Axis {
  int64_t size = 1, extent = 1;  // of the dimension, of a tile along it
  bool reduced = false;
  int64_t count() const { return (size + extent - 1) / extent; }
};

struct Plan {
  std::vector<Axis> axes;  // one per dimension of the program
  int row = -1;            // dimension of the rows of a tile; -1: tiles of one row
  int column = -1;         // of its columns; -1 if the program has no dimensions
  int64_t items = 1;       // without parts
  int64_t steps = 1;
  int64_t parts = 1;
  int64_t grid = 1;     // cores
  int64_t buffers = 2;  // copies of the tiles that are loaded and stored in loops

  int64_t rows() const { return row < 0 ? 1 : axes[static_cast<size_t>(row)].extent; }
  int64_t area() const { return rows() * ((columns() + 15) / 16 * 16); }  // of a tile, rows padded
  int64_t columns() const { return column < 0 ? 1 : axes[static_cast<size_t>(column)].extent; }
};

// May a reduction be cut into parts that a second kernel joins? Only if all that remains afterwards lacks the reduced
// dimensions.
bool divisible(const Program& program);

// What a plan has to keep to.
struct Limits {
  int64_t area = 0;     // most elements of a tile, rows padded; from 16 on there is always a plan
  bool fill = false;    // tiles of at least three quarters of the largest possible area, if there is work for them
  int64_t cores = 0;    // so many where there are as many items; 0: as many as are worth starting
  bool divide = false;  // a reduction may have several parts
};

// The plan of least estimated time; the estimate takes its numbers from the chip.
Plan choosePlan(const Program& program, const machine::Chip& chip, const Limits& limits);

}  // namespace phx::compiler::vector
