// Every computation becomes a linalg.generic with one result that captures nothing. What stays as it is: linalg.fill
// with a constant (what reductions start from, and splats).
#include "lib/Transforms/Graph/Steps.h"
#include "lib/Transforms/Phases.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

namespace phx::compiler::graph {

namespace linalg = mlir::linalg;
using mlir::Operation;
using mlir::Value;

void eraseDead(mlir::Block& block) {
  for (Operation& op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (mlir::isOpTriviallyDead(&op)) op.erase();
}

// Constants that the body uses from outside are copied into it.
static Outcome isolate(linalg::GenericOp op) {
  mlir::Block& body = *op.getBody();
  mlir::OpBuilder builder = mlir::OpBuilder::atBlockBegin(&body);
  llvm::DenseMap<Value, Value> copies;
  for (Operation& inner : llvm::make_early_inc_range(body))
    for (mlir::OpOperand& operand : inner.getOpOperands()) {
      if (operand.get().getParentBlock() == &body) continue;
      Operation* source = operand.get().getDefiningOp();
      if (!source || !source->hasTrait<mlir::OpTrait::ConstantLike>())
        return errorAt(inner.getLoc(), "the body of a loop nest uses a value from outside that is not a constant");
      Value& copy = copies[operand.get()];
      if (!copy) copy = builder.clone(*source)->getResult(0);
      operand.set(copy);
    }
  return {};
}

Outcome splitResults(linalg::GenericOp op) {
  mlir::OpBuilder builder(op);
  const auto inputs = op.getNumDpsInputs();
  llvm::SmallVector<mlir::AffineMap> maps = op.getIndexingMapsArray();
  const bool reduces = op.getNumReductionLoops() > 0;
  llvm::SmallVector<Value> replacements;
  for (unsigned r = 0; r < op.getNumResults(); ++r) {
    // The other outs come as inputs: a parallel nest may read them.
    llvm::SmallVector<Value> operands(op.getDpsInputs());
    llvm::SmallVector<mlir::AffineMap> own(maps.begin(), maps.begin() + inputs);
    for (unsigned other = 0; other < op.getNumResults(); ++other) {
      if (other == r) continue;
      operands.push_back(op.getDpsInits()[other]);
      own.push_back(maps[static_cast<size_t>(inputs) + other]);
    }
    own.push_back(maps[static_cast<size_t>(inputs) + r]);
    auto part = linalg::GenericOp::create(builder, op.getLoc(), op.getResultTypes()[r], operands,
                                          Value(op.getDpsInits()[r]), own, op.getIteratorTypesArray());
    mlir::Block* body = builder.createBlock(&part.getRegion());
    mlir::IRMapping values;
    auto argument = [&](unsigned old) {
      mlir::BlockArgument from = op.getBody()->getArgument(old);
      values.map(from, body->addArgument(from.getType(), from.getLoc()));
    };
    for (unsigned i = 0; i < inputs; ++i) argument(i);
    for (unsigned other = 0; other < op.getNumResults(); ++other)
      if (other != r) argument(static_cast<unsigned>(inputs) + other);
    argument(static_cast<unsigned>(inputs) + r);
    builder.setInsertionPointToEnd(body);
    for (Operation& inner : op.getBody()->without_terminator()) builder.clone(inner, values);
    linalg::YieldOp::create(builder, op.getLoc(), values.lookup(op.getBody()->getTerminator()->getOperand(r)));
    eraseDead(*body);
    for (unsigned i = static_cast<unsigned>(inputs); reduces && i + 1 < body->getNumArguments(); ++i)
      if (!body->getArgument(i).use_empty())
        return errorAt(op.getLoc(), "results of a reduction depend on each other's accumulators");
    builder.setInsertionPoint(op);
    replacements.push_back(part.getResult(0));
  }
  op->replaceAllUsesWith(replacements);
  op.erase();
  return {};
}

Outcome generalise(mlir::func::FuncOp main) {
  mlir::Block& block = main.getBody().front();
  mlir::IRRewriter rewriter(main.getContext());
  for (Operation& op : llvm::make_early_inc_range(block)) {
    auto softmax = llvm::dyn_cast<linalg::SoftmaxOp>(op);
    if (!softmax) continue;
    rewriter.setInsertionPoint(softmax);
    auto parts = softmax.decomposeOperation(rewriter);
    if (mlir::failed(parts)) return errorAt(op.getLoc(), "'linalg.softmax' cannot be decomposed");
    rewriter.replaceOp(softmax, *parts);
  }
  for (Operation& op : llvm::make_early_inc_range(block)) {
    auto nest = llvm::dyn_cast<linalg::LinalgOp>(op);
    if (!nest || llvm::isa<linalg::GenericOp>(op)) continue;
    if (llvm::isa<linalg::FillOp>(op) && mlir::matchPattern(op.getOperand(0), mlir::m_Constant())) continue;
    rewriter.setInsertionPoint(&op);
    if (mlir::failed(linalg::generalizeNamedOp(rewriter, nest)))
      return errorAt(op.getLoc(), "'" + op.getName().getStringRef().str() + "' has no form as a loop nest");
  }
  for (Operation& op : llvm::make_early_inc_range(block)) {
    auto generic = llvm::dyn_cast<linalg::GenericOp>(op);
    if (!generic) continue;
    if (auto ok = isolate(generic); !ok) return ok;
    eraseDead(*generic.getBody());
    if (generic.getNumResults() == 1) continue;
    if (auto ok = splitResults(generic); !ok) return ok;
  }
  eraseDead(block);
  return {};
}

}  // namespace phx::compiler::graph
