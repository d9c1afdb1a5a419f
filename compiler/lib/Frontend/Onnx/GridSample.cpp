// Sampling an image at positions that a tensor holds. Each result is a sum over the image in which the position's
// neighbours have weights and everything else has none.
#include "compiler/lib/Frontend/Onnx/Operators.h"

namespace phx::compiler::onnx {
namespace {

using Elements = std::vector<Scalar>;

enum class Mode { Nearest, Linear, Cubic };
enum class Padding { Zeros, Border, Reflection };

// From -1 .. 1 to an element of a dimension of `size`, then into the image as the padding mode says.
Scalar position(ScalarBuilder& s, Scalar x, int64_t size, bool align_corners, Padding padding) {
  auto k = [&](double value) { return s.constant(x.type, value); };
  double last = static_cast<double>(size - 1), extent = static_cast<double>(size);
  Scalar unit = s.mul(s.add(x, k(1)), k(0.5));
  Scalar at = align_corners ? s.mul(unit, k(last)) : s.sub(s.mul(unit, k(extent)), k(0.5));
  if (padding == Padding::Zeros) return at;
  if (padding == Padding::Reflection) {
    // There and back again between the borders, which lie on or half an element outside of the corners.
    double low = align_corners ? 0 : -0.5, span = align_corners ? last : extent;
    if (span > 0) {
      Scalar distance = s.abs(s.sub(at, k(low)));
      Scalar turn = s.sub(distance, s.mul(k(2 * span), s.math(MathFunction::Floor, s.div(distance, k(2 * span)))));
      Scalar back = s.sub(k(2 * span), turn);
      at = s.add(k(low), s.minimum(turn, back));
    }
  }
  return s.maximum(k(0), s.minimum(k(last), at));
}

// The weight of the element at a distance from the position.
Scalar weight(ScalarBuilder& s, Scalar distance, Mode mode) {
  auto k = [&](double value) { return s.constant(distance.type, value); };
  Scalar d = s.abs(distance);
  if (mode == Mode::Linear) return s.maximum(k(0), s.sub(k(1), d));
  constexpr double a = -0.75;
  Scalar near = s.add(s.mul(s.mul(s.sub(s.mul(k(a + 2), d), k(a + 3)), d), d), k(1));
  Scalar far = s.sub(s.mul(s.add(s.mul(s.sub(s.mul(k(a), d), k(5 * a)), d), k(8 * a)), d), k(4 * a));
  return s.select(s.compare(Relation::LessOrEqual, d, k(1)), near,
                  s.select(s.compare(Relation::Less, d, k(2)), far, k(0)));
}

}  // namespace

void importGridSample(Node& n, TensorBuilder& b) {
  std::string mode = n.string("mode", n.opset() >= 20 ? "linear" : "bilinear"),
              padding = n.string("padding_mode", "zeros");
  bool align_corners = n.integer("align_corners", 0) != 0;
  if (!n.requireFloat(0) || !n.requireFloat(1) || !n.requireRank(0, 4, 4) || !n.requireRank(1, 4, 4)) return;
  const Tensor &x = n.input(0), &grid = n.input(1);
  if (grid.shape[0] != x.shape[0] || grid.shape[3] != 2)
    return n.fail("a grid of shape " + text(grid.shape) + " does not fit an input of shape " + text(x.shape));
  Mode how = mode == "nearest" ? Mode::Nearest : mode == "cubic" || mode == "bicubic" ? Mode::Cubic : Mode::Linear;
  if (how == Mode::Linear && mode != "linear" && mode != "bilinear")
    return n.fail("attribute 'mode' is '" + mode + "'; expected linear, nearest or cubic");
  Padding outside = padding == "border"       ? Padding::Border
                    : padding == "reflection" ? Padding::Reflection
                                              : Padding::Zeros;
  if (outside == Padding::Zeros && padding != "zeros")
    return n.fail("attribute 'padding_mode' is '" + padding + "'; expected zeros, border or reflection");
  if (how == Mode::Cubic && outside != Padding::Zeros)
    return n.fail("attribute 'padding_mode' = '" + padding + "' is not supported for cubic sampling");
  ElementType type = x.type, wide = widened(type);
  int64_t height = x.shape[2], width = x.shape[3], rows = grid.shape[1], columns = grid.shape[2];
  // Loops: image, channel, row, column, and the input's row and column.
  auto along = [&](int64_t which, int64_t size) {
    Tensor part = b.reshape(b.sliceAxis(grid, 3, which, 1), {x.shape[0], rows, columns});
    return b.elementwise({part}, wide, [&](ScalarBuilder& s, const Elements& e) {
      Scalar at = position(s, s.convert(e[0], wide), size, align_corners, outside);
      return how == Mode::Nearest ? s.math(MathFunction::RoundEven, at) : at;
    });
  };
  Tensor across = along(0, width), down = along(1, height);
  Tensor sum = b.loops(
      {x.shape[0], x.shape[1], rows, columns, height, width},
      {{x, {0, 1, 4, 5}}, {across, {0, 2, 3}}, {down, {0, 2, 3}}}, {0, 1, 2, 3}, wide,
      [&](ScalarBuilder& s, const Elements& e) {
        Scalar column = s.sub(e[1], s.convert(s.index(5), wide)), row = s.sub(e[2], s.convert(s.index(4), wide));
        Scalar zero = s.constant(wide, 0.0), value = s.convert(e[0], wide);
        if (how == Mode::Nearest) {
          Scalar hit = s.logicalAnd(s.compare(Relation::Equal, column, zero), s.compare(Relation::Equal, row, zero));
          return s.select(hit, value, e[3]);
        }
        Scalar factor = s.mul(weight(s, row, how), weight(s, column, how));
        // An element without weight does not count, even if it is infinite.
        return s.select(s.compare(Relation::NotEqual, factor, zero), s.add(e[3], s.mul(factor, value)), e[3]);
      },
      Number{});
  n.output(0, b.convert(sum, type));
}

}  // namespace phx::compiler::onnx
