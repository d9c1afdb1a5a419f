#include "compiler/lib/Frontend/Onnx/Node.h"

#include <algorithm>

#include "compiler/lib/Frontend/Onnx/ReadModel.h"
#include "onnx.pb.h"

namespace phx::compiler::onnx {

using phx::onnx_schema::AttributeProto;

Node::Node(const phx::onnx_schema::NodeProto& proto, int64_t opset, std::vector<const Tensor*> inputs,
           TensorBuilder& builder)
    : proto_(proto), opset_(opset), inputs_(std::move(inputs)), builder_(builder), outputs_(proto.output_size()) {}

const std::string& Node::op() const { return proto_.op_type(); }

const Tensor& Node::input(size_t i) const {
  static const Tensor absent;
  return has(i) ? *inputs_[i] : absent;
}

std::vector<Tensor> Node::inputs() const {
  std::vector<Tensor> present;
  for (const Tensor* input : inputs_)
    if (input) present.push_back(*input);
  return present;
}

const ConstantTensor* Node::constant(size_t i, std::string_view what) {
  if (has(i) && inputs_[i]->constant) return inputs_[i]->constant.get();
  unknown_input_ = i;
  std::string label = "input " + std::to_string(i) + " (" + std::string(what) + ")";
  if (!has(i))
    fail(label + " is missing");
  else
    fail(label + ", '" + printable(proto_.input(static_cast<int>(i))) + "', must be known when the model is compiled");
  return nullptr;
}

size_t Node::outputCount() const { return outputs_.size(); }

bool Node::wants(size_t i) const { return i < outputs_.size() && !proto_.output(static_cast<int>(i)).empty(); }

void Node::output(size_t i, Tensor tensor) {
  if (i < outputs_.size()) outputs_[i] = std::move(tensor);
}

const AttributeProto* Node::find(std::string_view name) {
  read_.emplace(name);
  for (const AttributeProto& attribute : proto_.attribute())
    if (attribute.name() == name) return &attribute;
  return nullptr;
}

const AttributeProto* Node::find(std::string_view name, int type, std::string_view type_name) {
  const AttributeProto* attribute = find(name);
  // Files of IR version 1 have no types; what the fields hold is what counts there.
  if (!attribute || !attribute->has_type() || attribute->type() == type) return attribute;
  fail("attribute '" + std::string(name) + "' is not of type " + std::string(type_name));
  return nullptr;
}

int64_t Node::integer(std::string_view name, int64_t otherwise) {
  auto* attribute = find(name, AttributeProto::INT, "int");
  return attribute ? attribute->i() : otherwise;
}

double Node::real(std::string_view name, double otherwise) {
  auto* attribute = find(name, AttributeProto::FLOAT, "float");
  return attribute ? attribute->f() : otherwise;
}

std::string Node::string(std::string_view name, std::string_view otherwise) {
  auto* attribute = find(name, AttributeProto::STRING, "string");
  return attribute ? attribute->s() : std::string(otherwise);
}

Dims Node::integers(std::string_view name) {
  auto* attribute = find(name, AttributeProto::INTS, "ints");
  return attribute ? Dims(attribute->ints().begin(), attribute->ints().end()) : Dims{};
}

std::vector<double> Node::reals(std::string_view name) {
  auto* attribute = find(name, AttributeProto::FLOATS, "floats");
  if (!attribute) return {};
  return {attribute->floats().begin(), attribute->floats().end()};
}

std::vector<std::string> Node::strings(std::string_view name) {
  auto* attribute = find(name, AttributeProto::STRINGS, "strings");
  if (!attribute) return {};
  return {attribute->strings().begin(), attribute->strings().end()};
}

const phx::onnx_schema::TensorProto* Node::tensor(std::string_view name) {
  auto* attribute = find(name, AttributeProto::TENSOR, "tensor");
  return attribute ? &attribute->t() : nullptr;
}

std::optional<std::string> Node::unreadAttribute() const {
  for (const AttributeProto& attribute : proto_.attribute())
    if (!read_.contains(attribute.name())) return attribute.name();
  return {};
}

int64_t Node::axis(int64_t axis, int64_t rank) {
  if (axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis;
  fail("axis " + std::to_string(axis) + " is outside of a tensor of rank " + std::to_string(rank));
  return 0;
}

Dims Node::axes(Dims axes, int64_t rank) {
  for (int64_t& one : axes) one = axis(one, rank);
  Dims sorted = axes;
  std::sort(sorted.begin(), sorted.end());
  if (builder_.ok() && std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) fail("an axis is given twice");
  return builder_.ok() ? axes : Dims{};
}

bool Node::requireRank(size_t i, int64_t least, int64_t most) {
  int64_t rank = input(i).rank();
  if (has(i) && rank >= least && rank <= most) return true;
  std::string expected = std::to_string(least);
  if (most != least) expected = most < 1000 ? expected + " to " + std::to_string(most) : "at least " + expected;
  fail("input " + std::to_string(i) + " has rank " + std::to_string(rank) + "; expected " + expected);
  return false;
}

bool Node::requireFloat(size_t i) {
  if (isFloat(input(i).type)) return true;
  fail("input " + std::to_string(i) + " is of type " + name(input(i).type) + "; expected a floating point type");
  return false;
}

bool Node::requireSameTypes() {
  const Tensor* first = nullptr;
  for (const Tensor* input : inputs_) {
    if (!input) continue;
    if (first && input->type != first->type) {
      fail("inputs are of different types: " + name(first->type) + " and " + name(input->type));
      return false;
    }
    if (!first) first = input;
  }
  return true;
}

}  // namespace phx::compiler::onnx
