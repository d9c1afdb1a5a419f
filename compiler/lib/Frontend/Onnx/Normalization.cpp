// Normalisations and softmax. Means, variances and exponentials of the 16-bit floating point types are computed in f32
// and the result is rounded once.
#include "compiler/lib/Frontend/Onnx/Normalization.h"

#include <algorithm>

#include "compiler/lib/Frontend/Onnx/Operators.h"

namespace phx::compiler::onnx {
namespace {

using enum ElementType;
using Elements = std::vector<Scalar>;

// The mean along the axes of of(x), in the wide type, with the axes kept as 1.
Tensor mean(TensorBuilder& b, const Tensor& x, const Dims& axes,
            const std::function<Scalar(ScalarBuilder&, Scalar)>& of) {
  ElementType wide = widened(x.type);
  double count = 1;
  for (int64_t axis : axes) count *= static_cast<double>(x.shape[axis]);
  Tensor sum = b.reduce(x, axes, wide, Number{},
                        [&](ScalarBuilder& s, const Elements& e) { return s.add(e[1], of(s, s.widen(e[0]))); });
  Tensor quotient = b.elementwise(
      {sum}, wide, [&](ScalarBuilder& s, const Elements& e) { return s.div(e[0], s.constant(wide, count)); });
  return b.reshape(quotient, withUnits(x.shape, axes));
}

struct Moments {
  Tensor mean, centered, variance;  // wide type; mean and variance with the axes as 1
};

Moments momentsOf(TensorBuilder& b, const Tensor& x, const Dims& axes) {
  Tensor average = mean(b, x, axes, [](ScalarBuilder&, Scalar v) { return v; });
  Tensor centered = b.elementwise({x, average}, widened(x.type),
                                  [](ScalarBuilder& s, const Elements& e) { return s.sub(s.widen(e[0]), e[1]); });
  Tensor variance = mean(b, centered, axes, [](ScalarBuilder& s, Scalar v) { return s.mul(v, v); });
  return {average, centered, variance};
}

// 1 / sqrt(variance + epsilon)
Tensor inverseDeviation(TensorBuilder& b, const Tensor& variance, double epsilon) {
  return b.elementwise({variance}, variance.type, [&](ScalarBuilder& s, const Elements& e) {
    Scalar deviation = s.math(MathFunction::Sqrt, s.add(e[0], s.constant(e[0].type, epsilon)));
    return s.div(s.constant(e[0].type, 1), deviation);
  });
}

// centered * inverse [* scale [+ bias]], rounded to `type`.
Tensor scaled(TensorBuilder& b, const Tensor& centered, const Tensor& inverse, const Tensor* scale, const Tensor* bias,
              ElementType type) {
  std::vector<Tensor> operands{centered, inverse};
  if (scale) operands.push_back(*scale);
  if (bias) operands.push_back(*bias);
  return b.elementwise(operands, type, [&](ScalarBuilder& s, const Elements& e) {
    Scalar value = s.mul(e[0], e[1]);
    if (scale) value = s.mul(value, s.widen(e[2]));
    if (bias) value = s.add(value, s.widen(e[3]));
    return s.convert(value, type);
  });
}

// A vector of one value per channel as C x 1 x 1 ..., for a tensor N x C x ....
Tensor perChannel(Node& n, TensorBuilder& b, size_t input, const Tensor& x) {
  const Tensor& vector = n.input(input);
  Shape shape(static_cast<size_t>(x.rank() - 1), 1);
  shape[0] = x.shape[1];
  if (vector.rank() != 1 || vector.shape[0] != x.shape[1])
    n.fail("input " + std::to_string(input) + " is of shape " + text(vector.shape) +
           "; expected one value for each of the " + std::to_string(x.shape[1]) + " channels");
  return b.reshape(vector, shape);
}

bool requireFloats(Node& n) {
  for (size_t i = 0; i < n.inputCount(); ++i)
    if (n.has(i) && !n.requireFloat(i)) return false;
  return true;
}

}  // namespace

void importBatchNormalization(Node& n, TensorBuilder& b) {
  n.ignore("consumed_inputs");
  double epsilon = n.real("epsilon", 1e-5f), momentum = n.real("momentum", 0.9f);
  bool training = n.integer("training_mode", 0) != 0;
  if (n.opset() < 7 && !n.integer("is_test", 0)) return n.fail("attribute 'is_test' = 0 (training) is not supported");
  if (!n.integer("spatial", 1)) return n.fail("attribute 'spatial' = 0 is not supported");
  if (!n.requireRank(0, 2) || !requireFloats(n)) return;
  const Tensor& x = n.input(0);
  Tensor scale = perChannel(n, b, 1, x), bias = perChannel(n, b, 2, x), average = perChannel(n, b, 3, x),
         variance = perChannel(n, b, 4, x);
  if (!b.ok()) return;
  if (training) {
    Dims axes = dimensionsFrom(2, x.rank());
    axes.insert(axes.begin(), 0);
    Moments moments = momentsOf(b, x, axes);
    n.output(0, scaled(b, moments.centered, inverseDeviation(b, moments.variance, epsilon), &scale, &bias, x.type));
    auto running = [&](const Tensor& old, const Tensor& current) {
      Tensor blended =
          b.elementwise({old, b.reshape(current, old.shape)}, old.type, [&](ScalarBuilder& s, const Elements& e) {
            Scalar before = s.widen(e[0]), now = s.convert(e[1], before.type);
            return s.convert(s.add(s.mul(before, s.constant(before.type, momentum)),
                                   s.mul(now, s.constant(before.type, 1 - momentum))),
                             old.type);
          });
      return b.reshape(blended, {x.shape[1]});
    };
    n.output(1, running(average, moments.mean));
    n.output(2, running(variance, moments.variance));
    return;
  }
  // y = x * factor + shift; with constant parameters both vectors are computed here.
  ElementType wide = widened(x.type);
  Tensor factor = b.elementwise({scale, variance}, wide, [&](ScalarBuilder& s, const Elements& e) {
    Scalar deviation = s.math(MathFunction::Sqrt, s.add(s.convert(e[1], wide), s.constant(wide, epsilon)));
    return s.div(s.convert(e[0], wide), deviation);
  });
  Tensor shift = b.elementwise({bias, average, factor}, wide, [&](ScalarBuilder& s, const Elements& e) {
    return s.sub(s.convert(e[0], wide), s.mul(s.convert(e[1], wide), e[2]));
  });
  n.output(0, b.elementwise({x, factor, shift}, x.type, [&](ScalarBuilder& s, const Elements& e) {
    return s.convert(s.add(s.mul(s.widen(e[0]), e[1]), e[2]), x.type);
  }));
}

void importInstanceNormalization(Node& n, TensorBuilder& b) {
  n.ignore("consumed_inputs");
  double epsilon = n.real("epsilon", 1e-5f);
  if (!n.requireRank(0, 3) || !requireFloats(n)) return;
  const Tensor& x = n.input(0);
  Tensor scale = perChannel(n, b, 1, x), bias = perChannel(n, b, 2, x);
  if (!b.ok()) return;
  Moments moments = momentsOf(b, x, dimensionsFrom(2, x.rank()));
  n.output(0, scaled(b, moments.centered, inverseDeviation(b, moments.variance, epsilon), &scale, &bias, x.type));
}

void importGroupNormalization(Node& n, TensorBuilder& b) {
  double epsilon = n.real("epsilon", 1e-5f);
  int64_t groups = n.integer("num_groups", 0);
  n.ignore("stash_type");
  if (!n.requireRank(0, 2) || !requireFloats(n)) return;
  const Tensor& x = n.input(0);
  if (groups <= 0 || x.shape[1] % groups)
    return n.fail("attribute 'num_groups' is " + std::to_string(groups) + " for " + std::to_string(x.shape[1]) +
                  " channels");
  int64_t channels = x.shape[1], per_group = channels / groups;
  Shape split{x.shape[0], groups, per_group};
  split.insert(split.end(), x.shape.begin() + 2, x.shape.end());
  // Parameters belong to groups before opset 21, to channels from then on.
  Shape parameters(split.size() - 1, 1);
  parameters[0] = groups;
  if (n.opset() >= 21) parameters[1] = per_group;
  for (size_t i : {1, 2})
    if (n.input(i).count() != elementCount(parameters))
      return n.fail("input " + std::to_string(i) + " is of shape " + text(n.input(i).shape) + "; expected " +
                    std::to_string(elementCount(parameters)) + " values");
  Moments moments = momentsOf(b, b.reshape(x, split), dimensionsFrom(2, static_cast<int64_t>(split.size())));
  Tensor scale = b.reshape(n.input(1), parameters), bias = b.reshape(n.input(2), parameters);
  Tensor out = scaled(b, moments.centered, inverseDeviation(b, moments.variance, epsilon), &scale, &bias, x.type);
  n.output(0, b.reshape(out, x.shape));
}

void importLayerNormalization(Node& n, TensorBuilder& b) {
  double epsilon = n.real("epsilon", 1e-5f);
  n.ignore("stash_type");
  const Tensor& x = n.input(0);
  int64_t axis = n.axis(n.integer("axis", -1), x.rank());
  if (!b.ok() || !requireFloats(n)) return;
  Moments moments = momentsOf(b, x, dimensionsFrom(axis, x.rank()));
  Tensor inverse = inverseDeviation(b, moments.variance, epsilon);
  Tensor out = scaled(b, moments.centered, inverse, &n.input(1), n.has(2) ? &n.input(2) : nullptr, x.type);
  if (out.shape != x.shape) return n.fail("scale and bias do not broadcast to the input's shape " + text(x.shape));
  n.output(0, out);
  if (n.wants(1)) n.output(1, moments.mean);
  if (n.wants(2)) n.output(2, inverse);
}

void importMeanVarianceNormalization(Node& n, TensorBuilder& b) {
  const Tensor& x = n.input(0);
  Dims axes = n.axes(n.hasAttribute("axes") ? n.integers("axes") : Dims{0, 2, 3}, x.rank());
  if (!b.ok() || !n.requireFloat(0)) return;
  Moments moments = momentsOf(b, x, axes);
  n.output(0, b.elementwise({moments.centered, moments.variance}, x.type, [&](ScalarBuilder& s, const Elements& e) {
    Scalar deviation = s.add(s.math(MathFunction::Sqrt, e[1]), s.constant(e[1].type, 1e-9));
    return s.convert(s.div(e[0], deviation), x.type);
  }));
}

void importLpNormalization(Node& n, TensorBuilder& b) {
  const Tensor& x = n.input(0);
  int64_t p = n.integer("p", 2), axis = n.axis(n.integer("axis", -1), x.rank());
  if (!b.ok() || !n.requireFloat(0)) return;
  if (p != 1 && p != 2) return n.fail("attribute 'p' is " + std::to_string(p) + "; expected 1 or 2");
  ElementType wide = widened(x.type);
  Tensor sum = b.reduce(x, {axis}, wide, Number{}, [&](ScalarBuilder& s, const Elements& e) {
    Scalar v = s.widen(e[0]);
    return s.add(e[1], p == 1 ? s.abs(v) : s.mul(v, v));
  });
  n.output(0, b.elementwise(
                  {x, b.reshape(sum, withUnits(x.shape, {axis}))}, x.type, [&](ScalarBuilder& s, const Elements& e) {
                    return s.convert(s.div(s.widen(e[0]), p == 1 ? e[1] : s.math(MathFunction::Sqrt, e[1])), x.type);
                  }));
}

void importLrn(Node& n, TensorBuilder& b) {
  double alpha = n.real("alpha", 1e-4f), beta = n.real("beta", 0.75f), bias = n.real("bias", 1);
  int64_t size = n.integer("size", 0);
  if (!n.requireRank(0, 2) || !n.requireFloat(0)) return;
  const Tensor& x = n.input(0);
  if (size <= 0 || size > 65536) return n.fail("attribute 'size' is " + std::to_string(size));
  // The sum of squares over `size` neighbouring channels, as a pool over N x 1 x C x pixels.
  ElementType wide = widened(x.type);
  int64_t pixels = elementCount(std::span(x.shape).subspan(2));
  Tensor squares =
      b.elementwise({x}, wide, [](ScalarBuilder& s, const Elements& e) { return s.mul(s.widen(e[0]), s.widen(e[0])); });
  Tensor columns = b.reshape(squares, {x.shape[0], 1, x.shape[1], pixels});
  Tensor padded = b.pad(columns, {0, 0, (size - 1) / 2, 0}, {0, 0, size / 2, 0}, Number{});
  Tensor sums = b.reshape(b.pool(Pool::Sum, padded, {{size, 1}, {1, 1}, {1, 1}}, wide), x.shape);
  n.output(0, b.elementwise({x, sums}, x.type, [&](ScalarBuilder& s, const Elements& e) {
    Scalar base = s.add(s.constant(wide, bias), s.mul(s.constant(wide, alpha / static_cast<double>(size)), e[1]));
    return s.convert(s.div(s.widen(e[0]), s.pow(base, s.constant(wide, beta))), x.type);
  }));
}

namespace {

// Before opset 13 softmax and its kin worked on a matrix: all axes from `axis` on together.
struct Rows {
  Tensor x;
  Dims axes;
};
Rows rowsOf(Node& n, TensorBuilder& b) {
  const Tensor& x = n.input(0);
  bool matrix = n.opset() < 13;
  int64_t given = n.integer("axis", matrix ? 1 : -1);
  if (matrix && given == x.rank()) return {b.reshape(x, {x.count(), 1}), {1}};
  int64_t axis = n.axis(given, x.rank());
  if (!matrix || axis == x.rank() - 1) return {x, {axis}};
  std::span shape(x.shape);
  return {b.reshape(x, {elementCount(shape.first(axis)), elementCount(shape.subspan(axis))}), {1}};
}

}  // namespace

Tensor softmax(TensorBuilder& b, const Tensor& x, int64_t axis, bool logarithm, ElementType type) {
  ElementType wide = widened(x.type);
  Shape row = withUnits(x.shape, {axis});
  Tensor largest = b.reduce(x, {axis}, x.type, lowest(x.type),
                            [](ScalarBuilder& s, const Elements& e) { return s.maximum(e[1], e[0]); });
  Tensor shifted = b.elementwise({x, b.reshape(largest, row)}, wide, [](ScalarBuilder& s, const Elements& e) {
    return s.sub(s.widen(e[0]), s.widen(e[1]));
  });
  Tensor exponential = b.elementwise(
      {shifted}, wide, [](ScalarBuilder& s, const Elements& e) { return s.math(MathFunction::Exp, e[0]); });
  Tensor sum = b.reduce(exponential, {axis}, wide, Number{},
                        [](ScalarBuilder& s, const Elements& e) { return s.add(e[1], e[0]); });
  return b.elementwise(
      {logarithm ? shifted : exponential, b.reshape(sum, row)}, type, [&](ScalarBuilder& s, const Elements& e) {
        return s.convert(logarithm ? s.sub(e[0], s.math(MathFunction::Log, e[1])) : s.div(e[0], e[1]), type);
      });
}

void importSoftmax(Node& n, TensorBuilder& b) {
  if (!n.requireFloat(0)) return;
  Shape shape = n.input(0).shape;
  auto [x, axes] = rowsOf(n, b);
  if (b.ok()) n.output(0, b.reshape(softmax(b, x, axes[0], n.op() == "LogSoftmax", x.type), shape));
}

void importHardmax(Node& n, TensorBuilder& b) {
  if (!n.requireFloat(0)) return;
  Shape shape = n.input(0).shape;
  auto [x, axes] = rowsOf(n, b);
  if (!b.ok()) return;
  // One at the first of the largest elements.
  Shape row = withUnits(x.shape, axes);
  unsigned axis = static_cast<unsigned>(axes[0]);
  Tensor largest = b.reduce(x, axes, x.type, lowest(x.type),
                            [](ScalarBuilder& s, const Elements& e) { return s.maximum(e[1], e[0]); });
  Dims all = dimensionsFrom(0, x.rank()), kept;
  for (int64_t i : all)
    if (i != axes[0]) kept.push_back(i);
  Tensor first = b.loops(
      x.shape, {{x, all}, {b.reshape(largest, row), all}}, kept, I32,
      [&](ScalarBuilder& s, const Elements& e) {
        return s.select(s.compare(Relation::Equal, e[0], e[1]), s.minimum(e[2], s.index(axis)), e[2]);
      },
      highest(I32));
  Tensor out = b.loops(x.shape, {{b.reshape(first, row), all}}, all, x.type, [&](ScalarBuilder& s, const Elements& e) {
    return s.convert(s.compare(Relation::Equal, e[0], s.index(axis)), x.type);
  });
  n.output(0, b.reshape(out, shape));
}

}  // namespace phx::compiler::onnx
