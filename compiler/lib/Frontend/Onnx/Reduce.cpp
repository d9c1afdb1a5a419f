// Reductions over axes, and what is built from them. Sums of 16-bit floating point numbers are kept in f32.
#include <algorithm>

#include "compiler/lib/Frontend/Onnx/Operators.h"

namespace phx::compiler::onnx {
namespace {

using enum ElementType;
using Elements = std::vector<Scalar>;

// Largest (or smallest) element along the axes.
Tensor extreme(TensorBuilder& b, const Tensor& x, const Dims& axes, bool largest) {
  return b.reduce(
      x, axes, x.type, largest ? lowest(x.type) : highest(x.type),
      [&](ScalarBuilder& s, const Elements& e) { return largest ? s.maximum(e[1], e[0]) : s.minimum(e[1], e[0]); });
}

Tensor sum(TensorBuilder& b, const Tensor& x, const Dims& axes, ElementType type,
           const std::function<Scalar(ScalarBuilder&, Scalar)>& of) {
  return b.reduce(x, axes, type, Number{},
                  [&](ScalarBuilder& s, const Elements& e) { return s.add(e[1], of(s, s.convert(e[0], type))); });
}

}  // namespace

void importReduce(Node& n, TensorBuilder& b) {
  const Tensor& x = n.input(0);
  const std::string& op = n.op();
  bool keep = n.integer("keepdims", 1) != 0, no_op = n.integer("noop_with_empty_axes", 0) != 0;
  bool as_input = n.opset() >= 18 || (n.opset() >= 13 && op == "ReduceSum");
  Dims axes;
  if (as_input) {
    if (n.has(1)) {
      const ConstantTensor* given = n.constant(1, "axes");
      if (!given) return;
      if (isFloat(given->type) || given->count() > 64) return n.fail("axes must be a list of integers");
      axes = toIntegers(*given);
    }
  } else {
    axes = n.integers("axes");
  }
  axes = n.axes(axes, x.rank());
  if (!b.ok()) return;
  if (axes.empty() && no_op) return n.output(0, x);
  if (axes.empty())
    for (int64_t i = 0; i < x.rank(); ++i) axes.push_back(i);
  ElementType type = x.type, wide = widened(type);
  bool boolean = type == Bool && (op == "ReduceMax" || op == "ReduceMin");
  if (type == Bool && !boolean) return n.fail("input 0 is of type bool; expected numbers");
  bool logarithm = op == "ReduceLogSum" || op == "ReduceLogSumExp";
  if (logarithm && !n.requireFloat(0)) return;

  auto finish = [&](const Tensor& reduced, const std::function<Scalar(ScalarBuilder&, Scalar)>& of) {
    Tensor out = b.elementwise({reduced}, type,
                               [&](ScalarBuilder& s, const Elements& e) { return s.convert(of(s, e[0]), type); });
    n.output(0, keep ? b.reshape(out, withUnits(x.shape, axes)) : out);
  };
  auto same = [](ScalarBuilder&, Scalar v) { return v; };
  auto square = [](ScalarBuilder& s, Scalar v) { return s.mul(v, v); };
  auto log = [](ScalarBuilder& s, Scalar v) { return s.math(MathFunction::Log, v); };
  double count = 1;
  for (int64_t axis : axes) count *= static_cast<double>(x.shape[axis]);

  if (op == "ReduceMax" || op == "ReduceMin") {
    Tensor out = extreme(b, x, axes, op == "ReduceMax");
    return n.output(0, keep ? b.reshape(out, withUnits(x.shape, axes)) : out);
  }
  if (op == "ReduceProd")
    return finish(b.reduce(x, axes, wide, numberOf(wide, 1.0),
                           [&](ScalarBuilder& s, const Elements& e) { return s.mul(e[1], s.convert(e[0], wide)); }),
                  same);
  if (op == "ReduceSum") {
    if (wide == type) {
      Tensor out = sum(b, x, axes, type, same);
      return n.output(0, keep ? b.reshape(out, withUnits(x.shape, axes)) : out);
    }
    return finish(sum(b, x, axes, wide, same), same);
  }
  if (op == "ReduceMean")
    return finish(sum(b, x, axes, wide, same),
                  [&](ScalarBuilder& s, Scalar v) { return s.div(v, s.constant(v.type, count)); });
  if (op == "ReduceL1") return finish(sum(b, x, axes, wide, [](ScalarBuilder& s, Scalar v) { return s.abs(v); }), same);
  if (op == "ReduceSumSquare") return finish(sum(b, x, axes, wide, square), same);
  if (op == "ReduceL2") {
    ElementType real = isFloat(type) ? wide : F32;
    return finish(sum(b, x, axes, real, square),
                  [](ScalarBuilder& s, Scalar v) { return s.math(MathFunction::Sqrt, v); });
  }
  if (op == "ReduceLogSum") return finish(sum(b, x, axes, wide, same), log);
  // ReduceLogSumExp: shifted by the largest element, so that exp does not overflow.
  Tensor largest = b.reshape(extreme(b, x, axes, true), withUnits(x.shape, axes));
  Tensor shifted = b.elementwise({x, largest}, wide, [](ScalarBuilder& s, const Elements& e) {
    Scalar shift = s.widen(e[1]);
    Scalar infinite = s.compare(Relation::Equal, s.abs(shift), s.number(shift.type, highest(shift.type)));
    return s.math(MathFunction::Exp, s.sub(s.widen(e[0]), s.select(infinite, s.constant(shift.type, 0.0), shift)));
  });
  Tensor total = b.reshape(sum(b, shifted, axes, wide, same), withUnits(x.shape, axes));
  Tensor out = b.elementwise({total, largest}, type, [&](ScalarBuilder& s, const Elements& e) {
    Scalar shift = s.widen(e[1]);
    Scalar infinite = s.compare(Relation::Equal, s.abs(shift), s.number(shift.type, highest(shift.type)));
    return s.convert(s.add(log(s, e[0]), s.select(infinite, s.constant(shift.type, 0.0), shift)), type);
  });
  Shape dropped;
  for (int64_t i = 0; i < x.rank(); ++i)
    if (std::find(axes.begin(), axes.end(), i) == axes.end()) dropped.push_back(x.shape[i]);
  n.output(0, keep ? out : b.reshape(out, dropped));
}

void importArgExtreme(Node& n, TensorBuilder& b) {
  const Tensor& x = n.input(0);
  bool keep = n.integer("keepdims", 1) != 0, last = n.integer("select_last_index", 0) != 0;
  int64_t axis = n.axis(n.integer("axis", 0), x.rank());
  if (!b.ok()) return;
  if (x.shape[axis] == 0) return n.fail("axis " + std::to_string(axis) + " has no elements");
  if (x.type == Bool) return n.fail("input 0 is of type bool; expected numbers");
  // The index of an element that equals the extreme: the smallest one, or the largest.
  Tensor best = b.reshape(extreme(b, x, {axis}, n.op() == "ArgMax"), withUnits(x.shape, {axis}));
  Dims all, kept;
  for (int64_t i = 0; i < x.rank(); ++i) {
    all.push_back(i);
    if (i != axis) kept.push_back(i);
  }
  Number start{0, last ? 0 : x.shape[axis] - 1};
  Tensor at = b.loops(
      x.shape, {{x, all}, {best, all}}, kept, I32,
      [&](ScalarBuilder& s, const Elements& e) {
        Scalar equal = s.compare(Relation::Equal, e[0], e[1]);
        Scalar index = s.index(static_cast<unsigned>(axis));
        return s.select(equal, last ? s.maximum(e[2], index) : s.minimum(e[2], index), e[2]);
      },
      start);
  Tensor index = b.convert(at, I64);
  n.output(0, keep ? b.reshape(index, withUnits(x.shape, {axis})) : index);
}

void importCumSum(Node& n, TensorBuilder& b) {
  const Tensor& x = n.input(0);
  bool exclusive = n.integer("exclusive", 0) != 0, reverse = n.integer("reverse", 0) != 0;
  const ConstantTensor* given = n.constant(1, "axis");
  if (!given) return;
  if (given->count() != 1 || isFloat(given->type)) return n.fail("axis is not an integer");
  int64_t axis = n.axis(given->at(0).integer, x.rank());
  if (!b.ok()) return;
  if (x.type == Bool) return n.fail("input 0 is of type bool; expected numbers");
  // result[i] = sum of x[k] over the k before i (or after it).
  Shape extents = x.shape;
  extents.push_back(x.shape[axis]);
  Dims kept, from;
  unsigned target = static_cast<unsigned>(axis), source = static_cast<unsigned>(x.rank());
  for (int64_t i = 0; i < x.rank(); ++i) {
    kept.push_back(i);
    from.push_back(i == axis ? x.rank() : i);
  }
  ElementType wide = widened(x.type);
  Relation relation = reverse ? (exclusive ? Relation::Greater : Relation::GreaterOrEqual)
                              : (exclusive ? Relation::Less : Relation::LessOrEqual);
  Tensor total = b.loops(
      extents, {{x, from}}, kept, wide,
      [&](ScalarBuilder& s, const Elements& e) {
        Scalar counts = s.compare(relation, s.index(source), s.index(target));
        return s.select(counts, s.add(e[1], s.convert(e[0], wide)), e[1]);
      },
      Number{});
  n.output(0, b.convert(total, x.type));
}

// The place of each element among the others along the axis is the number of those that come before it; selecting the
// elements of places 0..k-1 sorts them. Elements of equal size come in order of their index.
void importTopK(Node& n, TensorBuilder& b) {
  const Tensor& x = n.input(0);
  bool largest = n.integer("largest", 1) != 0;
  n.ignore("sorted");  // sorted results are allowed when they were not asked for
  int64_t axis = n.axis(n.integer("axis", -1), x.rank());
  int64_t k = 0;
  if (n.opset() < 10) {
    k = n.integer("k", -1);
  } else {
    const ConstantTensor* given = n.constant(1, "k");
    if (!given) return;
    if (given->count() != 1 || isFloat(given->type)) return n.fail("k is not an integer");
    k = given->at(0).integer;
  }
  if (!b.ok()) return;
  int64_t size = x.shape[axis], rank = x.rank();
  if (k < 0 || k > size) return n.fail("k is " + std::to_string(k) + " for a dimension of " + std::to_string(size));
  if (x.type == Bool) return n.fail("input 0 is of type bool; expected numbers");
  Dims own, other, chosen;
  for (int64_t i = 0; i < rank; ++i) {
    own.push_back(i);
    other.push_back(i == axis ? rank : i);
  }
  Shape extents = x.shape;
  extents.push_back(size);
  unsigned self = static_cast<unsigned>(axis), last = static_cast<unsigned>(rank);
  Tensor place = b.loops(
      extents, {{x, own}, {x, other}}, own, I32,
      [&](ScalarBuilder& s, const Elements& e) {
        Scalar better = s.compare(largest ? Relation::Greater : Relation::Less, e[1], e[0]);
        Scalar earlier = s.logicalAnd(s.compare(Relation::Equal, e[1], e[0]),
                                      s.compare(Relation::Less, s.index(last), s.index(self)));
        return s.add(e[2], s.convert(s.logicalOr(better, earlier), I32));
      },
      Number{});
  extents[axis] = k;
  auto select = [&](ElementType type, auto element) {
    return b.loops(
        extents, {{x, other}, {place, other}}, own, type,
        [&](ScalarBuilder& s, const Elements& e) {
          return s.select(s.compare(Relation::Equal, e[1], s.index(self)), element(s, e), e[2]);
        },
        Number{});
  };
  n.output(0, select(x.type, [](ScalarBuilder&, const Elements& e) { return e[0]; }));
  if (n.wants(1))
    n.output(1, b.convert(select(I32, [&](ScalarBuilder& s, const Elements&) { return s.index(last); }), I64));
}

}  // namespace phx::compiler::onnx
