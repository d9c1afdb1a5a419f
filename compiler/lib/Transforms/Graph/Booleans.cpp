// Tensors of i1 become tensors of i8 that hold 0 or 1: device memory has no smaller element. Bodies still compute with
// i1; a loop nest converts what it reads (`cmpi ne`) and what it writes (`extui`). Folds of accumulators become minima
// and maxima.
#include "lib/Transforms/Graph/Steps.h"
#include "lib/Transforms/Phases.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

namespace phx::compiler::graph {

namespace arith = mlir::arith;
namespace linalg = mlir::linalg;
using mlir::Operation;
using mlir::Value;

static bool isBoolean(mlir::Type type) { return mlir::getElementTypeOrSelf(type).isInteger(1); }

static mlir::Type widened(mlir::Type type) {
  mlir::Type byte = mlir::IntegerType::get(type.getContext(), 8);
  auto tensor = llvm::dyn_cast<mlir::RankedTensorType>(type);
  return tensor ? tensor.clone(byte) : byte;
}

static Value toByte(mlir::OpBuilder& builder, mlir::Location location, Value bit) {
  return arith::ExtUIOp::create(builder, location, builder.getI8Type(), bit);
}

static Value toBit(mlir::OpBuilder& builder, mlir::Location location, Value byte) {
  Value zero = arith::ConstantOp::create(builder, location, builder.getI8IntegerAttr(0));
  return arith::CmpIOp::create(builder, location, arith::CmpIPredicate::ne, byte, zero);
}

// The reduction's last step, on bytes; null if it is none of those that have one.
static Value widenCombiner(mlir::OpBuilder& builder, Operation* step, Value accumulator) {
  mlir::Location location = step->getLoc();
  if (auto select = llvm::dyn_cast<arith::SelectOp>(step); select && select.getFalseValue() == accumulator)
    return arith::SelectOp::create(builder, location, select.getCondition(),
                                   toByte(builder, location, select.getTrueValue()), accumulator);
  if (step->getNumOperands() != 2) return {};
  const bool left = step->getOperand(0) == accumulator;
  if (!left && step->getOperand(1) != accumulator) return {};
  Value other = step->getOperand(left ? 1 : 0);
  if (llvm::isa<arith::OrIOp, arith::MaxUIOp, arith::MinSIOp>(step))
    return arith::MaxSIOp::create(builder, location, accumulator, toByte(builder, location, other));
  if (llvm::isa<arith::AndIOp, arith::MinUIOp, arith::MaxSIOp, arith::MulIOp>(step))
    return arith::MinSIOp::create(builder, location, accumulator, toByte(builder, location, other));
  return {};
}

static Outcome widenNest(linalg::GenericOp op) {
  mlir::Block& body = *op.getBody();
  Operation* yield = body.getTerminator();
  mlir::OpBuilder builder(yield);
  mlir::BlockArgument accumulator = body.getArguments().back();
  Value result = yield->getOperand(0);
  const bool copies = llvm::isa<mlir::BlockArgument>(result), written = isBoolean(accumulator.getType());
  if (written) {
    Operation* step = result.getDefiningOp();
    const bool reduces = op.getNumReductionLoops() > 0;
    accumulator.setType(builder.getI8Type());
    if (reduces) {
      Value widened = step && accumulator.hasOneUse() ? widenCombiner(builder, step, accumulator) : Value{};
      if (!widened) return errorAt(op.getLoc(), "a reduction of booleans is neither 'or' nor 'and'");
      yield->setOperand(0, widened);
      step->erase();
    } else if (!copies) {
      yield->setOperand(0, toByte(builder, yield->getLoc(), result));
    }
  }
  builder.setInsertionPointToStart(&body);
  for (mlir::BlockArgument argument : body.getArguments()) {
    if (argument != accumulator && isBoolean(argument.getType()))
      argument.setType(builder.getI8Type());
    else if (argument != accumulator || op.getNumReductionLoops() > 0 || !written)
      continue;
    llvm::SmallVector<mlir::OpOperand*> uses;
    for (mlir::OpOperand& use : argument.getUses())
      if (!(copies && use.getOwner() == yield)) uses.push_back(&use);
    if (uses.empty()) continue;
    Value bit = toBit(builder, op.getLoc(), argument);
    for (mlir::OpOperand* use : uses) use->set(bit);
  }
  return {};
}

static mlir::Attribute widenConstant(mlir::Attribute value) {
  mlir::Type byte = mlir::IntegerType::get(value.getContext(), 8);
  if (auto dense = llvm::dyn_cast<mlir::DenseIntElementsAttr>(value))
    return dense.mapValues(byte, [](const llvm::APInt& bit) { return bit.zext(8); });
  auto integer = llvm::dyn_cast<mlir::IntegerAttr>(value);
  return integer ? mlir::IntegerAttr::get(byte, integer.getValue().zext(8)) : mlir::Attribute{};
}

// A scalar constant of i1 that is used outside of loop nests, as i8.
static Outcome widenScalar(mlir::OpOperand& operand) {
  mlir::Attribute value;
  if (!mlir::matchPattern(operand.get(), mlir::m_Constant(&value)))
    return errorAt(operand.getOwner()->getLoc(), "a boolean outside of loop nests is not constant");
  mlir::OpBuilder builder(operand.getOwner());
  operand.set(arith::ConstantOp::create(builder, operand.getOwner()->getLoc(),
                                        llvm::cast<mlir::TypedAttr>(widenConstant(value))));
  return {};
}

Outcome widenBooleans(mlir::func::FuncOp main) {
  mlir::Block& block = main.getBody().front();
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    if (isBoolean(main.getArgumentTypes()[i]))
      main.setArgAttr(i, "phx.type", mlir::StringAttr::get(main.getContext(), "bool"));
  for (unsigned i = 0; i < main.getNumResults(); ++i)
    if (isBoolean(main.getResultTypes()[i]))
      main.setResultAttr(i, "phx.type", mlir::StringAttr::get(main.getContext(), "bool"));
  for (mlir::BlockArgument argument : block.getArguments())
    if (isBoolean(argument.getType())) argument.setType(widened(argument.getType()));
  for (Operation& op : llvm::make_early_inc_range(block)) {
    const bool is_tensor = op.getNumResults() == 1 && llvm::isa<mlir::RankedTensorType>(op.getResult(0).getType());
    bool reads = llvm::any_of(op.getOperandTypes(), [](mlir::Type type) { return isBoolean(type); });
    if (auto generic = llvm::dyn_cast<linalg::GenericOp>(op)) {
      if (auto ok = widenNest(generic); !ok) return ok;
    } else if (auto fill = llvm::dyn_cast<linalg::FillOp>(op); fill && reads) {
      if (auto ok = widenScalar(fill->getOpOperand(0)); !ok) return ok;
      mlir::Block& body = fill->getRegion(0).front();
      for (mlir::BlockArgument argument : body.getArguments()) argument.setType(widened(argument.getType()));
    } else if (auto pad = llvm::dyn_cast<mlir::tensor::PadOp>(op); pad && isBoolean(pad.getType())) {
      if (auto ok = widenScalar(pad.getRegion().front().getTerminator()->getOpOperand(0)); !ok) return ok;
    } else if (auto constant = llvm::dyn_cast<arith::ConstantOp>(op);
               constant && is_tensor && isBoolean(constant.getType())) {
      mlir::Attribute value = widenConstant(constant.getValue());
      if (!value) return errorAt(op.getLoc(), "a boolean constant is not dense");
      constant.setValueAttr(llvm::cast<mlir::TypedAttr>(value));
    }
    if (is_tensor && isBoolean(op.getResult(0).getType())) op.getResult(0).setType(widened(op.getResult(0).getType()));
  }
  main.setType(
      mlir::FunctionType::get(main.getContext(), block.getArgumentTypes(), block.getTerminator()->getOperandTypes()));
  eraseDead(block);
  return {};
}

}  // namespace phx::compiler::graph
