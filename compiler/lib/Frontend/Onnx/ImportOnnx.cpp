#include "compiler/lib/Frontend/Onnx/ImportOnnx.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <unordered_map>

#include "compiler/lib/Frontend/Onnx/GraphImport.h"
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

// Inlined loops and functions may multiply the nodes of a file up to here.
constexpr int64_t kMostNodes = 100'000;

}  // namespace

std::string nodeName(const NodeProto& node, int index) {
  return node.name().empty() ? "#" + std::to_string(index + 1) : printable(node.name());
}

GraphImport::GraphImport(const ModelProto& model, const std::string& file, mlir::MLIRContext& context,
                         const OnnxImportOptions& options, const std::set<std::string>& bound)
    : model_(model),
      graph_(model.graph()),
      file_(file),
      context_(context),
      options_(options),
      bound_(bound),
      builder_(&context),
      tensors_(builder_) {}

Diagnostic GraphImport::problem(const std::string& message) const {
  return error_at(file_, 0, printable(message, 600));
}

bool GraphImport::define(const std::string& name, Tensor tensor) {
  if (!values_.emplace(name, std::move(tensor)).second) return false;
  defined_.push_back(name);
  return true;
}

Diagnostic GraphImport::problem(const NodeProto& node, int index, const std::string& message) const {
  std::string name = node.name().empty() ? nodeName(node, index) : "'" + nodeName(node, index) + "'";
  return problem("node " + name + " (" + printable(node.op_type()) + ", opset " + std::to_string(opset_) +
                 "): " + message);
}

Outcome GraphImport::readOpset(const google::protobuf::RepeatedPtrField<onnx_schema::OperatorSetIdProto>& sets) {
  for (const auto& set : sets)
    if (set.domain().empty() || set.domain() == "ai.onnx") opset_ = set.version();
  if (opset_ > kNewestOpset)
    return problem("the model uses operator set " + std::to_string(opset_) + "; the newest known one is " +
                   std::to_string(kNewestOpset));
  return {};
}

Outcome GraphImport::readInitializers(const GraphProto& graph) {
  std::string folder = options_.folder.empty() ? std::filesystem::path(file_).parent_path().string() : options_.folder;
  if (graph.sparse_initializer_size()) return problem("sparse initializers are not supported");
  for (const auto& proto : graph.initializer()) {
    auto tensor = readTensor(proto, folder);
    if (!tensor) return problem(tensor.diagnostic().message);
    if (!define(proto.name(), tensors_.constant(std::move(*tensor))))
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
      define(input.name(), tensors_.constant(known));
      continue;
    }
    types.push_back(mlir::RankedTensorType::get(tensor->shape, mlirType(tensor->type, &context_)));
    names.push_back(input.name());
    define(input.name(), std::move(*tensor));
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
    forEachInput(node, use);
  }
}

Outcome GraphImport::importNode(const NodeProto& node, int index) {
  if (depth_ == 0) outermost_ = &node;
  if (++imported_nodes_ > kMostNodes)
    return problem(
        node, index,
        "with its loops and functions inlined the model has more than " + std::to_string(kMostNodes) + " nodes");
  const std::string& domain = node.domain();
  if (const auto* function = findFunction(node)) return importCall(node, index, *function);
  if (!domain.empty() && domain != "ai.onnx")
    return problem(node, index, "operators of domain " + inQuotes(domain) + " are not supported");
  if (opset_ <= 0) return problem("the model does not say which operator set it uses");
  if (node.op_type() == "If") return importIf(node, index);
  if (node.op_type() == "Loop") return importLoop(node, index);
  if (node.op_type() == "Scan") return importScan(node, index);
  return importOperator(node, index);
}

Expected<std::vector<const Tensor*>> GraphImport::inputsOf(const NodeProto& node, int index) {
  std::vector<const Tensor*> inputs;
  for (const std::string& name : node.input()) {
    auto value = values_.find(name);
    if (name.empty()) {
      inputs.push_back(nullptr);
    } else if (value != values_.end()) {
      inputs.push_back(&value->second);
    } else if (auto producer = producers_.find(name); producer != producers_.end()) {
      return problem(node, index,
                     "input " + inQuotes(name) + " is computed only later, by node '" +
                         nodeName(graph_.node(producer->second), producer->second) +
                         "': the nodes are not in order, or form a cycle");
    } else {
      return problem(node, index, "input " + inQuotes(name) + " is not defined");
    }
  }
  return inputs;
}

Outcome GraphImport::importOperator(const NodeProto& proto, int index) {
  const Operator* op = findOperator(proto.op_type());
  if (!op) return problem(proto, index, "operator is not supported");
  if (opset_ < op->first_opset)
    return problem(proto, index, "this operator is supported from opset " + std::to_string(op->first_opset) + " on");
  if (op->last_opset && opset_ > op->last_opset)
    return problem(proto, index, "this operator is not part of opsets after " + std::to_string(op->last_opset));
  auto found = inputsOf(proto, index);
  if (!found) return found.diagnostic();
  std::vector<const Tensor*> inputs = std::move(*found);
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

  for (int i = 0; i < given && !op->takes_sequences; ++i)
    if (inputs[i] && inputs[i]->sequence)
      return problem(proto, index, "input " + std::to_string(i) + " is a sequence; expected a tensor");

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
    if (output && !define(proto.output(i), *output))
      return problem(proto, index, "output " + inQuotes(proto.output(i)) + " is defined twice");
  }
  return {};
}

void GraphImport::findNeeded(const std::string& name) {
  std::vector<std::string> pending{name};
  // A name inside of a node says nothing outside of it: all that the node reads counts.
  if (depth_ > 0) {
    pending.clear();
    forEachInput(*outermost_, [&](const std::string& input) { pending.push_back(input); });
  }
  std::set<std::string> seen;
  while (!pending.empty()) {
    std::string current = pending.back();
    pending.pop_back();
    if (!seen.insert(current).second) continue;
    if (options_.known_inputs.contains(current) && !bound_.contains(current)) needed_.insert(current);
    if (auto producer = producers_.find(current); producer != producers_.end())
      forEachInput(graph_.node(producer->second), [&](const std::string& input) { pending.push_back(input); });
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
    if (tensor.sequence || (output.has_type() && !output.type().has_tensor_type()))
      return problem(place + " is not a tensor");
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
  if (Outcome outcome = readOpset(model_.opset_import()); !outcome) return outcome.diagnostic();
  if (Outcome outcome = readInitializers(graph_); !outcome) return outcome.diagnostic();
  if (Outcome outcome = addArguments(); !outcome) return outcome.diagnostic();
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
