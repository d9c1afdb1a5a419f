// Resampling, one axis after the other: nearest neighbours are taken, everything else is a product with a matrix of
// weights.
#include <algorithm>
#include <cmath>

#include "compiler/lib/Frontend/Onnx/Operators.h"

namespace phx::compiler::onnx {
namespace {

using enum ElementType;
using Elements = std::vector<Scalar>;

struct Sampling {
  std::string mode, coordinates, rounding;
  double cubic_a = -0.75;
  bool exclude_outside = false, crops = false;
};

// Where element i of the result lies in the input.
double sourceOf(const Sampling& sampling, int64_t i, int64_t size, int64_t result, double scale, double begin,
                double end) {
  double at = static_cast<double>(i), last = static_cast<double>(size - 1), extent = static_cast<double>(size) * scale;
  const std::string& how = sampling.coordinates;
  if (how == "asymmetric") return at / scale;
  if (how == "align_corners") return result > 1 ? at * last / (extent - 1) : 0;
  if (how == "pytorch_half_pixel") return extent > 1 ? (at + 0.5) / scale - 0.5 : 0;
  if (how == "tf_half_pixel_for_nn") return (at + 0.5) / scale;
  if (how == "half_pixel_symmetric") {
    double adjust = static_cast<double>(result) / extent, center = static_cast<double>(size) / 2;
    return center * (1 - adjust) + (at + 0.5) / scale - 0.5;
  }
  if (how == "tf_crop_and_resize")
    return result > 1 ? begin * last + at * (end - begin) * last / static_cast<double>(result - 1)
                      : 0.5 * (begin + end) * last;
  return (at + 0.5) / scale - 0.5;
}

int64_t nearestTo(const std::string& rounding, double x) {
  if (rounding == "floor") return static_cast<int64_t>(std::floor(x));
  if (rounding == "ceil") return static_cast<int64_t>(std::ceil(x));
  bool half = x - std::floor(x) == 0.5;
  if (half) return static_cast<int64_t>(rounding == "round_prefer_ceil" ? std::ceil(x) : std::floor(x));
  return static_cast<int64_t>(std::floor(x + 0.5));
}

// Keys' cubic kernel at distance d.
double cubic(double d, double a) {
  d = std::fabs(d);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  if (d < 2) return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  return 0;
}

// The weights of the input's elements for element at x: those of one row.
std::vector<double> weightsAt(const Sampling& sampling, double x, int64_t size) {
  std::vector<double> row(static_cast<size_t>(size), 0.0);
  int64_t base = static_cast<int64_t>(std::floor(x)), taps = sampling.mode == "cubic" ? 4 : 2,
          first = sampling.mode == "cubic" ? base - 1 : base;
  double kept = 0;
  for (int64_t k = 0; k < taps; ++k) {
    double distance = x - static_cast<double>(first + k);
    double weight =
        sampling.mode == "cubic" ? cubic(distance, sampling.cubic_a) : std::max(0.0, 1 - std::fabs(distance));
    bool outside = first + k < 0 || first + k >= size;
    if (outside && sampling.exclude_outside) continue;
    row[std::clamp<int64_t>(first + k, 0, size - 1)] += weight;
    kept += weight;
  }
  if (sampling.exclude_outside)
    for (double& weight : row) weight /= kept;
  return row;
}

// x resampled along one axis to `result` elements.
Tensor resampled(TensorBuilder& b, const Tensor& x, int64_t axis, int64_t result, double scale, double begin,
                 double end, const Sampling& sampling, double outside_value) {
  int64_t size = x.shape[axis];
  if (!b.reserve(I64, result)) return x;
  std::vector<double> sources;
  for (int64_t i = 0; i < result; ++i) sources.push_back(sourceOf(sampling, i, size, result, scale, begin, end));
  Tensor out;
  if (sampling.mode == "nearest") {
    Dims from;
    for (double source : sources)
      from.push_back(std::clamp<int64_t>(nearestTo(sampling.rounding, source), 0, size - 1));
    out = b.take(x, axis, b.constant(integers(from)));
  } else {
    if (!b.reserve(F32, result * size)) return x;
    ConstantTensor weights(F32, {result, size});
    for (int64_t i = 0; i < result; ++i) {
      std::vector<double> row = weightsAt(sampling, sources[i], size);
      for (int64_t k = 0; k < size; ++k) weights.set(i * size + k, numberOf(F32, row[k]));
    }
    Shape extents = x.shape;
    extents[axis] = result;
    extents.push_back(size);
    Dims own, from;
    for (int64_t i = 0; i < x.rank(); ++i) own.push_back(i), from.push_back(i == axis ? x.rank() : i);
    ElementType wide = x.type == F64 ? F64 : F32;
    out = b.loops(
        extents, {{x, from}, {b.constant(std::move(weights)), {axis, x.rank()}}}, own, wide,
        [&](ScalarBuilder& s, const Elements& e) {
          return s.add(e[2], s.mul(s.convert(e[0], wide), s.convert(e[1], wide)));
        },
        Number{});
  }
  if (!sampling.crops) return out;
  // What lies outside of the input has a value of its own.
  ConstantTensor inside(Bool, {result});
  for (int64_t i = 0; i < result; ++i)
    inside.set(i, {0, sources[i] >= 0 && sources[i] <= static_cast<double>(size - 1)});
  if (inside.allEqual() && result && inside.at(0).integer) return out;
  Shape column(static_cast<size_t>(x.rank() - axis), 1);
  column[0] = result;
  return b.elementwise(
      {b.reshape(b.constant(std::move(inside)), column), out}, out.type,
      [&](ScalarBuilder& s, const Elements& e) { return s.select(e[0], e[1], s.constant(out.type, outside_value)); });
}

}  // namespace

void importResize(Node& n, TensorBuilder& b) {
  const Tensor& x = n.input(0);
  bool old = n.op() == "Upsample" || n.opset() < 11;
  Sampling sampling{n.string("mode", "nearest"),
                    n.string("coordinate_transformation_mode", old ? "asymmetric" : "half_pixel"),
                    n.string("nearest_mode", old ? "floor" : "round_prefer_floor"), n.real("cubic_coeff_a", -0.75),
                    n.integer("exclude_outside", 0) != 0};
  double outside = n.real("extrapolation_value", 0);
  if (n.integer("antialias", 0)) return n.fail("attribute 'antialias' is not supported");
  std::string policy = n.string("keep_aspect_ratio_policy", "stretch");
  if (policy != "stretch") return n.fail("attribute 'keep_aspect_ratio_policy' = '" + policy + "' is not supported");
  if (sampling.mode == "bilinear") sampling.mode = "linear";
  if (sampling.mode != "nearest" && sampling.mode != "linear" && sampling.mode != "cubic")
    return n.fail("attribute 'mode' is '" + sampling.mode + "'; expected nearest, linear or cubic");
  sampling.crops = sampling.coordinates == "tf_crop_and_resize";
  if (!isFloat(x.type) && sampling.mode != "nearest")
    return n.fail("input 0 is of type " + name(x.type) + "; expected a floating point type");
  Dims axes = n.axes(n.integers("axes"), x.rank());
  if (!b.ok()) return;
  if (axes.empty())
    for (int64_t i = 0; i < x.rank(); ++i) axes.push_back(i);
  // Numbers of an input, one for each axis; empty when the input is absent or has none.
  auto numbers = [&](size_t input, std::string_view what, size_t count) {
    std::vector<double> values;
    if (!n.has(input) || n.input(input).count() == 0) return values;
    const ConstantTensor* tensor = n.constant(input, what);
    if (tensor && tensor->count() != static_cast<int64_t>(count))
      n.fail(std::string(what) + " does not hold one number for each axis");
    for (int64_t i = 0; b.ok() && i < tensor->count(); ++i) values.push_back(tensor->real(i));
    return values;
  };
  std::vector<double> scales = n.op() == "Upsample" && n.hasAttribute("scales")
                                   ? n.reals("scales")
                                   : numbers(old ? 1 : 2, "scales", axes.size());
  std::vector<double> sizes = old ? std::vector<double>{} : numbers(3, "sizes", axes.size());
  std::vector<double> region = sampling.crops ? numbers(1, "roi", 2 * axes.size()) : std::vector<double>{};
  if (!b.ok()) return;
  if ((scales.size() != axes.size() && sizes.size() != axes.size()) || (sampling.crops && region.empty()))
    return n.fail("scales, sizes or roi are missing");
  Tensor out = x;
  for (size_t i = 0; i < axes.size(); ++i) {
    int64_t axis = axes[i], size = x.shape[axis];
    double begin = region.empty() ? 0 : region[i], end = region.empty() ? 1 : region[i + axes.size()];
    double scale = sizes.empty() ? scales[i] : sizes[i] / static_cast<double>(size);
    double wanted =
        !sizes.empty() ? sizes[i] : std::floor(static_cast<double>(size) * (sampling.crops ? end - begin : 1) * scale);
    if (!(scale > 0) || !(wanted >= 0) || wanted > (1 << 20) || size == 0 ||
        wanted * static_cast<double>(size) > (1 << 26))
      return n.fail("a dimension of " + std::to_string(size) + " cannot be resized by these scales or sizes");
    bool same = scale == 1 && static_cast<int64_t>(wanted) == size && (!sampling.crops || (begin == 0 && end == 1));
    if (!same) out = resampled(b, out, axis, static_cast<int64_t>(wanted), scale, begin, end, sampling, outside);
  }
  n.output(0, b.convert(out, x.type));
}

}  // namespace phx::compiler::onnx
