// Recurrent layers, unrolled over their steps. The products with the inputs of all steps are one matrix product; each
// step adds the product with the state. States of the 16-bit floating point types are kept in f32.
#include <algorithm>

#include "compiler/lib/Frontend/Onnx/Operators.h"

namespace phx::compiler::onnx {
namespace {

using enum ElementType;
using Elements = std::vector<Scalar>;
using Function = Scalar (*)(ScalarBuilder&, Scalar);

constexpr int64_t kMostSteps = 4096;

Scalar sigmoid(ScalarBuilder& s, Scalar x) {
  Scalar one = s.constant(x.type, 1);
  return s.div(one, s.add(one, s.math(MathFunction::Exp, s.neg(x))));
}
Scalar tanh(ScalarBuilder& s, Scalar x) { return s.math(MathFunction::Tanh, x); }
Scalar relu(ScalarBuilder& s, Scalar x) { return s.maximum(x, s.constant(x.type, 0.0)); }

// One direction of a layer: its parameters, in the wide type.
struct Direction {
  Tensor inputs;        // T x B x gates * H: the products with the inputs, and both biases but for GRU's hidden gate
  Tensor recurrence;    // gates * H x H
  Tensor reset_bias;    // GRU with linear_before_reset: H
  Tensor peepholes[3];  // LSTM: H each, of input, output and forget gate
  bool has_peepholes = false;
  std::vector<Function> functions;
};

// The state of a layer: B x H each.
struct State {
  Tensor hidden, cell;
};

class Layer {
 public:
  Layer(Node& n, TensorBuilder& b) : n_(n), b_(b) {}
  void import();

 private:
  bool readAttributes();
  bool checkShapes();
  Direction direction(int64_t d);
  State step(const Direction& direction, const Tensor& inputs, const State& before);
  // Columns gate * H ... of a B x gates * H tensor.
  Tensor gate(const Tensor& x, int64_t gate, int64_t count = 1) {
    return b_.sliceAxis(x, 1, gate * hidden_, count * hidden_);
  }
  Tensor compute(const std::vector<Tensor>& operands, const Body& body) {
    return b_.elementwise(operands, wide_, body);
  }
  Scalar clipped(ScalarBuilder& s, Scalar x) {
    if (clip_ <= 0) return x;
    return s.maximum(s.constant(x.type, -clip_), s.minimum(s.constant(x.type, clip_), x));
  }
  // x[d] without its first dimension, in the wide type.
  Tensor part(const Tensor& x, int64_t d) {
    return b_.convert(b_.reshape(b_.sliceAxis(x, 0, d, 1), Shape(x.shape.begin() + 1, x.shape.end())), wide_);
  }
  Tensor segment(const Tensor& vector, int64_t index) { return b_.sliceAxis(vector, 0, index * hidden_, hidden_); }

  Node& n_;
  TensorBuilder& b_;
  int64_t gates_ = 1, hidden_ = 0, directions_ = 1, steps_ = 0, batch_ = 0, width_ = 0;
  bool lstm_ = false, gru_ = false, reverse_ = false, batch_first_ = false, linear_before_reset_ = false,
       input_forget_ = false;
  double clip_ = 0;
  ElementType wide_ = F32;
  std::vector<Function> functions_;  // for all directions
};

bool Layer::readAttributes() {
  lstm_ = n_.op() == "LSTM", gru_ = n_.op() == "GRU";
  gates_ = lstm_ ? 4 : gru_ ? 3 : 1;
  std::string direction = n_.string("direction", "forward");
  reverse_ = direction == "reverse", directions_ = direction == "bidirectional" ? 2 : 1;
  if (direction != "forward" && !reverse_ && directions_ == 1) n_.fail("attribute 'direction' is unknown");
  batch_first_ = n_.integer("layout", 0) != 0;
  hidden_ = n_.integer("hidden_size", n_.input(2).rank() == 3 ? n_.input(2).shape[2] : 0);
  clip_ = n_.real("clip", 0);
  if (gru_) linear_before_reset_ = n_.integer("linear_before_reset", 0) != 0;
  if (lstm_) input_forget_ = n_.integer("input_forget", 0) != 0;
  if (n_.opset() < 14) n_.ignore("output_sequence");
  for (auto name : {"activation_alpha", "activation_beta"})
    if (n_.hasAttribute(name) && !n_.reals(name).empty())
      n_.fail("attribute '" + std::string(name) + "' is not supported");
  // f, g and h of each direction; the defaults are sigmoid for gates and tanh for the rest.
  size_t per_direction = lstm_ ? 3 : gru_ ? 2 : 1;
  std::vector<std::string> names = n_.strings("activations");
  if (names.empty())
    for (int64_t d = 0; d < directions_; ++d)
      for (size_t i = 0; i < per_direction; ++i) names.push_back(i == 0 && per_direction > 1 ? "Sigmoid" : "Tanh");
  if (names.size() != per_direction * static_cast<size_t>(directions_))
    n_.fail("attribute 'activations' does not name one function for each place");
  for (std::string& name : names) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
    if (name != "sigmoid" && name != "tanh" && name != "relu")
      n_.fail("attribute 'activations': only Sigmoid, Tanh and Relu are supported");
    functions_.push_back(name == "sigmoid" ? sigmoid : name == "tanh" ? tanh : relu);
  }
  return b_.ok();
}

bool Layer::checkShapes() {
  for (size_t i = 0; i < n_.inputCount(); ++i)
    if (n_.has(i) && i != 4 && (!n_.requireFloat(i) || n_.input(i).type != n_.input(0).type))
      return n_.fail("inputs are of different types"), false;
  if (!n_.requireRank(0, 3, 3)) return false;
  const Shape& x = n_.input(0).shape;
  steps_ = x[batch_first_ ? 1 : 0], batch_ = x[batch_first_ ? 0 : 1], width_ = x[2];
  if (hidden_ <= 0 || hidden_ > (1 << 20))
    return n_.fail("attribute 'hidden_size' is " + std::to_string(hidden_)), false;
  if (steps_ > kMostSteps)
    return n_.fail("a sequence of " + std::to_string(steps_) + " steps is too long to be unrolled"), false;
  auto expect = [&](size_t input, const Shape& shape) {
    if (n_.has(input) && n_.input(input).shape != shape)
      n_.fail("input " + std::to_string(input) + " is of shape " + text(n_.input(input).shape) + "; expected " +
              text(shape));
  };
  Shape state = batch_first_ ? Shape{batch_, directions_, hidden_} : Shape{directions_, batch_, hidden_};
  expect(1, {directions_, gates_ * hidden_, width_});
  expect(2, {directions_, gates_ * hidden_, hidden_});
  expect(3, {directions_, 2 * gates_ * hidden_});
  expect(4, {batch_});
  expect(5, state);
  if (lstm_) expect(6, state), expect(7, {directions_, 3 * hidden_});
  if (n_.has(4) && !isInteger(n_.input(4).type)) n_.fail("sequence lengths are not integers");
  if (steps_ == 0 || batch_ == 0 || width_ == 0) n_.fail("the input has no elements");
  return b_.ok();
}

Direction Layer::direction(int64_t d) {
  Direction out;
  Tensor x = batch_first_ ? b_.transpose(n_.input(0), {1, 0, 2}) : n_.input(0);
  Tensor rows = b_.reshape(x, {steps_ * batch_, width_});
  Tensor weights = b_.reshape(b_.sliceAxis(n_.input(1), 0, d, 1), {gates_ * hidden_, width_});
  Tensor products = b_.matmul(rows, weights, wide_, false, true);
  if (n_.has(3)) {
    Tensor both = part(n_.input(3), d);
    Tensor of_input = b_.sliceAxis(both, 0, 0, gates_ * hidden_),
           of_state = b_.sliceAxis(both, 0, gates_ * hidden_, gates_ * hidden_);
    if (linear_before_reset_) {
      // This bias is multiplied with the reset gate, so it is kept apart.
      out.reset_bias = segment(of_state, 2);
      of_state = b_.concat({b_.sliceAxis(of_state, 0, 0, 2 * hidden_), b_.zeros(wide_, {hidden_})}, 0);
    }
    products = compute({products, of_input, of_state},
                       [](ScalarBuilder& s, const Elements& e) { return s.add(s.add(e[0], e[1]), e[2]); });
  } else if (linear_before_reset_) {
    out.reset_bias = b_.zeros(wide_, {hidden_});
  }
  out.inputs = b_.reshape(products, {steps_, batch_, gates_ * hidden_});
  out.recurrence = part(n_.input(2), d);
  if (lstm_ && n_.has(7)) {
    Tensor all = part(n_.input(7), d);
    for (int64_t i = 0; i < 3; ++i) out.peepholes[i] = segment(all, i);
    out.has_peepholes = true;
  }
  size_t count = functions_.size() / static_cast<size_t>(directions_);
  out.functions.assign(functions_.begin() + static_cast<int64_t>(count) * d,
                       functions_.begin() + static_cast<int64_t>(count) * (d + 1));
  return out;
}

State Layer::step(const Direction& direction, const Tensor& inputs, const State& before) {
  const auto& f = direction.functions;
  auto activated = [&](Function function) {
    return [this, function](ScalarBuilder& s, const Elements& e) { return function(s, clipped(s, s.add(e[0], e[1]))); };
  };
  if (!lstm_ && !gru_) {
    Tensor product = b_.matmul(before.hidden, direction.recurrence, wide_, false, true);
    return {compute({inputs, product}, activated(f[0])), {}};
  }
  if (gru_) {
    Tensor gate_weights = b_.sliceAxis(direction.recurrence, 0, 0, 2 * hidden_),
           own_weights = b_.sliceAxis(direction.recurrence, 0, 2 * hidden_, hidden_);
    Tensor product = b_.matmul(before.hidden, gate_weights, wide_, false, true);
    Tensor both = compute({gate(inputs, 0, 2), product}, activated(f[0]));
    Tensor update = gate(both, 0), reset = gate(both, 1), candidate;
    if (linear_before_reset_) {
      Tensor own = b_.matmul(before.hidden, own_weights, wide_, false, true);
      candidate =
          compute({gate(inputs, 2), own, direction.reset_bias, reset}, [&](ScalarBuilder& s, const Elements& e) {
            return f[1](s, clipped(s, s.add(e[0], s.mul(e[3], s.add(e[1], e[2])))));
          });
    } else {
      Tensor kept =
          compute({reset, before.hidden}, [](ScalarBuilder& s, const Elements& e) { return s.mul(e[0], e[1]); });
      candidate = compute({gate(inputs, 2), b_.matmul(kept, own_weights, wide_, false, true)}, activated(f[1]));
    }
    return {compute({update, candidate, before.hidden},
                    [](ScalarBuilder& s, const Elements& e) {
                      return s.add(s.mul(s.sub(s.constant(e[0].type, 1), e[0]), e[1]), s.mul(e[0], e[2]));
                    }),
            {}};
  }
  // LSTM: the gates are input, output, forget and cell.
  Tensor product = b_.matmul(before.hidden, direction.recurrence, wide_, false, true);
  Tensor sums = compute({inputs, product}, [](ScalarBuilder& s, const Elements& e) { return s.add(e[0], e[1]); });
  auto gated = [&](int64_t index, int64_t peephole, const Tensor& cell) {
    std::vector<Tensor> operands{gate(sums, index)};
    if (direction.has_peepholes) operands.push_back(direction.peepholes[peephole]), operands.push_back(cell);
    return compute(operands, [&](ScalarBuilder& s, const Elements& e) {
      return f[0](s, clipped(s, e.size() > 1 ? s.add(e[0], s.mul(e[1], e[2])) : e[0]));
    });
  };
  Tensor input = gated(0, 0, before.cell);
  Tensor forget =
      input_forget_
          ? compute({input}, [](ScalarBuilder& s, const Elements& e) { return s.sub(s.constant(e[0].type, 1), e[0]); })
          : gated(2, 2, before.cell);
  Tensor cell = compute({forget, before.cell, input, gate(sums, 3)}, [&](ScalarBuilder& s, const Elements& e) {
    return s.add(s.mul(e[0], e[1]), s.mul(e[2], f[1](s, clipped(s, e[3]))));
  });
  Tensor output = gated(1, 1, cell);
  return {compute({output, cell}, [&](ScalarBuilder& s, const Elements& e) { return s.mul(e[0], f[2](s, e[1])); }),
          cell};
}

void Layer::import() {
  if (!readAttributes() || !checkShapes()) return;
  wide_ = widened(n_.input(0).type);
  ElementType type = n_.input(0).type;
  std::vector<std::vector<Tensor>> outputs(
      static_cast<size_t>(steps_));  // per step, one 1 x 1 x B x H for each direction
  std::vector<Tensor> last_hidden, last_cell;
  auto initial = [&](size_t input, int64_t d) {
    if (!n_.has(input)) return b_.zeros(wide_, {batch_, hidden_});
    return part(batch_first_ ? b_.transpose(n_.input(input), {1, 0, 2}) : n_.input(input), d);
  };
  for (int64_t d = 0; d < directions_ && b_.ok(); ++d) {
    Direction parameters = direction(d);
    State state{initial(5, d), lstm_ ? initial(6, d) : Tensor{}};
    bool backwards = reverse_ || d == 1;
    for (int64_t k = 0; k < steps_ && b_.ok(); ++k) {
      int64_t t = backwards ? steps_ - 1 - k : k;
      Tensor inputs = b_.reshape(b_.sliceAxis(parameters.inputs, 0, t, 1), {batch_, gates_ * hidden_});
      State next = step(parameters, inputs, state);
      Tensor shown = next.hidden;
      if (n_.has(4)) {
        // Past the end of a sequence the state stays and the output is zero.
        Tensor lengths = b_.reshape(n_.input(4), {batch_, 1});
        auto choose = [&](const Tensor& now, const Tensor* otherwise) {
          std::vector<Tensor> operands{lengths, now};
          if (otherwise) operands.push_back(*otherwise);
          return compute(operands, [&](ScalarBuilder& s, const Elements& e) {
            Scalar runs = s.compare(Relation::Greater, s.convert(e[0], I32), s.integer(I32, t));
            return s.select(runs, e[1], otherwise ? e[2] : s.constant(wide_, 0.0));
          });
        };
        shown = choose(next.hidden, nullptr);
        next.hidden = choose(next.hidden, &state.hidden);
        if (lstm_) next.cell = choose(next.cell, &state.cell);
      }
      state = next;
      if (n_.wants(0)) outputs[static_cast<size_t>(t)].push_back(b_.reshape(shown, {1, 1, batch_, hidden_}));
    }
    last_hidden.push_back(b_.reshape(state.hidden, {1, batch_, hidden_}));
    if (lstm_) last_cell.push_back(b_.reshape(state.cell, {1, batch_, hidden_}));
  }
  if (!b_.ok()) return;
  if (n_.wants(0)) {
    std::vector<Tensor> rows;
    for (const auto& row : outputs) rows.push_back(b_.concat(row, 1));
    Tensor all = b_.convert(b_.concat(rows, 0), type);
    n_.output(0, batch_first_ ? b_.transpose(all, {2, 0, 1, 3}) : all);
  }
  auto finalState = [&](size_t output, const std::vector<Tensor>& states) {
    if (!n_.wants(output)) return;
    Tensor all = b_.convert(b_.concat(states, 0), type);
    n_.output(output, batch_first_ ? b_.transpose(all, {1, 0, 2}) : all);
  };
  finalState(1, last_hidden);
  if (lstm_) finalState(2, last_cell);
}

}  // namespace

void importRecurrent(Node& n, TensorBuilder& b) { Layer(n, b).import(); }

}  // namespace phx::compiler::onnx
