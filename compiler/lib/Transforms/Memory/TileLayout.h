// How tiles lie in the buffers of a core: sizes and alignments of isa.def, section 9.
#pragma once

#include <cstdint>

#include "device_sim/machine/machine.h"
#include "lib/Dialect/Npu/Npu.h"

namespace phx::compiler {

// What an address in the space is a multiple of, in bytes.
int64_t tileAlignment(npu::Space space);
// What a core has of the space, in bytes.
int64_t spaceBytes(npu::Space space, const machine::Machine& machine);
// Bytes of one copy with its padding, a multiple of the alignment; copy i of a buffer lies i times this behind its
// address. The type is R x C, or N x R x C for N copies, with a memory space other than gm.
int64_t tileBytes(mlir::MemRefType type);
// Number of copies: N of N x R x C, else 1.
int64_t tileCopies(mlir::MemRefType type);

// A tile as an operand names it: the buffer and, if that has several copies, the counter that chooses one.
struct TileCopy {
  mlir::memref::AllocOp buffer;
  mlir::Value counter;
};
// Null buffer if the value is no tile of a kernel (a device buffer).
TileCopy tileOf(mlir::Value value);

}  // namespace phx::compiler
