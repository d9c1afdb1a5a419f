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

// MLIR reports what is wrong with its text to the context; the Diagnostic then says only that something is.
Expected<mlir::OwningOpRef<mlir::ModuleOp>> readTensorProgram(std::span<const std::byte> program,
                                                              const std::string& file, mlir::MLIRContext& context,
                                                              const TensorCompileOptions& options);

}  // namespace phx::compiler
