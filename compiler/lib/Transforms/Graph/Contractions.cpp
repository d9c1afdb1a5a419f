// Sums of products of two tensors become contractions over at most one batch, row, column and depth dimension.
//
// Matrix products, convolutions (their windows are strided views: im2col is what gathering such a view does),
// attention's products: all are loop nests in which every loop either indexes both operands and the result (batch), one
// operand and the result (rows m of the first, columns n of the second), or both operands only (depth k). Loops of one
// role are collapsed into one. An operand that lies as [b][m][k] or [b][k][m] already is read in place; others are
// gathered. Accumulators are f32, or i32 for i8.
#include "lib/Transforms/Graph/Steps.h"
#include "lib/Transforms/Graph/View.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Matchers.h"

namespace phx::compiler::graph {

namespace arith = mlir::arith;
namespace linalg = mlir::linalg;
using mlir::Operation;
using mlir::Type;
using mlir::Value;
using Loops = llvm::SmallVector<size_t, 4>;

// Depthwise convolutions have one row per batch; below this depth the vector cores do them as reductions.
constexpr int64_t kLeastDepthOfRows = 65;

namespace {

struct Operand {
  View view;
  Type element;
};

struct Product {
  Operand a, b;
  Type accumulator;  // of the original loop nest
  Sizes sizes;
  Loops batch, m, n, k;
};

// How an operand is read: as [b][row][k], as [b][k][row], or gathered into the one with the longer contiguous rows.
struct Layout {
  bool transposed = false;
  int64_t copied = 0;  // elements
};

}  // namespace

// The value before a single widening cast.
static Value uncast(Value value) {
  Operation* op = value.getDefiningOp();
  return llvm::isa_and_nonnull<arith::ExtFOp, arith::ExtSIOp>(op) ? op->getOperand(0) : value;
}

// The two factors, as block arguments, of a body `accumulator + cast(x) * cast(y)`.
static bool matchFactors(linalg::GenericOp op, mlir::BlockArgument& x, mlir::BlockArgument& y) {
  Value accumulator = op.getBody()->getArguments().back();
  Operation* sum = op.getBody()->getTerminator()->getOperand(0).getDefiningOp();
  if (!llvm::isa_and_nonnull<arith::AddFOp, arith::AddIOp>(sum) || !accumulator.hasOneUse()) return false;
  Value term = sum->getOperand(0) == accumulator ? sum->getOperand(1) : sum->getOperand(0);
  if (sum->getOperand(0) != accumulator && sum->getOperand(1) != accumulator) return false;
  Operation* factors = term.getDefiningOp();
  if (!llvm::isa_and_nonnull<arith::MulFOp, arith::MulIOp>(factors)) return false;
  x = llvm::dyn_cast<mlir::BlockArgument>(uncast(factors->getOperand(0)));
  y = llvm::dyn_cast<mlir::BlockArgument>(uncast(factors->getOperand(1)));
  return x && y && x != y && x != accumulator && y != accumulator;
}

// A tensor that only widens another one (i8 to i32, 8-bit floats to f32) is read before the widening.
static Value beforeWidening(Value tensor) {
  auto op = rootOf(tensor).getDefiningOp<linalg::GenericOp>();
  if (!op || op.getNumDpsInputs() != 1 || op.getNumReductionLoops() > 0) return {};
  Operation* cast = op.getBody()->getTerminator()->getOperand(0).getDefiningOp();
  const bool widens = llvm::isa_and_nonnull<arith::ExtSIOp, arith::ExtFOp>(cast);
  const bool only = widens && cast->getOperand(0) == op.getBody()->getArgument(0) &&
                    (cast->getOperand(0).getType().isInteger(8) || isFloat8(cast->getOperand(0).getType()));
  const bool same = llvm::all_of(op.getIndexingMapsArray(), [](mlir::AffineMap map) { return map.isIdentity(); });
  return only && same ? op.getDpsInputs()[0] : Value{};
}

static std::optional<Operand> readOperand(linalg::GenericOp op, mlir::BlockArgument argument,
                                          llvm::ArrayRef<int64_t> sizes) {
  mlir::OpOperand* operand = op.getMatchingOpOperand(argument);
  auto view = viewOf(operand->get(), op.getMatchingIndexingMap(operand), sizes.size());
  if (!view) return std::nullopt;
  if (argument.getType().isInteger(32) || argument.getType().isF32())
    if (Value narrow = beforeWidening(view->source)) view->source = narrow;
  Operand out{lookThrough(*view, sizes), {}};
  out.element = typeOf(out.view.source).getElementType();
  return out;
}

static bool cubeComputes(Type a, Type b, Type accumulator) {
  if (a != b) return false;
  if (a.isInteger(8)) return accumulator.isInteger(32);
  if (a.isF32()) return accumulator.isF32();
  if (isFloat8(a)) return accumulator.isF32() || accumulator.isF16() || accumulator.isBF16();
  return (a.isF16() || a.isBF16()) && (accumulator == a || accumulator.isF32());
}

static std::optional<Product> matchProduct(linalg::GenericOp op) {
  mlir::BlockArgument x, y;
  if (op.getNumReductionLoops() == 0 || !matchFactors(op, x, y)) return std::nullopt;
  Product product;
  product.sizes = Sizes(op.getStaticLoopRanges());
  auto a = readOperand(op, x, product.sizes), b = readOperand(op, y, product.sizes);
  mlir::AffineMap out = op.getIndexingMapMatchingResult(op->getResult(0));
  if (!a || !b || !out.isProjectedPermutation()) return std::nullopt;
  product.a = *a, product.b = *b;
  product.accumulator = typeOf(op->getResult(0)).getElementType();
  if (!cubeComputes(a->element, b->element, product.accumulator)) return std::nullopt;

  // Loops of the result in its order, then the others.
  for (mlir::AffineExpr expression : out.getResults()) {
    const size_t loop = llvm::cast<mlir::AffineDimExpr>(expression).getPosition();
    if (product.sizes[loop] == 1) continue;
    const bool in_a = a->view.strides[loop] != 0, in_b = b->view.strides[loop] != 0;
    if (!in_a && !in_b) return std::nullopt;
    (in_a && in_b ? product.batch : in_a ? product.m : product.n).push_back(loop);
  }
  for (auto [loop, kind] : llvm::enumerate(op.getIteratorTypesArray())) {
    if (kind == mlir::utils::IteratorType::parallel || product.sizes[loop] == 1) continue;
    if (a->view.strides[loop] == 0 || b->view.strides[loop] == 0) return std::nullopt;
    product.k.push_back(loop);
  }
  if (product.k.empty() && !isFloat8(a->element)) return std::nullopt;  // the vector cores multiply as well
  return product;
}

static int64_t extent(const Product& product, const Loops& loops) {
  int64_t count = 1;
  for (size_t loop : loops) count *= product.sizes[loop];
  return count;
}

// The operand's view over the loops in this order.
static View ordered(const Operand& operand, const Product& product, llvm::ArrayRef<const Loops*> roles, Sizes& sizes) {
  View view{operand.view.source, operand.view.offset, {}};
  sizes.clear();
  for (const Loops* role : roles)
    for (size_t loop : *role) {
      view.strides.push_back(operand.view.strides[loop]);
      sizes.push_back(product.sizes[loop]);
    }
  return view;
}

static Layout layoutOf(const Operand& operand, const Product& product, const Loops& rows, const Loops& k) {
  Sizes sizes;
  if (isDense(ordered(operand, product, {&product.batch, &rows, &k}, sizes), sizes)) return {false, 0};
  if (isDense(ordered(operand, product, {&product.batch, &k, &rows}, sizes), sizes)) return {true, 0};
  // Which role makes the better rows when it is innermost? Elements that lie apart cost their distance.
  auto run = [&](const Loops& loops) {
    int64_t length = 1;
    const int64_t stride = std::abs(operand.view.strides[loops.empty() ? 0 : loops.back()]);
    for (size_t i = loops.size(); i-- > 0 && operand.view.strides[loops[i]] == length * stride;)
      length *= product.sizes[loops[i]];
    return stride == 0 ? 0.0 : static_cast<double>(length) / static_cast<double>(stride);
  };
  return {run(rows) > run(k), extent(product, product.batch) * extent(product, rows) * extent(product, k)};
}

static Value placeOperand(mlir::OpBuilder& builder, mlir::Location location, const Operand& operand,
                          const Product& product, const Loops& rows, bool transposed) {
  Sizes sizes;
  View view = ordered(operand, product,
                      {&product.batch, transposed ? &product.k : &rows, transposed ? &rows : &product.k}, sizes);
  Sizes shape;
  if (!product.batch.empty()) shape.push_back(extent(product, product.batch));
  shape.push_back(extent(product, transposed ? product.k : rows));
  shape.push_back(extent(product, transposed ? rows : product.k));
  return reshapeTo(builder, location, gather(builder, location, view, sizes), shape);
}

static Value contract(mlir::OpBuilder& builder, mlir::Location location, Value a, bool a_transposed, Value b,
                      bool b_transposed, llvm::ArrayRef<int64_t> shape, Type accumulator) {
  mlir::MLIRContext* context = builder.getContext();
  const unsigned first = static_cast<unsigned>(shape.size()) - 2, m = first, n = first + 1, k = first + 2;
  auto map = [&](unsigned row, unsigned column) {
    llvm::SmallVector<unsigned> dims;
    if (first) dims.push_back(0);
    dims.push_back(row), dims.push_back(column);
    return mlir::AffineMap::getMultiDimMapWithTargets(first + 3, dims, context);
  };
  llvm::SmallVector<mlir::AffineMap> maps{a_transposed ? map(k, m) : map(m, k), b_transposed ? map(n, k) : map(k, n),
                                          map(m, n)};
  llvm::SmallVector<mlir::utils::IteratorType> kinds(first + 3, mlir::utils::IteratorType::parallel);
  kinds.back() = mlir::utils::IteratorType::reduction;
  Value zero = arith::ConstantOp::create(builder, location, builder.getZeroAttr(accumulator));
  Value empty = mlir::tensor::EmptyOp::create(builder, location, shape, accumulator);
  Value start = linalg::FillOp::create(builder, location, mlir::ValueRange{zero}, mlir::ValueRange{empty}).getResult(0);
  auto widen = [&](mlir::OpBuilder& body, Value x) -> Value {
    if (x.getType() == accumulator) return x;
    if (llvm::isa<mlir::FloatType>(accumulator)) return arith::ExtFOp::create(body, location, accumulator, x);
    return arith::ExtSIOp::create(body, location, accumulator, x);
  };
  auto op = linalg::GenericOp::create(
      builder, location, mlir::TypeRange{start.getType()}, mlir::ValueRange{a, b}, mlir::ValueRange{start}, maps, kinds,
      [&](mlir::OpBuilder& body, mlir::Location, mlir::ValueRange e) {
        Value x = widen(body, e[0]), y = widen(body, e[1]), sum;
        if (llvm::isa<mlir::FloatType>(accumulator))
          sum = arith::AddFOp::create(body, location, e[2], arith::MulFOp::create(body, location, x, y));
        else
          sum = arith::AddIOp::create(body, location, e[2], arith::MulIOp::create(body, location, x, y));
        linalg::YieldOp::create(body, location, sum);
      });
  op->setAttr(kContractionAttr, builder.getUnitAttr());
  return op.getResult(0);
}

// An elementwise loop nest over the operands, which have one shape.
static Value map(mlir::OpBuilder& builder, mlir::Location location, mlir::ValueRange operands, Type element,
                 llvm::function_ref<Value(mlir::OpBuilder&, mlir::ValueRange)> compute) {
  llvm::ArrayRef<int64_t> shape = typeOf(operands[0]).getShape();
  Value empty = mlir::tensor::EmptyOp::create(builder, location, shape, element);
  auto identity = builder.getMultiDimIdentityMap(static_cast<unsigned>(shape.size()));
  llvm::SmallVector<mlir::AffineMap> maps(operands.size() + 1, identity);
  llvm::SmallVector<mlir::utils::IteratorType> kinds(shape.size(), mlir::utils::IteratorType::parallel);
  return linalg::GenericOp::create(builder, location, mlir::TypeRange{empty.getType()}, operands,
                                   mlir::ValueRange{empty}, maps, kinds,
                                   [&](mlir::OpBuilder& body, mlir::Location, mlir::ValueRange elements) {
                                     linalg::YieldOp::create(body, location, compute(body, elements.drop_back()));
                                   })
      .getResult(0);
}

static bool isZero(mlir::Attribute value) {
  return value && (mlir::matchPattern(value, mlir::m_Zero()) || mlir::matchPattern(value, mlir::m_AnyZeroFloat()));
}

static Value lower(mlir::OpBuilder& builder, linalg::GenericOp op, Product& product) {
  mlir::Location location = op.getLoc();
  mlir::AffineMap out = op.getIndexingMapMatchingResult(op->getResult(0));
  // The columns own the result's innermost loop.
  for (mlir::AffineExpr expression : llvm::reverse(out.getResults())) {
    const size_t loop = llvm::cast<mlir::AffineDimExpr>(expression).getPosition();
    if (product.sizes[loop] == 1 || llvm::is_contained(product.batch, loop)) continue;
    if (llvm::is_contained(product.m, loop)) std::swap(product.a, product.b), std::swap(product.m, product.n);
    break;
  }
  // The order of the depth loops that copies least.
  Loops best;
  int64_t least = -1;
  for (const Operand* guide : {&product.b, &product.a}) {
    Loops k = product.k;
    llvm::stable_sort(k, [&](size_t x, size_t y) { return guide->view.strides[x] > guide->view.strides[y]; });
    const int64_t copied =
        layoutOf(product.a, product, product.m, k).copied + layoutOf(product.b, product, product.n, k).copied;
    if (least < 0 || copied < least) best = k, least = copied;
  }
  product.k = best;
  const bool a_transposed = layoutOf(product.a, product, product.m, product.k).transposed;
  const bool b_transposed = !layoutOf(product.b, product, product.n, product.k).transposed;
  Value a = placeOperand(builder, location, product.a, product, product.m, a_transposed);
  Value b = placeOperand(builder, location, product.b, product, product.n, !b_transposed);

  Sizes shape;
  if (!product.batch.empty()) shape.push_back(extent(product, product.batch));
  shape.push_back(extent(product, product.m));
  shape.push_back(extent(product, product.n));
  Type wide = product.a.element.isInteger(8) ? Type(builder.getI32Type()) : Type(builder.getF32Type());
  Value result = contract(builder, location, a, a_transposed, b, b_transposed, shape, wide);

  // From [batch][m][n] to the order of the result's loops. What the nest started from, if not zero, is added there.
  Sizes sizes, strides(product.sizes.size(), 0);
  Loops order = product.batch;
  order.append(product.m);
  order.append(product.n);
  int64_t stride = 1;
  for (size_t loop : llvm::reverse(order)) strides[loop] = stride, stride *= product.sizes[loop];
  if (product.accumulator != wide)
    result =
        map(builder, location, {result}, product.accumulator, [&](mlir::OpBuilder& body, mlir::ValueRange e) -> Value {
          return arith::TruncFOp::create(body, location, product.accumulator, e[0]);
        });
  View view{result, 0, {}};
  for (mlir::AffineExpr expression : out.getResults()) {
    const size_t loop = llvm::cast<mlir::AffineDimExpr>(expression).getPosition();
    view.strides.push_back(strides[loop]);
    sizes.push_back(product.sizes[loop]);
  }
  result = gather(builder, location, view, sizes);
  Value start = op.getDpsInits()[0];
  if (isZero(splatOf(start))) return result;
  return map(builder, location, {result, start}, product.accumulator,
             [&](mlir::OpBuilder& body, mlir::ValueRange e) -> Value {
               if (llvm::isa<mlir::FloatType>(product.accumulator))
                 return arith::AddFOp::create(body, location, e[0], e[1]);
               return arith::AddIOp::create(body, location, e[0], e[1]);
             });
}

bool lowerContraction(linalg::GenericOp op) {
  std::optional<Product> product = matchProduct(op);
  if (!product) return false;
  const bool rows = extent(*product, product->m) == 1 || extent(*product, product->n) == 1;
  const bool other_cores = !isFloat8(product->a.element);  // can do it too
  if (other_cores && !product->batch.empty() && rows && extent(*product, product->k) < kLeastDepthOfRows) return false;
  mlir::OpBuilder builder(op);
  op.getResult(0).replaceAllUsesWith(lower(builder, op, *product));
  op.erase();
  return true;
}

}  // namespace phx::compiler::graph
