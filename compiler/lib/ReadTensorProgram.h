// From the bytes that a user hands over to a module: MLIR text, MLIR bytecode or an ONNX model.
#pragma once

#include <span>
#include <string>

#include "device_sim/diagnostic/diagnostic.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "phalanx/compiler/tensor.h"

namespace phx::compiler {

// Attribute of the module: name of the machine it is compiled for.
inline constexpr const char* kMachineAttr = "npu.machine";

// What is wrong with MLIR text is found in a child process first (see the .cpp file).
Expected<mlir::OwningOpRef<mlir::ModuleOp>> readTensorProgram(std::span<const std::byte> program,
                                                              const std::string& file, mlir::MLIRContext& context,
                                                              const TensorCompileOptions& options);

}  // namespace phx::compiler
