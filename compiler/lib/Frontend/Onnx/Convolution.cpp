// Convolutions. Products of the 16-bit floating point types are summed in f32 and rounded once, those of integers in
// i32.
#include <algorithm>

#include "compiler/lib/Frontend/Onnx/Operators.h"
#include "compiler/lib/Frontend/Onnx/Quantization.h"
#include "compiler/lib/Frontend/Onnx/SpatialWindow.h"

namespace phx::compiler::onnx {
namespace {

using enum ElementType;
using Elements = std::vector<Scalar>;

// x and w have one to three spatial dimensions; x is padded already.
Tensor convolved(TensorBuilder& b, const Tensor& x, const Tensor& w, const SpatialWindow& window, int64_t groups,
                 ElementType type) {
  int64_t images = x.shape[0], channels = x.shape[1], features = w.shape[0];
  Shape shape{images, features};
  shape.insert(shape.end(), window.result.begin(), window.result.end());
  if (window.dimensions() == 1) {
    Tensor flat_x = b.reshape(x, {images, channels, 1, x.shape[2]}),
           flat_w = b.reshape(w, {features, w.shape[1], 1, w.shape[2]});
    Window flat{{1, window.kernel[0]}, {1, window.strides[0]}, {1, window.dilations[0]}};
    return b.reshape(b.convolution(flat_x, flat_w, flat, groups, type), shape);
  }
  if (window.dimensions() == 2)
    return b.convolution(x, w, {window.kernel, window.strides, window.dilations}, groups, type);
  // Three dimensions: the sum over the kernel's depth of 2-D convolutions, in which the result's depth joins the
  // images.
  int64_t depth = window.result[0];
  Window plane{{window.kernel[1], window.kernel[2]},
               {window.strides[1], window.strides[2]},
               {window.dilations[1], window.dilations[2]}};
  if (window.kernel[0] > 1024) b.fail("a kernel of depth " + std::to_string(window.kernel[0]) + " is not supported");
  Tensor total;
  for (int64_t k = 0; k < window.kernel[0] && b.ok(); ++k) {
    Tensor layers = b.sliceAxis(x, 2, k * window.dilations[0], depth, window.strides[0]);
    Tensor joined = b.reshape(b.transpose(layers, {0, 2, 1, 3, 4}), {images * depth, channels, x.shape[3], x.shape[4]});
    Tensor kernel = b.reshape(b.sliceAxis(w, 2, k, 1), {features, w.shape[1], w.shape[3], w.shape[4]});
    Tensor part = b.convolution(joined, kernel, plane, groups, type);
    total = k == 0 ? part : b.elementwise({total, part}, type, [](ScalarBuilder& s, const Elements& e) {
      return s.add(e[0], e[1]);
    });
  }
  Tensor split = b.reshape(total, {images, depth, features, window.result[1], window.result[2]});
  return b.transpose(split, {0, 2, 1, 3, 4});
}

// Checks x, w and the group attribute against each other; the window is then for x and w as they are.
bool channelsFit(Node& n, const Tensor& x, const Tensor& w, int64_t groups) {
  if (x.rank() < 3 || x.rank() > 5 || w.rank() != x.rank()) {
    n.fail("inputs have ranks " + std::to_string(x.rank()) + " and " + std::to_string(w.rank()) +
           "; expected the same rank of 3 to 5");
  } else if (groups <= 0 || x.shape[1] % groups || w.shape[0] % groups || x.shape[1] / groups != w.shape[1]) {
    n.fail("attribute 'group' is " + std::to_string(groups) + " for an input of " + std::to_string(x.shape[1]) +
           " channels and weights of shape " + text(w.shape));
  } else {
    return true;
  }
  return false;
}

Dims spatial(const Shape& shape) { return Dims(shape.begin() + 2, shape.end()); }

// A vector of one value per feature as F x 1 x 1 ....
Tensor perFeature(Node& n, TensorBuilder& b, const Tensor& vector, const Tensor& result) {
  Shape shape(static_cast<size_t>(result.rank() - 1), 1);
  shape[0] = result.shape[1];
  if (vector.rank() != 1 || vector.shape[0] != result.shape[1])
    n.fail("a bias or scale of shape " + text(vector.shape) + " does not fit " + std::to_string(result.shape[1]) +
           " features");
  return b.reshape(vector, shape);
}

// Adds the bias, if there is one, and rounds to `type`.
Tensor finished(Node& n, TensorBuilder& b, const Tensor& sums, const Tensor* bias, ElementType type) {
  if (!bias) return b.convert(sums, type);
  if (bias->type != type) n.fail("the bias is of type " + name(bias->type) + "; expected " + name(type));
  Tensor vector = perFeature(n, b, *bias, sums);
  return b.elementwise({sums, vector}, type, [&](ScalarBuilder& s, const Elements& e) {
    return s.convert(s.add(e[0], s.convert(e[1], sums.type)), type);
  });
}

}  // namespace

void importConv(Node& n, TensorBuilder& b) {
  int64_t groups = n.integer("group", 1);
  const Tensor &x = n.input(0), &w = n.input(1);
  if (!n.requireFloat(0) || !n.requireSameTypes() || !channelsFit(n, x, w, groups)) return;
  auto window = readWindow(n, b, spatial(w.shape));
  if (!window) return;
  Tensor sums = convolved(b, padded(b, x, *window, Number{}), w, *window, groups, widened(x.type));
  if (b.ok()) n.output(0, finished(n, b, sums, n.has(2) ? &n.input(2) : nullptr, x.type));
}

void importConvInteger(Node& n, TensorBuilder& b) {
  int64_t groups = n.integer("group", 1);
  if (!channelsFit(n, n.input(0), n.input(1), groups)) return;
  auto window = readWindow(n, b, spatial(n.input(1).shape));
  if (!window) return;
  Tensor x = withoutZeroPoint(n, b, n.input(0), n.has(2) ? &n.input(2) : nullptr, -1);
  Tensor w = withoutZeroPoint(n, b, n.input(1), n.has(3) ? &n.input(3) : nullptr, 0);
  if (b.ok()) n.output(0, convolved(b, padded(b, x, *window, Number{}), w, *window, groups, I32));
}

void importQLinearConv(Node& n, TensorBuilder& b) {
  int64_t groups = n.integer("group", 1);
  if (!channelsFit(n, n.input(0), n.input(3), groups)) return;
  auto window = readWindow(n, b, spatial(n.input(3).shape));
  if (!window) return;
  for (size_t i : {1, 2, 6, 7})
    if (n.input(i).count() != 1) return n.fail("input " + std::to_string(i) + " is not a scalar");
  Tensor x = withoutZeroPoint(n, b, n.input(0), &n.input(2), -1),
         w = withoutZeroPoint(n, b, n.input(3), &n.input(5), 0);
  if (!b.ok()) return;
  Tensor sums = convolved(b, padded(b, x, *window, Number{}), w, *window, groups, I32);
  if (n.has(8)) sums = finished(n, b, sums, &n.input(8), I32);
  Tensor weight_scale = n.input(4).count() == 1 ? b.reshape(n.input(4), {}) : perFeature(n, b, n.input(4), sums);
  if (b.ok())
    n.output(0,
             requantized(n, b, sums, b.reshape(n.input(1), {}), weight_scale, b.reshape(n.input(6), {}), n.input(7)));
}

// The transpose of a convolution is a convolution of the input, with zeros put between its elements and around it, with
// the mirrored kernel.
void importConvTranspose(Node& n, TensorBuilder& b) {
  int64_t groups = n.integer("group", 1);
  const Tensor &x = n.input(0), &w = n.input(1);
  if (!n.requireFloat(0) || !n.requireSameTypes()) return;
  if (x.rank() < 3 || x.rank() > 5 || w.rank() != x.rank())
    return n.fail("inputs have ranks " + std::to_string(x.rank()) + " and " + std::to_string(w.rank()) +
                  "; expected the same rank of 3 to 5");
  if (groups <= 0 || x.shape[1] % groups || w.shape[0] != x.shape[1])
    return n.fail("attribute 'group' is " + std::to_string(groups) + " for an input of " + std::to_string(x.shape[1]) +
                  " channels and weights of shape " + text(w.shape));
  int64_t dimensions = x.rank() - 2;
  Dims kernel = spatial(w.shape);
  if (n.hasAttribute("kernel_shape") && n.integers("kernel_shape") != kernel)
    return n.fail("attribute 'kernel_shape' does not match the weights");
  auto strides = windowList(n, "strides", dimensions, 1, 1), dilations = windowList(n, "dilations", dimensions, 1, 1);
  auto extra = windowList(n, "output_padding", dimensions, 0, 0), pads = windowList(n, "pads", 2 * dimensions, 0, 0);
  auto wanted = windowList(n, "output_shape", dimensions, -1, 0);
  std::string automatic = n.string("auto_pad", "NOTSET");
  if (!b.ok()) return;
  Shape spread = x.shape;
  Dims starts(x.shape.size(), 0), steps(x.shape.size(), 1), low(x.shape.size(), 0), high(x.shape.size(), 0);
  SpatialWindow window{kernel, Dims(dimensions, 1), *dilations, {}, {}, {}};
  for (int64_t i = 0; i < dimensions; ++i) {
    int64_t size = x.shape[2 + i], stride = (*strides)[i], reach = (kernel[i] - 1) * (*dilations)[i];
    int64_t before = (*pads)[i], after = (*pads)[dimensions + i];
    if (size == 0 || kernel[i] == 0) return n.fail("a spatial dimension is empty");
    int64_t whole = stride * (size - 1) + (*extra)[i] + reach + 1, out = whole - before - after;
    bool same = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
    if (automatic == "VALID") before = after = 0, out = whole;
    if (same) out = size * stride;
    if ((*wanted)[i] >= 0) out = (*wanted)[i];
    if (same || (*wanted)[i] >= 0) {
      // A result that is larger than the input reaches is extended at its end.
      int64_t total = whole - out, half = std::max<int64_t>(total, 0) / 2;
      before = automatic == "SAME_UPPER" ? half : std::max<int64_t>(total, 0) - half;
      after = total - before;
    }
    spread[2 + i] = stride * (size - 1) + 1, steps[2 + i] = stride;
    low[2 + i] = reach - before, high[2 + i] = reach - after + (*extra)[i];
    window.result.push_back(out);
    if (out <= 0) return n.fail("the result has no elements");
  }
  Tensor spaced = spread == x.shape ? x : b.insert(x, b.filled(x.type, spread, Number{}), starts, steps);
  Tensor input = b.pad(spaced, low, high, Number{});
  // Weights C x F/g x k become F x C/g x mirrored k.
  int64_t channels = x.shape[1], per_group = w.shape[1], features = per_group * groups;
  Dims from(w.shape.size(), 0), sizes = w.shape, direction(w.shape.size(), 1);
  for (int64_t i = 0; i < dimensions; ++i) from[2 + i] = kernel[i] - 1, direction[2 + i] = -1;
  Shape grouped{groups, channels / groups, per_group}, joined{features, channels / groups};
  Dims order{0, 2, 1};
  for (int64_t i = 0; i < dimensions; ++i)
    grouped.push_back(kernel[i]), joined.push_back(kernel[i]), order.push_back(3 + i);
  Tensor mirrored = b.slice(w, from, sizes, direction);
  Tensor weights = b.reshape(b.transpose(b.reshape(mirrored, grouped), order), joined);
  if (!b.ok()) return;
  Tensor sums = convolved(b, input, weights, window, groups, widened(x.type));
  if (b.ok()) n.output(0, finished(n, b, sums, n.has(2) ? &n.input(2) : nullptr, x.type));
}

}  // namespace phx::compiler::onnx
