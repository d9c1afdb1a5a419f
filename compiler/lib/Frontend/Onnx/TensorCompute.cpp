// Loop nests (linalg.generic) and contractions.
#include <algorithm>

#include "compiler/lib/Frontend/Onnx/TensorBuilder.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace phx::compiler::onnx {
namespace {

namespace linalg = mlir::linalg;

// Loop nests of up to this many points are computed on the host when their operands are constants.
constexpr int64_t kMostFoldedPoints = 65536;

mlir::DenseIntElementsAttr pairAttribute(mlir::OpBuilder& builder, const Dims& values) {
  auto type = mlir::RankedTensorType::get({static_cast<int64_t>(values.size())}, builder.getI64Type());
  return mlir::DenseIntElementsAttr::get(type, llvm::ArrayRef<int64_t>(values));
}

}  // namespace

int64_t TensorBuilder::windowCount(int64_t size, int64_t kernel, int64_t stride, int64_t dilation) {
  int64_t span = (kernel - 1) * dilation + 1;
  return size < span ? 0 : (size - span) / stride + 1;
}

std::optional<Tensor> TensorBuilder::foldLoops(const Shape& extents, const std::vector<Operand>& operands,
                                               const Dims& result_loops, ElementType type, const Body& body,
                                               std::optional<Number> initial) {
  int64_t points = elementCount(extents);
  if (points > kMostFoldedPoints) return {};
  for (const Operand& operand : operands)
    if (!operand.tensor.constant) return {};
  Shape shape;
  for (int64_t loop : result_loops) shape.push_back(extents[loop]);
  ConstantTensor out(type, shape);
  if (initial)
    for (int64_t i = 0; i < out.count(); ++i) out.set(i, *initial);
  std::vector<std::vector<int64_t>> strides;  // per operand and loop; the result's last
  for (const Operand& operand : operands) {
    std::vector<int64_t> own = rowMajorStrides(operand.tensor.shape), by_loop(extents.size(), 0);
    for (size_t i = 0; i < own.size(); ++i)
      if (operand.tensor.shape[i] != 1) by_loop[operand.loops[i]] += own[i];
    strides.push_back(by_loop);
  }
  std::vector<int64_t> own = rowMajorStrides(shape), by_loop(extents.size(), 0);
  for (size_t i = 0; i < own.size(); ++i) by_loop[result_loops[i]] = own[i];
  strides.push_back(by_loop);

  std::vector<int64_t> index(extents.size(), 0);
  for (int64_t point = 0; point < points; ++point) {
    auto at = [&](const std::vector<int64_t>& stride) {
      int64_t sum = 0;
      for (size_t i = 0; i < index.size(); ++i) sum += index[i] * stride[i];
      return sum;
    };
    std::vector<Scalar> elements;
    for (size_t i = 0; i < operands.size(); ++i)
      elements.push_back({operands[i].tensor.type, operands[i].tensor.constant->at(at(strides[i])), {}});
    int64_t target = at(strides.back());
    if (initial) elements.push_back({type, out.at(target), {}});
    ScalarBuilder scalars(builder_.getContext(), index);
    Scalar computed = body(scalars, elements);
    if (scalars.failed() || !computed.known) return {};
    out.set(target, *computed.known);
    for (size_t dim = index.size(); dim-- > 0;) {
      if (++index[dim] < extents[dim]) break;
      index[dim] = 0;
    }
  }
  return constant(std::move(out));
}

Tensor TensorBuilder::loops(Shape extents, std::vector<Operand> operands, Dims result_loops, ElementType type,
                            const Body& body, std::optional<Number> initial) {
  Shape shape;
  for (int64_t loop : result_loops) shape.push_back(extents[loop]);
  if (!checked(shape)) return failed(type, std::move(shape));
  for (int64_t extent : extents)
    if (extent < 0 || extent > kMostElements) return checked({extent}), failed(type, std::move(shape));
  if (elementCount(shape) == 0) return zeros(type, std::move(shape));
  if (auto folded = foldLoops(extents, operands, result_loops, type, body, initial)) return *folded;

  mlir::MLIRContext* context = builder_.getContext();
  unsigned depth = static_cast<unsigned>(extents.size());
  auto mapOf = [&](const Dims& loops) {
    llvm::SmallVector<mlir::AffineExpr> results;
    for (int64_t loop : loops) results.push_back(mlir::getAffineDimExpr(static_cast<unsigned>(loop), context));
    return mlir::AffineMap::get(depth, 0, results, context);
  };
  // Constants of one element live in the body; dimensions of size 1 that are broadcast are dropped. But linalg finds
  // the extent of each loop in an operand, so a constant stays one if it is the only operand that follows some loop.
  auto inBody = [](const Tensor& x) { return x.constant && x.count() == 1; };
  std::vector<bool> covered(depth, false);
  for (int64_t loop : result_loops) covered[loop] = true;
  for (const Operand& operand : operands)
    for (size_t i = 0; i < operand.loops.size(); ++i)
      if (!inBody(operand.tensor) && operand.tensor.shape[i] == extents[operand.loops[i]])
        covered[operand.loops[i]] = true;
  bool all_covered = std::find(covered.begin(), covered.end(), false) == covered.end();
  llvm::SmallVector<mlir::Value> inputs;
  llvm::SmallVector<mlir::AffineMap> maps;
  std::vector<int> argument_of;  // -1: a constant
  for (const Operand& operand : operands) {
    const Tensor& x = operand.tensor;
    if (inBody(x) && all_covered) {
      argument_of.push_back(-1);
      continue;
    }
    Dims loops;
    Shape kept;
    for (size_t i = 0; i < x.shape.size(); ++i) {
      if (x.shape[i] == 1 && extents[operand.loops[i]] != 1) continue;
      loops.push_back(operand.loops[i]);
      kept.push_back(x.shape[i]);
    }
    argument_of.push_back(static_cast<int>(inputs.size()));
    inputs.push_back(value(reshape(x, kept)));
    maps.push_back(mapOf(loops));
    if (!inputs.back()) {
      fail("a value is missing");
      return failed(type, std::move(shape));
    }
  }
  maps.push_back(mapOf(result_loops));
  std::vector<mlir::utils::IteratorType> kinds(depth, mlir::utils::IteratorType::reduction);
  for (int64_t loop : result_loops) kinds[loop] = mlir::utils::IteratorType::parallel;
  mlir::Value target = initial ? filledValue(type, shape, *initial) : empty(type, shape);
  auto generic = linalg::GenericOp::create(
      builder_, location_, mlir::TypeRange{target.getType()}, inputs, mlir::ValueRange{target}, maps, kinds,
      [&](mlir::OpBuilder& builder, mlir::Location location, mlir::ValueRange arguments) {
        std::vector<Scalar> elements;
        for (size_t i = 0; i < operands.size(); ++i) {
          const Tensor& x = operands[i].tensor;
          if (argument_of[i] < 0)
            elements.push_back({x.type, x.constant->at(0), {}});
          else
            elements.push_back({x.type, std::nullopt, arguments[argument_of[i]]});
        }
        if (initial) elements.push_back({type, std::nullopt, arguments.back()});
        ScalarBuilder scalars(builder, location);
        linalg::YieldOp::create(builder, location, scalars.materialize(body(scalars, elements)));
      });
  return result(type, std::move(shape), generic.getResult(0));
}

Tensor TensorBuilder::elementwise(const std::vector<Tensor>& operands, ElementType type, const Body& body) {
  std::optional<Shape> shape = broadcastShape(operands);
  if (!shape) {
    std::string shapes;
    for (const Tensor& x : operands) shapes += (shapes.empty() ? "" : " and ") + text(x.shape);
    fail("shapes " + shapes + " cannot be broadcast together");
    return failed(type, {});
  }
  std::vector<Operand> aligned;
  for (const Tensor& x : operands) {
    Operand operand{x, {}};
    for (size_t i = 0; i < x.shape.size(); ++i) operand.loops.push_back(shape->size() - x.shape.size() + i);
    aligned.push_back(std::move(operand));
  }
  Dims all;
  for (size_t i = 0; i < shape->size(); ++i) all.push_back(i);
  return loops(*shape, std::move(aligned), std::move(all), type, body);
}

Tensor TensorBuilder::reduce(const Tensor& x, const Dims& axes, ElementType type, Number initial, const Body& body) {
  Dims all, kept;
  for (int64_t i = 0; i < x.rank(); ++i) {
    all.push_back(i);
    if (std::find(axes.begin(), axes.end(), i) == axes.end()) kept.push_back(i);
  }
  return loops(x.shape, {{x, all}}, kept, type, body, initial);
}

Tensor TensorBuilder::convert(const Tensor& x, ElementType type) {
  if (x.type == type) return x;
  return elementwise({x}, type, [&](ScalarBuilder& s, const std::vector<Scalar>& e) { return s.convert(e[0], type); });
}

Tensor TensorBuilder::matmul(const Tensor& a, const Tensor& b, ElementType type, bool transpose_a, bool transpose_b) {
  size_t batch = a.shape.size() - 2;
  int64_t m = a.shape[batch + transpose_a], k = a.shape[batch + !transpose_a], n = b.shape[batch + !transpose_b];
  Shape shape(a.shape.begin(), a.shape.begin() + batch);
  shape.push_back(m), shape.push_back(n);
  if (!checked(shape)) return failed(type, std::move(shape));
  if (k != b.shape[batch + transpose_b] || (batch && a.shape[0] != b.shape[0])) {
    fail("matrices of shapes " + text(a.shape) + " and " + text(b.shape) + " cannot be multiplied");
    return failed(type, std::move(shape));
  }
  if (elementCount(shape) == 0 || k == 0) return zeros(type, std::move(shape));
  // Constants are transposed here, other operands by the indexing maps.
  auto swapped = [&](const Tensor& x) { return batch ? transpose(x, {0, 2, 1}) : transpose(x, {1, 0}); };
  Tensor left = a, right = b;
  if (transpose_a && a.constant) left = swapped(a), transpose_a = false;
  if (transpose_b && b.constant) right = swapped(b), transpose_b = false;
  mlir::Value x = value(left), y = value(right), out = filledValue(type, shape, {});
  mlir::MLIRContext* context = builder_.getContext();
  unsigned first = static_cast<unsigned>(batch);
  auto map = [&](unsigned row, unsigned column, bool transposed) {
    llvm::SmallVector<mlir::AffineExpr> dims;
    if (batch) dims.push_back(mlir::getAffineDimExpr(0, context));
    dims.push_back(mlir::getAffineDimExpr(first + (transposed ? column : row), context));
    dims.push_back(mlir::getAffineDimExpr(first + (transposed ? row : column), context));
    return mlir::AffineMapAttr::get(mlir::AffineMap::get(first + 3, 0, dims, context));
  };
  llvm::SmallVector<mlir::NamedAttribute> attributes;
  if (transpose_a || transpose_b)
    attributes.push_back(builder_.getNamedAttr(
        "indexing_maps", builder_.getArrayAttr({map(0, 2, transpose_a), map(2, 1, transpose_b), map(0, 1, false)})));
  mlir::Operation* op =
      batch ? linalg::BatchMatmulOp::create(builder_, location_, mlir::ValueRange{x, y}, mlir::ValueRange{out},
                                            attributes)
                  .getOperation()
            : linalg::MatmulOp::create(builder_, location_, mlir::ValueRange{x, y}, mlir::ValueRange{out}, attributes)
                  .getOperation();
  return result(type, std::move(shape), op->getResult(0));
}

Tensor TensorBuilder::convolution(const Tensor& x, const Tensor& w, const Window& window, int64_t groups,
                                  ElementType type) {
  int64_t images = x.shape[0], channels = x.shape[1], features = w.shape[0];
  Shape shape{images, features};
  for (size_t i = 0; i < 2; ++i)
    shape.push_back(windowCount(x.shape[2 + i], window.kernel[i], window.strides[i], window.dilations[i]));
  if (!checked(shape)) return failed(type, std::move(shape));
  if (elementCount(shape) == 0 || channels == 0) return zeros(type, std::move(shape));
  auto strides = pairAttribute(builder_, window.strides), dilations = pairAttribute(builder_, window.dilations);
  if (groups == 1) {
    mlir::Value input = value(x), filter = value(w), out = filledValue(type, shape, {});
    auto op =
        linalg::Conv2DNchwFchwOp::create(builder_, location_, mlir::TypeRange{out.getType()},
                                         mlir::ValueRange{input, filter}, mlir::ValueRange{out}, strides, dilations);
    return result(type, std::move(shape), op.getResult(0));
  }
  Tensor split_x = reshape(x, {images, groups, channels / groups, x.shape[2], x.shape[3]});
  Tensor split_w = reshape(w, {groups, features / groups, channels / groups, w.shape[2], w.shape[3]});
  Shape split{images, groups, features / groups, shape[2], shape[3]};
  mlir::Value input = value(split_x), filter = value(split_w), out = filledValue(type, split, {});
  auto op =
      linalg::Conv2DNgchwGfchwOp::create(builder_, location_, mlir::TypeRange{out.getType()},
                                         mlir::ValueRange{input, filter}, mlir::ValueRange{out}, strides, dilations);
  return reshape(result(type, split, op.getResult(0)), std::move(shape));
}

Tensor TensorBuilder::pool(Pool kind, const Tensor& x, const Window& window, ElementType type) {
  Shape shape{x.shape[0], x.shape[1]};
  for (size_t i = 0; i < 2; ++i)
    shape.push_back(windowCount(x.shape[2 + i], window.kernel[i], window.strides[i], window.dilations[i]));
  if (!checked(shape)) return failed(type, std::move(shape));
  if (elementCount(shape) == 0) return zeros(type, std::move(shape));
  auto strides = pairAttribute(builder_, window.strides), dilations = pairAttribute(builder_, window.dilations);
  mlir::Value input = value(x), extent = empty(type, window.kernel);
  mlir::Value out = filledValue(type, shape, kind == Pool::Max ? lowest(type) : Number{});
  mlir::Type out_type = out.getType();
  mlir::TypeRange types(out_type);
  mlir::ValueRange outs(out);
  llvm::SmallVector<mlir::Value> ins{input, extent};
  mlir::Operation* op =
      kind == Pool::Max
          ? linalg::PoolingNchwMaxOp::create(builder_, location_, types, ins, outs, strides, dilations).getOperation()
          : linalg::PoolingNchwSumOp::create(builder_, location_, types, ins, outs, strides, dilations).getOperation();
  return result(type, std::move(shape), op->getResult(0));
}

}  // namespace phx::compiler::onnx
