#include "compiler/lib/Frontend/Onnx/Quantization.h"

#include "compiler/lib/Frontend/Onnx/Operators.h"

namespace phx::compiler::onnx {
namespace {

using enum ElementType;
using Elements = std::vector<Scalar>;

// A vector along `axis` of a tensor of rank `rank`, ready to be broadcast; scalars and single elements as they are.
Tensor alongAxis(Node& n, TensorBuilder& b, const Tensor& vector, const Tensor& x, int64_t axis) {
  if (vector.count() == 1) return b.reshape(vector, {});
  if (axis < 0 || axis >= x.rank() || vector.rank() != 1 || vector.shape[0] != x.shape[axis]) {
    n.fail("a scale or zero point of shape " + text(vector.shape) + " does not fit a tensor of shape " + text(x.shape));
    return vector;
  }
  Shape shape(static_cast<size_t>(x.rank() - axis), 1);
  shape[0] = vector.shape[0];
  return b.reshape(vector, shape);
}

// Rounds and saturates a float that is already divided by the scale.
Scalar saturated(ScalarBuilder& s, Scalar value, Scalar zero_point, ElementType type) {
  Scalar shifted = s.add(s.math(MathFunction::RoundEven, value), s.convert(zero_point, value.type));
  Scalar low = s.constant(value.type, static_cast<double>(lowest(type).integer)),
         high = s.constant(value.type, static_cast<double>(highest(type).integer));
  return s.convert(s.convert(s.maximum(low, s.minimum(high, shifted)), I32), type);
}

bool quantizedType(Node& n, ElementType type) {
  if (isInteger(type) && bitWidth(type) <= 16) return true;
  n.fail("a quantized tensor is of type " + name(type) + "; expected int8, uint8, int16 or uint16");
  return false;
}

}  // namespace

Tensor withoutZeroPoint(Node& n, TensorBuilder& b, const Tensor& x, const Tensor* zero_point, int64_t axis) {
  if (!quantizedType(n, x.type)) return x;
  bool none = !zero_point ||
              (zero_point->constant && zero_point->constant->allEqual() && zero_point->constant->at(0).integer == 0);
  if (none) return b.convert(x, I32);
  if (zero_point->type != x.type) {
    n.fail("a zero point is of type " + name(zero_point->type) + "; expected " + name(x.type));
    return x;
  }
  return b.elementwise({x, alongAxis(n, b, *zero_point, x, axis)}, I32, [](ScalarBuilder& s, const Elements& e) {
    return s.sub(s.convert(e[0], I32), s.convert(e[1], I32));
  });
}

Tensor quantized(Node& n, TensorBuilder& b, const Tensor& x, const Tensor& scale, const Tensor& zero_point) {
  ElementType type = zero_point.type;
  if (!quantizedType(n, type)) return x;
  return b.elementwise({x, scale, zero_point}, type, [&](ScalarBuilder& s, const Elements& e) {
    Scalar step = s.widen(e[1]);
    return saturated(s, s.div(s.convert(s.widen(e[0]), step.type), step), e[2], type);
  });
}

Tensor requantized(Node& n, TensorBuilder& b, const Tensor& sums, const Tensor& scale_a, const Tensor& scale_b,
                   const Tensor& scale, const Tensor& zero_point) {
  ElementType type = zero_point.type;
  if (!quantizedType(n, type)) return sums;
  if (!isFloat(scale_a.type) || scale_a.type != scale_b.type || scale_a.type != scale.type) {
    n.fail("scales must be of one floating point type");
    return sums;
  }
  ElementType wide = widened(scale.type);
  Tensor factor = b.elementwise({scale_a, scale_b, scale}, wide, [](ScalarBuilder& s, const Elements& e) {
    return s.div(s.mul(s.widen(e[0]), s.widen(e[1])), s.widen(e[2]));
  });
  return b.elementwise({sums, factor, b.reshape(zero_point, {})}, type, [&](ScalarBuilder& s, const Elements& e) {
    return saturated(s, s.mul(s.convert(e[0], wide), e[1]), e[2], type);
  });
}

void importQuantizeLinear(Node& n, TensorBuilder& b) {
  n.ignore("saturate");
  int64_t axis = n.integer("axis", 1), output_type = n.integer("output_dtype", 0);
  if (n.integer("block_size", 0)) return n.fail("attribute 'block_size' is not supported");
  const Tensor& x = n.input(0);
  if (axis < 0) axis += x.rank();
  if (x.type == Bool || !n.requireFloat(1)) return;
  ElementType type = n.has(2) ? n.input(2).type : elementTypeOf(static_cast<int32_t>(output_type)).value_or(U8);
  Tensor zero = n.has(2) ? n.input(2) : b.scalar(type, 0);
  Tensor scale = alongAxis(n, b, n.input(1), x, axis);
  zero = alongAxis(n, b, zero, x, axis);
  if (b.ok()) n.output(0, quantized(n, b, x, scale, zero));
}

void importDequantizeLinear(Node& n, TensorBuilder& b) {
  int64_t axis = n.integer("axis", 1);
  if (n.integer("block_size", 0)) return n.fail("attribute 'block_size' is not supported");
  const Tensor& x = n.input(0);
  if (axis < 0) axis += x.rank();
  if (!n.requireFloat(1)) return;
  ElementType type = n.input(1).type;
  Tensor centered = x.type == I32 ? x : withoutZeroPoint(n, b, x, n.has(2) ? &n.input(2) : nullptr, axis);
  Tensor scale = alongAxis(n, b, n.input(1), x, axis);
  if (!b.ok()) return;
  n.output(0, b.elementwise({centered, scale}, type, [&](ScalarBuilder& s, const Elements& e) {
    Scalar step = s.widen(e[1]);
    return s.convert(s.mul(s.convert(e[0], step.type), step), type);
  }));
}

void importDynamicQuantizeLinear(Node& n, TensorBuilder& b) {
  const Tensor& x = n.input(0);
  if (x.type != F32) return n.fail("input 0 is of type " + name(x.type) + "; expected float");
  Dims axes;
  for (int64_t i = 0; i < x.rank(); ++i) axes.push_back(i);
  // The range always holds 0: both extremes start from it.
  Tensor low =
      b.reduce(x, axes, F32, Number{}, [](ScalarBuilder& s, const Elements& e) { return s.minimum(e[1], e[0]); });
  Tensor high =
      b.reduce(x, axes, F32, Number{}, [](ScalarBuilder& s, const Elements& e) { return s.maximum(e[1], e[0]); });
  Tensor scale = b.elementwise({low, high}, F32, [](ScalarBuilder& s, const Elements& e) {
    return s.div(s.sub(e[1], e[0]), s.constant(F32, 255));
  });
  Tensor zero = b.elementwise({low, scale}, U8, [](ScalarBuilder& s, const Elements& e) {
    return saturated(s, s.div(s.neg(e[0]), e[1]), s.integer(U8, 0), U8);
  });
  n.output(0, quantized(n, b, x, scale, zero));
  n.output(1, scale);
  n.output(2, zero);
}

}  // namespace phx::compiler::onnx
