// The second half of phase isa: the scalar code of a kernel (scf.for, scf.if, arith on index and integers) becomes
// visa stage 1.
//
// Everything is uniform: a tile program has one scalar unit. Numbers live in 64-bit scalar registers (32-bit ones
// zero-extended), i1 in predicates. Loops become visa.loop, which is a do-while, under a visa.if unless they surely run
// once.
#pragma once

#include <optional>

#include "device_sim/diagnostic/diagnostic.h"
#include "lib/Target/Tile/NonNegative.h"
#include "lib/Target/Visa/VisaBuilder.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace phx::compiler {

class ScalarLowering {
 public:
  explicit ScalarLowering(mlir::func::FuncOp kernel) : function_(kernel) {}

  // Creates the visa.kernel beside the function, with the function's npu attributes.
  Expected<visa::KernelOp> run();

 private:
  void lowerBlock(mlir::Block& block);
  void lower(mlir::Operation* op);
  void lowerFor(mlir::scf::ForOp op);
  void lowerIf(mlir::scf::IfOp op);
  void lowerInstruction(visa::InstOp op);
  bool lowerArithmetic(mlir::Operation* op);
  bool lowerConversion(mlir::Operation* op);

  Operand divide(mlir::Value dividend, mlir::Value divisor, bool isSigned);
  Operand divideDown(mlir::Value dividend, mlir::Value divisor);  // toward minus infinity
  Operand divideUp(mlir::Value dividend, mlir::Value divisor, bool isSigned);
  Operand remainder(mlir::Value dividend, mlir::Value divisor, bool isSigned);
  Operand compare(isa::Comparison comparison, bool isSigned, Operand a, Operand b);
  Operand integer(isa::Opcode opcode, bool isSigned, Operand a, Operand b);
  Operand bitwise(isa::Opcode opcode, Operand a, Operand b);

  // The lines of a region that ends in a yield of `count` values.
  void fillRegion(mlir::Region& region, mlir::Location location,
                  llvm::function_ref<llvm::SmallVector<mlir::Value>()> fill);

  Operand get(mlir::Value value);
  void set(mlir::Value value, Operand operand) { values_[value] = operand; }
  unsigned widthOf(mlir::Value value);
  mlir::Type registerOf(mlir::Value value) { return v().typeFor(widthOf(value), true); }
  void fail(mlir::Operation* op, const llvm::Twine& message);
  VisaBuilder& v() { return *builder_; }

  mlir::func::FuncOp function_;
  visa::KernelOp kernel_;
  std::optional<VisaBuilder> builder_;
  NonNegative nonNegative_;
  llvm::DenseMap<mlir::Value, Operand> values_;
  std::optional<Diagnostic> failure_;
};

}  // namespace phx::compiler
