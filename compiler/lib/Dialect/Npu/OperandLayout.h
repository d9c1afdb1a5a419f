// How a matrix in device memory lies that npu.load brings to L1.
#pragma once

#include "llvm/ADT/StringRef.h"

namespace phx::compiler::npu {

// On npu.load to L1: device memory holds column blocks of 32 bytes (NZ) of `pitch` rows each, `offset` is the place of
// the first element in it, and the load is one burst for each column block. Without it rows are converted on the way.
inline constexpr llvm::StringLiteral kNzAttr = "npu.nz";

}  // namespace phx::compiler::npu
