#include "lib/Transforms/Tile/Cube/Contraction.h"

#include "lib/Transforms/Phases.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Matchers.h"

namespace phx::compiler {

using mlir::Operation;
using mlir::Value;

namespace {

std::optional<unsigned> inputOf(Value value, mlir::Block& body) {
  auto argument = llvm::dyn_cast<mlir::BlockArgument>(value);
  if (!argument || argument.getOwner() != &body) return std::nullopt;
  return argument.getArgNumber();
}

// The loop dimension that each dimension of the operand follows.
std::optional<llvm::SmallVector<unsigned>> loopsOf(mlir::AffineMap map) {
  llvm::SmallVector<unsigned> loops;
  for (mlir::AffineExpr expression : map.getResults()) {
    auto dim = llvm::dyn_cast<mlir::AffineDimExpr>(expression);
    if (!dim) return std::nullopt;
    loops.push_back(dim.getPosition());
  }
  return loops;
}

}  // namespace

Expected<Contraction> analyseContraction(npu::GroupOp group) {
  mlir::Block& body = group.getBody().front();
  Contraction c;
  mlir::linalg::LinalgOp contraction;
  for (Operation& op : body)
    if (auto linalg = llvm::dyn_cast<mlir::linalg::LinalgOp>(op);
        linalg && !llvm::isa<mlir::linalg::FillOp>(op) && linalg.getNumReductionLoops() > 0) {
      if (contraction) return errorAt(op.getLoc(), "a cube group has one contraction, this is the second");
      contraction = linalg;
    }
  if (!contraction) return errorAt(group.getLoc(), "a cube group without contraction");
  auto fail = [&](const std::string& why) { return errorAt(contraction.getLoc(), "the contraction " + why); };
  if (contraction.getNumDpsInputs() != 2) return fail("does not have two operands");
  auto dims = mlir::linalg::inferContractionDims(contraction);
  if (mlir::failed(dims) || dims->batch.size() > 1 || dims->m.size() > 1 || dims->n.size() > 1 || dims->k.size() != 1)
    return fail("has not the dimensions [b,] m, n, k");
  c.op = contraction;
  llvm::SmallVector<int64_t> sizes = contraction.getStaticLoopRanges();
  constexpr unsigned none = ~0u;
  auto dim = [&](const llvm::SmallVectorImpl<unsigned>& list) { return list.empty() ? none : list[0]; };
  const unsigned b = dim(dims->batch), m = dim(dims->m), n = dim(dims->n), k = dims->k[0];
  auto size = [&](unsigned d) { return d == none ? 1 : sizes[d]; };
  c.b = size(b), c.m = size(m), c.n = size(n), c.k = size(k);

  // The operand that has m is A; with m and n both missing (dot products) the first is.
  auto maps = contraction.getIndexingMapsArray();
  llvm::SmallVector<unsigned> loops[2];
  for (unsigned i = 0; i < 2; ++i) {
    auto list = loopsOf(maps[i]);
    if (!list) return fail("has an operand that is not indexed by single dimensions");
    loops[i] = *list;
  }
  const bool swapped = (m != none && llvm::is_contained(loops[1], m)) || (n != none && llvm::is_contained(loops[0], n));
  auto operand = [&](unsigned which, unsigned outer, bool isA, CubeOperand& out) -> Outcome {
    Value tensor = contraction.getDpsInputOperand(which)->get();
    auto input = inputOf(tensor, body);
    if (!input) return fail("has an operand that the group computes itself");
    out.input = *input;
    llvm::SmallVector<unsigned> list = loops[which];
    if (!list.empty() && b != none && list.front() == b) {
      out.batch = (outer == none ? 1 : sizes[outer]) * c.k;
      list.erase(list.begin());
    }
    // What is left: [outer, k] or [k, outer], either may be missing.
    const bool kFirst = list.size() == 2 && list[0] == k;
    if (list.size() > 2 || (list.size() == 2 && list[0] != k && list[1] != k))
      return fail("has an operand whose batch dimension is not first");
    out.trans = isA ? kFirst : !kFirst;
    if (list.size() < 2) out.trans = false;  // a vector: a row of A or a column of B with n = 1
    return {};
  };
  if (auto ok = operand(swapped ? 1 : 0, m, true, c.a); !ok) return ok.diagnostic();
  if (auto ok = operand(swapped ? 0 : 1, n, false, c.rhs); !ok) return ok.diagnostic();
  auto outLoops = loopsOf(maps[2]);
  llvm::SmallVector<unsigned> wanted;
  for (unsigned d : {b, m, n})
    if (d != none) wanted.push_back(d);
  if (!outLoops || *outLoops != wanted) return fail("writes its result in another order than [b,] m, n");

  auto type = [&](unsigned i) {
    return llvm::cast<mlir::ShapedType>(contraction.getDpsInputOperand(i)->get().getType()).getElementType();
  };
  c.element = type(0);
  c.accumulator = llvm::cast<mlir::ShapedType>(contraction->getResult(0).getType()).getElementType();
  if (type(1) != c.element) return fail("has operands of two types");
  const bool floating = c.element.isF16() || c.element.isBF16() || c.element.isF32() ||
                        llvm::isa<mlir::Float8E4M3FNType, mlir::Float8E5M2Type>(c.element);
  if (!(floating && c.accumulator.isF32()) && !(c.element.isInteger(8) && c.accumulator.isInteger(32)))
    return fail("needs f8E4M3FN, f8E5M2, f16, bf16 or f32 with f32 accumulators, or i8 with i32");
  return c;
}

std::optional<FixpipeEpilogue> matchFixpipeEpilogue(npu::GroupOp group, const Contraction& contraction) {
  mlir::Block& body = group.getBody().front();
  auto yield = llvm::cast<npu::YieldOp>(body.getTerminator());
  if (yield.getValues().size() != 1) return std::nullopt;
  FixpipeEpilogue epilogue;
  Value tensor = contraction.op->getResult(0);
  bool converted = false;
  for (Operation& op : llvm::make_range(std::next(contraction.op->getIterator()), body.end())) {
    if (llvm::isa<mlir::arith::ConstantOp, mlir::tensor::EmptyOp, npu::YieldOp>(op)) continue;
    auto generic = llvm::dyn_cast<mlir::linalg::GenericOp>(op);
    if (!generic || generic->getNumResults() != 1 || generic.getNumReductionLoops() || !tensor.hasOneUse())
      return std::nullopt;
    mlir::Block& inner = generic.getRegion().front();
    Value current;
    llvm::SmallDenseMap<Value, unsigned> columns;  // values that are one of n input values
    for (mlir::OpOperand* in : generic.getDpsInputOperands()) {
      Value argument = inner.getArgument(in->getOperandNumber());
      if (in->get() == tensor) {
        current = argument;
        continue;
      }
      auto input = inputOf(in->get(), body);
      mlir::AffineMap map = generic.getMatchingIndexingMap(in);
      const bool column = map.getNumResults() == 1 &&
                          map.getResult(0) == mlir::getAffineDimExpr(map.getNumDims() - 1, map.getContext());
      if (!input || !column) return std::nullopt;
      columns[argument] = *input;
    }
    if (!current) return std::nullopt;
    for (Operation& scalar : inner.without_terminator()) {
      if (scalar.getNumResults() != 1) return std::nullopt;
      Value result = scalar.getResult(0);
      if (llvm::isa<mlir::arith::ConstantOp>(scalar)) continue;
      if (llvm::isa<mlir::arith::ExtFOp>(scalar) && columns.count(scalar.getOperand(0))) {
        columns[result] = columns.lookup(scalar.getOperand(0));
        continue;
      }
      if (converted || !current.hasOneUse() || !llvm::is_contained(scalar.getOperands(), current)) return std::nullopt;
      Value other = scalar.getNumOperands() == 2 ? scalar.getOperand(scalar.getOperand(0) == current ? 1 : 0) : Value();
      if (llvm::isa<mlir::arith::AddFOp, mlir::arith::AddIOp>(scalar) && columns.count(other) && !epilogue.bias &&
          !epilogue.relu) {
        // The bias table holds f32 (converted from f16 exactly) and s32.
        mlir::Type stored =
            llvm::cast<mlir::RankedTensorType>(body.getArgument(columns.lookup(other)).getType()).getElementType();
        if (!(stored.isF32() || stored.isF16() || stored.isInteger(32))) return std::nullopt;
        epilogue.bias = columns.lookup(other);
      } else if (llvm::isa<mlir::arith::MaximumFOp>(scalar) && mlir::matchPattern(other, mlir::m_AnyZeroFloat())) {
        epilogue.relu = true;
      } else if (llvm::isa<mlir::arith::TruncFOp>(scalar)) {
        converted = true;
      } else {
        return std::nullopt;
      }
      current = result;
    }
    if (inner.getTerminator()->getOperand(0) != current) return std::nullopt;
    tensor = generic->getResult(0);
  }
  if (yield.getValues()[0] != tensor) return std::nullopt;
  return epilogue;
}

}  // namespace phx::compiler
