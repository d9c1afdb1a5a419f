// 64-bit integers. The vector units compute with 32 bits at most, but indices and counts of models are i64. Where a
// loop nest reads or writes i64, all tensors of i64 become tensors of i32 with a last dimension of 2: the low and the
// high word, as they lie in memory. Bodies compute with pairs of words. What has a simple exact form on pairs is done:
// truncation, extension, constants, selection, sums and differences, bitwise operations, equality. Other arithmetic on
// 64 bits is an error, as is any on f64.
#include "lib/Transforms/Graph/Steps.h"
#include "lib/Transforms/Graph/View.h"
#include "lib/Transforms/Phases.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"

namespace phx::compiler::graph {

namespace arith = mlir::arith;
namespace linalg = mlir::linalg;
using mlir::Operation;
using mlir::RankedTensorType;
using mlir::Value;

static bool isWide(mlir::Type type) { return mlir::getElementTypeOrSelf(type).isSignlessInteger(64); }

static RankedTensorType wordsType(mlir::Type type) {
  auto tensor = llvm::cast<RankedTensorType>(type);
  Sizes shape(tensor.getShape());
  shape.push_back(2);
  return RankedTensorType::get(shape, mlir::IntegerType::get(type.getContext(), 32));
}

namespace {

struct Pair {
  Value low, high;
};

// The body of a loop nest, with a pair of i32 for each i64.
class Body {
 public:
  Body(mlir::OpBuilder& builder, mlir::IRMapping& values) : b_(builder), values_(values) {}

  void define(Value wide, Pair pair) { pairs_[wide] = pair; }
  Pair pairOf(Value wide) const { return pairs_.lookup(wide); }

  // False: the operation has no form on pairs.
  bool convert(Operation& op) {
    const bool wide = llvm::any_of(llvm::concat<const mlir::Type>(op.getOperandTypes(), op.getResultTypes()),
                                   [](mlir::Type type) { return isWide(type); });
    if (!wide) {
      b_.clone(op, values_);
      return true;
    }
    location_ = op.getLoc();
    auto narrow = [&](unsigned i) { return values_.lookupOrDefault(op.getOperand(i)); };
    auto pair = [&](unsigned i) { return pairOf(op.getOperand(i)); };
    Value result = op.getResult(0);
    if (auto constant = llvm::dyn_cast<arith::ConstantOp>(op)) {
      define(result, constantPair(llvm::cast<mlir::IntegerAttr>(constant.getValue()).getInt()));
    } else if (llvm::isa<arith::TruncIOp>(op)) {
      Value low = pair(0).low;
      if (result.getType() != low.getType()) low = arith::TruncIOp::create(b_, location_, result.getType(), low);
      values_.map(result, low);
    } else if (llvm::isa<arith::ExtSIOp>(op)) {
      Value low = extended<arith::ExtSIOp>(narrow(0));
      Value negative = arith::CmpIOp::create(b_, location_, arith::CmpIPredicate::slt, low, word(0));
      define(result, {low, arith::SelectOp::create(b_, location_, negative, word(-1), word(0))});
    } else if (llvm::isa<arith::ExtUIOp>(op)) {
      define(result, {extended<arith::ExtUIOp>(narrow(0)), word(0)});
    } else if (llvm::isa<arith::SelectOp>(op)) {
      define(result, {arith::SelectOp::create(b_, location_, narrow(0), pair(1).low, pair(2).low),
                      arith::SelectOp::create(b_, location_, narrow(0), pair(1).high, pair(2).high)});
    } else if (llvm::isa<arith::AddIOp, arith::SubIOp>(op)) {
      define(result, sum(pair(0), pair(1), llvm::isa<arith::SubIOp>(op)));
    } else if (llvm::isa<arith::AndIOp, arith::OrIOp, arith::XOrIOp>(op)) {
      define(result, {bitwise(op, pair(0).low, pair(1).low), bitwise(op, pair(0).high, pair(1).high)});
    } else if (auto compare = llvm::dyn_cast<arith::CmpIOp>(op);
               compare && (compare.getPredicate() == arith::CmpIPredicate::eq ||
                           compare.getPredicate() == arith::CmpIPredicate::ne)) {
      Value low = arith::CmpIOp::create(b_, location_, compare.getPredicate(), pair(0).low, pair(1).low);
      Value high = arith::CmpIOp::create(b_, location_, compare.getPredicate(), pair(0).high, pair(1).high);
      values_.map(result, compare.getPredicate() == arith::CmpIPredicate::eq
                              ? Value(arith::AndIOp::create(b_, location_, low, high))
                              : Value(arith::OrIOp::create(b_, location_, low, high)));
    } else {
      return false;
    }
    return true;
  }

  Pair constantPair(int64_t value) {
    return {word(static_cast<int32_t>(value)), word(static_cast<int32_t>(static_cast<uint64_t>(value) >> 32))};
  }
  void setLocation(mlir::Location location) { location_ = location; }

 private:
  Value word(int32_t value) { return arith::ConstantOp::create(b_, location_, b_.getI32IntegerAttr(value)); }
  template <class Extension>
  Value extended(Value value) {
    if (value.getType().isInteger(32)) return value;
    return Extension::create(b_, location_, b_.getI32Type(), value);
  }
  // Carry and borrow by a comparison of the low words without sign: of both with the top bit flipped.
  Pair sum(Pair x, Pair y, bool minus) {
    auto less = [&](Value a, Value b) -> Value {
      Value top = word(std::numeric_limits<int32_t>::min());
      a = arith::XOrIOp::create(b_, location_, a, top), b = arith::XOrIOp::create(b_, location_, b, top);
      Value bit = arith::CmpIOp::create(b_, location_, arith::CmpIPredicate::slt, a, b);
      return arith::SelectOp::create(b_, location_, bit, word(1), word(0));
    };
    if (minus) {
      Value low = arith::SubIOp::create(b_, location_, x.low, y.low),
            high = arith::SubIOp::create(b_, location_, x.high, y.high);
      return {low, arith::SubIOp::create(b_, location_, high, less(x.low, y.low))};
    }
    Value low = arith::AddIOp::create(b_, location_, x.low, y.low),
          high = arith::AddIOp::create(b_, location_, x.high, y.high);
    return {low, arith::AddIOp::create(b_, location_, high, less(low, x.low))};
  }
  Value bitwise(Operation& like, Value a, Value b) {
    if (llvm::isa<arith::AndIOp>(like)) return arith::AndIOp::create(b_, location_, a, b);
    if (llvm::isa<arith::OrIOp>(like)) return arith::OrIOp::create(b_, location_, a, b);
    return arith::XOrIOp::create(b_, location_, a, b);
  }

  mlir::OpBuilder& b_;
  mlir::IRMapping& values_;
  mlir::Location location_ = mlir::UnknownLoc::get(b_.getContext());
  llvm::DenseMap<Value, Pair> pairs_;
};

}  // namespace

static Diagnostic unsupported(Operation& op) {
  return errorAt(op.getLoc(), "'" + op.getName().getStringRef().str() +
                                  "' computes with 64-bit elements, which the vector units do not have");
}

// Rebuilds a nest that reads or writes i64; operands of i64 are pairs already. Gives the value of its result.
static Outcome convertNest(linalg::GenericOp op, Value& result) {
  mlir::OpBuilder builder(op);
  mlir::Location location = op.getLoc();
  mlir::Block& old = *op.getBody();
  if (op.getNumReductionLoops() > 0 && isWide(old.getArguments().back().getType())) return unsupported(*op);
  llvm::SmallVector<Value> ins;
  llvm::SmallVector<mlir::AffineMap> maps;
  const unsigned loops = op.getNumLoops();
  auto word = [&](mlir::AffineMap map, int64_t which) {
    llvm::SmallVector<mlir::AffineExpr> results(map.getResults());
    results.push_back(builder.getAffineConstantExpr(which));
    return mlir::AffineMap::get(loops, 0, results, builder.getContext());
  };
  for (mlir::OpOperand* operand : op.getDpsInputOperands()) {
    mlir::AffineMap map = op.getMatchingIndexingMap(operand);
    if (!isWide(old.getArgument(operand->getOperandNumber()).getType())) {
      ins.push_back(operand->get()), maps.push_back(map);
      continue;
    }
    for (int64_t which : {0, 1}) ins.push_back(operand->get()), maps.push_back(word(map, which));
  }
  const bool wide = isWide(old.getArguments().back().getType());
  if (wide && !old.getArguments().back().use_empty()) return unsupported(*op);
  auto shape = typeOf(op.getDpsInits()[0]).getShape();
  mlir::AffineMap out = op.getIndexingMapMatchingResult(op->getResult(0));
  llvm::SmallVector<Value> outs;
  if (wide) {
    shape = shape.drop_back();
    for (int i = 0; i < 2; ++i)
      outs.push_back(mlir::tensor::EmptyOp::create(builder, location, shape, builder.getI32Type())),
          maps.push_back(out);
  } else {
    outs.push_back(op.getDpsInits()[0]), maps.push_back(out);
  }
  auto nest = linalg::GenericOp::create(builder, location, mlir::ValueRange(outs).getTypes(), ins, outs, maps,
                                        op.getIteratorTypesArray());
  mlir::Block* block = builder.createBlock(&nest.getRegion());
  mlir::IRMapping values;
  Body body(builder, values);
  for (mlir::BlockArgument argument : old.getArguments()) {
    if (!isWide(argument.getType())) {
      values.map(argument, block->addArgument(argument.getType(), location));
      continue;
    }
    Value low = block->addArgument(builder.getI32Type(), location);
    body.define(argument, {low, block->addArgument(builder.getI32Type(), location)});
  }
  builder.setInsertionPointToStart(block);
  for (Operation& inner : old.without_terminator())
    if (!body.convert(inner)) return unsupported(inner);
  Value yielded = old.getTerminator()->getOperand(0);
  if (!wide) {
    linalg::YieldOp::create(builder, location, values.lookup(yielded));
    result = nest.getResult(0);
    return {};
  }
  Pair pair = body.pairOf(yielded);
  linalg::YieldOp::create(builder, location, mlir::ValueRange{pair.low, pair.high});
  builder.setInsertionPointAfter(nest);
  // The words side by side.
  llvm::SmallVector<Box> boxes;
  Sizes strides = rowMajor(shape);
  for (int64_t& stride : strides) stride *= 2;
  for (unsigned which = 0; which < 2; ++which)
    boxes.push_back({{nest.getResult(which), 0, rowMajor(shape)}, Sizes(shape), which, strides});
  Sizes both(shape);
  both.push_back(2);
  result = rearrange(builder, location, RankedTensorType::get(both, builder.getI32Type()), boxes);
  return splitResults(nest);
}

static Outcome convertRearrange(npu::RearrangeOp op, Value& result) {
  mlir::OpBuilder builder(op);
  mlir::Attribute fill;
  if (op.getFill()) {
    const int64_t value = llvm::cast<mlir::IntegerAttr>(*op.getFill()).getInt();
    if (value != 0 && value != -1)
      return errorAt(op.getLoc(), "64-bit integers are filled with 0 or -1 only where loop nests compute with them");
    fill = builder.getI32IntegerAttr(static_cast<int32_t>(value));
  }
  llvm::SmallVector<mlir::Attribute> pieces;
  for (auto piece : op.getPieces().getAsRange<npu::PieceAttr>()) {
    auto twice = [](llvm::ArrayRef<int64_t> strides) {
      Sizes out;
      for (int64_t stride : strides) out.push_back(2 * stride);
      out.push_back(1);
      return out;
    };
    Sizes sizes(piece.getSizes());
    sizes.push_back(2);
    pieces.push_back(npu::PieceAttr::get(builder.getContext(), piece.getSource(), 2 * piece.getSrcOffset(),
                                         2 * piece.getDstOffset(), sizes, twice(piece.getSrcStrides()),
                                         twice(piece.getDstStrides())));
  }
  result = npu::RearrangeOp::create(builder, op.getLoc(), wordsType(op.getType()), op.getSources(),
                                    builder.getArrayAttr(pieces), fill);
  return {};
}

static Outcome convertConstant(arith::ConstantOp op, Value& result) {
  auto dense = llvm::dyn_cast<mlir::DenseIntElementsAttr>(op.getValue());
  if (!dense) return errorAt(op.getLoc(), "a constant is not dense");
  mlir::OpBuilder builder(op);
  llvm::SmallVector<int32_t> words;
  for (const llvm::APInt& value : dense.getValues<llvm::APInt>()) {
    words.push_back(static_cast<int32_t>(value.getZExtValue()));
    words.push_back(static_cast<int32_t>(value.getZExtValue() >> 32));
  }
  result = arith::ConstantOp::create(builder, op.getLoc(),
                                     mlir::DenseElementsAttr::get(wordsType(op.getType()), llvm::ArrayRef(words)));
  return {};
}

Outcome splitWideIntegers(mlir::func::FuncOp main) {
  mlir::Block& block = main.getBody().front();
  bool computes = false;
  for (auto nest : block.getOps<linalg::GenericOp>())
    for (mlir::BlockArgument argument : nest.getBody()->getArguments()) {
      if (argument.getType().isF64()) return unsupported(*nest);
      computes |= isWide(argument.getType());
    }
  if (!computes) return {};

  auto describe = [&](bool result, unsigned i, mlir::Type type) {
    auto set = [&](llvm::StringRef name, mlir::Attribute value) {
      result ? main.setResultAttr(i, name, value) : main.setArgAttr(i, name, value);
    };
    mlir::DictionaryAttr known = result ? main.getResultAttrDict(i) : main.getArgAttrDict(i);
    set("phx.tensor", mlir::TypeAttr::get(type));
    if (!known || !known.contains("phx.type")) set("phx.type", mlir::StringAttr::get(main.getContext(), "s64"));
  };
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    if (isWide(main.getArgumentTypes()[i])) describe(false, i, main.getArgumentTypes()[i]);
  for (unsigned i = 0; i < main.getNumResults(); ++i)
    if (isWide(main.getResultTypes()[i])) describe(true, i, main.getResultTypes()[i]);
  for (mlir::BlockArgument argument : block.getArguments())
    if (isWide(argument.getType())) argument.setType(wordsType(argument.getType()));

  for (Operation& op : llvm::make_early_inc_range(block.without_terminator())) {
    mlir::OpBuilder builder(&op);
    Value result;
    Outcome outcome;
    const bool wide = op.getNumResults() == 1 && isWide(op.getResult(0).getType());
    if (auto nest = llvm::dyn_cast<linalg::GenericOp>(op)) {
      if (llvm::any_of(nest.getBody()->getArguments(), [](Value argument) { return isWide(argument.getType()); }))
        outcome = convertNest(nest, result);
    } else if (!wide || !llvm::isa<RankedTensorType>(op.getResult(0).getType())) {
      continue;
    } else if (isReshape(&op)) {
      RankedTensorType type = wordsType(op.getResult(0).getType());
      result = reshapeTo(builder, op.getLoc(), op.getOperand(0), type.getShape());
    } else if (auto movement = llvm::dyn_cast<npu::RearrangeOp>(op)) {
      outcome = convertRearrange(movement, result);
    } else if (auto constant = llvm::dyn_cast<arith::ConstantOp>(op)) {
      outcome = convertConstant(constant, result);
    } else if (llvm::isa<mlir::tensor::EmptyOp>(op)) {
      RankedTensorType type = wordsType(op.getResult(0).getType());
      result = mlir::tensor::EmptyOp::create(builder, op.getLoc(), type.getShape(), type.getElementType());
    } else if (mlir::TypedAttr splat = splatOf(op.getResult(0))) {
      auto dense = mlir::DenseElementsAttr::get(llvm::cast<RankedTensorType>(op.getResult(0).getType()),
                                                llvm::ArrayRef<mlir::Attribute>(splat));
      auto all = arith::ConstantOp::create(builder, op.getLoc(), dense);
      outcome = convertConstant(all, result);
      all.erase();
    }
    if (!outcome) return outcome;
    if (!result) continue;
    op.getResult(0).replaceAllUsesWith(result);
    op.erase();
  }
  main.setType(
      mlir::FunctionType::get(main.getContext(), block.getArgumentTypes(), block.getTerminator()->getOperandTypes()));
  eraseDead(block);
  return {};
}

}  // namespace phx::compiler::graph
