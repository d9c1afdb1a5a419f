// Groups back to what they mean, in dialects that MLIR runs on the host.
#include "lib/Transforms/Graph/Graph.h"
#include "lib/Transforms/Graph/View.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"

namespace phx::compiler {

namespace arith = mlir::arith;
using mlir::Value;

// target[target_offset + ..] = source[source_offset + ..] over the box from loop `dim` on; both tensors are flat.
static Value copyBox(mlir::OpBuilder& builder, mlir::Location location, npu::PieceAttr piece, size_t dim, Value source,
                     Value target, Value from, Value to) {
  if (dim == piece.getSizes().size()) {
    Value element = mlir::tensor::ExtractOp::create(builder, location, source, from);
    return mlir::tensor::InsertOp::create(builder, location, element, target, to);
  }
  auto index = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(builder, location, value); };
  auto loop = mlir::scf::ForOp::create(builder, location, index(0), index(piece.getSizes()[dim]), index(1),
                                       mlir::ValueRange{target});
  mlir::OpBuilder body = mlir::OpBuilder::atBlockBegin(loop.getBody());
  auto advance = [&](Value place, int64_t stride) -> Value {
    Value step = arith::ConstantIndexOp::create(body, location, stride);
    Value way = arith::MulIOp::create(body, location, loop.getInductionVar(), step);
    return arith::AddIOp::create(body, location, place, way);
  };
  Value inner_from = advance(from, piece.getSrcStrides()[dim]), inner_to = advance(to, piece.getDstStrides()[dim]);
  Value out = copyBox(body, location, piece, dim + 1, source, loop.getRegionIterArgs()[0], inner_from, inner_to);
  mlir::scf::YieldOp::create(body, location, out);
  return loop.getResult(0);
}

static Value flatten(mlir::OpBuilder& builder, mlir::Location location, Value tensor) {
  return graph::reshapeTo(builder, location, tensor, {graph::typeOf(tensor).getNumElements()});
}

static void lowerRearrange(npu::RearrangeOp op) {
  mlir::OpBuilder builder(op);
  mlir::Location location = op.getLoc();
  auto type = graph::typeOf(op.getResult());
  Value target = mlir::tensor::EmptyOp::create(builder, location, {type.getNumElements()}, type.getElementType());
  if (op.getFill()) {
    Value value = arith::ConstantOp::create(builder, location, llvm::cast<mlir::TypedAttr>(*op.getFill()));
    target =
        mlir::linalg::FillOp::create(builder, location, mlir::ValueRange{value}, mlir::ValueRange{target}).getResult(0);
  }
  llvm::SmallVector<Value> sources;
  for (Value source : op.getSources()) sources.push_back(flatten(builder, location, source));
  for (auto piece : op.getPieces().getAsRange<npu::PieceAttr>()) {
    Value from = arith::ConstantIndexOp::create(builder, location, piece.getSrcOffset());
    Value to = arith::ConstantIndexOp::create(builder, location, piece.getDstOffset());
    target = copyBox(builder, location, piece, 0, sources[static_cast<size_t>(piece.getSource())], target, from, to);
  }
  op.getResult().replaceAllUsesWith(graph::reshapeTo(builder, location, target, type.getShape()));
  op.erase();
}

Outcome inlineGroups(mlir::ModuleOp module) {
  llvm::SmallVector<npu::GroupOp> groups;
  module.walk([&](npu::GroupOp group) { groups.push_back(group); });
  for (npu::GroupOp group : groups) {
    mlir::OpBuilder builder(group);
    mlir::IRMapping values;
    mlir::Block& body = group.getBody().front();
    for (auto [argument, input] : llvm::zip(body.getArguments(), group.getInputs())) values.map(argument, input);
    for (mlir::Operation& op : body.without_terminator()) builder.clone(op, values);
    for (auto [result, value] : llvm::zip(group.getResults(), body.getTerminator()->getOperands()))
      result.replaceAllUsesWith(values.lookup(value));
    group.erase();
  }
  llvm::SmallVector<npu::RearrangeOp> movements;
  module.walk([&](npu::RearrangeOp op) { movements.push_back(op); });
  for (npu::RearrangeOp op : movements) lowerRearrange(op);
  return {};
}

}  // namespace phx::compiler
