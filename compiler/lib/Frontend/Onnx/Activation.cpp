// Activation functions. The 16-bit floating point types are computed in f32 and rounded once.
#include "compiler/lib/Frontend/Onnx/Operators.h"

namespace phx::compiler::onnx {
namespace {

using Elements = std::vector<Scalar>;
using Function = std::function<Scalar(ScalarBuilder&, Scalar)>;

// log(1 + exp(x)) without overflow.
Scalar softplus(ScalarBuilder& s, Scalar x) {
  Scalar one = s.constant(x.type, 1), zero = s.constant(x.type, 0.0);
  Scalar tail = s.math(MathFunction::Log, s.add(one, s.math(MathFunction::Exp, s.neg(s.abs(x)))));
  return s.add(s.maximum(x, zero), tail);
}

// The function of one operator, with its attributes read.
Function functionOf(Node& n) {
  const std::string& op = n.op();
  auto k = [](ScalarBuilder& s, Scalar x, double value) { return s.constant(x.type, value); };
  auto select = [](ScalarBuilder& s, Relation relation, Scalar a, Scalar b, Scalar yes, Scalar no) {
    return s.select(s.compare(relation, a, b), yes, no);
  };
  auto exp = [](ScalarBuilder& s, Scalar x) { return s.math(MathFunction::Exp, x); };
  if (op == "Relu") return [=](ScalarBuilder& s, Scalar x) { return s.maximum(x, k(s, x, 0)); };
  if (op == "Sigmoid")
    return [=](ScalarBuilder& s, Scalar x) { return s.div(k(s, x, 1), s.add(k(s, x, 1), exp(s, s.neg(x)))); };
  if (op == "Softplus") return softplus;
  if (op == "Softsign") return [=](ScalarBuilder& s, Scalar x) { return s.div(x, s.add(k(s, x, 1), s.abs(x))); };
  if (op == "Mish")
    return [=](ScalarBuilder& s, Scalar x) { return s.mul(x, s.math(MathFunction::Tanh, softplus(s, x))); };
  if (op == "HardSwish") {
    return [=](ScalarBuilder& s, Scalar x) {
      Scalar gate = s.add(s.mul(x, k(s, x, 1.0 / 6)), k(s, x, 0.5));
      return s.mul(x, s.maximum(k(s, x, 0), s.minimum(k(s, x, 1), gate)));
    };
  }
  if (op == "HardSigmoid") {
    double alpha = n.real("alpha", 0.2f), beta = n.real("beta", 0.5f);
    return [=](ScalarBuilder& s, Scalar x) {
      return s.maximum(k(s, x, 0), s.minimum(k(s, x, 1), s.add(s.mul(x, k(s, x, alpha)), k(s, x, beta))));
    };
  }
  if (op == "LeakyRelu") {
    double alpha = n.real("alpha", 0.01f);
    return [=](ScalarBuilder& s, Scalar x) {
      return select(s, Relation::Less, x, k(s, x, 0), s.mul(x, k(s, x, alpha)), x);
    };
  }
  if (op == "ThresholdedRelu") {
    double alpha = n.real("alpha", 1);
    return [=](ScalarBuilder& s, Scalar x) { return select(s, Relation::Greater, x, k(s, x, alpha), x, k(s, x, 0)); };
  }
  if (op == "Elu") {
    double alpha = n.real("alpha", 1);
    return [=](ScalarBuilder& s, Scalar x) {
      Scalar below = s.mul(k(s, x, alpha), s.sub(exp(s, x), k(s, x, 1)));
      return select(s, Relation::Less, x, k(s, x, 0), below, x);
    };
  }
  if (op == "Celu") {
    double alpha = n.real("alpha", 1);
    return [=](ScalarBuilder& s, Scalar x) {
      Scalar below = s.mul(k(s, x, alpha), s.sub(exp(s, s.div(x, k(s, x, alpha))), k(s, x, 1)));
      return s.add(s.maximum(x, k(s, x, 0)), s.minimum(below, k(s, x, 0)));
    };
  }
  if (op == "Selu") {
    double alpha = n.real("alpha", 1.67326319217681884765625f), gamma = n.real("gamma", 1.05070102214813232421875f);
    return [=](ScalarBuilder& s, Scalar x) {
      Scalar below = s.sub(s.mul(k(s, x, alpha), exp(s, x)), k(s, x, alpha));
      return s.mul(k(s, x, gamma), select(s, Relation::LessOrEqual, x, k(s, x, 0), below, x));
    };
  }
  if (op == "Shrink") {
    double bias = n.real("bias", 0), lambda = n.real("lambd", 0.5f);
    return [=](ScalarBuilder& s, Scalar x) {
      Scalar high = select(s, Relation::Greater, x, k(s, x, lambda), s.sub(x, k(s, x, bias)), k(s, x, 0));
      return select(s, Relation::Less, x, k(s, x, -lambda), s.add(x, k(s, x, bias)), high);
    };
  }
  // Gelu, by the error function or by its tanh approximation.
  std::string approximate = n.string("approximate", "none");
  if (approximate != "none" && approximate != "tanh")
    n.fail("attribute 'approximate' is '" + approximate + "'; expected 'none' or 'tanh'");
  bool by_tanh = approximate == "tanh";
  return [=](ScalarBuilder& s, Scalar x) {
    Scalar inner;
    if (by_tanh) {
      Scalar cube = s.mul(s.mul(x, x), x);
      Scalar argument = s.mul(k(s, x, 0.7978845608028654), s.add(x, s.mul(k(s, x, 0.044715), cube)));
      inner = s.math(MathFunction::Tanh, argument);
    } else {
      inner = s.math(MathFunction::Erf, s.mul(x, k(s, x, 0.7071067811865476)));
    }
    return s.mul(s.mul(k(s, x, 0.5), x), s.add(k(s, x, 1), inner));
  };
}

}  // namespace

void importActivation(Node& n, TensorBuilder& b) {
  n.ignore("consumed_inputs");
  ElementType type = n.input(0).type;
  Function function = functionOf(n);
  bool integers = n.op() == "Relu" || n.op() == "Shrink";
  if (type == ElementType::Bool || (!integers && !isFloat(type)))
    return n.fail("input 0 is of type " + name(type) + "; expected a " + (integers ? "number" : "floating point type"));
  // A maximum of two 16-bit numbers is one of them: nothing to round.
  ElementType wide = n.op() == "Relu" ? type : widened(type);
  n.output(0, b.elementwise({n.input(0)}, type, [&](ScalarBuilder& s, const Elements& e) {
    return s.convert(function(s, s.convert(e[0], wide)), type);
  }));
}

void importPRelu(Node& n, TensorBuilder& b) {
  n.ignore("consumed_inputs");
  const Tensor& x = n.input(0);
  if (!n.requireSameTypes()) return;
  Tensor slope = n.input(1);
  // Before opset 7 a vector of slopes belonged to the channels.
  if (n.opset() < 7 && slope.rank() == 1 && slope.count() > 1 && x.rank() > 2) {
    Shape shape(static_cast<size_t>(x.rank() - 1), 1);
    shape[0] = slope.count();
    slope = b.reshape(slope, shape);
  }
  n.output(0, b.elementwise({x, slope}, x.type, [&](ScalarBuilder& s, const Elements& e) {
    Scalar zero = s.constant(x.type, 0.0);
    return s.select(s.compare(Relation::Less, e[0], zero), s.mul(e[0], e[1]), e[0]);
  }));
}

void importClip(Node& n, TensorBuilder& b) {
  n.ignore("consumed_inputs");
  const Tensor& x = n.input(0);
  if (x.type == ElementType::Bool) return n.fail("input 0 is of type bool; expected numbers");
  std::vector<Tensor> operands{x};
  bool has_least, has_most;
  if (n.opset() < 11) {
    has_least = n.hasAttribute("min"), has_most = n.hasAttribute("max");
    if (has_least) operands.push_back(b.scalar(x.type, n.real("min", 0)));
    if (has_most) operands.push_back(b.scalar(x.type, n.real("max", 0)));
  } else {
    if (!n.requireSameTypes()) return;
    has_least = n.has(1), has_most = n.has(2);
    for (size_t i : {1, 2})
      if (n.has(i)) operands.push_back(n.input(i));
  }
  for (const Tensor& bound : operands)
    if (&bound != &operands[0] && bound.count() != 1)
      return n.fail("a bound is not a scalar but of shape " + text(bound.shape));
  // A bound of shape [1] must not add a dimension to a scalar.
  for (size_t i = 1; i < operands.size(); ++i) operands[i] = b.reshape(operands[i], {});
  n.output(0, b.elementwise(operands, x.type, [&](ScalarBuilder& s, const Elements& e) {
    Scalar value = e[0];
    if (has_least) value = s.maximum(value, e[1]);
    if (has_most) value = s.minimum(value, e.back());
    return value;
  }));
}

}  // namespace phx::compiler::onnx
