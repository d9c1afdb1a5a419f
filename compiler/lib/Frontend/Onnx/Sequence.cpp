// Sequences of tensors: lists that exist while the model is imported and leave no trace. Their lengths and the
// positions in them must be known.
#include <algorithm>

#include "compiler/lib/Frontend/Onnx/Operators.h"

namespace phx::compiler::onnx {
namespace {

using List = std::vector<Tensor>;

// Lists are copied by each operator: a small file must not make many long ones.
constexpr int64_t kLongest = 1024;

Tensor sequenceOf(List elements) {
  Tensor tensor;
  tensor.sequence = std::make_shared<const List>(std::move(elements));
  return tensor;
}

// The list of an input; nothing, and an error, when it is a tensor.
const List* listOf(Node& n, size_t input) {
  if (n.has(input) && n.input(input).sequence) return n.input(input).sequence.get();
  n.fail("input " + std::to_string(input) + " is not a sequence");
  return nullptr;
}

bool requireTensor(Node& n, size_t input) {
  if (!n.input(input).sequence) return true;
  n.fail("input " + std::to_string(input) + " is a sequence; expected a tensor");
  return false;
}

// A position from an input; `most` is the largest one allowed, and what an absent input means.
std::optional<int64_t> positionOf(Node& n, size_t input, int64_t size, int64_t most) {
  if (!n.has(input)) return most;
  const ConstantTensor* given = n.constant(input, "position");
  if (!given) return {};
  if (given->count() != 1 || isFloat(given->type)) return n.fail("position is not an integer"), std::nullopt;
  int64_t at = given->at(0).integer;
  if (at < -size || at > most)
    return n.fail("position " + std::to_string(at) + " is outside of a sequence of " + std::to_string(size)),
           std::nullopt;
  return at < 0 ? at + size : at;
}

}  // namespace

void importSequenceConstruct(Node& n, TensorBuilder& b) {
  List elements = n.inputs();
  for (size_t i = 0; i < elements.size(); ++i)
    if (!requireTensor(n, i)) return;
  if (n.requireSameTypes()) n.output(0, sequenceOf(std::move(elements)));
}

void importSequenceEmpty(Node& n, TensorBuilder& b) {
  n.ignore("dtype");
  n.output(0, sequenceOf({}));
}

void importSequenceInsert(Node& n, TensorBuilder& b) {
  const List* list = listOf(n, 0);
  if (!list || !requireTensor(n, 1)) return;
  int64_t size = static_cast<int64_t>(list->size());
  auto at = positionOf(n, 2, size, size);
  if (!at) return;
  if (size >= kLongest)
    return n.fail("a sequence of more than " + std::to_string(kLongest) + " tensors is not supported");
  List longer = *list;
  longer.insert(longer.begin() + *at, n.input(1));
  n.output(0, sequenceOf(std::move(longer)));
}

void importSequenceErase(Node& n, TensorBuilder& b) {
  const List* list = listOf(n, 0);
  if (!list) return;
  int64_t size = static_cast<int64_t>(list->size());
  if (size == 0) return n.fail("the sequence is empty");
  auto at = positionOf(n, 1, size, size - 1);
  if (!at) return;
  List shorter = *list;
  shorter.erase(shorter.begin() + *at);
  n.output(0, sequenceOf(std::move(shorter)));
}

void importSequenceAt(Node& n, TensorBuilder& b) {
  const List* list = listOf(n, 0);
  if (!list) return;
  int64_t size = static_cast<int64_t>(list->size());
  auto at = positionOf(n, 1, size, size - 1);
  if (at) n.output(0, (*list)[static_cast<size_t>(*at)]);
}

void importSequenceLength(Node& n, TensorBuilder& b) {
  const List* list = listOf(n, 0);
  if (!list) return;
  int64_t size = static_cast<int64_t>(list->size());
  n.output(0, b.reshape(b.constant(integers({&size, 1})), {}));
}

void importSplitToSequence(Node& n, TensorBuilder& b) {
  if (!requireTensor(n, 0)) return;
  const Tensor& x = n.input(0);
  bool keep = n.integer("keepdims", 1) != 0;
  int64_t axis = n.axis(n.integer("axis", 0), x.rank());
  if (!b.ok()) return;
  int64_t size = x.shape[axis];
  Dims sizes;
  if (n.has(1)) {
    const ConstantTensor* given = n.constant(1, "split");
    if (!given) return;
    if (isFloat(given->type) || given->shape.size() > 1 || given->count() > kLongest)
      return n.fail("split must be a number or a list of integers");
    sizes = toIntegers(*given);
    keep = true;
    if (given->shape.empty()) {
      int64_t part = sizes[0];
      if (part <= 0 || size / part > kLongest) return n.fail("split is " + std::to_string(part));
      sizes.clear();
      for (int64_t start = 0; start < size; start += part) sizes.push_back(std::min(part, size - start));
    }
  } else {
    if (size > kLongest) return n.fail("a dimension of " + std::to_string(size) + " is too long for a sequence");
    sizes.assign(static_cast<size_t>(size), 1);
  }
  int64_t total = 0;
  for (int64_t part : sizes) {
    if (part < 0 || part > size)
      return n.fail("split holds " + std::to_string(part) + " for a dimension of " + std::to_string(size));
    total += part;
  }
  if (total != size)
    return n.fail("split adds up to " + std::to_string(total) + " for a dimension of " + std::to_string(size));
  List parts;
  Shape dropped = x.shape;
  dropped.erase(dropped.begin() + axis);
  for (int64_t i = 0, start = 0; i < static_cast<int64_t>(sizes.size()); start += sizes[static_cast<size_t>(i++)]) {
    Tensor part = b.sliceAxis(x, axis, start, sizes[static_cast<size_t>(i)]);
    parts.push_back(keep ? part : b.reshape(part, dropped));
  }
  n.output(0, sequenceOf(std::move(parts)));
}

void importConcatFromSequence(Node& n, TensorBuilder& b) {
  const List* list = listOf(n, 0);
  if (!list) return;
  bool add = n.integer("new_axis", 0) != 0;
  if (list->empty()) return n.fail("the sequence is empty");
  int64_t axis = n.axis(n.integer("axis", 0), list->front().rank() + add);
  if (!b.ok()) return;
  List parts;
  for (const Tensor& element : *list) {
    Shape expected = list->front().shape, shape = element.shape;
    if (!add && shape.size() == expected.size()) expected[axis] = shape[axis];
    if (shape != expected || element.type != list->front().type)
      return n.fail("the tensors of the sequence do not fit together");
    if (add) shape.insert(shape.begin() + axis, 1);
    parts.push_back(b.reshape(element, shape));
  }
  n.output(0, b.concat(parts, axis));
}

}  // namespace phx::compiler::onnx
