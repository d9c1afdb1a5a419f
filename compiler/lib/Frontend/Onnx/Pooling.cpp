// Windows over spatial dimensions, and the pools.
#include <algorithm>

#include "compiler/lib/Frontend/Onnx/Operators.h"
#include "compiler/lib/Frontend/Onnx/SpatialWindow.h"

namespace phx::compiler::onnx {

using enum ElementType;
using Elements = std::vector<Scalar>;

std::optional<Dims> windowList(Node& n, std::string_view name, int64_t dimensions, int64_t otherwise, int64_t least) {
  if (!n.hasAttribute(name)) return Dims(static_cast<size_t>(dimensions), otherwise);
  Dims values = n.integers(name);
  // Sizes of windows stay far from overflow: products of two of them fit.
  bool right = static_cast<int64_t>(values.size()) == dimensions;
  for (int64_t value : values) right &= value >= least && value <= (1 << 30);
  if (right) return values;
  n.fail("attribute '" + std::string(name) + "' is " + text(values) + "; expected " + std::to_string(dimensions) +
         " values of at least " + std::to_string(least));
  return {};
}

std::optional<SpatialWindow> readWindow(Node& n, TensorBuilder& b, Dims kernel) {
  const Tensor& x = n.input(0);
  int64_t dimensions = x.rank() - 2;
  if (kernel.empty()) {
    if (!n.hasAttribute("kernel_shape")) return n.fail("attribute 'kernel_shape' is missing"), std::nullopt;
    auto given = windowList(n, "kernel_shape", dimensions, 1, 1);
    if (!given) return {};
    kernel = *given;
  } else if (n.hasAttribute("kernel_shape") && n.integers("kernel_shape") != kernel) {
    return n.fail("attribute 'kernel_shape' does not match the weights"), std::nullopt;
  }
  auto strides = windowList(n, "strides", dimensions, 1, 1), dilations = windowList(n, "dilations", dimensions, 1, 1);
  auto pads = windowList(n, "pads", 2 * dimensions, 0, 0);
  bool round_up = n.integer("ceil_mode", 0) != 0;
  std::string automatic = n.string("auto_pad", "NOTSET");
  if (!b.ok()) return {};
  SpatialWindow window{kernel, *strides, *dilations, {}, {}, {}};
  for (int64_t i = 0; i < dimensions; ++i) {
    int64_t size = x.shape[2 + i], stride = window.strides[i], span = (kernel[i] - 1) * window.dilations[i] + 1;
    int64_t low = (*pads)[i], high = (*pads)[dimensions + i], count;
    if (kernel[i] <= 0) return n.fail("a kernel dimension is empty"), std::nullopt;
    if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER") {
      count = (size + stride - 1) / stride;
      int64_t total = std::max<int64_t>((count - 1) * stride + span - size, 0);
      low = automatic == "SAME_UPPER" ? total / 2 : total - total / 2;
      high = total - low;
    } else if (automatic == "VALID" || automatic == "NOTSET" || automatic.empty()) {
      if (automatic == "VALID") low = high = 0;
      int64_t room = size + low + high - span;
      if (room < 0)
        return n.fail("a window of " + std::to_string(span) + " does not fit into a dimension of " +
                      std::to_string(size + low + high)),
               std::nullopt;
      count = room / stride + 1;
      // Rounding up adds a window that begins inside of the input or the padding before it.
      if (round_up && room % stride && count * stride < size + low) {
        high += stride - room % stride;
        ++count;
      }
    } else {
      return n.fail("attribute 'auto_pad' has the unknown value '" + automatic + "'"), std::nullopt;
    }
    window.low.push_back(low), window.high.push_back(high), window.result.push_back(count);
  }
  return window;
}

Tensor padded(TensorBuilder& b, const Tensor& x, const SpatialWindow& window, Number fill) {
  Dims low{0, 0}, high{0, 0};
  low.insert(low.end(), window.low.begin(), window.low.end());
  high.insert(high.end(), window.high.begin(), window.high.end());
  return b.pad(x, low, high, fill);
}

Tensor pooled(TensorBuilder& b, Pool kind, const Tensor& x, const SpatialWindow& window, ElementType type) {
  int64_t images = x.shape[0], channels = x.shape[1], dimensions = window.dimensions();
  Shape shape{images, channels};
  shape.insert(shape.end(), window.result.begin(), window.result.end());
  auto at = [&](size_t i, size_t j) {
    return Window{{window.kernel[i], window.kernel[j]},
                  {window.strides[i], window.strides[j]},
                  {window.dilations[i], window.dilations[j]}};
  };
  if (dimensions == 2) return b.pool(kind, x, at(0, 1), type);
  Window line{{window.kernel[0], 1}, {window.strides[0], 1}, {window.dilations[0], 1}};
  if (dimensions == 1) {
    Window row{{1, line.kernel[0]}, {1, line.strides[0]}, {1, line.dilations[0]}};
    return b.reshape(b.pool(kind, b.reshape(x, {images, channels, 1, x.shape[2]}), row, type), shape);
  }
  // Planes first, then the depth: maxima and sums do not mind.
  Tensor planes = b.pool(kind, b.reshape(x, {images, channels * x.shape[2], x.shape[3], x.shape[4]}), at(1, 2), type);
  Tensor columns = b.reshape(planes, {images, channels, x.shape[2], window.result[1] * window.result[2]});
  return b.reshape(b.pool(kind, columns, line, type), shape);
}

namespace {

// Which element each maximum is, as an index into the whole input. The window's elements are compared one by one.
Tensor maximumIndices(TensorBuilder& b, const Tensor& x, const Tensor& padded_x, const SpatialWindow& window,
                      bool column_major) {
  int64_t dimensions = window.dimensions(), taps = elementCount(window.kernel);
  Tensor best, index;
  for (int64_t tap = 0; tap < taps && b.ok(); ++tap) {
    Dims starts(x.shape.size(), 0), sizes = x.shape, steps(x.shape.size(), 1), offset(dimensions);
    for (int64_t i = dimensions, rest = tap; i-- > 0; rest /= window.kernel[i]) {
      offset[i] = rest % window.kernel[i] * window.dilations[i];
      starts[2 + i] = offset[i], sizes[2 + i] = window.result[i], steps[2 + i] = window.strides[i];
    }
    Tensor value = b.slice(padded_x, starts, sizes, steps);
    auto place = [&](ScalarBuilder& s) {
      auto number = [&](int64_t v) { return s.integer(I32, v); };
      Scalar image = s.add(s.mul(s.index(0), number(x.shape[1])), s.index(1)), at = number(0);
      int64_t plane = 1;
      for (int64_t k = 0; k < dimensions; ++k) {
        int64_t i = column_major ? dimensions - 1 - k : k;
        Scalar position = s.add(s.mul(s.index(static_cast<unsigned>(2 + i)), number(window.strides[i])),
                                number(offset[i] - window.low[i]));
        at = s.add(s.mul(at, number(x.shape[2 + i])), position);
        plane *= x.shape[2 + i];
      }
      return s.add(s.mul(image, number(plane)), at);
    };
    Dims all;
    for (int64_t i = 0; i < x.rank(); ++i) all.push_back(i);
    if (tap == 0) {
      best = value;
      index = b.loops(sizes, {}, all, I32, [&](ScalarBuilder& s, const Elements&) { return place(s); });
      continue;
    }
    index =
        b.loops(sizes, {{value, all}, {best, all}, {index, all}}, all, I32, [&](ScalarBuilder& s, const Elements& e) {
          return s.select(s.compare(Relation::Greater, e[0], e[1]), place(s), e[2]);
        });
    best =
        b.elementwise({best, value}, x.type, [](ScalarBuilder& s, const Elements& e) { return s.maximum(e[0], e[1]); });
  }
  return b.convert(index, I64);
}

}  // namespace

void importMaxPool(Node& n, TensorBuilder& b) {
  bool column_major = n.integer("storage_order", 0) != 0;
  if (!n.requireRank(0, 3, 5)) return;
  const Tensor& x = n.input(0);
  auto window = readWindow(n, b, {});
  if (!window) return;
  if (x.type == Bool) return n.fail("input 0 is of type bool; expected numbers");
  // The pool compares integers as signed ones.
  ElementType type = isUnsigned(x.type) ? (bitWidth(x.type) < 32 ? I32 : I64) : x.type;
  Tensor input = padded(b, b.convert(x, type), *window, lowest(type));
  n.output(0, b.convert(pooled(b, Pool::Max, input, *window, type), x.type));
  if (n.wants(1)) {
    if (elementCount(window->kernel) > 1024)
      return n.fail("output 1 (Indices) of a window of more than 1024 elements is not supported");
    n.output(1, maximumIndices(b, x, input, *window, column_major));
  }
}

void importAveragePool(Node& n, TensorBuilder& b) {
  bool count_padding = n.integer("count_include_pad", 0) != 0;
  if (!n.requireRank(0, 3, 5) || !n.requireFloat(0)) return;
  const Tensor& x = n.input(0);
  auto window = readWindow(n, b, {});
  if (!window) return;
  auto declared = windowList(n, "pads", 2 * window->dimensions(), 0, 0);
  bool automatic = n.string("auto_pad", "NOTSET").starts_with("SAME");
  ElementType wide = widened(x.type);
  Tensor sums = pooled(b, Pool::Sum, padded(b, x, *window, Number{}), *window, wide);
  if (!b.ok()) return;
  // How many elements of each window count, as one factor per dimension.
  std::vector<Tensor> operands{sums};
  double everywhere = 1;
  int64_t dimensions = window->dimensions();
  for (int64_t i = 0; i < dimensions; ++i) {
    int64_t size = x.shape[2 + i], low = window->low[i],
            high = automatic ? window->high[i] : (*declared)[dimensions + i];
    int64_t first = count_padding ? -low : 0, last = count_padding ? size + high : size;
    Shape shape(static_cast<size_t>(dimensions - i), 1);
    shape[0] = window->result[i];
    if (!b.reserve(wide, shape[0])) return;
    ConstantTensor counts(wide, shape);
    for (int64_t at = 0; at < shape[0]; ++at) {
      // The elements k of the window that are inside: first <= start + k * dilation < last.
      int64_t start = at * window->strides[i] - low, dilation = window->dilations[i];
      int64_t begin = std::max<int64_t>(first - start + dilation - 1, 0) / dilation;
      int64_t end = last <= start ? 0 : (last - start + dilation - 1) / dilation;
      int64_t inside = std::max<int64_t>(std::min(end, window->kernel[i]) - begin, 0);
      counts.set(at, numberOf(wide, static_cast<double>(inside)));
    }
    if (counts.allEqual())
      everywhere *= counts.at(0).real;
    else
      operands.push_back(b.constant(std::move(counts)));
  }
  n.output(0, b.elementwise(operands, x.type, [&](ScalarBuilder& s, const Elements& e) {
    Scalar count = s.constant(wide, everywhere);
    for (size_t i = 1; i < e.size(); ++i) count = s.mul(count, e[i]);
    return s.convert(s.div(e[0], count), x.type);
  }));
}

namespace {

// Roots of sums of powers: |x| and its inverse for p = 1, squares and square roots for 2, pow otherwise.
Tensor powers(TensorBuilder& b, const Tensor& x, int64_t p, bool root, ElementType type) {
  return b.elementwise({x}, type, [&](ScalarBuilder& s, const Elements& e) {
    Scalar value = root ? e[0] : s.abs(s.widen(e[0])),
           exponent = s.constant(value.type, root ? 1 / static_cast<double>(p) : static_cast<double>(p));
    if (p == 2)
      value = root ? s.math(MathFunction::Sqrt, value) : s.mul(value, value);
    else if (p != 1)
      value = s.pow(value, exponent);
    return s.convert(value, type);
  });
}

}  // namespace

void importLpPool(Node& n, TensorBuilder& b) {
  int64_t p = n.integer("p", 2);
  if (!n.requireRank(0, 3, 5) || !n.requireFloat(0)) return;
  if (p <= 0) return n.fail("attribute 'p' is " + std::to_string(p) + "; expected at least 1");
  const Tensor& x = n.input(0);
  auto window = readWindow(n, b, {});
  if (!window) return;
  ElementType wide = widened(x.type);
  Tensor sums = pooled(b, Pool::Sum, padded(b, powers(b, x, p, false, wide), *window, Number{}), *window, wide);
  n.output(0, powers(b, sums, p, true, x.type));
}

void importGlobalLpPool(Node& n, TensorBuilder& b) {
  int64_t p = n.integer("p", 2);
  if (!n.requireRank(0, 2) || !n.requireFloat(0)) return;
  if (p <= 0) return n.fail("attribute 'p' is " + std::to_string(p) + "; expected at least 1");
  const Tensor& x = n.input(0);
  Dims axes = dimensionsFrom(2, x.rank());
  Tensor sums = b.reduce(powers(b, x, p, false, widened(x.type)), axes, widened(x.type), Number{},
                         [](ScalarBuilder& s, const Elements& e) { return s.add(e[1], e[0]); });
  n.output(0, b.reshape(powers(b, sums, p, true, x.type), withUnits(x.shape, axes)));
}

void importGlobalPool(Node& n, TensorBuilder& b) {
  if (!n.requireRank(0, 2) || !n.requireFloat(0)) return;
  const Tensor& x = n.input(0);
  bool maximum = n.op() == "GlobalMaxPool";
  ElementType wide = maximum ? x.type : widened(x.type);
  Dims axes;
  Shape shape = x.shape;
  double count = 1;
  for (int64_t i = 2; i < x.rank(); ++i) {
    axes.push_back(i);
    count *= static_cast<double>(x.shape[i]);
    shape[i] = 1;
  }
  Tensor total = b.reduce(x, axes, wide, maximum ? lowest(wide) : Number{}, [&](ScalarBuilder& s, const Elements& e) {
    return maximum ? s.maximum(e[1], e[0]) : s.add(e[1], s.convert(e[0], wide));
  });
  if (!maximum)
    total = b.elementwise({total}, x.type, [&](ScalarBuilder& s, const Elements& e) {
      return s.convert(s.div(e[0], s.constant(wide, count)), x.type);
    });
  n.output(0, b.reshape(total, shape));
}

}  // namespace phx::compiler::onnx
