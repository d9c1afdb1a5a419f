// The steps of phase graph, in order. Each takes @main and leaves it valid; after `normalise` it holds only
//   linalg.generic   canonical loop nests: no loops of size 1 (but one leading parallel one where all others are
//   reductions), maps
//                    that keep the order of loops, one result; contractions over [b,] m, n, k carry kContractionAttr
//   linalg.fill, tensor.empty (what reductions and contractions start from)
//   npu.rearrange, tensor.collapse_shape, tensor.expand_shape, arith.constant, return.
#pragma once

#include "device_sim/diagnostic/diagnostic.h"
#include "device_sim/machine/machine.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace phx::compiler::graph {

inline constexpr llvm::StringLiteral kContractionAttr = "phx.contraction", kCanonicalAttr = "phx.canonical";

// f8E4M3FN or f8E5M2: numbers that the cube multiplies, and that nobody else computes with.
inline bool isFloat8(mlir::Type type) { return llvm::isa<mlir::Float8E4M3FNType, mlir::Float8E5M2Type>(type); }

// Static shapes, element types, and only operations of the vocabulary.
Outcome checkModule(mlir::ModuleOp module);
// What makes tensors without elements becomes a fill; what makes something of them is refused.
Outcome replaceEmpty(mlir::func::FuncOp main);
// Named linalg operations become linalg.generic, softmax its parts; several results become several loop nests.
Outcome generalise(mlir::func::FuncOp main);
// Tensors of i1 become tensors of i8 that hold 0 or 1.
Outcome widenBooleans(mlir::func::FuncOp main);
// Slices, padding, concatenation and copying loop nests become npu.rearrange.
Outcome rearrangeMovements(mlir::func::FuncOp main);
// Tensors of i64 that loop nests read or write become tensors of pairs of i32.
Outcome splitWideIntegers(mlir::func::FuncOp main);
// In program order, so that each operation sees where its operands really lie: contractions, then other loop nests, get
// their canonical form, and movements are composed with those that were sunk to them.
Outcome normalise(mlir::func::FuncOp main);
// Every returned value becomes (a reshape of) a result of its own.
Outcome separateResults(mlir::func::FuncOp main);
// npu.group operations.
Outcome makeGroups(mlir::func::FuncOp main, const machine::Machine& machine);

// A sum of products of two tensors becomes a contraction for the cube core. False: it is none.
bool lowerContraction(mlir::linalg::GenericOp op);
// Another loop nest gets its canonical form.
Outcome orderLoops(mlir::linalg::GenericOp op);
// A loop nest with several results becomes one per result, if no accumulator feeds another result.
Outcome splitResults(mlir::linalg::GenericOp op);
// Erases operations of the block whose results nobody uses.
void eraseDead(mlir::Block& block);

}  // namespace phx::compiler::graph
