#include "lib/Transforms/Tile/Cube/PreparedOperand.h"

#include <cstring>

#include "lib/Transforms/Phases.h"

namespace phx::compiler {

using mlir::Value;

namespace {

int64_t up(int64_t x, int64_t n) { return (x + n - 1) / n * n; }

// The launch that rearranges a buffer of `batches` matrices.
Outcome launchPreparation(npu::GroupOp group, TileContext& context, Value from, Value to, const NzLayout& nz,
                          int64_t batches) {
  mlir::OpBuilder b(group);
  mlir::Location at = group.getLoc();
  auto flat = [](Value buffer) {
    auto type = llvm::cast<mlir::MemRefType>(buffer.getType());
    return mlir::RankedTensorType::get(type.getShape(), type.getElementType());
  };
  mlir::RankedTensorType source = flat(from), result = flat(to);
  const int64_t whole = nz.columns / nz.block, rest = nz.columns % nz.block;
  const int64_t size = nz.rows * nz.columns, column = nz.paddedRows * nz.block;
  llvm::SmallVector<mlir::Attribute> pieces;
  if (whole)
    pieces.push_back(npu::PieceAttr::get(b.getContext(), 0, 0, 0, {batches, whole, nz.rows, nz.block},
                                         {size, nz.block, nz.columns, 1}, {nz.elements(), column, nz.block, 1}));
  if (rest)
    pieces.push_back(npu::PieceAttr::get(b.getContext(), 0, whole * nz.block, whole * column, {batches, nz.rows, rest},
                                         {size, nz.columns, 1}, {nz.elements(), nz.block, 1}));
  const bool padded = nz.elements() != size;
  Value operand = mlir::tensor::EmptyOp::create(b, at, source.getShape(), source.getElementType());
  auto copy = npu::GroupOp::create(b, at, mlir::TypeRange(result), operand, b.getStringAttr(group.getName() + " nd2nz"),
                                   npu::GroupKind::copy, result.getShape(), npu::ScheduleAttr{});
  mlir::Block* body = b.createBlock(&copy.getBody());
  mlir::Value argument = body->addArgument(source, at);
  Value made = npu::RearrangeOp::create(b, at, result, argument, b.getArrayAttr(pieces),
                                        padded ? mlir::Attribute(b.getZeroAttr(result.getElementType())) : nullptr);
  npu::YieldOp::create(b, at, made);
  auto inputs = std::exchange(context.inputs, {from}), results = std::exchange(context.results, {to});
  Outcome outcome = tileCopyGroup(copy, context);
  context.inputs = std::move(inputs), context.results = std::move(results);
  copy.erase();
  operand.getDefiningOp()->erase();
  return outcome;
}

// The bytes of a constant in NZ.
mlir::DenseElementsAttr rearranged(mlir::DenseElementsAttr value, const NzLayout& nz, int64_t batches) {
  mlir::Type element = value.getElementType();
  const auto size = static_cast<size_t>(element.getIntOrFloatBitWidth() / 8);
  auto type = mlir::RankedTensorType::get({batches * nz.elements()}, element);
  const llvm::ArrayRef<char> from = value.getRawData();
  std::vector<char> to(static_cast<size_t>(type.getNumElements()) * size);
  const size_t run = static_cast<size_t>(nz.block) * size;  // of a row in a column block
  for (int64_t matrix = 0; matrix < batches; ++matrix)
    for (int64_t row = 0; row < nz.rows; ++row)
      for (int64_t column = 0; column < nz.columns; column += nz.block) {
        const int64_t count = std::min(nz.block, nz.columns - column);
        char* place = to.data() + static_cast<size_t>(matrix * nz.elements() + column * nz.paddedRows) * size +
                      static_cast<size_t>(row) * run;
        const auto first = static_cast<size_t>((matrix * nz.rows + row) * nz.columns + column);
        for (int64_t i = 0; i < count; ++i)
          std::memcpy(place + static_cast<size_t>(i) * size,
                      from.data() + (value.isSplat() ? 0 : (first + static_cast<size_t>(i)) * size), size);
      }
  return mlir::DenseElementsAttr::getFromRawBuffer(type, to);
}

}  // namespace

NzLayout nzLayoutOf(const Contraction& c, bool isA) {
  NzLayout nz;
  const CubeOperand& operand = isA ? c.a : c.rhs;
  const bool depthFirst = isA ? operand.trans : !operand.trans;
  const int64_t outer = isA ? c.m : c.n;
  nz.rows = depthFirst ? c.k : outer;
  nz.columns = depthFirst ? outer : c.k;
  nz.block = 32 * 8 / c.element.getIntOrFloatBitWidth();
  nz.paddedRows = up(nz.rows, 16);
  nz.paddedColumns = up(nz.columns, nz.block);
  return nz;
}

Expected<Value> prepareOperand(npu::GroupOp group, TileContext& context, Contraction& c, bool isA) {
  CubeOperand& operand = isA ? c.a : c.rhs;
  const NzLayout nz = nzLayoutOf(c, isA);
  const int64_t batches = operand.batch ? c.b : 1;
  operand.nz = true;
  if (operand.batch) operand.batch = nz.elements();
  Value buffer = context.inputs[operand.input];
  if (auto argument = llvm::dyn_cast<mlir::BlockArgument>(buffer)) {
    auto main = llvm::cast<mlir::func::FuncOp>(argument.getOwner()->getParentOp());
    auto layout = main.getArgAttrOfType<mlir::StringAttr>(argument.getArgNumber(), kLayoutAttr);
    if (layout && layout.getValue() == "nz") {
      if (nz.elements() != nz.rows * nz.columns)
        return errorAt(group.getLoc(), "an input with phx.layout = \"nz\" has whole fractals of 16 rows and " +
                                           std::to_string(nz.block) + " columns, not " + std::to_string(nz.rows) +
                                           " x " + std::to_string(nz.columns));
      return buffer;
    }
  }
  if (auto global = buffer.getDefiningOp<mlir::memref::GetGlobalOp>())
    if (auto dense = context.constantOf(global))
      return context.constant(rearranged(dense, nz, batches), group.getLoc());
  Value prepared = context.allocate(c.element, batches * nz.elements(), group.getLoc());
  if (auto ok = launchPreparation(group, context, buffer, prepared, nz, batches); !ok) return ok.diagnostic();
  return prepared;
}

}  // namespace phx::compiler
