// What phase graph accepts: one function @main of one block on tensors of static shape, and the operations listed here.
#include "lib/Transforms/Graph/Steps.h"
#include "lib/Transforms/Phases.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace phx::compiler::graph {

using mlir::Operation;

static std::string text(mlir::Type type) {
  std::string out;
  llvm::raw_string_ostream(out) << type;
  return out;
}

static bool supportedElement(mlir::Type type) {
  if (type.isF32() || type.isF16() || type.isBF16() || type.isF64() || isFloat8(type)) return true;
  for (unsigned bits : {1u, 8u, 16u, 32u, 64u})
    if (type.isSignlessInteger(bits)) return true;
  return false;
}

static Outcome checkType(mlir::Location location, mlir::Type type) {
  auto tensor = llvm::dyn_cast<mlir::RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape())
    return errorAt(location, "type " + text(type) + " is no tensor of static shape");
  // Products of sizes stay far from 64 bits, and so do addresses made of them.
  constexpr int64_t kMostElements = int64_t{1} << 40;
  int64_t elements = 1;
  for (int64_t size : tensor.getShape()) {
    if (size == 0) continue;  // an empty dimension hides no absurd one
    if (size > kMostElements / elements) return errorAt(location, text(tensor) + " has more than 2^40 elements");
    elements *= size;
  }
  if (!supportedElement(tensor.getElementType()))
    return errorAt(location,
                   "elements of type " + text(tensor.getElementType()) +
                       " are not supported; expected f16, bf16, f32, i1, i8, i16, i32, i64, f64, f8E4M3FN or f8E5M2");
  return {};
}

static std::string nameOf(Operation& op) { return op.getName().getStringRef().str(); }

static Outcome checkBody(Operation& op) {
  Outcome outcome;
  op.walk([&](Operation* inner) {
    if (inner == &op) return mlir::WalkResult::advance();
    mlir::Dialect* dialect = inner->getDialect();
    const bool known = llvm::isa_and_nonnull<mlir::arith::ArithDialect, mlir::math::MathDialect>(dialect) ||
                       llvm::isa<mlir::linalg::YieldOp, mlir::linalg::IndexOp, mlir::tensor::YieldOp>(inner);
    if (known) return mlir::WalkResult::advance();
    outcome =
        errorAt(inner->getLoc(), "operation '" + nameOf(*inner) + "' is not supported inside '" + nameOf(op) + "'");
    return mlir::WalkResult::interrupt();
  });
  return outcome;
}

static Outcome checkOperation(Operation& op) {
  if (llvm::isa<mlir::arith::ConstantOp>(op) && !llvm::isa<mlir::TensorType>(op.getResult(0).getType())) return {};
  const bool known =
      llvm::isa<mlir::arith::ConstantOp, mlir::linalg::SoftmaxOp, mlir::tensor::EmptyOp, mlir::tensor::PadOp,
                mlir::tensor::ExtractSliceOp, mlir::tensor::InsertSliceOp, mlir::tensor::ConcatOp,
                mlir::tensor::CollapseShapeOp, mlir::tensor::ExpandShapeOp>(op) ||
      llvm::isa<mlir::linalg::LinalgOp>(op);
  if (!known)
    return errorAt(op.getLoc(), "operation '" + nameOf(op) +
                                    "' is not in the vocabulary of the tensor compiler (linalg and tensor operations)");
  for (mlir::Type type : op.getResultTypes())
    if (auto ok = checkType(op.getLoc(), type); !ok) return ok;
  return checkBody(op);
}

Outcome checkModule(mlir::ModuleOp module) {
  auto main = module.lookupSymbol<mlir::func::FuncOp>("main");
  if (!main || !main.getBody().hasOneBlock())
    return errorAt(module.getLoc(), "the module has no function @main of one block");
  for (mlir::Type type : llvm::concat<const mlir::Type>(main.getArgumentTypes(), main.getResultTypes()))
    if (auto ok = checkType(main.getLoc(), type); !ok) return ok;
  for (Operation& op : main.getBody().front().without_terminator())
    if (auto ok = checkOperation(op); !ok) return ok;
  return {};
}

}  // namespace phx::compiler::graph
