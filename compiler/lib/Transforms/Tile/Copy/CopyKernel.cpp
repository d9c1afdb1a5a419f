#include "lib/Transforms/Tile/Copy/CopyKernel.h"

#include <cstdlib>

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace phx::compiler {

namespace arith = mlir::arith;
using mlir::Value;

namespace {

constexpr int64_t kBlock = 32;

int64_t bytesOf(mlir::Type element) { return element.getIntOrFloatBitWidth() / 8; }
int64_t paddedColumns(int64_t columns, int64_t bytes) {
  return (columns * bytes + kBlock - 1) / kBlock * kBlock / bytes;
}

// Instructions that only move bits name them by their width.
std::string moving(llvm::StringRef mnemonic, int64_t bytes) {
  return (mnemonic + (bytes == 1 ? ".u8" : bytes == 2 ? ".u16" : ".b32")).str();
}

}  // namespace

CopyKernel::CopyKernel(mlir::OpBuilder& builder, mlir::Location location, int64_t grid)
    : builder_(builder), location_(location), grid_(grid) {
  core_ = npu::BlockIdxOp::create(builder_, location_, builder_.getIndexType());
}

Value CopyKernel::index(int64_t value) { return arith::ConstantIndexOp::create(builder_, location_, value); }

Value CopyKernel::advance(Value place, Value count, int64_t stride) {
  if (stride == 0) return place;
  Value way = stride == 1 ? count : Value(arith::MulIOp::create(builder_, location_, count, index(stride)));
  return arith::AddIOp::create(builder_, location_, place, way);
}

CopyKernel::Extent CopyKernel::extent(Value number, int64_t size, int64_t tile) {
  if (tile >= size) return {index(0), index(size)};
  Value start = arith::MulIOp::create(builder_, location_, number, index(tile));
  if (size % tile == 0) return {start, index(tile)};
  Value rest = arith::SubIOp::create(builder_, location_, index(size), start);
  return {start, arith::MinSIOp::create(builder_, location_, rest, index(tile))};
}

Value CopyKernel::empty(mlir::Type element, int64_t rows, int64_t columns, int64_t buffers) {
  Value tile =
      mlir::tensor::EmptyOp::create(builder_, location_, {rows, paddedColumns(columns, bytesOf(element))}, element);
  if (buffers > 1) tile.getDefiningOp()->setAttr(npu::kBuffersAttr, builder_.getI64IntegerAttr(buffers));
  return tile;
}

Value CopyKernel::vector(llvm::StringRef inst, mlir::ValueRange ins, Value value, Value rows, Value columns,
                         Value outs) {
  return npu::VecOp::create(builder_, location_, outs.getType(), inst, ins, value, rows, columns, outs).getResult();
}

Value CopyKernel::load(Value gm, Value offset, Value rows, Value columns, Value pitch, Value outs) {
  return npu::LoadOp::create(builder_, location_, outs.getType(), gm, offset, rows, columns, pitch, outs, 2)
      .getResult();
}

void CopyKernel::forTasks(int64_t tasks, llvm::function_ref<void(Value)> body) {
  Value first = core_;
  if (int64_t shift = (grid_ - dealt_ % grid_) % grid_; shift != 0) {
    Value moved = arith::AddIOp::create(builder_, location_, core_, index(shift));
    first = arith::RemUIOp::create(builder_, location_, moved, index(grid_));
  }
  dealt_ += tasks;
  auto loop = mlir::scf::ForOp::create(builder_, location_, first, index(tasks), index(grid_));
  mlir::OpBuilder::InsertionGuard guard(builder_);
  builder_.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

// Element (r, c) of a gathered tile is c steps from the row's start; rows of the loaded tile lie a row apart, or, where
// all rows are the same one, it has but one. The number of a row as a value comes from a transposed row of numbers.
Value CopyKernel::gatherTable(const CopyPlan& plan, int64_t bytes, int64_t loaded_columns) {
  mlir::Type word = builder_.getI32Type();
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(builder_, location_, builder_.getI32IntegerAttr(static_cast<int32_t>(value)));
  };
  const int64_t step = plan.column.from * bytes, row = plan.row.from == 0 ? 0 : loaded_columns * bytes;
  Value rows = index(plan.tile_rows), columns = index(plan.tile_columns);
  auto tile = [&] { return empty(word, plan.tile_rows, plan.tile_columns); };
  Value table = vector("vci.s32", {}, constant(0), rows, columns, tile());
  table = vector("vmuls.s32", table, constant(step), rows, columns, tile());
  if (step < 0) table = vector("vadds.s32", table, constant(-step * (plan.tile_columns - 1)), rows, columns, tile());
  if (plan.tile_rows == 1 || row == 0) return table;
  Value numbers = vector("vci.s32", {}, constant(0), columns, rows, empty(word, plan.tile_columns, plan.tile_rows));
  Value starts = vector("vtranspose.b32", numbers, {}, columns, rows, tile());
  starts = vector("vmuls.s32", starts, constant(row), rows, columns, tile());
  return vector("vadd.s32", {table, starts}, {}, rows, columns, tile());
}

void CopyKernel::copy(const CopyPlan& plan, Value source, Value result) {
  mlir::Type element = llvm::cast<mlir::MemRefType>(source.getType()).getElementType();
  const int64_t bytes = bytesOf(element);
  Value table;
  if (plan.kind == CopyKind::Gather) {
    const int64_t span = (plan.tile_columns - 1) * std::abs(plan.column.from) + 1;
    table = gatherTable(plan, bytes, paddedColumns(span, bytes));
  }
  forTasks(plan.tasks(), [&](Value number) { task(plan, number, source, result, table); });
}

void CopyKernel::fillBox(CopyPlan plan, Value result, mlir::TypedAttr value) {
  mlir::Type element = llvm::cast<mlir::MemRefType>(result.getType()).getElementType();
  plan.kind = CopyKind::Fill;
  Value scalar = arith::ConstantOp::create(builder_, location_, value);
  Value tile = vector(moving("vdup", bytesOf(element)), {}, scalar, index(plan.tile_rows), index(plan.tile_columns),
                      empty(element, plan.tile_rows, plan.tile_columns));
  forTasks(plan.tasks(), [&](Value number) { task(plan, number, result, result, tile); });
}

void CopyKernel::task(const CopyPlan& plan, Value number, Value source, Value result, Value table) {
  mlir::Type element = llvm::cast<mlir::MemRefType>(source.getType()).getElementType();
  const int64_t bytes = bytesOf(element);
  // The task's number in the mixed radix of columns, rows, outer dimensions.
  Value rest = number;
  int64_t left = plan.tasks();
  auto digit = [&](int64_t radix) -> Value {
    if (radix == 1) return index(0);
    left /= radix;
    if (left == 1) return rest;
    Value out = arith::RemUIOp::create(builder_, location_, rest, index(radix));
    rest = arith::DivUIOp::create(builder_, location_, rest, index(radix));
    return out;
  };
  const Extent columns = extent(digit(plan.columnTiles()), plan.column.size, plan.tile_columns);
  const Extent rows = extent(digit(plan.rowTiles()), plan.row.size, plan.tile_rows);
  Value from = index(plan.from), to = index(plan.to);
  for (const CopyDim& dim : llvm::reverse(plan.outer)) {
    if (dim.size == 1) continue;
    Value at = digit(dim.size);
    from = advance(from, at, dim.from), to = advance(to, at, dim.to);
  }
  from = advance(advance(from, rows.start, plan.row.from), columns.start, plan.column.from);
  to = advance(advance(to, rows.start, plan.row.to), columns.start, plan.column.to);

  const bool repeated = plan.row.from == 0 && plan.row.size > 1;
  Value loaded_rows = repeated ? index(1) : rows.size;
  const int64_t loaded_tile_rows = repeated ? 1 : plan.tile_rows;
  Value pitch = index(std::max<int64_t>(plan.row.from, 1)), tile;
  switch (plan.kind) {
    case CopyKind::Rows:
      tile = load(source, from, rows.size, columns.size, pitch, empty(element, plan.tile_rows, plan.tile_columns));
      break;
    case CopyKind::Fill:
      tile = table;
      break;
    case CopyKind::Spread:
      tile = load(source, from, loaded_rows, columns.size, pitch, empty(element, 1, plan.tile_columns));
      tile = vector(moving("vcopy", bytes), tile, {}, rows.size, columns.size,
                    empty(element, plan.tile_rows, plan.tile_columns, 2));
      break;
    case CopyKind::Gather: {
      const int64_t step = std::abs(plan.column.from);
      Value span = columns.size;
      if (step != 1) {
        Value last = arith::SubIOp::create(builder_, location_, columns.size, index(1));
        span = advance(index(1), last, step);
      }
      if (plan.column.from < 0)
        from = arith::SubIOp::create(builder_, location_, from, index((plan.tile_columns - 1) * step));
      tile = load(source, from, loaded_rows, span, pitch,
                  empty(element, loaded_tile_rows, (plan.tile_columns - 1) * step + 1));
      tile = vector(moving("vgather", bytes), {tile, table}, {}, rows.size, columns.size,
                    empty(element, plan.tile_rows, plan.tile_columns, 2));
      break;
    }
    case CopyKind::Transpose:
      tile = load(source, from, columns.size, rows.size, index(plan.column.from),
                  empty(element, plan.tile_columns, plan.tile_rows));
      tile = vector(moving("vtranspose", bytes), tile, {}, columns.size, rows.size,
                    empty(element, plan.tile_rows, plan.tile_columns, 2));
      break;
  }
  npu::StoreOp::create(builder_, location_, tile, result, to, rows.size, columns.size,
                       index(std::max<int64_t>(plan.row.to, 1)));
}

void CopyKernel::fillWith(Value result, int64_t elements, Value tile) {
  const int64_t columns = llvm::cast<mlir::RankedTensorType>(tile.getType()).getDimSize(1);
  forTasks((elements + columns - 1) / columns, [&](Value number) {
    const Extent part = extent(number, elements, columns);
    npu::StoreOp::create(builder_, location_, tile, result, part.start, index(1), part.size, part.size);
  });
}

void CopyKernel::fill(Value result, int64_t elements, int64_t tile, mlir::TypedAttr value) {
  mlir::Type element = llvm::cast<mlir::MemRefType>(result.getType()).getElementType();
  Value scalar = arith::ConstantOp::create(builder_, location_, value), outs = empty(element, 1, tile);
  const int64_t columns = llvm::cast<mlir::RankedTensorType>(outs.getType()).getDimSize(1);
  fillWith(result, elements, vector(moving("vdup", bytesOf(element)), {}, scalar, index(1), index(columns), outs));
}

// low + (number mod 2) * (high - low), with wrapping arithmetic.
void CopyKernel::fillPairs(Value result, int64_t words, int64_t tile, int32_t low, int32_t high) {
  mlir::Type word = builder_.getI32Type();
  const int64_t columns = paddedColumns(tile, 4);
  auto constant = [&](uint32_t value) -> Value {
    return arith::ConstantOp::create(builder_, location_, builder_.getI32IntegerAttr(static_cast<int32_t>(value)));
  };
  auto compute = [&](llvm::StringRef inst, mlir::ValueRange ins, Value value) {
    return vector(inst, ins, value, index(1), index(columns), empty(word, 1, columns));
  };
  Value odd = compute("vand.b32", {compute("vci.s32", {}, constant(0)), compute("vdup.b32", {}, constant(1))}, {});
  Value pattern = compute("vmuls.s32", odd, constant(static_cast<uint32_t>(high) - static_cast<uint32_t>(low)));
  fillWith(result, words, compute("vadds.s32", pattern, constant(static_cast<uint32_t>(low))));
}

}  // namespace phx::compiler
