// Words, relocations and the line table of a stage 2 kernel.
#pragma once

#include "device_sim/image/image.h"
#include "lib/Dialect/Visa/Visa.h"
#include "llvm/ADT/StringMap.h"

namespace phx::compiler {

// Appends the kernel's code to the executable's and fills entry, registers, local memory and flags of `record`. Names
// in `objects` are indices into the executable's objects.
Outcome emitKernel(visa::KernelOp kernel, const llvm::StringMap<uint32_t>& objects, image::Kernel& record,
                   image::Executable& executable);

// The source places of an operation, innermost function first.
std::vector<image::SourceFrame> sourceFrames(mlir::Location location);

}  // namespace phx::compiler
