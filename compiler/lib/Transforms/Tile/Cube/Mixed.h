// A matmul whose result the vector cores finish: one launch on both kinds of cores.
#pragma once

#include <string>

#include "lib/Transforms/Tile/Cube/Matmul.h"

namespace phx::compiler {

// `rest` is a vector group whose first input (context.inputs[0], not used) is the product. False: what it does cannot
// be done tile by tile (reductions, results of other shapes), and nothing was emitted.
Expected<bool> tileMixed(npu::GroupOp rest, TileContext& context, const std::string& name, const TileWalk& walk,
                         mlir::Value a, mlir::Value rhs);

}  // namespace phx::compiler
