// UB bytes that a kernel in value form needs: its tiles packed by liveness, two copies where the IR asks for them.
// Phase plan packs them again, and at least as well.
#pragma once

#include <cstdint>

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace phx::compiler::vector {

// A tile lives from the operation that makes it to its last use; one with two copies, or from before a loop, through
// the whole loop. Tiles that an operation changes in place are the tile they were made in.
int64_t footprint(mlir::func::FuncOp kernel);

}  // namespace phx::compiler::vector
