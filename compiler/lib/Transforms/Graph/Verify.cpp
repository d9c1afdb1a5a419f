// The forms of groups that phase tile relies on.
#include "lib/Transforms/Graph/Graph.h"
#include "lib/Transforms/Graph/View.h"
#include "lib/Transforms/Phases.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace phx::compiler {

namespace linalg = mlir::linalg;
using Kind = mlir::utils::IteratorType;
using mlir::Operation;
using mlir::Value;

namespace {

class Checker {
 public:
  explicit Checker(npu::GroupOp group) : group_(group) {}

  Outcome run() {
    for (mlir::Type type : llvm::concat<const mlir::Type>(group_.getInputs().getTypes(), group_.getResultTypes()))
      if (mlir::getElementTypeOrSelf(type).isInteger(1))
        return fail(group_, "has a boolean input or result; expected i8");
    if (group_.getKind() == npu::GroupKind::copy) return copy();
    for (Operation& op : group_.getBody().front().without_terminator())
      if (auto ok = member(op); !ok) return ok;
    if (group_.getKind() == npu::GroupKind::cube && contractions_ != 1) return fail(group_, "has no contraction");
    return {};
  }

 private:
  Outcome fail(Operation* op, const std::string& message) {
    return errorAt(op->getLoc(),
                   "group '" + group_.getName().str() + "': '" + op->getName().getStringRef().str() + "' " + message);
  }

  Outcome copy() {
    auto ops = group_.getBody().front().without_terminator();
    if (!llvm::hasSingleElement(ops) || !llvm::isa<npu::RearrangeOp>(*ops.begin()))
      return fail(group_, "of kind copy holds something else than one npu.rearrange");
    return {};
  }

  Outcome member(Operation& op) {
    if (llvm::isa<mlir::tensor::EmptyOp, mlir::arith::ConstantOp>(op)) return {};
    auto nest = llvm::dyn_cast<linalg::LinalgOp>(op);
    if (!nest) return fail(&op, "is no linalg operation");
    auto dims = op.getAttrOfType<mlir::DenseI64ArrayAttr>(npu::kDimsAttr);
    if (!dims || dims.size() != static_cast<int64_t>(nest.getNumLoops()))
      return fail(&op, "has no npu.dims for its loops");
    auto ranges = nest.getStaticLoopRanges();
    for (auto [dim, range] : llvm::zip(dims.asArrayRef(), ranges)) {
      if (dim < 0) continue;
      if (dim >= static_cast<int64_t>(group_.getDomain().size()) ||
          group_.getDomain()[static_cast<size_t>(dim)] != range)
        return fail(&op, "has loops that are not those of the domain");
    }
    if (llvm::isa<linalg::FillOp>(op)) return {};
    if (group_.getKind() == npu::GroupKind::cube && nest.getNumReductionLoops() > 0) return contraction(nest);
    return loopNest(nest, dims.asArrayRef());
  }

  Outcome contraction(linalg::LinalgOp nest) {
    ++contractions_;
    auto roles = linalg::inferContractionDims(nest);
    if (mlir::failed(roles)) return fail(nest, "is no contraction");
    if (roles->batch.size() > 1 || roles->m.size() != 1 || roles->n.size() != 1 || roles->k.size() != 1)
      return fail(nest, "has more than one dimension of a role");
    mlir::Type element = mlir::getElementTypeOrSelf(nest->getResult(0).getType());
    if (!element.isF32() && !element.isInteger(32)) return fail(nest, "accumulates neither in f32 nor in i32");
    return {};
  }

  Outcome loopNest(linalg::LinalgOp nest, llvm::ArrayRef<int64_t> dims) {
    if (!llvm::is_sorted(dims)) return fail(nest, "has loops that are not in the order of the domain");
    for (mlir::AffineMap map : nest.getIndexingMapsArray()) {
      if (!map.isProjectedPermutation()) return fail(nest, "has an operand that is not indexed by loops");
      int64_t last = -1;
      for (mlir::AffineExpr expression : map.getResults()) {
        const int64_t loop = llvm::cast<mlir::AffineDimExpr>(expression).getPosition();
        if (loop <= last) return fail(nest, "has an operand that permutes dimensions");
        last = loop;
      }
    }
    if (nest.getNumReductionLoops() == 0) return {};
    Value accumulator = nest.getBlock()->getArguments().back();
    Operation* step = nest.getBlock()->getTerminator()->getOperand(0).getDefiningOp();
    if (!step || !accumulator.hasOneUse() || !llvm::is_contained(step->getOperands(), accumulator))
      return fail(nest, "does not end in one combination with the accumulator");
    if (!nest.getDpsInits()[0].getDefiningOp<linalg::FillOp>()) return fail(nest, "does not start from a fill");
    // A reduction of something else than a suffix is alone.
    bool reduced = false, suffix = dims.back() == static_cast<int64_t>(group_.getDomain().size()) - 1;
    for (Kind kind : nest.getIteratorTypesArray()) {
      if (kind == Kind::reduction)
        reduced = true;
      else if (reduced)
        suffix = false;
    }
    if (!suffix && !llvm::is_contained(group_.getBody().front().getTerminator()->getOperands(), nest->getResult(0)))
      return fail(nest, "reduces dimensions that do not end the domain, and does not end its group");
    return {};
  }

  npu::GroupOp group_;
  int contractions_ = 0;
};

}  // namespace

Outcome verifyAfterGraph(mlir::ModuleOp module) {
  auto main = module.lookupSymbol<mlir::func::FuncOp>("main");
  if (!main || !main.getBody().hasOneBlock())
    return errorAt(module.getLoc(), "the module has no function @main of one block");
  mlir::Block& block = main.getBody().front();
  for (Operation& op : block.without_terminator()) {
    if (graph::isReshape(&op) || llvm::isa<mlir::arith::ConstantOp>(op)) continue;
    auto group = llvm::dyn_cast<npu::GroupOp>(op);
    if (!group)
      return errorAt(op.getLoc(), "operation '" + op.getName().getStringRef().str() + "' is left outside of groups");
    if (auto ok = Checker(group).run(); !ok) return ok;
  }
  llvm::DenseSet<Value> returned;
  for (auto [i, value] : llvm::enumerate(block.getTerminator()->getOperands())) {
    Value root = graph::rootOf(value);
    if (!root.getDefiningOp<npu::GroupOp>() || !returned.insert(root).second)
      return errorAt(block.getTerminator()->getLoc(),
                     "result " + std::to_string(i) + " of @main is not the result of a group of its own");
  }
  return {};
}

}  // namespace phx::compiler
