// The canonical form of loop nests: no loops of size 1, one order of loops that every operand follows, constants in the
// body, reductions that start from the neutral element.
//
// The order is that of the result, completed by those of the operands that lie in memory as the nest reads them, the
// largest first. An operand that contradicts it is gathered into that order. But an elementwise nest that would only
// read permuted tensors follows their order, and its result is permuted instead: so permutations sink to whoever needs
// them, and several become one. A reduction starts from its combiner's neutral element; what it started from before is
// combined afterwards.
#include "lib/Transforms/Graph/Steps.h"
#include "lib/Transforms/Graph/View.h"
#include "lib/Transforms/Phases.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

namespace phx::compiler::graph {

namespace arith = mlir::arith;
namespace linalg = mlir::linalg;
using Kind = mlir::utils::IteratorType;
using mlir::Operation;
using mlir::Value;

namespace {

struct Input {
  mlir::BlockArgument argument;  // of the old body
  View view;                     // of the tensor behind movements
  View direct;                   // of the operand
  mlir::TypedAttr splat = {};    // its one value, if it has one
};

// A partial order of loops, as the pairs (before, after) that were added.
class Order {
 public:
  explicit Order(size_t loops) : before_(loops, llvm::SmallVector<bool>(loops, false)) {}
  // Adds a chain of loops; one that contradicts what is known adds nothing.
  void add(llvm::ArrayRef<size_t> chain) {
    Order tried = *this;
    for (size_t i = 0; i + 1 < chain.size(); ++i) tried.relate(chain[i], chain[i + 1]);
    for (size_t i = 0; i < before_.size(); ++i)
      if (tried.before_[i][i]) return;
    *this = tried;
  }
  // All loops; where nothing decides, those for which `early` is true come first.
  llvm::SmallVector<size_t> sorted(llvm::function_ref<bool(size_t)> early) const {
    llvm::SmallVector<size_t> out;
    llvm::SmallVector<bool> done(before_.size(), false);
    auto ready = [&](size_t loop) {
      for (size_t i = 0; i < done.size(); ++i)
        if (!done[i] && before_[i][loop]) return false;
      return !done[loop];
    };
    while (out.size() < done.size()) {
      size_t chosen = done.size();
      for (size_t i = 0; i < done.size(); ++i)
        if (ready(i) && (chosen == done.size() || (early(i) && !early(chosen)))) chosen = i;
      done[chosen] = true;
      out.push_back(chosen);
    }
    return out;
  }

 private:
  void relate(size_t a, size_t b) {
    for (size_t i = 0; i < before_.size(); ++i)
      for (size_t j = 0; j < before_.size(); ++j)
        if ((i == a || before_[i][a]) && (j == b || before_[b][j])) before_[i][j] = true;
  }
  llvm::SmallVector<llvm::SmallVector<bool>> before_;
};

}  // namespace

// Loops that the view follows, from the largest stride to the smallest.
static llvm::SmallVector<size_t> chainOf(const View& view) {
  llvm::SmallVector<size_t> chain;
  for (size_t i = 0; i < view.strides.size(); ++i)
    if (view.strides[i] != 0) chain.push_back(i);
  llvm::stable_sort(chain, [&](size_t a, size_t b) { return view.strides[a] > view.strides[b]; });
  return chain;
}

static View along(const View& view, llvm::ArrayRef<size_t> loops, llvm::ArrayRef<int64_t> sizes, Sizes& box) {
  View out{view.source, view.offset, {}};
  box.clear();
  for (size_t loop : loops) out.strides.push_back(view.strides[loop]), box.push_back(sizes[loop]);
  return out;
}

// The neutral element of a combiner; null if it is none.
static mlir::TypedAttr neutralOf(mlir::OpBuilder& builder, Operation* op, mlir::Type type) {
  auto real = [&](double value) { return llvm::cast<mlir::TypedAttr>(builder.getFloatAttr(type, value)); };
  auto integer = [&](const llvm::APInt& value) {
    return llvm::cast<mlir::TypedAttr>(builder.getIntegerAttr(type, value));
  };
  const double infinity = std::numeric_limits<double>::infinity();
  const unsigned bits = type.getIntOrFloatBitWidth();
  if (llvm::isa<arith::AddFOp>(op)) return real(0);
  if (llvm::isa<arith::MulFOp>(op)) return real(1);
  if (llvm::isa<arith::MaximumFOp, arith::MaxNumFOp>(op)) return real(-infinity);
  if (llvm::isa<arith::MinimumFOp, arith::MinNumFOp>(op)) return real(infinity);
  if (llvm::isa<arith::AddIOp>(op)) return integer(llvm::APInt(bits, 0));
  if (llvm::isa<arith::MulIOp>(op)) return integer(llvm::APInt(bits, 1));
  if (llvm::isa<arith::MaxSIOp>(op)) return integer(llvm::APInt::getSignedMinValue(bits));
  if (llvm::isa<arith::MinSIOp>(op)) return integer(llvm::APInt::getSignedMaxValue(bits));
  if (llvm::isa<arith::MaxUIOp>(op)) return integer(llvm::APInt(bits, 0));
  if (llvm::isa<arith::MinUIOp>(op)) return integer(llvm::APInt::getAllOnes(bits));
  if (llvm::isa<arith::OrIOp>(op)) return integer(llvm::APInt(bits, 0));
  if (llvm::isa<arith::AndIOp>(op)) return integer(llvm::APInt::getAllOnes(bits));
  return {};
}

// `select(c, x, accumulator)`, where at most one step chooses x, is a sum of x or zero.
static void selectToSum(linalg::GenericOp op) {
  Value accumulator = op.getBody()->getArguments().back();
  Operation* yield = op.getBody()->getTerminator();
  auto select = yield->getOperand(0).getDefiningOp<arith::SelectOp>();
  if (!select || select.getFalseValue() != accumulator || !accumulator.hasOneUse()) return;
  mlir::OpBuilder builder(select);
  mlir::Location location = select.getLoc();
  Value zero = arith::ConstantOp::create(builder, location, builder.getZeroAttr(accumulator.getType()));
  Value term = arith::SelectOp::create(builder, location, select.getCondition(), select.getTrueValue(), zero);
  Value sum = llvm::isa<mlir::FloatType>(accumulator.getType())
                  ? Value(arith::AddFOp::create(builder, location, accumulator, term))
                  : Value(arith::AddIOp::create(builder, location, accumulator, term));
  yield->setOperand(0, sum);
  select.erase();
}

// `accumulator - x` is `accumulator + -x`.
static void differenceToSum(linalg::GenericOp op) {
  Value accumulator = op.getBody()->getArguments().back();
  Operation* yield = op.getBody()->getTerminator();
  auto difference = yield->getOperand(0).getDefiningOp<arith::SubFOp>();
  if (!difference || difference.getLhs() != accumulator || !accumulator.hasOneUse()) return;
  mlir::OpBuilder builder(difference);
  Value negative = arith::NegFOp::create(builder, difference.getLoc(), difference.getRhs());
  yield->setOperand(0, arith::AddFOp::create(builder, difference.getLoc(), accumulator, negative));
  difference.erase();
}

// `select(c, combine(accumulator, x), accumulator)` is `combine(accumulator, select(c, x, neutral))`.
static void conditionToTerm(linalg::GenericOp op) {
  Value accumulator = op.getBody()->getArguments().back();
  Operation* yield = op.getBody()->getTerminator();
  auto select = yield->getOperand(0).getDefiningOp<arith::SelectOp>();
  if (!select || select.getFalseValue() != accumulator) return;
  Operation* step = select.getTrueValue().getDefiningOp();
  if (!step || step->getNumOperands() != 2 || !step->hasOneUse() ||
      !llvm::is_contained(step->getOperands(), accumulator))
    return;
  mlir::OpBuilder builder(select);
  mlir::TypedAttr neutral = neutralOf(builder, step, accumulator.getType());
  if (!neutral) return;
  mlir::Location location = select.getLoc();
  const unsigned term = step->getOperand(0) == accumulator ? 1 : 0;
  Value nothing = arith::ConstantOp::create(builder, location, neutral);
  Value chosen = arith::SelectOp::create(builder, location, select.getCondition(), step->getOperand(term), nothing);
  step->moveBefore(select);
  step->setOperand(term, chosen);
  yield->setOperand(0, step->getResult(0));
  select.erase();
}

static Operation* combinerOf(linalg::GenericOp op) {
  Value accumulator = op.getBody()->getArguments().back();
  Operation* step = op.getBody()->getTerminator()->getOperand(0).getDefiningOp();
  const bool last = step && step->getNumOperands() == 2 && accumulator.hasOneUse() &&
                    llvm::is_contained(step->getOperands(), accumulator);
  return last ? step : nullptr;
}

// Combines two tensors of one shape with a copy of the combiner; `splat` stands for the second one if it has one value.
static Value combine(mlir::OpBuilder& builder, linalg::GenericOp op, Operation* combiner, Value a, Value b,
                     mlir::TypedAttr splat) {
  auto type = typeOf(a);
  llvm::SmallVector<Value> operands{a};
  if (!splat) operands.push_back(b);
  Value empty = mlir::tensor::EmptyOp::create(builder, op.getLoc(), type.getShape(), type.getElementType());
  auto identity = builder.getMultiDimIdentityMap(static_cast<unsigned>(type.getRank()));
  llvm::SmallVector<Kind> kinds(static_cast<size_t>(type.getRank()), Kind::parallel);
  auto nest = linalg::GenericOp::create(builder, op.getLoc(), mlir::TypeRange{type}, operands, mlir::ValueRange{empty},
                                        llvm::SmallVector<mlir::AffineMap>(operands.size() + 1, identity), kinds,
                                        [&](mlir::OpBuilder& body, mlir::Location location, mlir::ValueRange e) {
                                          Value second =
                                              splat ? Value(arith::ConstantOp::create(body, location, splat)) : e[1];
                                          Operation* step = body.clone(*combiner);
                                          step->setOperands({e[0], second});
                                          linalg::YieldOp::create(body, location, step->getResult(0));
                                        });
  return nest.getResult(0);
}

namespace {

class Canonical {
 public:
  explicit Canonical(linalg::GenericOp op)
      : op_(op),
        builder_(op),
        location_(op.getLoc()),
        sizes_(op.getStaticLoopRanges()),
        kinds_(op.getIteratorTypesArray()) {}

  Outcome run() {
    out_ = op_.getIndexingMapMatchingResult(op_->getResult(0));
    if (!out_.isProjectedPermutation())
      return errorAt(location_, "the result of a loop nest is not indexed by its loops");
    reduces_ = false;
    for (auto [kind, size] : llvm::zip(kinds_, sizes_)) reduces_ |= kind == Kind::reduction && size != 1;
    if (op_.getNumReductionLoops() > 0) {
      conditionToTerm(op_);
      selectToSum(op_);
      differenceToSum(op_);
      combiner_ = combinerOf(op_);
      element_ = typeOf(op_->getResult(0)).getElementType();
      neutral_ = combiner_ ? neutralOf(builder_, combiner_, element_) : mlir::TypedAttr{};
      if (!neutral_)
        return errorAt(
            location_,
            "the body of a reduction does not end in a sum, product, minimum or maximum with the accumulator");
    }
    if (auto ok = readInputs(); !ok) return ok;
    chooseLoops();
    auto [value, nest] = build();
    Value start = op_.getDpsInits()[0];
    linalg::GenericOp built = nest;
    if (op_.getNumReductionLoops() > 0 && !startsNeutral(start)) {
      // Reductions keep the order of their result.
      Value shaped = reshapeTo(builder_, location_, start, typeOf(built.getResult(0)).getShape());
      value = combine(builder_, built, combiner_, built.getResult(0), shaped, splatOf(start));
    }
    // From the order of loops to that of the result.
    Sizes strides(sizes_.size(), 0), box;
    int64_t stride = 1;
    for (size_t loop : llvm::reverse(loops_))
      if (kinds_[loop] == Kind::parallel) strides[loop] = stride, stride *= sizes_[loop];
    View view{value, 0, {}};
    for (mlir::AffineExpr expression : out_.getResults()) {
      const size_t loop = llvm::cast<mlir::AffineDimExpr>(expression).getPosition();
      view.strides.push_back(strides[loop]);
      box.push_back(sizes_[loop]);
    }
    value = gather(builder_, location_, view, box);
    op_->getResult(0).replaceAllUsesWith(value);
    op_.erase();
    return {};
  }

 private:
  bool startsNeutral(Value start) {
    mlir::TypedAttr splat = splatOf(start);
    if (!splat) return false;
    // maxnum and minnum ignore a NaN.
    if (auto real = llvm::dyn_cast<mlir::FloatAttr>(splat); real && real.getValue().isNaN())
      return llvm::isa<arith::MaxNumFOp, arith::MinNumFOp>(combiner_);
    if (auto real = llvm::dyn_cast<mlir::FloatAttr>(splat); real && real.getValue().isZero())
      return llvm::cast<mlir::FloatAttr>(neutral_).getValue().isZero();
    return splat == neutral_;
  }

  Outcome readInputs() {
    llvm::SmallVector<Input> read;
    for (mlir::BlockArgument argument : op_.getBody()->getArguments()) {
      mlir::OpOperand* operand = op_.getMatchingOpOperand(argument);
      if (argument.use_empty() || (op_.isDpsInit(operand) && op_.getNumReductionLoops() > 0)) continue;
      auto view = viewOf(operand->get(), op_.getMatchingIndexingMap(operand), sizes_.size());
      if (!view) return errorAt(location_, "an operand of a loop nest is not indexed linearly");
      for (size_t loop = 0; loop < sizes_.size(); ++loop)
        if (sizes_[loop] == 1) view->strides[loop] = 0;
      Input input{argument, lookThrough(*view, sizes_), *view};
      input.splat = splatOf(input.view.source);
      read.push_back(input);
    }
    // Somebody must know how long a reduced loop is: if nothing that is read has it, an operand is read as it is.
    for (size_t loop = 0; loop < sizes_.size(); ++loop) {
      if (sizes_[loop] == 1 || kinds_[loop] != Kind::reduction) continue;
      if (llvm::any_of(read, [&](const Input& input) { return !input.splat && input.view.strides[loop] != 0; }))
        continue;
      auto direct = llvm::find_if(read, [&](const Input& input) { return input.direct.strides[loop] != 0; });
      if (direct == read.end()) return errorAt(location_, "a reduced loop has no operand");
      direct->view = direct->direct;
      direct->splat = {};
    }
    for (Input& input : read) {
      if (input.splat)
        constants_.push_back({input.argument, input.splat});
      else
        inputs_.push_back(input);
    }
    return {};
  }

  // The order of all operands that have every loop, if they lie in one order in memory and a permutation that nobody
  // else reads leads to this nest; else empty.
  llvm::SmallVector<size_t> permutedOrder() {
    llvm::SmallVector<size_t> order;
    bool moved = false;
    if (op_.getNumReductionLoops() > 0) return order;
    for (const Input& input : inputs_) {
      llvm::SmallVector<size_t> chain = chainOf(input.view);
      Sizes box;
      View dense = along(input.view, chain, sizes_, box);
      if (product(box) != product(sizes_)) continue;
      if (!isDense(dense, box) || (!order.empty() && order != chain)) return {};
      order = chain;
      moved |= rootOf(input.direct.source) != input.view.source &&
               onlyReader(rootOf(input.direct.source)) == op_.getOperation();
    }
    return moved ? order : llvm::SmallVector<size_t>();
  }

  void chooseLoops() {
    Order order(sizes_.size());
    order.add(permutedOrder());
    llvm::SmallVector<size_t> chain;
    for (mlir::AffineExpr expression : out_.getResults())
      if (size_t loop = llvm::cast<mlir::AffineDimExpr>(expression).getPosition(); sizes_[loop] != 1)
        chain.push_back(loop);
    order.add(chain);
    llvm::SmallVector<const Input*> largest;
    for (const Input& input : inputs_) largest.push_back(&input);
    llvm::stable_sort(largest, [](const Input* a, const Input* b) {
      return typeOf(a->view.source).getNumElements() > typeOf(b->view.source).getNumElements();
    });
    for (const Input* input : largest) {
      Sizes box;
      chain = chainOf(input->view);
      if (isDense(along(input->view, chain, sizes_, box), box)) order.add(chain);
    }
    lead_ = true;  // results of rank 0 get one loop of size 1
    for (size_t loop : order.sorted([&](size_t loop) { return kinds_[loop] == Kind::reduction; })) {
      if (sizes_[loop] == 1) continue;
      lead_ &= kinds_[loop] != Kind::parallel;
      loops_.push_back(loop);
    }
  }

  // Number of the new loop; those of size 1 are gone.
  std::optional<unsigned> loopNumber(size_t old) const {
    auto place = llvm::find(loops_, old);
    if (place == loops_.end()) return std::nullopt;
    return static_cast<unsigned>(place - loops_.begin()) + lead_;
  }

  std::pair<Value, linalg::GenericOp> build() {
    const unsigned depth = static_cast<unsigned>(loops_.size()) + lead_;
    llvm::SmallVector<Value> operands;
    llvm::SmallVector<mlir::AffineMap> maps;
    auto map = [&](llvm::ArrayRef<unsigned> dims) {
      return mlir::AffineMap::getMultiDimMapWithTargets(depth, dims, builder_.getContext());
    };
    for (const Input& input : inputs_) {
      llvm::SmallVector<size_t> used;
      llvm::SmallVector<unsigned> dims;
      for (size_t loop : loops_)
        if (input.view.strides[loop] != 0) used.push_back(loop), dims.push_back(*loopNumber(loop));
      Sizes box;
      View view = along(input.view, used, sizes_, box);
      if (lead_ && !used.empty()) {
        view.strides.insert(view.strides.begin(), 0), box.insert(box.begin(), 1);
        dims.insert(dims.begin(), 0);
      }
      operands.push_back(gather(builder_, location_, view, box));
      maps.push_back(map(dims));
    }
    Sizes shape;
    llvm::SmallVector<unsigned> dims;
    if (lead_) shape.push_back(1), dims.push_back(0);
    for (size_t loop : loops_)
      if (kinds_[loop] == Kind::parallel) shape.push_back(sizes_[loop]), dims.push_back(*loopNumber(loop));
    maps.push_back(map(dims));
    llvm::SmallVector<Kind> kinds;
    if (lead_) kinds.push_back(Kind::parallel);
    for (size_t loop : loops_) kinds.push_back(kinds_[loop]);

    mlir::Type element = typeOf(op_->getResult(0)).getElementType();
    Value out = mlir::tensor::EmptyOp::create(builder_, location_, shape, element);
    if (reduces_) {
      Value neutral = arith::ConstantOp::create(builder_, location_, neutral_);
      out = linalg::FillOp::create(builder_, location_, mlir::ValueRange{neutral}, mlir::ValueRange{out}).getResult(0);
    }
    auto nest = linalg::GenericOp::create(
        builder_, location_, mlir::TypeRange{out.getType()}, operands, mlir::ValueRange{out}, maps, kinds,
        [&](mlir::OpBuilder& body, mlir::Location, mlir::ValueRange elements) { fillBody(body, elements); });
    nest->setAttr(kCanonicalAttr, builder_.getUnitAttr());
    return {nest.getResult(0), nest};
  }

  void fillBody(mlir::OpBuilder& body, mlir::ValueRange elements) {
    mlir::IRMapping values;
    for (auto [input, element] : llvm::zip(inputs_, elements)) values.map(input.argument, element);
    for (auto& [argument, value] : constants_) values.map(argument, arith::ConstantOp::create(body, location_, value));
    if (op_.getNumReductionLoops() > 0) {
      Value accumulator = elements.back();
      if (!reduces_) accumulator = arith::ConstantOp::create(body, location_, neutral_);
      values.map(op_.getBody()->getArguments().back(), accumulator);
    }
    for (Operation& inner : *op_.getBody()) {
      auto index = llvm::dyn_cast<linalg::IndexOp>(inner);
      if (!index) {
        body.clone(inner, values);
        continue;
      }
      std::optional<unsigned> loop = loopNumber(index.getDim());
      Value now = loop ? Value(linalg::IndexOp::create(body, inner.getLoc(), *loop))
                       : Value(arith::ConstantIndexOp::create(body, inner.getLoc(), 0));
      values.map(index.getResult(), now);
    }
  }

  linalg::GenericOp op_;
  mlir::OpBuilder builder_;
  mlir::Location location_;
  Sizes sizes_;
  llvm::SmallVector<Kind> kinds_;
  mlir::AffineMap out_;
  bool reduces_ = false;  // over a loop that is longer than 1
  Operation* combiner_ = nullptr;
  mlir::Type element_;
  mlir::TypedAttr neutral_;
  llvm::SmallVector<Input> inputs_;
  llvm::SmallVector<std::pair<mlir::BlockArgument, mlir::TypedAttr>> constants_;
  llvm::SmallVector<size_t> loops_;  // old loops in their new order
  bool lead_ = false;
};

}  // namespace

Outcome orderLoops(linalg::GenericOp op) { return Canonical(op).run(); }

}  // namespace phx::compiler::graph
