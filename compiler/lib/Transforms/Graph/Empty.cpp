// Tensors without elements. Models have them (a slice of nothing, a part of a split); there is nothing to compute, so
// whatever makes one becomes a fill, which no kernel is made for, and no other loop nest runs zero times.
#include "lib/Transforms/Graph/Steps.h"
#include "lib/Transforms/Phases.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace phx::compiler::graph {

static bool isEmpty(mlir::Type type) { return llvm::is_contained(llvm::cast<mlir::ShapedType>(type).getShape(), 0); }

Outcome replaceEmpty(mlir::func::FuncOp main) {
  for (mlir::Operation& op : llvm::make_early_inc_range(main.getBody().front().without_terminator())) {
    if (llvm::isa<mlir::tensor::EmptyOp, mlir::linalg::FillOp>(op)) continue;
    bool made = false, other = false;
    for (mlir::Type type : op.getResultTypes())
      (llvm::isa<mlir::ShapedType>(type) && isEmpty(type) ? made : other) = true;
    if (made && !other) {
      mlir::OpBuilder builder(&op);
      for (mlir::Value result : op.getResults()) {
        auto type = llvm::cast<mlir::ShapedType>(result.getType());
        mlir::Value zero =
            mlir::arith::ConstantOp::create(builder, op.getLoc(), builder.getZeroAttr(type.getElementType()));
        mlir::Value none = mlir::tensor::EmptyOp::create(builder, op.getLoc(), type.getShape(), type.getElementType());
        auto fill = mlir::linalg::FillOp::create(builder, op.getLoc(), zero, none);
        result.replaceAllUsesWith(fill.getResult(0));
      }
      op.erase();
      continue;
    }
    for (mlir::Type type : llvm::concat<const mlir::Type>(op.getOperandTypes(), op.getResultTypes()))
      if (llvm::isa<mlir::ShapedType>(type) && isEmpty(type)) {
        std::string text;
        llvm::raw_string_ostream(text) << type;
        return errorAt(op.getLoc(), "'" + op.getName().getStringRef().str() + "' reads " + text +
                                        ", which has no elements; that is not supported");
      }
  }
  return {};
}

}  // namespace phx::compiler::graph
