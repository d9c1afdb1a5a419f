// Every returned value becomes a reshape of a result that a group of its own will have: inputs, constants and values
// that are returned twice are copied. Fills that something reads become rearrangements without pieces.
#include "lib/Transforms/Graph/Steps.h"
#include "lib/Transforms/Graph/View.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace phx::compiler::graph {

namespace linalg = mlir::linalg;
using mlir::Value;

static bool isStart(mlir::OpOperand& use) {
  auto generic = llvm::dyn_cast<linalg::GenericOp>(use.getOwner());
  return (generic && generic.isDpsInit(&use)) || llvm::isa<linalg::FillOp>(use.getOwner());
}

static void materialiseFills(mlir::Block& block) {
  for (mlir::Operation& op : llvm::make_early_inc_range(block)) {
    if (!llvm::isa<linalg::FillOp, mlir::tensor::EmptyOp>(op)) continue;
    Value old = op.getResult(0);
    if (llvm::all_of(old.getUses(), [](mlir::OpOperand& use) { return isStart(use); })) continue;
    mlir::OpBuilder builder(&op);
    mlir::Attribute value = splatOf(old);  // what tensor.empty holds is anything, so zero
    Value filled = rearrange(builder, op.getLoc(), typeOf(old), {}, value);
    old.replaceUsesWithIf(filled, [](mlir::OpOperand& use) { return !isStart(use); });
  }
}

Outcome separateResults(mlir::func::FuncOp main) {
  mlir::Block& block = main.getBody().front();
  materialiseFills(block);
  mlir::Operation* ret = block.getTerminator();
  mlir::OpBuilder builder(ret);
  llvm::DenseSet<Value> taken;
  for (mlir::OpOperand& operand : ret->getOpOperands()) {
    Value root = rootOf(operand.get());
    const bool computed = llvm::isa_and_nonnull<linalg::GenericOp, npu::RearrangeOp>(root.getDefiningOp());
    if (computed && taken.insert(root).second) continue;
    auto type = typeOf(operand.get());
    Sizes size{type.getNumElements()}, one{1};
    auto piece = npu::PieceAttr::get(builder.getContext(), 0, 0, 0, size, one, one);
    // The place in the source is that of what is returned, not of the return.
    mlir::Location location = root.getDefiningOp() ? root.getLoc() : ret->getLoc();
    operand.set(npu::RearrangeOp::create(builder, location, type, mlir::ValueRange{root}, builder.getArrayAttr({piece}),
                                         mlir::Attribute{}));
  }
  eraseDead(block);
  return {};
}

}  // namespace phx::compiler::graph
