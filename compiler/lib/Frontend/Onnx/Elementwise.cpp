// Functions of one element or of several, broadcast together.
#include <unordered_map>

#include "compiler/lib/Frontend/Onnx/Operators.h"

namespace phx::compiler::onnx {
namespace {

using enum ElementType;
using Elements = std::vector<Scalar>;

// Before opset 7 an attribute said where the second operand's dimensions belong; without it they are the last ones.
Tensor alignedSecond(Node& n, TensorBuilder& b) {
  Tensor second = n.input(1);
  n.ignore("consumed_inputs");
  if (n.opset() >= 7) return second;
  bool broadcast = n.integer("broadcast", 0) != 0;
  int64_t rank = n.input(0).rank();
  int64_t axis = n.integer("axis", rank - second.rank());
  if (axis < 0) axis += rank;
  if (!broadcast || axis < 0 || axis + second.rank() >= rank) return second;
  Shape shape = second.shape;
  shape.resize(static_cast<size_t>(rank - axis), 1);
  return b.reshape(second, shape);
}

}  // namespace

void importUnary(Node& n, TensorBuilder& b) {
  n.ignore("consumed_inputs");
  const Tensor& x = n.input(0);
  static const std::unordered_map<std::string_view, MathFunction> functions = {
      {"Acos", MathFunction::Acos},   {"Acosh", MathFunction::Acosh},     {"Asin", MathFunction::Asin},
      {"Asinh", MathFunction::Asinh}, {"Atan", MathFunction::Atan},       {"Atanh", MathFunction::Atanh},
      {"Ceil", MathFunction::Ceil},   {"Cos", MathFunction::Cos},         {"Cosh", MathFunction::Cosh},
      {"Erf", MathFunction::Erf},     {"Exp", MathFunction::Exp},         {"Floor", MathFunction::Floor},
      {"Log", MathFunction::Log},     {"Round", MathFunction::RoundEven}, {"Sin", MathFunction::Sin},
      {"Sinh", MathFunction::Sinh},   {"Sqrt", MathFunction::Sqrt},       {"Tan", MathFunction::Tan},
      {"Tanh", MathFunction::Tanh}};
  auto function = functions.find(n.op());
  if (function != functions.end()) {
    if (!n.requireFloat(0)) return;
    n.output(0, b.elementwise({x}, x.type,
                              [&](ScalarBuilder& s, const Elements& e) { return s.math(function->second, e[0]); }));
    return;
  }
  if (n.op() == "Reciprocal" && !n.requireFloat(0)) return;
  if (n.op() == "Not" && x.type != Bool) return n.fail("input 0 is of type " + name(x.type) + "; expected bool");
  if (n.op() == "BitwiseNot" && !isInteger(x.type))
    return n.fail("input 0 is of type " + name(x.type) + "; expected integers");
  if (n.op() != "Not" && x.type == Bool) return n.fail("input 0 is of type bool; expected numbers");
  n.output(0, b.elementwise({x}, x.type, [&](ScalarBuilder& s, const Elements& e) {
    if (n.op() == "Abs") return s.abs(e[0]);
    if (n.op() == "Neg") return s.neg(e[0]);
    if (n.op() == "Not" || n.op() == "BitwiseNot") return s.logicalNot(e[0]);
    if (n.op() == "Reciprocal") return s.div(s.constant(x.type, 1), e[0]);
    // Sign: a zero and a NaN stay what they are.
    Scalar zero = s.constant(x.type, 0.0);
    Scalar negative = s.select(s.compare(Relation::Less, e[0], zero), s.constant(x.type, -1), e[0]);
    return s.select(s.compare(Relation::Greater, e[0], zero), s.constant(x.type, 1), negative);
  }));
}

void importBinary(Node& n, TensorBuilder& b) {
  if (!n.requireSameTypes()) return;
  const Tensor& x = n.input(0);
  static const std::unordered_map<std::string_view, Relation> relations = {
      {"Equal", Relation::Equal},
      {"Less", Relation::Less},
      {"Greater", Relation::Greater},
      {"LessOrEqual", Relation::LessOrEqual},
      {"GreaterOrEqual", Relation::GreaterOrEqual}};
  Tensor y = alignedSecond(n, b);
  const std::string& op = n.op();
  auto relation = relations.find(op);
  bool logical = op == "And" || op == "Or" || op == "Xor";
  if (logical != (x.type == Bool) && op != "Equal")
    return n.fail("inputs are of type " + name(x.type) + "; expected " + (logical ? "bool" : "numbers"));
  if (op.starts_with("Bitwise") && isFloat(x.type))
    return n.fail("inputs are of type " + name(x.type) + "; expected integers");
  ElementType type = relation != relations.end() ? Bool : x.type;
  n.output(0, b.elementwise({x, y}, type, [&](ScalarBuilder& s, const Elements& e) {
    if (relation != relations.end()) return s.compare(relation->second, e[0], e[1]);
    if (op == "Add") return s.add(e[0], e[1]);
    if (op == "Sub") return s.sub(e[0], e[1]);
    if (op == "Mul") return s.mul(e[0], e[1]);
    if (op == "Div") return s.div(e[0], e[1]);
    if (op.ends_with("And")) return s.logicalAnd(e[0], e[1]);
    if (op.ends_with("Xor")) return s.logicalXor(e[0], e[1]);
    return s.logicalOr(e[0], e[1]);
  }));
}

void importBitShift(Node& n, TensorBuilder& b) {
  std::string direction = n.string("direction", "");
  if (direction != "LEFT" && direction != "RIGHT") return n.fail("attribute 'direction' must be LEFT or RIGHT");
  if (!n.requireSameTypes()) return;
  ElementType type = n.input(0).type;
  if (!isUnsigned(type)) return n.fail("inputs are of type " + name(type) + "; expected an unsigned type");
  n.output(0, b.elementwise({n.input(0), n.input(1)}, type, [&](ScalarBuilder& s, const Elements& e) {
    return s.shift(e[0], e[1], direction == "LEFT");
  }));
}

void importVariadic(Node& n, TensorBuilder& b) {
  n.ignore("consumed_inputs");
  if (!n.requireSameTypes()) return;
  std::vector<Tensor> inputs = n.inputs();
  const std::string& op = n.op();
  ElementType type = inputs[0].type;
  if (type == Bool) return n.fail("inputs are of type bool; expected numbers");
  if ((op == "Sum" || op == "Mean") && !n.requireFloat(0)) return;
  n.output(0, b.elementwise(inputs, type, [&](ScalarBuilder& s, const Elements& e) {
    bool sum = op == "Sum" || op == "Mean";
    Scalar total = sum ? s.widen(e[0]) : e[0];
    for (size_t i = 1; i < e.size(); ++i) {
      if (sum)
        total = s.add(total, s.widen(e[i]));
      else
        total = op == "Max" ? s.maximum(total, e[i]) : s.minimum(total, e[i]);
    }
    if (op == "Mean") total = s.div(total, s.constant(total.type, static_cast<double>(e.size())));
    return s.convert(total, type);
  }));
}

void importMod(Node& n, TensorBuilder& b) {
  bool fmod = n.integer("fmod", 0) != 0;
  if (!n.requireSameTypes()) return;
  ElementType type = n.input(0).type;
  if (type == Bool) return n.fail("inputs are of type bool; expected numbers");
  if (isFloat(type) && !fmod) return n.fail("attribute 'fmod' must be 1 for floating point inputs");
  n.output(0, b.elementwise({n.input(0), n.input(1)}, type, [&](ScalarBuilder& s, const Elements& e) {
    Scalar rest = s.remainder(s.widen(e[0]), s.widen(e[1]));  // exact in f32
    if (fmod || !isSigned(type)) return s.convert(rest, type);
    // Python's %: the sign of the divisor.
    Scalar zero = s.integer(type, 0);
    Scalar differs = s.logicalXor(s.compare(Relation::Less, rest, zero), s.compare(Relation::Less, e[1], zero));
    Scalar adjust = s.logicalAnd(differs, s.compare(Relation::NotEqual, rest, zero));
    return s.select(adjust, s.add(rest, e[1]), rest);
  }));
}

void importPow(Node& n, TensorBuilder& b) {
  const Tensor& x = n.input(0);
  ElementType type = x.type, exponent_type = n.input(1).type;
  if (type == Bool || exponent_type == Bool) return n.fail("inputs are of type bool; expected numbers");
  Tensor exponent = alignedSecond(n, b);
  n.output(0, b.elementwise({x, exponent}, type, [&](ScalarBuilder& s, const Elements& e) {
    if (isFloat(type)) {
      Scalar base = s.widen(e[0]), power = s.convert(s.widen(e[1]), base.type);
      double known = power.known ? power.known->real : 0;
      if (known == 2) return s.convert(s.mul(base, base), type);
      if (known == 3) return s.convert(s.mul(s.mul(base, base), base), type);
      if (known == 1) return e[0];
      if (known == 0.5) return s.convert(s.math(MathFunction::Sqrt, base), type);
      return s.convert(s.pow(base, power), type);
    }
    if (!isFloat(exponent_type)) {
      // Square and multiply; powers wrap like products do.
      Scalar result = s.integer(type, 1), square = e[0];
      for (unsigned bit = 0; bit + 1 < bitWidth(exponent_type) && bit < 31; ++bit) {
        Scalar set = s.logicalAnd(e[1], s.integer(exponent_type, int64_t{1} << bit));
        result =
            s.select(s.compare(Relation::NotEqual, set, s.integer(exponent_type, 0)), s.mul(result, square), result);
        square = s.mul(square, square);
      }
      return result;
    }
    // A power that is an integer but for the rounding error of pow is that integer.
    ElementType wide = widened(exponent_type);
    Scalar power = s.pow(s.convert(e[0], wide), s.widen(e[1]));
    Scalar nearest = s.math(MathFunction::RoundEven, power);
    Scalar distance = s.abs(s.sub(power, nearest)), limit = s.mul(s.abs(nearest), s.constant(wide, 1e-5));
    return s.convert(s.select(s.compare(Relation::LessOrEqual, distance, limit), nearest, power), type);
  }));
}

void importWhere(Node& n, TensorBuilder& b) {
  const Tensor &condition = n.input(0), &x = n.input(1), &y = n.input(2);
  if (condition.type != Bool) return n.fail("input 0 is of type " + name(condition.type) + "; expected bool");
  if (x.type != y.type) return n.fail("inputs are of different types: " + name(x.type) + " and " + name(y.type));
  n.output(0, b.elementwise({condition, x, y}, x.type,
                            [](ScalarBuilder& s, const Elements& e) { return s.select(e[0], e[1], e[2]); }));
}

void importIsNaN(Node& n, TensorBuilder& b) {
  if (!n.requireFloat(0)) return;
  n.output(0, b.elementwise({n.input(0)}, Bool, [](ScalarBuilder& s, const Elements& e) { return s.isNan(e[0]); }));
}

void importIsInf(Node& n, TensorBuilder& b) {
  bool negative = n.integer("detect_negative", 1) != 0, positive = n.integer("detect_positive", 1) != 0;
  if (!n.requireFloat(0)) return;
  ElementType type = n.input(0).type;
  n.output(0, b.elementwise({n.input(0)}, Bool, [&](ScalarBuilder& s, const Elements& e) {
    Scalar low = s.compare(Relation::Equal, e[0], s.number(type, lowest(type))),
           high = s.compare(Relation::Equal, e[0], s.number(type, highest(type)));
    if (negative && positive) return s.logicalOr(low, high);
    if (negative) return low;
    return positive ? high : s.integer(Bool, 0);
  }));
}

}  // namespace phx::compiler::onnx
