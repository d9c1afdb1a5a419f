#include "compiler/lib/Frontend/Onnx/ImportOnnx.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <unordered_map>

#include "compiler/lib/Frontend/Onnx/Node.h"
#include "compiler/lib/Frontend/Onnx/Operators.h"
#include "compiler/lib/Frontend/Onnx/ReadModel.h"
#include "compiler/lib/Frontend/Onnx/TensorBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "onnx.pb.h"

namespace phx::compiler::onnx {
namespace {

using phx::onnx_schema::GraphProto;
using phx::onnx_schema::ModelProto;
using phx::onnx_schema::NodeProto;
using phx::onnx_schema::ValueInfoProto;

std::string inQuotes(const std::string& name) { return "'" + printable(name) + "'"; }

// "conv1", or "#3" for the third node when it has no name.
std::string nodeName(const NodeProto& node, int index) {
  return node.name().empty() ? "#" + std::to_string(index + 1) : printable(node.name());
}

// One attempt to import, with a set of graph inputs taken as constants.
class GraphImport {
 public:
  GraphImport(const ModelProto& model, const std::string& file, mlir::MLIRContext& context,
              const OnnxImportOptions& options, const std::set<std::string>& bound)
      : model_(model),
        graph_(model.graph()),
        file_(file),
        context_(context),
        options_(options),
        bound_(bound),
        builder_(&context),
        tensors_(builder_) {}

  Expected<mlir::OwningOpRef<mlir::ModuleOp>> run();

  // After a failure: the known inputs whose values would have been needed.
  const std::set<std::string>& needed() const { return needed_; }

 private:
  // Messages may quote strings of the file.
  Diagnostic problem(const std::string& message) const { return error_at(file_, 0, printable(message, 600)); }
  Diagnostic problem(const NodeProto& node, int index, const std::string& message) const;
  Outcome readOpset();
  Outcome readInitializers();
  Outcome addArguments();
  Expected<Tensor> argumentType(const ValueInfoProto& input) const;
  void findLiveNodes();
  Outcome importNode(const NodeProto& node, int index);
  Outcome addResults();
  void findNeeded(const std::string& name);

  const ModelProto& model_;
  const GraphProto& graph_;
  const std::string& file_;
  mlir::MLIRContext& context_;
  const OnnxImportOptions& options_;
  const std::set<std::string>& bound_;
  mlir::OpBuilder builder_;
  TensorBuilder tensors_;
  mlir::OwningOpRef<mlir::ModuleOp> module_;
  mlir::func::FuncOp function_;
  int64_t opset_ = 0;
  std::unordered_map<std::string, Tensor> values_;
  std::unordered_map<std::string, int> producers_;  // output name -> node
  std::vector<bool> live_;
  std::set<std::string> needed_;
};

Diagnostic GraphImport::problem(const NodeProto& node, int index, const std::string& message) const {
  std::string name = node.name().empty() ? nodeName(node, index) : "'" + nodeName(node, index) + "'";
  return problem("node " + name + " (" + printable(node.op_type()) + ", opset " + std::to_string(opset_) +
                 "): " + message);
}

Outcome GraphImport::readOpset() {
  for (const auto& set : model_.opset_import())
    if (set.domain().empty() || set.domain() == "ai.onnx") opset_ = set.version();
  if (opset_ > kNewestOpset)
    return problem("the model uses operator set " + std::to_string(opset_) + "; the newest known one is " +
                   std::to_string(kNewestOpset));
  return {};
}

Outcome GraphImport::readInitializers() {
  std::string folder = options_.folder.empty() ? std::filesystem::path(file_).parent_path().string() : options_.folder;
  if (graph_.sparse_initializer_size()) return problem("sparse initializers are not supported");
  for (const auto& proto : graph_.initializer()) {
    auto tensor = readTensor(proto, folder);
    if (!tensor) return problem(tensor.diagnostic().message);
    if (!values_.emplace(proto.name(), tensors_.constant(std::move(*tensor))).second)
      return problem("tensor " + inQuotes(proto.name()) + " is defined twice");
  }
  return {};
}

Expected<Tensor> GraphImport::argumentType(const ValueInfoProto& input) const {
  std::string place = "input " + inQuotes(input.name());
  if (!input.type().has_tensor_type()) return problem(place + " is not a tensor");
  const auto& declared = input.type().tensor_type();
  auto type = elementTypeOf(declared.elem_type());
  if (!type) return problem(place + ": element type " + nameOfOnnxType(declared.elem_type()) + " is not supported");
  Tensor tensor;
  tensor.type = *type;
  auto given = options_.input_shapes.find(input.name());
  auto value = options_.known_inputs.find(input.name());
  if (given == options_.input_shapes.end() && value == options_.known_inputs.end() && !declared.has_shape())
    return problem(place + " has no shape");
  for (int i = 0; i < declared.shape().dim_size(); ++i) {
    const auto& dim = declared.shape().dim(i);
    std::string label = "dimension " + std::to_string(i) + " of " + place;
    int64_t size = -1;
    auto named = options_.dimensions.find(dim.dim_param());
    if (dim.has_dim_value()) {
      size = dim.dim_value();
      if (size < 0) return problem(label + " is " + std::to_string(size));
    } else if (named != options_.dimensions.end() && dim.has_dim_param()) {
      size = named->second;
    }
    const Shape* known = given != options_.input_shapes.end()   ? &given->second
                         : value != options_.known_inputs.end() ? &value->second.shape
                                                                : nullptr;
    if (known) {
      if (known->size() != static_cast<size_t>(declared.shape().dim_size()))
        return problem(place + " has rank " + std::to_string(declared.shape().dim_size()) + ", the given shape is " +
                       text(*known));
      if (size >= 0 && (*known)[i] != size)
        return problem(label + " is " + std::to_string(size) + ", the given shape is " + text(*known));
      size = (*known)[i];
    }
    if (size < 0)
      return problem(label + " is not fixed" + (dim.has_dim_param() ? " ('" + printable(dim.dim_param()) + "')" : "") +
                     "; all shapes must be known when the model is compiled");
    tensor.shape.push_back(size);
  }
  if (!declared.has_shape()) tensor.shape = given != options_.input_shapes.end() ? given->second : value->second.shape;
  if (elementCount(tensor.shape) > kMostElements) return problem(place + " has more than 2^31 elements");
  return tensor;
}

Outcome GraphImport::addArguments() {
  llvm::SmallVector<mlir::Type> types;
  std::vector<std::string> names;
  std::set<std::string> seen;
  for (const ValueInfoProto& input : graph_.input()) {
    if (!seen.insert(input.name()).second) return problem("input " + inQuotes(input.name()) + " is defined twice");
    if (values_.contains(input.name())) continue;  // an initializer's declaration
    auto tensor = argumentType(input);
    if (!tensor) return tensor.diagnostic();
    if (bound_.contains(input.name())) {
      const ConstantTensor& known = options_.known_inputs.at(input.name());
      if (known.type != tensor->type)
        return problem("input " + inQuotes(input.name()) + " is of type " + name(tensor->type) +
                       ", its known value of type " + name(known.type));
      values_.emplace(input.name(), tensors_.constant(known));
      continue;
    }
    types.push_back(mlir::RankedTensorType::get(tensor->shape, mlirType(tensor->type, &context_)));
    names.push_back(input.name());
    values_.emplace(input.name(), std::move(*tensor));
  }
  module_ = mlir::ModuleOp::create(mlir::FileLineColLoc::get(&context_, file_, 0, 0));
  builder_.setInsertionPointToEnd(module_->getBody());
  function_ = mlir::func::FuncOp::create(builder_, module_->getLoc(), "main", builder_.getFunctionType(types, {}));
  mlir::Block* body = function_.addEntryBlock();
  builder_.setInsertionPointToEnd(body);
  for (size_t i = 0; i < names.size(); ++i) {
    Tensor& tensor = values_.at(names[i]);
    tensor.value = body->getArgument(static_cast<unsigned>(i));
    function_.setArgAttr(i, "phx.name", builder_.getStringAttr(names[i]));
    if (isUnsigned(tensor.type))
      function_.setArgAttr(i, "phx.type", builder_.getStringAttr("u" + std::to_string(bitWidth(tensor.type))));
  }
  return {};
}

// Nodes that the outputs do not depend on are not looked at.
void GraphImport::findLiveNodes() {
  live_.assign(graph_.node_size(), false);
  std::vector<int> pending;
  auto use = [&](const std::string& name) {
    auto producer = producers_.find(name);
    if (producer == producers_.end() || live_[producer->second]) return;
    live_[producer->second] = true;
    pending.push_back(producer->second);
  };
  for (const ValueInfoProto& output : graph_.output()) use(output.name());
  while (!pending.empty()) {
    const NodeProto& node = graph_.node(pending.back());
    pending.pop_back();
    for (const std::string& input : node.input()) use(input);
  }
}

Outcome GraphImport::importNode(const NodeProto& proto, int index) {
  const std::string& domain = proto.domain();
  if (!domain.empty() && domain != "ai.onnx")
    return problem(proto, index, "operators of domain " + inQuotes(domain) + " are not supported");
  if (opset_ <= 0) return problem("the model does not say which operator set it uses");
  const Operator* op = findOperator(proto.op_type());
  if (!op) return problem(proto, index, "operator is not supported");
  if (opset_ < op->first_opset)
    return problem(proto, index, "this operator is supported from opset " + std::to_string(op->first_opset) + " on");
  if (op->last_opset && opset_ > op->last_opset)
    return problem(proto, index, "this operator is not part of opsets after " + std::to_string(op->last_opset));

  std::vector<const Tensor*> inputs;
  for (const std::string& name : proto.input()) {
    auto value = values_.find(name);
    if (name.empty()) {
      inputs.push_back(nullptr);
    } else if (value != values_.end()) {
      inputs.push_back(&value->second);
    } else if (auto producer = producers_.find(name); producer != producers_.end()) {
      return problem(proto, index,
                     "input " + inQuotes(name) + " is computed only later, by node '" +
                         nodeName(graph_.node(producer->second), producer->second) +
                         "': the nodes are not in order, or form a cycle");
    } else {
      return problem(proto, index, "input " + inQuotes(name) + " is not defined");
    }
  }
  int given = static_cast<int>(inputs.size());
  int present = 0;  // required inputs that are not empty
  for (int i = 0; i < std::min(given, op->least_inputs); ++i) present += inputs[i] != nullptr;
  if (present < op->least_inputs || (op->most_inputs >= 0 && given > op->most_inputs)) {
    std::string expected = std::to_string(op->least_inputs);
    if (op->most_inputs < 0)
      expected = "at least " + expected;
    else if (op->most_inputs != op->least_inputs)
      expected += " to " + std::to_string(op->most_inputs);
    return problem(proto, index, "it has " + std::to_string(given) + " inputs; expected " + expected);
  }

  auto name = mlir::NameLoc::get(builder_.getStringAttr(nodeName(proto, index) + " (" + proto.op_type() + ")"));
  auto place = mlir::FileLineColLoc::get(&context_, file_, static_cast<unsigned>(index + 1), 0);
  tensors_.setLocation(mlir::FusedLoc::get(&context_, {name, place}));
  Node node(proto, opset_, std::move(inputs), tensors_);
  op->import(node, tensors_);
  if (!tensors_.ok()) {
    if (auto input = node.unknownInput(); input && *input < static_cast<size_t>(proto.input_size()))
      findNeeded(proto.input(static_cast<int>(*input)));
    return problem(proto, index, tensors_.error());
  }
  if (auto unread = node.unreadAttribute())
    return problem(proto, index, "attribute " + inQuotes(*unread) + " is not supported");
  for (int i = 0; i < proto.output_size(); ++i) {
    if (proto.output(i).empty()) continue;
    const auto& output = node.outputs()[i];
    // An output that is not computed is an error only where it is read.
    if (output && !values_.emplace(proto.output(i), *output).second)
      return problem(proto, index, "output " + inQuotes(proto.output(i)) + " is defined twice");
  }
  return {};
}

// Walks back from a value that must be a constant to the graph inputs it is computed from.
void GraphImport::findNeeded(const std::string& name) {
  std::vector<std::string> pending{name};
  std::set<std::string> seen;
  while (!pending.empty()) {
    std::string current = pending.back();
    pending.pop_back();
    if (!seen.insert(current).second) continue;
    if (options_.known_inputs.contains(current) && !bound_.contains(current)) needed_.insert(current);
    if (auto producer = producers_.find(current); producer != producers_.end())
      for (const std::string& input : graph_.node(producer->second).input()) pending.push_back(input);
  }
}

Outcome GraphImport::addResults() {
  llvm::SmallVector<mlir::Value> results;
  llvm::SmallVector<mlir::Type> types;
  if (graph_.output_size() == 0) return problem("the graph has no outputs");
  for (const ValueInfoProto& output : graph_.output()) {
    std::string place = "output " + inQuotes(output.name());
    auto found = values_.find(output.name());
    if (found == values_.end()) {
      auto producer = producers_.find(output.name());
      if (producer == producers_.end()) return problem(place + " is not defined");
      return problem(graph_.node(producer->second), producer->second, place + " of this operator is not supported");
    }
    const Tensor& tensor = found->second;
    if (output.has_type() && !output.type().has_tensor_type()) return problem(place + " is not a tensor");
    const auto& declared = output.type().tensor_type();
    if (declared.elem_type() != 0 && elementTypeOf(declared.elem_type()) != tensor.type)
      return problem(place + " is declared as " + nameOfOnnxType(declared.elem_type()) + " but computed as " +
                     name(tensor.type));
    bool differs = declared.has_shape() && declared.shape().dim_size() != tensor.rank();
    for (int i = 0; !differs && i < declared.shape().dim_size(); ++i)
      differs = declared.shape().dim(i).has_dim_value() && declared.shape().dim(i).dim_value() != tensor.shape[i];
    if (differs)
      return problem(place + " is computed with shape " + text(tensor.shape) + ", which is not the declared one");
    results.push_back(tensors_.value(tensor));
    types.push_back(results.back().getType());
  }
  mlir::func::ReturnOp::create(builder_, module_->getLoc(), results);
  function_.setType(builder_.getFunctionType(function_.getArgumentTypes(), types));
  for (int i = 0; i < graph_.output_size(); ++i) {
    const std::string& output = graph_.output(i).name();
    function_.setResultAttr(i, "phx.name", builder_.getStringAttr(output));
    ElementType type = values_.at(output).type;
    if (isUnsigned(type))
      function_.setResultAttr(i, "phx.type", builder_.getStringAttr("u" + std::to_string(bitWidth(type))));
  }
  return {};
}

Expected<mlir::OwningOpRef<mlir::ModuleOp>> GraphImport::run() {
  for (int i = 0; i < graph_.node_size(); ++i)
    for (const std::string& output : graph_.node(i).output())
      if (!output.empty() && !producers_.emplace(output, i).second)
        return problem(graph_.node(i), i, "output " + inQuotes(output) + " is defined twice");
  findLiveNodes();
  for (auto step : {&GraphImport::readOpset, &GraphImport::readInitializers, &GraphImport::addArguments})
    if (Outcome outcome = (this->*step)(); !outcome) return outcome.diagnostic();
  for (int i = 0; i < graph_.node_size(); ++i) {
    if (!live_[i]) continue;
    if (Outcome outcome = importNode(graph_.node(i), i); !outcome) return outcome.diagnostic();
  }
  tensors_.setLocation(module_->getLoc());
  if (Outcome outcome = addResults(); !outcome) return outcome.diagnostic();

  // What was computed on the way but is not used: outputs nobody reads, reshapes that cancelled each other.
  for (mlir::Operation& op : llvm::make_early_inc_range(llvm::reverse(function_.front())))
    if (mlir::isOpTriviallyDead(&op)) op.erase();

  // The importer must not produce invalid operations; should it do so, the first one is named.
  std::string wrong;
  mlir::ScopedDiagnosticHandler handler(&context_, [&](mlir::Diagnostic& diagnostic) {
    llvm::raw_string_ostream stream(wrong);
    if (wrong.empty()) stream << diagnostic.getLocation() << ": " << diagnostic.str();
    return mlir::success();
  });
  if (mlir::failed(mlir::verify(*module_))) return problem("the imported graph is not valid: " + wrong);
  return std::move(module_);
}

}  // namespace

void registerOnnxDialects(mlir::MLIRContext& context) {
  context.loadDialect<mlir::arith::ArithDialect, mlir::func::FuncDialect, mlir::linalg::LinalgDialect,
                      mlir::math::MathDialect, mlir::tensor::TensorDialect>();
}

Expected<mlir::OwningOpRef<mlir::ModuleOp>> importOnnx(std::span<const std::byte> model, const std::string& file_name,
                                                       mlir::MLIRContext& context, const OnnxImportOptions& options) {
  auto proto = parseModel(model, file_name);
  if (!proto) return proto.diagnostic();
  registerOnnxDialects(context);
  // Which inputs feed shapes shows only during the import: start again with those as constants.
  std::set<std::string> bound;
  for (;;) {
    GraphImport import(**proto, file_name, context, options, bound);
    auto module = import.run();
    if (module || import.needed().empty()) return module;
    bound.insert(import.needed().begin(), import.needed().end());
  }
}

}  // namespace phx::compiler::onnx
