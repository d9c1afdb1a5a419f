// Data movement becomes npu.rearrange, composed with the movements that it reads from.
#include "lib/Transforms/Graph/Steps.h"
#include "lib/Transforms/Graph/View.h"
#include "lib/Transforms/Phases.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Matchers.h"

namespace phx::compiler::graph {

namespace tensor = mlir::tensor;
using llvm::ArrayRef;
using mlir::Value;

namespace {

// Every step-th index of a dimension: start, start + step, ..
struct Run {
  int64_t start, size, step;
};

// The box of `shape` at these runs, one per dimension, and where it lies in the flattened tensor.
struct Lattice {
  int64_t offset = 0;
  Sizes sizes, strides;
  Lattice(ArrayRef<int64_t> shape, ArrayRef<Run> runs) {
    for (auto [run, stride] : llvm::zip(runs, rowMajor(shape))) {
      offset += run.start * stride;
      sizes.push_back(run.size);
      strides.push_back(run.step * stride);
    }
  }
};

}  // namespace

static llvm::SmallVector<Run> runs(ArrayRef<int64_t> starts, ArrayRef<int64_t> sizes, ArrayRef<int64_t> steps) {
  llvm::SmallVector<Run> out;
  for (size_t i = 0; i < starts.size(); ++i) out.push_back({starts[i], sizes[i], steps[i]});
  return out;
}

static Value pad(mlir::OpBuilder& builder, tensor::PadOp op, mlir::Attribute value) {
  auto type = llvm::cast<mlir::RankedTensorType>(op.getType());
  Sizes steps(static_cast<size_t>(type.getRank()), 1);
  ArrayRef<int64_t> shape = typeOf(op.getSource()).getShape();
  Lattice place(type.getShape(), runs(op.getStaticLow(), shape, steps));
  Box box{{op.getSource(), 0, rowMajor(shape)}, Sizes(shape), place.offset, place.strides};
  return rearrange(builder, op.getLoc(), type, {box}, value);
}

static Value slice(mlir::OpBuilder& builder, tensor::ExtractSliceOp op) {
  Lattice place(typeOf(op.getSource()).getShape(),
                runs(op.getStaticOffsets(), op.getStaticSizes(), op.getStaticStrides()));
  Box box{{op.getSource(), place.offset, place.strides}, place.sizes, 0, rowMajor(place.sizes)};
  return rearrange(builder, op.getLoc(), typeOf(op.getResult()), {box});
}

// The indices of a dimension that are not in the run.
static llvm::SmallVector<Run> others(const Run& run, int64_t size) {
  llvm::SmallVector<Run> out;
  if (run.start > 0) out.push_back({0, run.start, 1});
  for (int64_t phase = 1; phase < run.step && run.size > 1; ++phase)
    out.push_back({run.start + phase, run.size - 1, run.step});
  const int64_t last = run.start + (run.size - 1) * run.step;
  if (last + 1 < size) out.push_back({last + 1, size - last - 1, 1});
  return out;
}

// The part, and around it what the insertion leaves of the destination: for each dimension the box in which it is the
// first one off the part's lattice.
static Value insert(mlir::OpBuilder& builder, tensor::InsertSliceOp op) {
  auto type = typeOf(op.getResult());
  ArrayRef<int64_t> shape = type.getShape();
  llvm::SmallVector<Run> part = runs(op.getStaticOffsets(), op.getStaticSizes(), op.getStaticStrides());
  Lattice place(shape, part);
  llvm::SmallVector<Box> boxes{{{op.getSource(), 0, rowMajor(place.sizes)}, place.sizes, place.offset, place.strides}};
  if (product(place.sizes) == 0) boxes.clear();
  if (mlir::TypedAttr splat = splatOf(op.getDest())) return rearrange(builder, op.getLoc(), type, boxes, splat);
  if (boxes.empty()) return op.getDest();
  for (size_t dim = 0; dim < part.size(); ++dim)
    for (const Run& run : others(part[dim], shape[dim])) {
      llvm::SmallVector<Run> rest(part.begin(), part.begin() + static_cast<long>(dim));
      rest.push_back(run);
      for (size_t k = dim + 1; k < part.size(); ++k) rest.push_back({0, shape[k], 1});
      Lattice around(shape, rest);
      boxes.push_back({{op.getDest(), around.offset, around.strides}, around.sizes, around.offset, around.strides});
    }
  return rearrange(builder, op.getLoc(), type, boxes);
}

static Value concat(mlir::OpBuilder& builder, tensor::ConcatOp op) {
  auto type = typeOf(op.getResult());
  Sizes strides = rowMajor(type.getShape());
  int64_t offset = 0;
  llvm::SmallVector<Box> boxes;
  for (Value part : op.getInputs()) {
    ArrayRef<int64_t> shape = typeOf(part).getShape();
    boxes.push_back({{part, 0, rowMajor(shape)}, Sizes(shape), offset, strides});
    offset += shape[op.getDim()] * strides[op.getDim()];
  }
  return rearrange(builder, op.getLoc(), type, boxes);
}

// A loop nest that only copies: transposition, broadcast, or a window. Null if it is another one.
static Value copy(mlir::OpBuilder& builder, mlir::linalg::GenericOp op) {
  if (!llvm::hasSingleElement(*op.getBody()) || op.getNumReductionLoops() > 0) return {};
  auto argument = llvm::dyn_cast<mlir::BlockArgument>(op.getBody()->getTerminator()->getOperand(0));
  if (!argument) return {};
  mlir::OpOperand* operand = op.getMatchingOpOperand(argument);
  if (op.isDpsInit(operand)) return operand->get();
  Sizes sizes(op.getStaticLoopRanges());
  auto from = viewOf(operand->get(), op.getMatchingIndexingMap(operand), sizes.size());
  mlir::AffineMap out = op.getIndexingMapMatchingResult(op->getResult(0));
  auto to = viewOf(op.getDpsInits()[0], out, sizes.size());
  if (!from || !to || !out.isPermutation()) return {};
  return rearrange(builder, op.getLoc(), typeOf(op.getResult(0)), {Box{*from, sizes, to->offset, to->strides}});
}

// A constant that a loop nest yields everywhere.
static Value constantNest(mlir::OpBuilder& builder, mlir::linalg::GenericOp op) {
  mlir::Attribute value;
  if (op.getNumReductionLoops() > 0 ||
      !mlir::matchPattern(op.getBody()->getTerminator()->getOperand(0), mlir::m_Constant(&value)))
    return {};
  return rearrange(builder, op.getLoc(), typeOf(op.getResult(0)), {}, value);
}

Outcome rearrangeMovements(mlir::func::FuncOp main) {
  for (mlir::Operation& op : llvm::make_early_inc_range(main.getBody().front())) {
    mlir::OpBuilder builder(&op);
    Value value;
    if (auto padding = llvm::dyn_cast<tensor::PadOp>(op)) {
      mlir::Attribute constant;
      Value element = padding.getConstantPaddingValue();
      if (!element || !mlir::matchPattern(element, mlir::m_Constant(&constant)))
        return errorAt(op.getLoc(), "'tensor.pad' pads with something that is not a constant");
      value = pad(builder, padding, constant);
    } else if (auto extract = llvm::dyn_cast<tensor::ExtractSliceOp>(op)) {
      value = slice(builder, extract);
    } else if (auto insertion = llvm::dyn_cast<tensor::InsertSliceOp>(op)) {
      value = insert(builder, insertion);
    } else if (auto concatenation = llvm::dyn_cast<tensor::ConcatOp>(op)) {
      value = concat(builder, concatenation);
    } else if (auto generic = llvm::dyn_cast<mlir::linalg::GenericOp>(op)) {
      value = copy(builder, generic);
      if (!value) value = constantNest(builder, generic);
    }
    if (!value) continue;
    op.getResult(0).replaceAllUsesWith(value);
    op.erase();
  }
  eraseDead(main.getBody().front());
  return {};
}

}  // namespace phx::compiler::graph
