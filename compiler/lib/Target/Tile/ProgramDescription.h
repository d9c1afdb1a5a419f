// The program description: which kernels run in which order on which buffers, as JSON inside the executable.
// docs/executable.md has its fields.
#pragma once

#include <string>

#include "device_sim/diagnostic/diagnostic.h"
#include "device_sim/machine/machine.h"
#include "mlir/IR/BuiltinOps.h"

namespace phx::compiler {

// Describes @main of a module whose intermediate buffers are planned. Fails on operations that are no part of a
// program, with their place.
Expected<std::string> describeProgram(mlir::ModuleOp module, const machine::Machine& machine);

// Name of an element type in program descriptions; integers are signed: "f32", "s8", "f8e4m3", "bool".
std::string programTypeName(mlir::Type element);

// Bytes of an element in a device buffer; booleans take one.
uint64_t elementBytes(mlir::Type element);

}  // namespace phx::compiler
