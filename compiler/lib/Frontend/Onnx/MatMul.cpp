// Matrix products. Products of the 16-bit floating point types are summed in f32 and rounded once, integers in i32.
#include <algorithm>
#include <map>

#include "compiler/lib/Frontend/Onnx/Operators.h"
#include "compiler/lib/Frontend/Onnx/Quantization.h"
#include "compiler/lib/Frontend/Onnx/ReadModel.h"

namespace phx::compiler::onnx {
namespace {

using enum ElementType;
using Elements = std::vector<Scalar>;

// NumPy's matmul, of any ranks, with sums in `type`.
Tensor matmul(Node& n, TensorBuilder& b, Tensor x, Tensor y, ElementType type) {
  if (x.rank() == 0 || y.rank() == 0) {
    n.fail("a scalar cannot be multiplied as a matrix");
    return x;
  }
  bool vector_x = x.rank() == 1, vector_y = y.rank() == 1;
  if (vector_x) x = b.reshape(x, {1, x.shape[0]});
  if (vector_y) y = b.reshape(y, {y.shape[0], 1});
  Shape batch_x(x.shape.begin(), x.shape.end() - 2), batch_y(y.shape.begin(), y.shape.end() - 2);
  auto batch = TensorBuilder::broadcastShape(
      {Tensor{type, batch_x, nullptr, {}, nullptr}, Tensor{type, batch_y, nullptr, {}, nullptr}});
  int64_t rows = x.shape[x.rank() - 2], depth = x.shape[x.rank() - 1], columns = y.shape[y.rank() - 1];
  if (!batch || depth != y.shape[y.rank() - 2]) {
    n.fail("matrices of shapes " + text(x.shape) + " and " + text(y.shape) + " cannot be multiplied");
    return x;
  }
  Shape shape = *batch;
  Tensor product;
  int64_t batches = elementCount(*batch), batches_y = elementCount(batch_y);
  if (batches_y == 1) {
    // All rows of x are multiplied with one matrix.
    Tensor tall = b.reshape(x, {elementCount(batch_x) * rows, depth});
    product = b.matmul(tall, b.reshape(y, {depth, columns}), type);
  } else {
    auto stacked = [&](const Tensor& t, int64_t height, int64_t width) {
      Shape full = *batch;
      full.push_back(height), full.push_back(width);
      return b.reshape(b.broadcast(t, full), {batches, height, width});
    };
    product = b.matmul(stacked(x, rows, depth), stacked(y, depth, columns), type);
  }
  if (!vector_x) shape.push_back(rows);
  if (!vector_y) shape.push_back(columns);
  return b.reshape(product, shape);
}

}  // namespace

void importMatMul(Node& n, TensorBuilder& b) {
  if (!n.requireSameTypes()) return;
  ElementType type = n.input(0).type;
  if (type == Bool) return n.fail("inputs are of type bool; expected numbers");
  n.output(0, b.convert(matmul(n, b, n.input(0), n.input(1), widened(type)), type));
}

void importGemm(Node& n, TensorBuilder& b) {
  n.ignore("broadcast");
  double alpha = n.real("alpha", 1), beta = n.real("beta", 1);
  bool transpose_a = n.integer("transA", 0) != 0, transpose_b = n.integer("transB", 0) != 0;
  if (!n.requireRank(0, 2, 2) || !n.requireRank(1, 2, 2) || !n.requireSameTypes()) return;
  ElementType type = n.input(0).type, wide = widened(type);
  if (type == Bool) return n.fail("inputs are of type bool; expected numbers");
  Tensor product = b.matmul(n.input(0), n.input(1), wide, transpose_a, transpose_b);
  bool add = n.has(2) && beta != 0;
  if (!b.ok()) return;
  if (!add && alpha == 1) return n.output(0, b.convert(product, type));
  std::vector<Tensor> operands{product};
  if (add) operands.push_back(n.input(2));
  Tensor out = b.elementwise(operands, type, [&](ScalarBuilder& s, const Elements& e) {
    // Integers have no use for the factors but 1; others go through f32.
    ElementType real = isFloat(wide) ? wide : F32;
    auto times = [&](Scalar v, double factor) {
      return factor == 1 ? v : s.convert(s.mul(s.convert(v, real), s.constant(real, factor)), wide);
    };
    Scalar value = times(e[0], alpha);
    if (add) value = s.add(value, times(s.widen(e[1]), beta));
    return s.convert(value, type);
  });
  if (out.shape != product.shape)
    return n.fail("input 2 of shape " + text(n.input(2).shape) + " does not broadcast to " + text(product.shape));
  n.output(0, out);
}

void importMatMulInteger(Node& n, TensorBuilder& b) {
  Tensor x = withoutZeroPoint(n, b, n.input(0), n.has(2) ? &n.input(2) : nullptr, n.input(0).rank() - 2);
  Tensor y = withoutZeroPoint(n, b, n.input(1), n.has(3) ? &n.input(3) : nullptr, n.input(1).rank() - 1);
  if (b.ok()) n.output(0, matmul(n, b, x, y, I32));
}

void importQLinearMatMul(Node& n, TensorBuilder& b) {
  const Tensor &a = n.input(0), &c = n.input(3);
  for (size_t i : {1, 4, 6})
    if (n.input(i).count() != 1) return n.fail("only one scale for a whole tensor is supported");
  Tensor x = withoutZeroPoint(n, b, a, &n.input(2), a.rank() - 2),
         y = withoutZeroPoint(n, b, c, &n.input(5), c.rank() - 1);
  if (!b.ok()) return;
  Tensor product = matmul(n, b, x, y, I32);
  if (b.ok()) n.output(0, requantized(n, b, product, n.input(1), n.input(4), n.input(6), n.input(7)));
}

namespace {

// A tensor whose dimensions have one label each.
struct Labelled {
  Tensor tensor;
  std::vector<int> labels;
  int64_t find(int label) const {
    auto at = std::find(labels.begin(), labels.end(), label);
    return at == labels.end() ? -1 : at - labels.begin();
  }
};

// Sums over, or takes the diagonal of, what the labels of one operand repeat; and sums over labels nobody else needs.
Labelled simplified(TensorBuilder& b, Labelled x, const std::vector<int>& needed) {
  for (size_t j = 0; j < x.labels.size(); ++j) {
    size_t i = static_cast<size_t>(x.find(x.labels[j]));
    if (i == j) continue;
    Dims all, kept;
    for (int64_t d = 0; d < x.tensor.rank(); ++d) {
      all.push_back(d);
      if (d != static_cast<int64_t>(j)) kept.push_back(d);
    }
    x.tensor = b.loops(
        x.tensor.shape, {{x.tensor, all}}, kept, x.tensor.type,
        [&](ScalarBuilder& s, const Elements& e) {
          Scalar diagonal =
              s.compare(Relation::Equal, s.index(static_cast<unsigned>(i)), s.index(static_cast<unsigned>(j)));
          return s.select(diagonal, e[0], e[1]);
        },
        Number{});
    x.labels.erase(x.labels.begin() + static_cast<int64_t>(j));
    --j;
  }
  Dims unused;
  std::vector<int> left;
  for (size_t i = 0; i < x.labels.size(); ++i) {
    bool used = std::find(needed.begin(), needed.end(), x.labels[i]) != needed.end();
    if (used)
      left.push_back(x.labels[i]);
    else
      unused.push_back(static_cast<int64_t>(i));
  }
  if (!unused.empty())
    x.tensor = b.reduce(x.tensor, unused, x.tensor.type, Number{},
                        [](ScalarBuilder& s, const Elements& e) { return s.add(e[1], e[0]); });
  x.labels = left;
  return x;
}

Labelled arranged(TensorBuilder& b, const Labelled& x, const std::vector<int>& labels) {
  Dims permutation;
  for (int label : labels) permutation.push_back(x.find(label));
  return {b.transpose(x.tensor, permutation), labels};
}

// The product of two operands, summed over the labels that both have and nobody needs: one batched matrix product.
Labelled contracted(TensorBuilder& b, const Labelled& x, const Labelled& y, const std::vector<int>& needed) {
  std::vector<int> batch, rows, columns, depth;
  auto isNeeded = [&](int label) { return std::find(needed.begin(), needed.end(), label) != needed.end(); };
  for (int label : x.labels) {
    if (y.find(label) < 0)
      rows.push_back(label);
    else if (isNeeded(label))
      batch.push_back(label);
    else
      depth.push_back(label);
  }
  for (int label : y.labels)
    if (x.find(label) < 0) columns.push_back(label);
  auto size = [&](const std::vector<int>& labels) {
    Shape shape;
    for (int label : labels)
      shape.push_back(x.find(label) >= 0 ? x.tensor.shape[x.find(label)] : y.tensor.shape[y.find(label)]);
    return shape;
  };
  auto joined = [](std::vector<int> a, const std::vector<int>& c, const std::vector<int>& d) {
    a.insert(a.end(), c.begin(), c.end());
    a.insert(a.end(), d.begin(), d.end());
    return a;
  };
  int64_t batches = elementCount(size(batch)), m = elementCount(size(rows)), k = elementCount(size(depth)),
          c = elementCount(size(columns));
  Tensor left = arranged(b, x, joined(batch, rows, depth)).tensor,
         right = arranged(b, y, joined(batch, depth, columns)).tensor;
  std::vector<int> labels = joined(batch, rows, columns);
  Shape shape = size(labels);
  Tensor product = batches == 1
                       ? b.matmul(b.reshape(left, {m, k}), b.reshape(right, {k, c}), x.tensor.type)
                       : b.matmul(b.reshape(left, {batches, m, k}), b.reshape(right, {batches, k, c}), x.tensor.type);
  return {b.reshape(product, shape), labels};
}

// One term of an equation as labels: letters, and numbers above 1000 for the dimensions of an ellipsis, the last being
// 1000.
std::optional<std::vector<int>> parseTerm(const std::string& term, int64_t rank) {
  std::vector<int> labels;
  int64_t letters = 0;
  for (char c : term) letters += c != '.';
  size_t dots = term.find("...");
  for (size_t i = 0; i < term.size(); ++i) {
    if (i == dots) {
      for (int64_t d = rank - letters; d-- > 0;) labels.push_back(1000 + static_cast<int>(d));
      i += 2;
    } else if ((term[i] >= 'a' && term[i] <= 'z') || (term[i] >= 'A' && term[i] <= 'Z')) {
      labels.push_back(term[i]);
    } else {
      return {};
    }
  }
  return labels;
}

}  // namespace

void importEinsum(Node& n, TensorBuilder& b) {
  std::string equation = n.string("equation", "");
  std::erase(equation, ' ');
  if (!n.requireSameTypes()) return;
  ElementType type = n.input(0).type, wide = widened(type);
  if (type == Bool) return n.fail("inputs are of type bool; expected numbers");
  std::string wrong = "attribute 'equation' is '" + printable(equation) + "', which does not fit the inputs";
  size_t arrow = equation.find("->");
  std::string left = equation.substr(0, arrow);
  std::vector<Labelled> operands;
  std::map<int, int64_t> sizes;
  std::map<int, int> uses;
  int64_t ellipsis = 0;
  for (size_t i = 0, start = 0; i < n.inputCount(); ++i) {
    if (!n.has(i) || start > left.size()) return n.fail(wrong);
    size_t comma = std::min(left.find(',', start), left.size());
    const Tensor& x = n.input(i);
    auto labels = parseTerm(left.substr(start, comma - start), x.rank());
    start = comma + 1;
    if (!labels || static_cast<int64_t>(labels->size()) != x.rank()) return n.fail(wrong);
    for (size_t d = 0; d < labels->size(); ++d) {
      int label = (*labels)[d];
      int64_t& size = sizes.try_emplace(label, x.shape[d]).first->second;
      if (size == 1) size = x.shape[d];
      if (size != x.shape[d] && x.shape[d] != 1) return n.fail(wrong);
      ++uses[label];
      if (label >= 1000) ellipsis = std::max<int64_t>(ellipsis, label - 999);
    }
    operands.push_back({b.convert(x, wide), *labels});
    if (i + 1 == n.inputCount() && start <= left.size()) return n.fail(wrong);
  }
  std::vector<int> result;
  if (arrow != std::string::npos) {
    std::string right = equation.substr(arrow + 2);
    int64_t letters = std::count_if(right.begin(), right.end(), [](char c) { return c != '.'; });
    auto labels = parseTerm(right, right.find("...") == std::string::npos ? letters : letters + ellipsis);
    if (!labels) return n.fail(wrong);
    result = *labels;
  } else {
    for (int64_t d = ellipsis; d-- > 0;) result.push_back(1000 + static_cast<int>(d));
    for (auto [label, count] : uses)
      if (label < 1000 && count == 1) result.push_back(label);
  }
  for (size_t i = 0; i < result.size(); ++i)
    if (!sizes.contains(result[i]) || std::find(result.begin(), result.begin() + static_cast<int64_t>(i), result[i]) !=
                                          result.begin() + static_cast<int64_t>(i))
      return n.fail(wrong);
  // A dimension of 1 that stands for a longer one is broadcast by leaving it out.
  for (Labelled& operand : operands) {
    Shape shape;
    std::vector<int> labels;
    for (size_t d = 0; d < operand.labels.size(); ++d) {
      if (operand.tensor.shape[d] == 1 && sizes[operand.labels[d]] != 1) continue;
      shape.push_back(operand.tensor.shape[d]), labels.push_back(operand.labels[d]);
    }
    operand = {b.reshape(operand.tensor, shape), labels};
  }
  Labelled total;
  for (size_t i = 0; i < operands.size(); ++i) {
    std::vector<int> needed = result;  // by the result and by later operands
    for (size_t j = i + 1; j < operands.size(); ++j)
      needed.insert(needed.end(), operands[j].labels.begin(), operands[j].labels.end());
    std::vector<int> shared = needed;
    if (i > 0) shared.insert(shared.end(), total.labels.begin(), total.labels.end());
    Labelled next = simplified(b, operands[i], shared);
    if (!b.ok()) return;
    if (i == 0) {
      total = next;
      continue;
    }
    std::vector<int> others = needed;
    others.insert(others.end(), next.labels.begin(), next.labels.end());
    total = simplified(b, total, others);
    total = contracted(b, total, next, needed);
    if (!b.ok()) return;
  }
  if (total.labels.size() != result.size()) return n.fail(wrong);
  n.output(0, b.convert(arranged(b, total, result).tensor, type));
}

}  // namespace phx::compiler::onnx
