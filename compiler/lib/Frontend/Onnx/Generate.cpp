// Tensors made from attributes, shapes and indices.
#include <algorithm>
#include <cmath>

#include "compiler/lib/Frontend/Onnx/Operators.h"
#include "compiler/lib/Frontend/Onnx/ReadModel.h"
#include "device_sim/numerics/math.h"

namespace phx::compiler::onnx {
namespace {

using enum ElementType;
using Elements = std::vector<Scalar>;

// The element type that an attribute such as 'dtype' names.
ElementType typeAttribute(Node& n, std::string_view name, ElementType otherwise) {
  if (!n.hasAttribute(name)) return otherwise;
  int32_t code = static_cast<int32_t>(std::clamp<int64_t>(n.integer(name, 0), -1, 1000));
  auto type = elementTypeOf(code);
  if (!type)
    n.fail("attribute '" + std::string(name) + "': element type " + nameOfOnnxType(code) + " is not supported");
  return type.value_or(otherwise);
}

}  // namespace

void importConstant(Node& n, TensorBuilder& b) {
  if (auto* proto = n.tensor("value")) {
    auto tensor = readTensor(*proto, "");
    if (!tensor) return n.fail("attribute 'value': " + tensor.diagnostic().message);
    return n.output(0, b.constant(std::move(*tensor)));
  }
  if (n.hasAttribute("value_float")) return n.output(0, b.scalar(F32, n.real("value_float", 0)));
  if (n.hasAttribute("value_int")) {
    int64_t value = n.integer("value_int", 0);
    return n.output(0, b.reshape(b.constant(integers({&value, 1})), {}));
  }
  if (n.hasAttribute("value_ints")) return n.output(0, b.constant(integers(n.integers("value_ints"))));
  if (n.hasAttribute("value_floats")) {
    std::vector<double> values = n.reals("value_floats");
    ConstantTensor tensor(F32, {static_cast<int64_t>(values.size())});
    for (size_t i = 0; i < values.size(); ++i) tensor.set(static_cast<int64_t>(i), numberOf(F32, values[i]));
    return n.output(0, b.constant(std::move(tensor)));
  }
  for (auto name : {"sparse_value", "value_string", "value_strings"})
    if (n.hasAttribute(name)) return n.fail("attribute '" + std::string(name) + "' is not supported");
  n.fail("attribute 'value' is missing");
}

void importConstantOfShape(Node& n, TensorBuilder& b) {
  ElementType type = F32;
  Number value;
  if (auto* proto = n.tensor("value")) {
    auto tensor = readTensor(*proto, "");
    if (!tensor) return n.fail("attribute 'value': " + tensor.diagnostic().message);
    if (tensor->count() != 1) return n.fail("attribute 'value' does not have one element");
    type = tensor->type, value = tensor->at(0);
  }
  const ConstantTensor* shape = n.constant(0, "shape");
  if (!shape) return;
  if (isFloat(shape->type) || shape->count() > 64) return n.fail("shape must be a list of integers");
  n.output(0, b.filled(type, toIntegers(*shape), value));
}

void importEyeLike(Node& n, TensorBuilder& b) {
  const Tensor& x = n.input(0);
  ElementType type = typeAttribute(n, "dtype", x.type);
  int64_t k = n.integer("k", 0);
  if (!n.requireRank(0, 2, 2) || !b.ok()) return;
  k = std::clamp<int64_t>(k, -(1 << 30), 1 << 30);
  n.output(0, b.loops(x.shape, {}, {0, 1}, type, [&](ScalarBuilder& s, const Elements&) {
    return s.convert(s.compare(Relation::Equal, s.sub(s.index(1), s.index(0)), s.integer(I32, k)), type);
  }));
}

void importRange(Node& n, TensorBuilder& b) {
  if (!n.requireSameTypes()) return;
  const ConstantTensor *start = n.constant(0, "start"), *limit = n.constant(1, "limit"),
                       *delta = n.constant(2, "delta");
  if (!start || !limit || !delta) return;
  if (start->count() != 1 || limit->count() != 1 || delta->count() != 1)
    return n.fail("start, limit and delta must be scalars");
  ElementType type = start->type;
  double first = start->real(0), step = delta->real(0), count = std::ceil((limit->real(0) - first) / step);
  if (step == 0) return n.fail("delta is 0");
  if (!(count <= 1 << 24)) return n.fail("the range has more than 2^24 elements");
  if (!b.reserve(type, std::max<int64_t>(static_cast<int64_t>(count), 0))) return;
  ConstantTensor out(type, {std::max<int64_t>(static_cast<int64_t>(count), 0)});
  for (int64_t i = 0; i < out.count(); ++i) {
    if (isFloat(type))
      out.set(i, numberOf(type, first + static_cast<double>(i) * step));
    else
      out.set(i, numberOf(type, static_cast<int64_t>(static_cast<uint64_t>(start->at(0).integer) +
                                                     static_cast<uint64_t>(i) *
                                                         static_cast<uint64_t>(delta->at(0).integer))));
  }
  n.output(0, b.constant(std::move(out)));
}

void importOneHot(Node& n, TensorBuilder& b) {
  const Tensor &indices = n.input(0), &values = n.input(2);
  const ConstantTensor* given = n.constant(1, "depth");
  if (!given) return;
  int64_t axis = n.axis(n.integer("axis", -1), indices.rank() + 1);
  if (!b.ok()) return;
  if (given->count() != 1 || given->real(0) < 1 || given->real(0) > (1 << 24))
    return n.fail("depth must be a number of at least 1");
  if (values.rank() != 1 || values.shape[0] != 2) return n.fail("values must hold two elements");
  int64_t depth = static_cast<int64_t>(given->real(0));
  Shape shape = indices.shape;
  shape.insert(shape.begin() + axis, depth);
  Dims all, others;
  for (int64_t i = 0; i < static_cast<int64_t>(shape.size()); ++i) {
    all.push_back(i);
    if (i != axis) others.push_back(i);
  }
  Tensor off = b.reshape(b.slice(values, {0}, {1}), {}), on = b.reshape(b.slice(values, {1}, {1}), {});
  n.output(0, b.loops(shape, {{indices, others}, {off, {}}, {on, {}}}, all, values.type,
                      [&](ScalarBuilder& s, const Elements& e) {
                        Scalar at = s.convert(e[0], I32), zero = s.integer(I32, 0);
                        Scalar wrapped =
                            s.select(s.compare(Relation::Less, at, zero), s.add(at, s.integer(I32, depth)), at);
                        return s.select(s.compare(Relation::Equal, wrapped, s.index(static_cast<unsigned>(axis))), e[2],
                                        e[1]);
                      }));
}

void importTrilu(Node& n, TensorBuilder& b) {
  bool upper = n.integer("upper", 1) != 0;
  if (!n.requireRank(0, 2)) return;
  const Tensor& x = n.input(0);
  int64_t k = 0;
  if (n.has(1)) {
    const ConstantTensor* given = n.constant(1, "k");
    if (!given) return;
    if (given->count() != 1 || isFloat(given->type)) return n.fail("k must be an integer");
    k = std::clamp<int64_t>(given->at(0).integer, -(1 << 30), 1 << 30);
  }
  Dims all;
  for (int64_t i = 0; i < x.rank(); ++i) all.push_back(i);
  unsigned row = static_cast<unsigned>(x.rank() - 2), column = row + 1;
  n.output(0, b.loops(x.shape, {{x, all}}, all, x.type, [&](ScalarBuilder& s, const Elements& e) {
    Scalar diagonal = s.sub(s.index(column), s.index(row));
    Scalar keep = s.compare(upper ? Relation::GreaterOrEqual : Relation::LessOrEqual, diagonal, s.integer(I32, k));
    return s.select(keep, e[0], s.constant(x.type, 0.0));
  }));
}

void importWindow(Node& n, TensorBuilder& b) {
  ElementType type = typeAttribute(n, "output_datatype", F32);
  bool periodic = n.integer("periodic", 1) != 0;
  const ConstantTensor* given = n.constant(0, "size");
  if (!given || !b.ok()) return;
  if (given->count() != 1 || isFloat(given->type) || !isFloat(type))
    return n.fail("size must be an integer, and the result of a floating point type");
  int64_t size = given->at(0).integer;
  if (size < 0) return n.fail("size is " + std::to_string(size));
  if (!b.reserve(type, size)) return;
  // a0 - a1 cos(2 pi i / N) + a2 cos(4 pi i / N)
  double a[3] = {0.5, 0.5, 0};
  if (n.op() == "HammingWindow") a[0] = 25.0 / 46, a[1] = 1 - a[0];
  if (n.op() == "BlackmanWindow") a[0] = 0.42, a[2] = 0.08;
  double period = static_cast<double>(periodic ? size : size - 1), turn = 2 * 3.14159265358979323846;
  ConstantTensor out(type, {size});
  for (int64_t i = 0; i < size; ++i) {
    double angle = turn * static_cast<double>(i) / period;
    double value = a[0] - a[1] * num::eval(num::MathFn::Cos, angle) + a[2] * num::eval(num::MathFn::Cos, 2 * angle);
    out.set(i, numberOf(type, value));
  }
  n.output(0, b.constant(std::move(out)));
}

}  // namespace phx::compiler::onnx
