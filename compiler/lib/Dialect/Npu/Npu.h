// The npu dialect: tile programs before they are instructions. See Npu.td.
#pragma once

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "NpuDialect.h.inc"
#include "NpuEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "NpuAttrs.h.inc"
#define GET_OP_CLASSES
#include "Npu.h.inc"

namespace phx::compiler::npu {

// Attributes of kernel functions: #npu.core<..> and, on the functions of a launch with both kinds, the symbol of the
// function on the cube cores (which names the kernel).
inline constexpr llvm::StringLiteral kCoreAttr = "npu.core", kMixAttr = "npu.mix";
// On the linalg operations of a group: the domain dimension of each loop.
inline constexpr llvm::StringLiteral kDimsAttr = "npu.dims";
// On vector groups: their #npu.vector_schedule. On kernel functions: tiles are placed with regard to bank groups.
inline constexpr llvm::StringLiteral kVectorScheduleAttr = "npu.vector_schedule",
                                     kConflictFreeAttr = "npu.conflict_free";
// On a cube kernel function whose loads, extracts and mmads do not overlap.
inline constexpr llvm::StringLiteral kSerialAttr = "npu.serial";
// On memref.alloc: byte address in its space (phase plan), number of copies (phase buffer, read by pipeline).
inline constexpr llvm::StringLiteral kAddressAttr = "npu.address", kBuffersAttr = "npu.buffers";

// The pipe that executes a kernel-level operation; nullopt if it is not one (index arithmetic, loops, flags).
std::optional<Pipe> pipeOf(mlir::Operation* op);

// One operand tile or device buffer that an operation reads or writes. `value` is the SSA value (tensor or memref).
struct Access {
  mlir::Value value;
  bool write;
};
// All of them; mmad reads its accumulators too unless `init` is the constant true.
llvm::SmallVector<Access, 4> accessesOf(mlir::Operation* op);

// Do the two hand accumulators to each other by the unit flag? An mmad and a fixpipe that both have `unit` need no
// events for what they do in L0C: the fixpipe starts when the last mmad of the tile does and follows it, and the next
// mmad there starts when enough has been drained.
bool orderedByUnitFlag(mlir::Operation* a, mlir::Operation* b);

// Memory space of a type: of a memref's memory space attribute or of a tensor's encoding; nullopt without one.
std::optional<Space> spaceOf(mlir::Type type);
bool isKernel(mlir::Operation* function);  // carries npu.core

}  // namespace phx::compiler::npu
