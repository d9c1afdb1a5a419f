// Phase pipeline: buffers that are to have several copies get them, and the copies take turns.
//
// A counter runs through all loops around a buffer and counts how often its place is reached; it is not reset when an
// inner loop starts again, so that the last copy of one outer iteration is followed by the next one.
#include "lib/Dialect/Npu/Npu.h"
#include "lib/Transforms/Memory/MemoryPhases.h"
#include "lib/Transforms/Phases.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"

namespace phx::compiler {

using mlir::Operation;
using mlir::Value;

namespace {

bool runsAtMostOnce(mlir::scf::ForOp loop) {
  auto trips = loop.getStaticTripCount();
  return trips && trips->ule(1);
}

// The loop whose iterations the place of `op` is counted in; null if it is reached at most once.
mlir::scf::ForOp countingLoop(Operation* op) {
  mlir::scf::ForOp innermost;
  bool again = false;
  for (Operation* parent = op->getParentOp(); parent; parent = parent->getParentOp())
    if (auto loop = llvm::dyn_cast<mlir::scf::ForOp>(parent)) {
      if (!innermost) innermost = loop;
      again |= !runsAtMostOnce(loop);
    }
  return again ? innermost : mlir::scf::ForOp();
}

class CounterThread {
 public:
  // A new index value in the loop's body: the number of iterations that the loop has begun before, over all its runs.
  // Loops and ifs around it are replaced; blocks stay the same.
  Value through(mlir::scf::ForOp loop) {
    llvm::SmallVector<Operation*> around;
    for (Operation* op = loop; !llvm::isa<mlir::func::FuncOp>(op); op = op->getParentOp()) around.push_back(op);
    Operation* outermost = around.back();
    mlir::OpBuilder b(outermost);
    Value count = mlir::arith::ConstantIndexOp::create(b, outermost->getLoc(), 0);
    for (size_t i = around.size(); i-- > 0;) {
      if (auto outer = llvm::dyn_cast<mlir::scf::ForOp>(around[i])) {
        auto fresh = extend(outer, count);
        count = fresh.getRegionIterArgs().back();
        around[i] = fresh;
      } else {
        around[i] = extend(llvm::cast<mlir::scf::IfOp>(around[i]), count, around[i - 1]);
      }
    }
    // From the inside out: what each block hands on.
    Value counted = count;
    for (Operation* op : around) {
      mlir::Block* block = nullptr;
      if (op == around.front()) {
        auto innermost = llvm::cast<mlir::scf::ForOp>(op);
        block = innermost.getBody();
        b.setInsertionPoint(block->getTerminator());
        Value one = mlir::arith::ConstantIndexOp::create(b, op->getLoc(), 1);
        counted = mlir::arith::AddIOp::create(b, op->getLoc(), count, one);
      } else {
        block = inner_->getBlock();
      }
      Operation* yield = block->getTerminator();
      yield->insertOperands(yield->getNumOperands(), counted);
      inner_ = op;
      counted = op->getResults().back();
    }
    return count;
  }

 private:
  static mlir::scf::ForOp extend(mlir::scf::ForOp loop, Value initial) {
    mlir::OpBuilder b(loop);
    llvm::SmallVector<Value> inits(loop.getInitArgs());
    inits.push_back(initial);
    auto fresh =
        mlir::scf::ForOp::create(b, loop.getLoc(), loop.getLowerBound(), loop.getUpperBound(), loop.getStep(), inits);
    fresh->setDiscardableAttrs(loop->getDiscardableAttrDictionary());
    fresh.getRegion().takeBody(loop.getRegion());
    fresh.getBody()->addArgument(b.getIndexType(), loop.getLoc());
    return replace(loop, fresh);
  }

  // The branch that does not hold `inside` hands the count on as it is.
  static mlir::scf::IfOp extend(mlir::scf::IfOp branch, Value count, Operation* inside) {
    mlir::OpBuilder b(branch);
    llvm::SmallVector<mlir::Type> types(branch.getResultTypes());
    types.push_back(b.getIndexType());
    auto fresh = mlir::scf::IfOp::create(b, branch.getLoc(), types, branch.getCondition(), false, false);
    fresh->setDiscardableAttrs(branch->getDiscardableAttrDictionary());
    fresh.getThenRegion().takeBody(branch.getThenRegion());
    fresh.getElseRegion().takeBody(branch.getElseRegion());
    if (fresh.getElseRegion().empty()) {
      b.createBlock(&fresh.getElseRegion());
      mlir::scf::YieldOp::create(b, branch.getLoc());
    }
    for (mlir::Region& region : fresh->getRegions())
      if (!region.findAncestorBlockInRegion(*inside->getBlock())) {
        Operation* yield = region.front().getTerminator();
        yield->insertOperands(yield->getNumOperands(), count);
      }
    return replace(branch, fresh);
  }

  template <class Op>
  static Op replace(Op old, Op fresh) {
    for (unsigned i = 0; i < old->getNumResults(); ++i) old->getResult(i).replaceAllUsesWith(fresh->getResult(i));
    old->erase();
    return fresh;
  }

  Operation* inner_ = nullptr;
};

void pipelineKernel(mlir::func::FuncOp kernel) {
  llvm::MapVector<mlir::Block*, llvm::SmallVector<mlir::memref::AllocOp>> rotating;  // by body of the counting loop
  kernel.walk([&](mlir::memref::AllocOp alloc) {
    auto wanted = alloc->getAttrOfType<mlir::IntegerAttr>(npu::kBuffersAttr);
    if (!wanted) return;
    mlir::scf::ForOp loop = wanted.getInt() > 1 ? countingLoop(alloc) : mlir::scf::ForOp();
    if (loop)
      rotating[loop.getBody()].push_back(alloc);
    else
      alloc->removeAttr(npu::kBuffersAttr);
  });
  for (auto& [body, allocs] : rotating) {
    Value counter = CounterThread().through(llvm::cast<mlir::scf::ForOp>(body->getParentOp()));
    for (mlir::memref::AllocOp alloc : allocs) {
      mlir::MemRefType one = alloc.getType();
      llvm::SmallVector<int64_t> shape{alloc->getAttrOfType<mlir::IntegerAttr>(npu::kBuffersAttr).getInt()};
      shape.append(one.getShape().begin(), one.getShape().end());
      mlir::OpBuilder b(alloc);
      auto all = mlir::memref::AllocOp::create(
          b, alloc.getLoc(),
          mlir::MemRefType::get(shape, one.getElementType(),
                                one.getLayout().isIdentity() ? mlir::MemRefLayoutAttrInterface{} : one.getLayout(),
                                one.getMemorySpace()));
      Value slot = npu::SlotOp::create(b, alloc.getLoc(), one, all, counter);
      alloc.replaceAllUsesWith(slot);
      alloc.erase();
    }
  }
}

}  // namespace

Outcome pipelineBuffers(mlir::ModuleOp module) {
  for (auto kernel : module.getOps<mlir::func::FuncOp>())
    if (npu::isKernel(kernel)) pipelineKernel(kernel);
  return {};
}

}  // namespace phx::compiler
