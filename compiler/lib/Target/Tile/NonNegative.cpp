#include "lib/Target/Tile/NonNegative.h"

#include "lib/Dialect/Visa/Visa.h"
#include "llvm/ADT/TypeSwitch.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"

namespace phx::compiler {

namespace arith = mlir::arith;
namespace scf = mlir::scf;
using mlir::Value;

bool NonNegative::operator()(Value value) {
  if (auto known = known_.find(value); known != known_.end()) return known->second;
  if (!assumed_.insert(value).second) return true;
  const bool result = decide(value);
  assumed_.erase(value);
  if (!result) {  // what was derived from the assumption is forgotten
    llvm::SmallVector<Value> derived;
    for (auto [other, positive] : known_)
      if (positive) derived.push_back(other);
    for (Value other : derived) known_.erase(other);
  }
  known_[value] = result;
  return result;
}

bool NonNegative::decide(Value value) {
  llvm::APInt constant;
  if (mlir::matchPattern(value, mlir::m_ConstantInt(&constant))) return !constant.isNegative();
  auto& self = *this;
  if (auto argument = llvm::dyn_cast<mlir::BlockArgument>(value)) {
    auto loop = llvm::dyn_cast_or_null<scf::ForOp>(argument.getOwner()->getParentOp());
    if (!loop) return false;
    if (argument == loop.getInductionVar()) return self(loop.getLowerBound());
    const unsigned n = argument.getArgNumber() - loop.getNumInductionVars();
    return self(loop.getInitArgs()[n]) && self(loop.getYieldedValues()[n]);
  }
  mlir::Operation* op = value.getDefiningOp();
  return llvm::TypeSwitch<mlir::Operation*, bool>(op)
      .Case<arith::AddIOp, arith::MulIOp, arith::DivSIOp, arith::CeilDivSIOp, arith::FloorDivSIOp, arith::MinSIOp,
            arith::OrIOp, arith::XOrIOp>([&](auto o) { return self(o->getOperand(0)) && self(o->getOperand(1)); })
      .Case<arith::MaxSIOp, arith::AndIOp>([&](auto o) { return self(o->getOperand(0)) || self(o->getOperand(1)); })
      .Case<arith::RemSIOp, arith::ShLIOp, arith::ShRSIOp, arith::DivUIOp, arith::CeilDivUIOp, arith::ShRUIOp,
            arith::RemUIOp>([&](auto o) { return self(o->getOperand(0)); })
      .Case<arith::MinUIOp>([&](auto o) { return self(o.getLhs()) || self(o.getRhs()); })
      .Case<arith::SelectOp>([&](auto o) { return self(o.getTrueValue()) && self(o.getFalseValue()); })
      .Case<arith::IndexCastOp>([&](auto o) { return self(o.getIn()); })
      .Case<arith::IndexCastUIOp, arith::ExtUIOp>([&](auto o) { return true; })
      .Case<scf::ForOp>([&](scf::ForOp loop) {
        const unsigned n = llvm::cast<mlir::OpResult>(value).getResultNumber();
        return self(loop.getInitArgs()[n]) && self(loop.getYieldedValues()[n]);
      })
      .Case<scf::IfOp>([&](scf::IfOp branch) {
        const unsigned n = llvm::cast<mlir::OpResult>(value).getResultNumber();
        return self(branch.thenYield().getOperand(n)) && self(branch.elseYield().getOperand(n));
      })
      .Case<mlir::UnrealizedConversionCastOp>([&](mlir::UnrealizedConversionCastOp cast) {
        // Special registers of 32 bits are zero-extended.
        auto inst = cast.getInputs()[0].getDefiningOp<visa::InstOp>();
        return inst && static_cast<isa::Opcode>(inst.getOpcode()) == isa::Opcode::Rdsr;
      })
      .Default([](mlir::Operation*) { return false; });
}

}  // namespace phx::compiler
