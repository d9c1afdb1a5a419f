// Graphs inside of nodes. The results have no control flow: a branch is chosen and loops are unrolled, for which
// conditions and trip counts must be known; functions of the model are inlined.
#include <algorithm>

#include "compiler/lib/Frontend/Onnx/GraphImport.h"
#include "compiler/lib/Frontend/Onnx/ReadModel.h"

namespace phx::compiler::onnx {

using onnx_schema::AttributeProto;
using onnx_schema::FunctionProto;
using onnx_schema::GraphProto;
using onnx_schema::NodeProto;

namespace {

constexpr int kDeepest = 64;
constexpr int64_t kMostTrips = 4096;

const GraphProto* graphAttribute(const NodeProto& node, std::string_view name) {
  for (const AttributeProto& attribute : node.attribute())
    if (attribute.name() == name && attribute.has_g()) return &attribute.g();
  return nullptr;
}

// Attributes of a function's nodes that stand for the call's are replaced, at any depth.
void bindAttributes(NodeProto& node, const google::protobuf::RepeatedPtrField<AttributeProto>& given) {
  auto* attributes = node.mutable_attribute();
  for (int i = attributes->size(); i-- > 0;) {
    AttributeProto& attribute = *attributes->Mutable(i);
    if (attribute.has_g())
      for (NodeProto& inner : *attribute.mutable_g()->mutable_node()) bindAttributes(inner, given);
    if (attribute.ref_attr_name().empty()) continue;
    auto value = std::find_if(given.begin(), given.end(),
                              [&](const AttributeProto& one) { return one.name() == attribute.ref_attr_name(); });
    std::string name = attribute.name();
    if (value == given.end()) {
      attributes->DeleteSubrange(i, 1);  // absent: the operator's default
    } else {
      attribute = *value;
      attribute.set_name(name);
    }
  }
}

}  // namespace

void GraphImport::forEachInput(const NodeProto& node, const std::function<void(const std::string&)>& visit) {
  for (const std::string& input : node.input()) visit(input);
  // Graphs inside of it read values from outside by name.
  for (const AttributeProto& attribute : node.attribute()) {
    if (!attribute.has_g()) continue;
    for (const NodeProto& inner : attribute.g().node()) forEachInput(inner, visit);
    for (const auto& output : attribute.g().output()) visit(output.name());
  }
}

std::optional<int64_t> GraphImport::knownScalar(const Tensor& tensor, const std::string& name) {
  if (tensor.constant && tensor.constant->count() == 1 && !isFloat(tensor.type)) return tensor.constant->at(0).integer;
  if (!tensor.constant && !tensor.sequence) findNeeded(name);
  return {};
}

Expected<std::vector<Tensor>> GraphImport::importBody(const NodeProto& node, int index, const GraphProto& body,
                                                      const std::vector<Tensor>& inputs) {
  if (depth_ >= kDeepest)
    return problem(node, index, "nodes are nested more than " + std::to_string(kDeepest) + " deep");
  if (static_cast<size_t>(body.input_size()) != inputs.size())
    return problem(
        node, index,
        "its graph has " + std::to_string(body.input_size()) + " inputs; expected " + std::to_string(inputs.size()));
  size_t mark = defined_.size();
  ++depth_;
  auto inside = [&]() -> Expected<std::vector<Tensor>> {
    for (size_t i = 0; i < inputs.size(); ++i)
      if (!define(body.input(static_cast<int>(i)).name(), inputs[i]))
        return problem(
            node, index,
            "a value of its graph has a name that is in use, '" + body.input(static_cast<int>(i)).name() + "'");
    if (Outcome read = readInitializers(body); !read) return read.diagnostic();
    for (const NodeProto& inner : body.node())
      if (Outcome imported = importNode(inner, index); !imported) return imported.diagnostic();
    std::vector<Tensor> outputs;
    for (const auto& output : body.output()) {
      auto value = values_.find(output.name());
      if (value == values_.end())
        return problem(node, index, "output '" + output.name() + "' of its graph is not defined");
      outputs.push_back(value->second);
    }
    return outputs;
  };
  auto outputs = inside();
  --depth_;
  for (; defined_.size() > mark; defined_.pop_back()) values_.erase(defined_.back());
  return outputs;
}

Outcome GraphImport::importIf(const NodeProto& node, int index) {
  auto inputs = inputsOf(node, index);
  if (!inputs) return inputs.diagnostic();
  if (inputs->size() != 1 || !inputs->front()) return problem(node, index, "it has no condition");
  auto condition = knownScalar(*inputs->front(), node.input(0));
  if (!condition)
    return problem(node, index, "the condition '" + node.input(0) + "' must be known when the model is compiled");
  const GraphProto* branch = graphAttribute(node, *condition ? "then_branch" : "else_branch");
  if (!branch) return problem(node, index, "the branch to take is missing");
  auto outputs = importBody(node, index, *branch, {});
  if (!outputs) return outputs.diagnostic();
  if (outputs->size() != static_cast<size_t>(node.output_size()))
    return problem(node, index, "its branch has another number of outputs");
  for (int i = 0; i < node.output_size(); ++i)
    if (!node.output(i).empty() && !define(node.output(i), (*outputs)[static_cast<size_t>(i)]))
      return problem(node, index, "output '" + node.output(i) + "' is defined twice");
  return {};
}

Outcome GraphImport::importLoop(const NodeProto& node, int index) {
  auto inputs = inputsOf(node, index);
  if (!inputs) return inputs.diagnostic();
  const GraphProto* body = graphAttribute(node, "body");
  if (!body || inputs->size() < 2 || body->output_size() < 1)
    return problem(node, index, "its body or an input is missing");
  int64_t trips = kMostTrips + 1, running = 1;
  for (size_t i = 0; i < 2; ++i) {
    if (!(*inputs)[i]) continue;
    auto value = knownScalar(*(*inputs)[i], node.input(static_cast<int>(i)));
    if (!value)
      return problem(node, index,
                     "input '" + node.input(static_cast<int>(i)) + "' must be known when the model is compiled");
    (i == 0 ? trips : running) = *value;
  }
  std::vector<Tensor> carried;
  for (size_t i = 2; i < inputs->size(); ++i) {
    if (!(*inputs)[i]) return problem(node, index, "a loop-carried input is missing");
    carried.push_back(*(*inputs)[i]);
  }
  size_t outputs = static_cast<size_t>(body->output_size()) - 1;
  if (outputs < carried.size() || outputs < static_cast<size_t>(node.output_size()))
    return problem(node, index, "its body has too few outputs");
  std::vector<std::vector<Tensor>> scans(outputs - carried.size());
  for (int64_t trip = 0; trip < trips && running; ++trip) {
    if (trip >= kMostTrips) return problem(node, index, "it runs more than " + std::to_string(kMostTrips) + " times");
    ConstantTensor iteration(ElementType::I64, {}), condition(ElementType::Bool, {});
    iteration.set(0, {0, trip}), condition.set(0, {0, 1});
    std::vector<Tensor> arguments{tensors_.constant(std::move(iteration)), tensors_.constant(std::move(condition))};
    arguments.insert(arguments.end(), carried.begin(), carried.end());
    auto results = importBody(node, index, *body, arguments);
    if (!results) return results.diagnostic();
    auto again = knownScalar(results->front(), body->output(0).name());
    if (!again) return problem(node, index, "whether it runs again must be known when the model is compiled");
    running = *again;
    for (size_t i = 0; i < carried.size(); ++i) carried[i] = (*results)[1 + i];
    for (size_t i = 0; i < scans.size(); ++i) {
      Tensor row = (*results)[1 + carried.size() + i];
      if (row.sequence) return problem(node, index, "a scan output is a sequence");
      Shape shape = row.shape;
      shape.insert(shape.begin(), 1);
      scans[i].push_back(tensors_.reshape(row, shape));
      if (scans[i].front().shape != scans[i].back().shape || scans[i].front().type != scans[i].back().type)
        return problem(node, index, "the parts of a scan output are of different shapes");
    }
  }
  for (auto& parts : scans) {
    if (parts.empty()) return problem(node, index, "a scan output of a loop that does not run is not supported");
    carried.push_back(tensors_.concat(parts, 0));
  }
  if (!tensors_.ok()) return problem(node, index, tensors_.error());
  for (int i = 0; i < node.output_size(); ++i)
    if (!node.output(i).empty() && !define(node.output(i), carried[static_cast<size_t>(i)]))
      return problem(node, index, "output '" + node.output(i) + "' is defined twice");
  return {};
}

Outcome GraphImport::importScan(const NodeProto& node, int index) {
  if (opset_ < 9) return problem(node, index, "this operator is supported from opset 9 on");
  auto inputs = inputsOf(node, index);
  if (!inputs) return inputs.diagnostic();
  const GraphProto* body = graphAttribute(node, "body");
  auto integers = [&](std::string_view name) {
    for (const AttributeProto& attribute : node.attribute())
      if (attribute.name() == name) return Dims(attribute.ints().begin(), attribute.ints().end());
    return Dims{};
  };
  int64_t scanned = 0;
  for (const AttributeProto& attribute : node.attribute())
    if (attribute.name() == "num_scan_inputs") scanned = attribute.i();
  int64_t given = static_cast<int64_t>(inputs->size()), states = given - scanned;
  if (!body || scanned < 1 || states < 0 || body->output_size() < states)
    return problem(node, index, "its body or attribute 'num_scan_inputs' does not fit its inputs");
  std::vector<Tensor> carried;
  for (int64_t i = 0; i < given; ++i) {
    const Tensor* input = (*inputs)[static_cast<size_t>(i)];
    if (!input || input->sequence) return problem(node, index, "input " + std::to_string(i) + " is not a tensor");
    if (i < states) carried.push_back(*input);
  }
  int64_t results = body->output_size() - states;
  Dims in_axes = integers("scan_input_axes"), in_directions = integers("scan_input_directions");
  Dims out_axes = integers("scan_output_axes"), out_directions = integers("scan_output_directions");
  in_axes.resize(static_cast<size_t>(scanned)), in_directions.resize(static_cast<size_t>(scanned));
  out_axes.resize(static_cast<size_t>(results)), out_directions.resize(static_cast<size_t>(results));
  int64_t trips = -1;
  for (int64_t i = 0; i < scanned; ++i) {
    const Tensor& x = *(*inputs)[static_cast<size_t>(states + i)];
    int64_t& axis = in_axes[static_cast<size_t>(i)];
    if (axis < 0) axis += x.rank();
    if (axis < 0 || axis >= x.rank()) return problem(node, index, "attribute 'scan_input_axes' is outside of an input");
    if (trips >= 0 && trips != x.shape[axis]) return problem(node, index, "its inputs are of different lengths");
    trips = x.shape[axis];
  }
  if (trips < 1 || trips > kMostTrips)
    return problem(
        node, index,
        "it runs " + std::to_string(trips) + " times; 1 to " + std::to_string(kMostTrips) + " are supported");
  std::vector<std::vector<Tensor>> parts(static_cast<size_t>(results));
  for (int64_t trip = 0; trip < trips; ++trip) {
    std::vector<Tensor> arguments = carried;
    for (int64_t i = 0; i < scanned; ++i) {
      const Tensor& x = *(*inputs)[static_cast<size_t>(states + i)];
      int64_t axis = in_axes[static_cast<size_t>(i)];
      Tensor slice = tensors_.sliceAxis(x, axis, in_directions[static_cast<size_t>(i)] ? trips - 1 - trip : trip, 1);
      Shape shape = x.shape;
      shape.erase(shape.begin() + axis);
      arguments.push_back(tensors_.reshape(slice, shape));
    }
    auto outputs = importBody(node, index, *body, arguments);
    if (!outputs) return outputs.diagnostic();
    for (int64_t i = 0; i < states; ++i) carried[static_cast<size_t>(i)] = (*outputs)[static_cast<size_t>(i)];
    for (int64_t i = 0; i < results; ++i) {
      Tensor row = (*outputs)[static_cast<size_t>(states + i)];
      int64_t& axis = out_axes[static_cast<size_t>(i)];
      if (axis < 0) axis += row.rank() + 1;
      if (row.sequence || axis < 0 || axis > row.rank())
        return problem(node, index, "attribute 'scan_output_axes' is outside of an output");
      Shape shape = row.shape;
      shape.insert(shape.begin() + axis, 1);
      auto& list = parts[static_cast<size_t>(i)];
      row = tensors_.reshape(row, shape);
      if (!list.empty() && (list.front().shape != row.shape || list.front().type != row.type))
        return problem(node, index, "the parts of a scan output are of different shapes");
      list.insert(out_directions[static_cast<size_t>(i)] ? list.begin() : list.end(), row);
    }
  }
  for (size_t i = 0; i < parts.size(); ++i) carried.push_back(tensors_.concat(parts[i], out_axes[i]));
  if (!tensors_.ok()) return problem(node, index, tensors_.error());
  if (static_cast<size_t>(node.output_size()) > carried.size())
    return problem(node, index, "it has more outputs than its body");
  for (int i = 0; i < node.output_size(); ++i)
    if (!node.output(i).empty() && !define(node.output(i), carried[static_cast<size_t>(i)]))
      return problem(node, index, "output '" + node.output(i) + "' is defined twice");
  return {};
}

const FunctionProto* GraphImport::findFunction(const NodeProto& node) const {
  for (const FunctionProto& function : model_.functions())
    if (function.name() == node.op_type() && function.domain() == node.domain()) return &function;
  return nullptr;
}

Outcome GraphImport::importCall(const NodeProto& node, int index, const FunctionProto& function) {
  if (depth_ >= kDeepest)
    return problem(node, index, "nodes are nested more than " + std::to_string(kDeepest) + " deep");
  auto inputs = inputsOf(node, index);
  if (!inputs) return inputs.diagnostic();
  if (inputs->size() > static_cast<size_t>(function.input_size()) || node.output_size() > function.output_size())
    return problem(node, index, "it has more inputs or outputs than the function it calls");
  // What the call does not give has the function's default.
  Attributes given = node.attribute();
  for (const AttributeProto& one : function.attribute_proto()) {
    bool present = std::any_of(given.begin(), given.end(),
                               [&](const AttributeProto& other) { return other.name() == one.name(); });
    if (!present) *given.Add() = one;
  }
  // A function sees its inputs only, and has its own operator sets.
  std::unordered_map<std::string, Tensor> own;
  for (size_t i = 0; i < inputs->size(); ++i)
    if ((*inputs)[i]) own.emplace(function.input(static_cast<int>(i)), *(*inputs)[i]);
  std::vector<std::string> defined;
  int64_t opset = opset_;
  values_.swap(own), defined_.swap(defined);
  ++depth_;
  auto inside = [&]() -> Expected<std::vector<Tensor>> {
    if (Outcome read = readOpset(function.opset_import()); !read) return read.diagnostic();
    for (const NodeProto& inner : function.node()) {
      NodeProto bound = inner;
      bindAttributes(bound, given);
      // An input that the call leaves out is absent inside, too.
      for (std::string& input : *bound.mutable_input())
        if (!values_.contains(input) &&
            std::find(function.input().begin(), function.input().end(), input) != function.input().end())
          input.clear();
      if (Outcome imported = importNode(bound, index); !imported) return imported.diagnostic();
    }
    std::vector<Tensor> outputs;
    for (int i = 0; i < node.output_size(); ++i) {
      auto value = values_.find(function.output(i));
      if (value == values_.end())
        return problem(node, index, "output '" + function.output(i) + "' of the function is not defined");
      outputs.push_back(value->second);
    }
    return outputs;
  };
  auto outputs = inside();
  --depth_;
  values_.swap(own), defined_.swap(defined);
  opset_ = opset;
  if (!outputs) return outputs.diagnostic();
  for (int i = 0; i < node.output_size(); ++i)
    if (!node.output(i).empty() && !define(node.output(i), (*outputs)[static_cast<size_t>(i)]))
      return problem(node, index, "output '" + node.output(i) + "' is defined twice");
  return {};
}

}  // namespace phx::compiler::onnx
