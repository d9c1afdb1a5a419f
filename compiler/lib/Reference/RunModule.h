// runModule: executes @main of a module of linalg, tensor, arith and math operations on the host, with MLIR's
// bufferization, loops and execution engine. Nothing of Phalanx's own lowering is involved, which makes it a reference
// for that lowering.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "device_sim/diagnostic/diagnostic.h"
#include "mlir/IR/BuiltinOps.h"

namespace phx::compiler {

using HostBytes = std::vector<std::byte>;

// One buffer for each argument, row-major, an i1 as one byte; one is returned for each result. The module is not
// changed. All argument and result types must be tensors of static shape.
Expected<std::vector<HostBytes>> runModule(mlir::ModuleOp module, std::span<const HostBytes> arguments);

}  // namespace phx::compiler
