// Discrete Fourier transforms, as products with a matrix of roots of unity.
#include <algorithm>

#include "compiler/lib/Frontend/Onnx/Operators.h"
#include "device_sim/numerics/math.h"

namespace phx::compiler::onnx {
namespace {

using Elements = std::vector<Scalar>;

// The matrix has 4 * N^2 elements.
constexpr int64_t kLongest = 1024;

// The transform along `axis` of x, whose last dimension holds the real part or both parts; the result's holds both.
// `results` elements of it are computed.
Tensor transformed(TensorBuilder& b, const Tensor& x, int64_t axis, int64_t results, bool inverse) {
  int64_t length = x.shape[axis], parts = x.shape.back(), rank = x.rank(), last = rank - 1;
  ElementType wide = widened(x.type);
  if (!b.reserve(wide, results * 2 * length * parts)) return x;
  // y[k, part] = sum over n and the input's parts of x[n, in] * root[k, part, n, in]
  ConstantTensor roots(wide, {results, 2, length, parts});
  double turn = (inverse ? 2 : -2) * 3.14159265358979323846 / static_cast<double>(length),
         scale = inverse ? 1 / static_cast<double>(length) : 1;
  for (int64_t k = 0, i = 0; k < results; ++k) {
    for (int64_t part = 0; part < 2; ++part) {
      for (int64_t n = 0; n < length; ++n) {
        double angle = turn * static_cast<double>(k * n % length);
        double cosine = num::eval(num::MathFn::Cos, angle), sine = num::eval(num::MathFn::Sin, angle);
        for (int64_t in = 0; in < parts; ++in)
          roots.set(i++, numberOf(wide, scale * (part == in ? cosine : part == 1 ? sine : -sine)));
      }
    }
  }
  Shape extents = x.shape;
  extents[axis] = results, extents[last] = 2;
  extents.push_back(length), extents.push_back(parts);
  Dims from = dimensionsFrom(0, rank);
  from[axis] = rank, from[last] = rank + 1;
  Tensor sum = b.loops(
      extents, {{x, from}, {b.constant(std::move(roots)), {axis, last, rank, rank + 1}}}, dimensionsFrom(0, rank), wide,
      [&](ScalarBuilder& s, const Elements& e) { return s.add(e[2], s.mul(s.convert(e[0], wide), e[1])); }, Number{});
  return b.convert(sum, x.type);
}

// One integer from an input that must be known, or `otherwise` when it is absent.
std::optional<int64_t> integerOf(Node& n, size_t input, std::string_view what, int64_t otherwise) {
  if (!n.has(input)) return otherwise;
  const ConstantTensor* given = n.constant(input, what);
  if (given && given->count() == 1 && !isFloat(given->type)) return given->at(0).integer;
  if (given) n.fail(std::string(what) + " is not an integer");
  return {};
}

bool fits(Node& n, int64_t length) {
  if (length >= 1 && length <= kLongest) return true;
  n.fail("a transform of length " + std::to_string(length) + " is not supported; the longest is " +
         std::to_string(kLongest));
  return false;
}

}  // namespace

void importDft(Node& n, TensorBuilder& b) {
  bool inverse = n.integer("inverse", 0) != 0, onesided = n.integer("onesided", 0) != 0;
  if (!n.requireRank(0, 2) || !n.requireFloat(0)) return;
  const Tensor& x = n.input(0);
  // From opset 20 on the axis is an input, and the last but one by default.
  auto given = n.opset() < 20 ? std::optional(n.integer("axis", 1)) : integerOf(n, 2, "axis", -2);
  if (!given) return;
  int64_t axis = n.axis(*given, x.rank());
  auto length = integerOf(n, 1, "dft_length", x.shape[axis]);
  if (!b.ok() || !length || !fits(n, *length)) return;
  if (axis == x.rank() - 1 || x.shape.back() < 1 || x.shape.back() > 2)
    return n.fail("an input of shape " + text(x.shape) +
                  " has no last dimension of real and imaginary parts beside axis " + std::to_string(axis));
  if (inverse && onesided) return n.fail("attributes 'inverse' and 'onesided' exclude each other");
  Dims high(x.shape.size(), 0);
  high[axis] = *length - x.shape[axis];
  Tensor input = b.pad(x, Dims(x.shape.size(), 0), high, Number{});
  n.output(0, transformed(b, input, axis, onesided ? *length / 2 + 1 : *length, inverse));
}

void importStft(Node& n, TensorBuilder& b) {
  bool onesided = n.integer("onesided", 1) != 0;
  if (!n.requireRank(0, 2, 3) || !n.requireFloat(0)) return;
  Tensor x = n.input(0);
  if (x.rank() == 2) x = b.reshape(x, {x.shape[0], x.shape[1], 1});
  auto step = integerOf(n, 1, "frame_step", 1);
  int64_t window = n.has(2) && n.input(2).rank() == 1 ? n.input(2).shape[0] : x.shape[1];
  auto length = integerOf(n, 3, "frame_length", window);
  if (!b.ok() || !step || !length || !fits(n, *length)) return;
  int64_t signal = x.shape[1];
  if (*step < 1 || *length > signal || x.shape[2] < 1 || x.shape[2] > 2)
    return n.fail("frames of " + std::to_string(*length) + " every " + std::to_string(*step) +
                  " do not fit a signal of shape " + text(x.shape));
  int64_t frames = (signal - *length) / *step + 1;
  if (frames > 65536) return n.fail("a signal of " + std::to_string(frames) + " frames is not supported");
  std::vector<Tensor> cut;
  for (int64_t i = 0; i < frames; ++i)
    cut.push_back(b.reshape(b.sliceAxis(x, 1, i * *step, *length), {x.shape[0], 1, *length, x.shape[2]}));
  Tensor input = b.concat(cut, 1);
  if (n.has(2)) {
    const Tensor& factors = n.input(2);
    if (factors.rank() != 1 || factors.shape[0] != *length || factors.type != x.type)
      return n.fail("a window of shape " + text(factors.shape) + " does not fit frames of " + std::to_string(*length));
    input = b.elementwise({input, b.reshape(factors, {*length, 1})}, x.type,
                          [](ScalarBuilder& s, const Elements& e) { return s.mul(e[0], e[1]); });
  }
  n.output(0, transformed(b, input, 2, onesided ? *length / 2 + 1 : *length, false));
}

}  // namespace phx::compiler::onnx
