// From LLVM IR to structured MLIR: one func.func per kernel, control flow as scf operations.
#pragma once

#include "lib/Frontend/Cuda/DeviceModule.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

namespace phx::compiler {

// Attributes of a kernel's func.func. Together with the body they are all that the lowering to visa reads.
namespace kernel_attribute {
inline constexpr const char* kKernel = "visa.kernel";  // unit: this function is a kernel
inline constexpr const char* kParamOffsets =
    "visa.param_offsets";  // i32 array: place of each argument in the argument block
inline constexpr const char* kByValue =
    "visa.by_value";                                   // i32 array: 1 where the argument points into the argument block
inline constexpr const char* kShared = "visa.shared";  // dictionary: shared variable -> offset in the unified buffer
}  // namespace kernel_attribute

// Translates the module (a copy of it) to the LLVM dialect, each kernel as a func.func with cf branches.
Expected<mlir::OwningOpRef<mlir::ModuleOp>> importDeviceModule(const DeviceModule& device, mlir::MLIRContext& context);

// Lifts cf branches of every kernel to scf and cleans up.
Outcome structureControlFlow(mlir::ModuleOp module);

// The dialects that these phases and the lowering to visa use.
void loadDialects(mlir::MLIRContext& context);

}  // namespace phx::compiler
