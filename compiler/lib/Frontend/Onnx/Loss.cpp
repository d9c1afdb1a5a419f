// Losses over classes.
#include "compiler/lib/Frontend/Onnx/Normalization.h"
#include "compiler/lib/Frontend/Onnx/Operators.h"

namespace phx::compiler::onnx {
namespace {

using enum ElementType;
using Elements = std::vector<Scalar>;

// The loss of log probabilities x[N, C, ...] for classes target[N, ...], with the attributes of both operators.
void classLoss(Node& n, TensorBuilder& b, const Tensor& x, size_t weight_input) {
  const Tensor& target = n.input(1);
  std::string reduction = n.string("reduction", "mean");
  bool ignores = n.hasAttribute("ignore_index");
  int64_t ignored = n.integer("ignore_index", 0);
  if (reduction != "none" && reduction != "sum" && reduction != "mean")
    return n.fail("attribute 'reduction' is '" + reduction + "'; expected none, sum or mean");
  Shape expected = x.shape;
  if (x.rank() >= 2) expected.erase(expected.begin() + 1);
  if (x.rank() < 2 || target.shape != expected || !isInteger(target.type))
    return n.fail("the target of shape " + text(target.shape) + " does not fit scores of shape " + text(x.shape));
  ElementType wide = widened(x.type);
  std::vector<Operand> weight;
  if (n.has(weight_input)) {
    const Tensor& given = n.input(weight_input);
    if (given.rank() != 1 || given.shape[0] != x.shape[1] || given.type != x.type)
      return n.fail("the weights do not hold one value for each class");
    weight.push_back({given, {1}});
  }
  Dims all, kept;
  for (int64_t i = 0; i < x.rank(); ++i) {
    all.push_back(i);
    if (i != 1) kept.push_back(i);
  }
  // Sums over the classes c of what belongs to the target class; nothing does where the target is ignored.
  auto chosen = [&](std::vector<Operand> operands,
                    const std::function<Scalar(ScalarBuilder&, const Elements&)>& value) {
    operands.insert(operands.begin(), {target, kept});
    return b.loops(
        x.shape, operands, kept, wide,
        [&](ScalarBuilder& s, const Elements& e) {
          Scalar at = s.convert(e[0], I32), hit = s.compare(Relation::Equal, at, s.index(1));
          if (ignores) hit = s.logicalAnd(hit, s.compare(Relation::NotEqual, at, s.integer(I32, ignored)));
          return s.select(hit, s.convert(value(s, e), wide), e.back());
        },
        Number{});
  };
  std::vector<Operand> scores{{x, all}};
  scores.insert(scores.end(), weight.begin(), weight.end());
  Tensor losses = chosen(scores, [&](ScalarBuilder& s, const Elements& e) {
    Scalar loss = s.neg(s.widen(e[1]));
    return weight.empty() ? loss : s.mul(loss, s.widen(e[2]));
  });
  if (reduction == "none") return n.output(0, b.convert(losses, x.type));
  Dims axes;
  for (int64_t i = 0; i + 1 < x.rank(); ++i) axes.push_back(i);
  auto total = [&](const Tensor& t) {
    return b.reduce(t, axes, wide, Number{}, [](ScalarBuilder& s, const Elements& e) { return s.add(e[1], e[0]); });
  };
  Tensor sum = total(losses);
  if (reduction == "mean") {
    auto counted = [&](ScalarBuilder& s, const Elements& e) {
      Scalar one = s.integer(Bool, 1), at = s.convert(e[0], I32);
      return s.convert(ignores ? s.compare(Relation::NotEqual, at, s.integer(I32, ignored)) : one, wide);
    };
    Tensor weights = weight.empty() ? b.elementwise({target}, wide, counted)
                                    : chosen(weight, [](ScalarBuilder& s, const Elements& e) { return s.widen(e[1]); });
    sum = b.elementwise({sum, total(weights)}, wide,
                        [](ScalarBuilder& s, const Elements& e) { return s.div(e[0], e[1]); });
  }
  n.output(0, b.convert(sum, x.type));
}

}  // namespace

void importNegativeLogLikelihoodLoss(Node& n, TensorBuilder& b) {
  if (n.requireFloat(0)) classLoss(n, b, n.input(0), 2);
}

void importSoftmaxCrossEntropyLoss(Node& n, TensorBuilder& b) {
  if (!n.requireFloat(0) || !n.requireRank(0, 2)) return;
  const Tensor& x = n.input(0);
  Tensor scores = softmax(b, x, 1, true, x.type);
  classLoss(n, b, scores, 2);
  if (n.wants(1)) n.output(1, scores);
}

}  // namespace phx::compiler::onnx
