// Operators that read or write elements at positions which tensors hold. Where the positions are known they are slices;
// otherwise an element is selected by comparing its position with every index, which needs no addressing by data.
#include <algorithm>

#include "compiler/lib/Frontend/Onnx/Operators.h"
#include "compiler/lib/Frontend/Onnx/SpatialWindow.h"

namespace phx::compiler::onnx {
namespace {

using enum ElementType;
using Elements = std::vector<Scalar>;

bool requireIndices(Node& n, size_t i) {
  if (isInteger(n.input(i).type)) return true;
  n.fail("input " + std::to_string(i) + " is of type " + name(n.input(i).type) + "; expected integers");
  return false;
}

// An index as I32, counted from the front of a dimension of `size`.
Scalar wrapped(ScalarBuilder& s, Scalar index, int64_t size) {
  Scalar at = s.convert(index, I32);
  Scalar negative = s.compare(Relation::Less, at, s.integer(I32, 0));
  return s.select(negative, s.add(at, s.integer(I32, size)), at);
}

// How scattered values meet what is there.
enum class Combine { Replace, Add, Mul, Min, Max };

std::optional<Combine> combineAttribute(Node& n) {
  std::string how = n.string("reduction", "none");
  constexpr std::string_view names[] = {"none", "add", "mul", "min", "max"};
  for (size_t i = 0; i < std::size(names); ++i)
    if (how == names[i]) return static_cast<Combine>(i);
  n.fail("attribute 'reduction' is '" + how + "'; expected none, add, mul, min or max");
  return {};
}

Scalar combined(ScalarBuilder& s, Combine how, Scalar old, Scalar value) {
  switch (how) {
    case Combine::Replace:
      return value;
    case Combine::Add:
      return s.add(old, value);
    case Combine::Mul:
      return s.mul(old, value);
    case Combine::Min:
      return s.minimum(old, value);
    case Combine::Max:
      return s.maximum(old, value);
  }
  return value;
}

// data with updates written along a loop: where at(s, index) holds, update meets the element. `loops` of the operands
// are those of `extents`, whose last loop runs over the updates; the others are data's dimensions.
Tensor scattered(TensorBuilder& b, const Tensor& data, const Shape& extents, const Operand& indices,
                 const Operand& updates, Combine how, const std::function<Scalar(ScalarBuilder&, Scalar)>& hits) {
  Dims own = dimensionsFrom(0, data.rank());
  Number identity;
  if (how == Combine::Mul) identity = numberOf(data.type, 1.0);
  if (how == Combine::Min) identity = highest(data.type);
  if (how == Combine::Max) identity = lowest(data.type);
  Tensor total = b.loops(
      extents, {indices, updates}, own, data.type,
      [&](ScalarBuilder& s, const Elements& e) { return s.select(hits(s, e[0]), combined(s, how, e[2], e[1]), e[2]); },
      identity);
  if (how != Combine::Replace)
    return b.elementwise({data, total}, data.type,
                         [&](ScalarBuilder& s, const Elements& e) { return combined(s, how, e[0], e[1]); });
  Tensor written = b.loops(
      extents, {indices}, own, Bool,
      [&](ScalarBuilder& s, const Elements& e) { return s.logicalOr(e[1], hits(s, e[0])); }, Number{});
  return b.elementwise({written, total, data}, data.type,
                       [](ScalarBuilder& s, const Elements& e) { return s.select(e[0], e[1], e[2]); });
}

// Tuples of indices as positions in the dimensions they address, row-major: B x M x q becomes B x M.
Tensor linearized(TensorBuilder& b, const Tensor& tuples, std::span<const int64_t> sizes) {
  int64_t last = tuples.rank() - 1;
  Shape shape(tuples.shape.begin(), tuples.shape.end() - 1);
  Tensor sum;
  for (size_t i = 0; i < sizes.size(); ++i) {
    Tensor part = b.reshape(b.sliceAxis(tuples, last, static_cast<int64_t>(i), 1), shape);
    std::vector<Tensor> operands{part};
    if (i > 0) operands.push_back(sum);
    sum = b.elementwise(operands, I32, [&](ScalarBuilder& s, const Elements& e) {
      Scalar at = wrapped(s, e[0], sizes[i]);
      return i == 0 ? at : s.add(s.mul(e[1], s.integer(I32, sizes[i])), at);
    });
  }
  return sum;
}

}  // namespace

void importGather(Node& n, TensorBuilder& b) {
  const Tensor& x = n.input(0);
  int64_t axis = n.axis(n.integer("axis", 0), x.rank());
  if (b.ok() && requireIndices(n, 1)) n.output(0, b.take(x, axis, n.input(1)));
}

void importGatherElements(Node& n, TensorBuilder& b) {
  const Tensor &x = n.input(0), &indices = n.input(1);
  int64_t rank = x.rank(), axis = n.axis(n.integer("axis", 0), rank);
  if (!b.ok() || !requireIndices(n, 1) || !n.requireRank(1, rank, rank)) return;
  Shape kept = x.shape;
  for (int64_t i = 0; i < rank; ++i) {
    if (i == axis) continue;
    if (indices.shape[i] > x.shape[i])
      return n.fail("indices of shape " + text(indices.shape) + " do not fit data of shape " + text(x.shape));
    kept[i] = indices.shape[i];
  }
  Shape extents = indices.shape;
  extents.push_back(x.shape[axis]);
  Dims from = dimensionsFrom(0, rank);
  from[axis] = rank;
  Tensor part = b.slice(x, Dims(x.shape.size(), 0), kept);
  n.output(0, b.loops(
                  extents, {{part, from}, {indices, dimensionsFrom(0, rank)}}, dimensionsFrom(0, rank), x.type,
                  [&](ScalarBuilder& s, const Elements& e) {
                    Scalar hit = s.compare(Relation::Equal, wrapped(s, e[1], x.shape[axis]),
                                           s.index(static_cast<unsigned>(rank)));
                    return s.select(hit, e[0], e[2]);
                  },
                  Number{}));
}

void importGatherND(Node& n, TensorBuilder& b) {
  const Tensor &x = n.input(0), &indices = n.input(1);
  int64_t batch = n.integer("batch_dims", 0);
  if (!n.requireRank(0, 1) || !n.requireRank(1, 1) || !requireIndices(n, 1)) return;
  int64_t tuple = indices.shape.back();
  if (batch < 0 || batch >= std::min(x.rank(), indices.rank()) || tuple < 1 || batch + tuple > x.rank())
    return n.fail("indices of shape " + text(indices.shape) + " do not fit data of shape " + text(x.shape));
  std::span data(x.shape), positions(indices.shape);
  if (!std::equal(data.begin(), data.begin() + batch, positions.begin())) return n.fail("batch dimensions differ");
  int64_t batches = elementCount(data.first(batch)), places = elementCount(data.subspan(batch, tuple));
  int64_t size = elementCount(data.subspan(batch + tuple)),
          count = elementCount(positions.subspan(batch, indices.rank() - 1 - batch));
  Tensor at = linearized(b, b.reshape(indices, {batches, count, tuple}), data.subspan(batch, tuple));
  Tensor table = b.reshape(x, {batches, places, size});
  Tensor out = batches == 1 ? b.take(b.reshape(table, {places, size}), 0, b.reshape(at, {count}))
                            : b.loops(
                                  {batches, count, size, places}, {{table, {0, 3, 2}}, {at, {0, 1}}}, {0, 1, 2}, x.type,
                                  [](ScalarBuilder& s, const Elements& e) {
                                    return s.select(s.compare(Relation::Equal, e[1], s.index(3)), e[0], e[2]);
                                  },
                                  Number{});
  Shape shape(indices.shape.begin(), indices.shape.end() - 1);
  shape.insert(shape.end(), x.shape.begin() + batch + tuple, x.shape.end());
  n.output(0, b.reshape(out, shape));
}

void importScatterElements(Node& n, TensorBuilder& b) {
  const Tensor &x = n.input(0), &indices = n.input(1), &updates = n.input(2);
  int64_t rank = x.rank(), axis = n.axis(n.integer("axis", 0), rank);
  auto how = combineAttribute(n);
  if (!b.ok() || !requireIndices(n, 1) || !n.requireRank(1, rank, rank)) return;
  if (updates.shape != indices.shape || updates.type != x.type)
    return n.fail("updates do not have the shape of the indices and the type of the data");
  // The updates may cover less than the data in the other dimensions: only that part changes.
  Shape part = x.shape;
  for (int64_t i = 0; i < rank; ++i) {
    if (i == axis) continue;
    if (indices.shape[i] > x.shape[i])
      return n.fail("indices of shape " + text(indices.shape) + " do not fit data of shape " + text(x.shape));
    part[i] = indices.shape[i];
  }
  Shape extents = part;
  extents.push_back(indices.shape[axis]);
  Dims from = dimensionsFrom(0, rank);
  from[axis] = rank;
  Dims zeros(x.shape.size(), 0);
  Tensor changed = scattered(
      b, b.slice(x, zeros, part), extents, {indices, from}, {updates, from}, *how, [&](ScalarBuilder& s, Scalar index) {
        return s.compare(Relation::Equal, wrapped(s, index, x.shape[axis]), s.index(static_cast<unsigned>(axis)));
      });
  n.output(0, part == x.shape ? changed : b.insert(changed, x, zeros, Dims(x.shape.size(), 1)));
}

void importScatterND(Node& n, TensorBuilder& b) {
  const Tensor &x = n.input(0), &indices = n.input(1), &updates = n.input(2);
  auto how = combineAttribute(n);
  if (!how || !n.requireRank(0, 1) || !n.requireRank(1, 1) || !requireIndices(n, 1)) return;
  int64_t tuple = indices.shape.back();
  if (tuple < 1 || tuple > x.rank())
    return n.fail("indices of shape " + text(indices.shape) + " do not fit data of shape " + text(x.shape));
  std::span data(x.shape);
  int64_t places = elementCount(data.first(tuple)), size = elementCount(data.subspan(tuple));
  int64_t count = elementCount(std::span(indices.shape).first(indices.rank() - 1));
  if (updates.type != x.type || updates.count() != count * size)
    return n.fail("updates of shape " + text(updates.shape) + " do not fit the indices and the data");
  Tensor at = linearized(b, b.reshape(indices, {count, tuple}), data.first(tuple));
  Tensor out = scattered(b, b.reshape(x, {places, size}), {places, size, count}, {at, {2}},
                         {b.reshape(updates, {count, size}), {2, 1}}, *how,
                         [](ScalarBuilder& s, Scalar index) { return s.compare(Relation::Equal, index, s.index(0)); });
  n.output(0, b.reshape(out, x.shape));
}

void importCompress(Node& n, TensorBuilder& b) {
  Tensor x = n.input(0);
  const ConstantTensor* condition = n.constant(1, "condition");
  if (!condition) return;
  bool flat = !n.hasAttribute("axis");
  int64_t axis = flat ? 0 : n.axis(n.integer("axis", 0), x.rank());
  if (!b.ok()) return;
  if (flat) x = b.reshape(x, {x.count()});
  if (condition->type != Bool || condition->count() > x.shape[axis])
    return n.fail("the condition does not fit the data");
  Dims chosen;
  for (int64_t i = 0; i < condition->count(); ++i)
    if (condition->at(i).integer) chosen.push_back(i);
  n.output(0, b.take(x, axis, b.constant(integers(chosen))));
}

void importReverseSequence(Node& n, TensorBuilder& b) {
  int64_t batch_axis = n.integer("batch_axis", 1), time_axis = n.integer("time_axis", 0);
  if (!n.requireRank(0, 2) || !requireIndices(n, 1)) return;
  const Tensor &x = n.input(0), &lengths = n.input(1);
  if (batch_axis + time_axis != 1 || batch_axis * time_axis != 0)
    return n.fail("attributes 'batch_axis' and 'time_axis' must be 0 and 1");
  if (lengths.rank() != 1 || lengths.shape[0] != x.shape[batch_axis])
    return n.fail("there is not one length for each sequence");
  // result[t] = x[length - 1 - t] before the length, x[t] after it.
  int64_t rank = x.rank();
  Shape extents = x.shape;
  extents.push_back(x.shape[time_axis]);
  Dims from = dimensionsFrom(0, rank);
  from[time_axis] = rank;
  n.output(0, b.loops(
                  extents, {{x, from}, {lengths, {batch_axis}}}, dimensionsFrom(0, rank), x.type,
                  [&](ScalarBuilder& s, const Elements& e) {
                    Scalar at = s.index(static_cast<unsigned>(time_axis)), length = s.convert(e[1], I32);
                    Scalar mirrored = s.sub(s.sub(length, s.integer(I32, 1)), at);
                    Scalar source = s.select(s.compare(Relation::Less, at, length), mirrored, at);
                    return s.select(s.compare(Relation::Equal, source, s.index(static_cast<unsigned>(rank))), e[0],
                                    e[2]);
                  },
                  Number{}));
}

// The positions of elements that are not zero. Their number is a shape: the input must be known.
void importNonZero(Node& n, TensorBuilder& b) {
  const ConstantTensor* x = n.constant(0, "X");
  if (!x) return;
  int64_t rank = static_cast<int64_t>(x->shape.size());
  std::vector<int64_t> strides = rowMajorStrides(x->shape);
  Dims found;
  for (int64_t i = 0; i < x->count(); ++i)
    if (x->real(i) != 0) found.push_back(i);
  int64_t count = static_cast<int64_t>(found.size());
  if (!b.reserve(I64, rank * count)) return;
  ConstantTensor out(I64, {rank, count});
  for (int64_t d = 0; d < rank; ++d)
    for (int64_t i = 0; i < count; ++i) out.set(d * count + i, {0, found[i] / strides[d] % x->shape[d]});
  n.output(0, b.constant(std::move(out)));
}

// Puts each maximum back to where it was: a selection within each plane.
void importMaxUnpool(Node& n, TensorBuilder& b) {
  if (!n.requireRank(0, 3, 5) || !requireIndices(n, 1)) return;
  const Tensor &x = n.input(0), &indices = n.input(1);
  int64_t dimensions = x.rank() - 2;
  auto kernel = windowList(n, "kernel_shape", dimensions, 1, 1), strides = windowList(n, "strides", dimensions, 1, 1);
  auto pads = windowList(n, "pads", 2 * dimensions, 0, 0);
  if (!b.ok()) return;
  if (indices.shape != x.shape)
    return n.fail("indices of shape " + text(indices.shape) + " do not fit an input of shape " + text(x.shape));
  Shape shape{x.shape[0], x.shape[1]}, wanted;
  for (int64_t i = 0; i < dimensions; ++i)
    shape.push_back((x.shape[2 + i] - 1) * (*strides)[i] + (*kernel)[i] - (*pads)[i] - (*pads)[dimensions + i]);
  int64_t planes = elementCount(std::span(shape).first(2)), size = elementCount(std::span(shape).subspan(2));
  int64_t given = elementCount(std::span(x.shape).subspan(2));
  if (elementCount(shape) > kMostElements) return n.fail("the result has the impossible shape " + text(shape));
  Tensor out = b.loops(
      {planes, size, given}, {{b.reshape(x, {planes, given}), {0, 2}}, {b.reshape(indices, {planes, given}), {0, 2}}},
      {0, 1}, x.type,
      [&](ScalarBuilder& s, const Elements& e) {
        Scalar at = s.add(s.mul(s.index(0), s.integer(I32, size)), s.index(1));
        return s.select(s.compare(Relation::Equal, s.convert(e[1], I32), at), e[0], e[2]);
      },
      Number{});
  out = b.reshape(out, shape);
  if (n.has(2)) {
    // A larger result is asked for: the indices still mean the smaller one.
    const ConstantTensor* asked = n.constant(2, "output_shape");
    if (!asked) return;
    if (isFloat(asked->type) || asked->count() != x.rank())
      return n.fail("output_shape does not hold one integer for each dimension");
    Dims high = toIntegers(*asked);
    for (size_t i = 0; i < high.size(); ++i) {
      if (high[i] < shape[i] || high[i] > kMostElements)
        return n.fail("output_shape is smaller than the windows need: " + text(shape));
      high[i] -= shape[i];
    }
    out = b.pad(out, Dims(shape.size(), 0), high, Number{});
  }
  n.output(0, out);
}

}  // namespace phx::compiler::onnx
