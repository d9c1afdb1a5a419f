#include "lib/Transforms/Graph/Steps.h"
#include "lib/Transforms/Graph/View.h"
#include "lib/Transforms/Phases.h"

namespace phx::compiler::graph {

using mlir::Operation;
using mlir::Value;

// Reads the sources of sources, now that operations before it have changed. False: there is nothing to gain.
static bool composeMovement(npu::RearrangeOp op) {
  llvm::SmallVector<Box> boxes;
  bool composes = false;
  for (auto piece : op.getPieces().getAsRange<npu::PieceAttr>()) {
    Value source = op.getSources()[static_cast<size_t>(piece.getSource())];
    Box box{{source, piece.getSrcOffset(), Sizes(piece.getSrcStrides())},
            Sizes(piece.getSizes()),
            piece.getDstOffset(),
            Sizes(piece.getDstStrides())};
    lookThrough(box);
    composes |= box.from.source != rootOf(source);
    boxes.push_back(std::move(box));
  }
  if (!composes) return false;
  mlir::OpBuilder builder(op);
  op.getResult().replaceAllUsesWith(rearrange(builder, op.getLoc(), typeOf(op.getResult()), boxes, op.getFillAttr()));
  op.erase();
  return true;
}

static bool computesWithFloat8(Operation* op) {
  if (!llvm::isa<mlir::linalg::GenericOp>(op) || op->hasAttr(kContractionAttr)) return false;
  return llvm::any_of(op->getOperandTypes(), [](mlir::Type t) { return isFloat8(mlir::getElementTypeOrSelf(t)); });
}

Outcome normalise(mlir::func::FuncOp main) {
  mlir::Block& block = main.getBody().front();
  for (Operation* op = &block.front(); op;) {
    // What replaces an operation stands in its place and is looked at in turn.
    Operation* before = op->getPrevNode();
    bool replaced = false;
    if (auto movement = llvm::dyn_cast<npu::RearrangeOp>(op)) {
      replaced = composeMovement(movement);
    } else if (auto nest = llvm::dyn_cast<mlir::linalg::GenericOp>(op);
               nest && !op->hasAttr(kContractionAttr) && !op->hasAttr(kCanonicalAttr)) {
      replaced = true;
      if (!lowerContraction(nest))
        if (auto ok = orderLoops(nest); !ok) return ok;
    }
    if (replaced)
      op = before ? before->getNextNode() : &block.front();
    else
      op = op->getNextNode();
  }
  eraseDead(block);
  for (Operation& op : block)
    if (computesWithFloat8(&op))
      return errorAt(op.getLoc(),
                     "only products of matrices of one type read 8-bit floats, and only movements write them");
  return {};
}

}  // namespace phx::compiler::graph
