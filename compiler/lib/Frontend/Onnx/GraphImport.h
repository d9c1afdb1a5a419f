// GraphImport: one attempt to import a model.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "compiler/lib/Frontend/Onnx/ImportOnnx.h"
#include "compiler/lib/Frontend/Onnx/TensorBuilder.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "onnx.pb.h"

namespace phx::compiler::onnx {

// With `bound`, the graph inputs that are taken as constants. ImportOnnx.cpp has the graph, ControlFlow.cpp what is
// inside of nodes: branches, loop bodies and the model's own functions, all of which are inlined.
class GraphImport {
 public:
  GraphImport(const onnx_schema::ModelProto& model, const std::string& file, mlir::MLIRContext& context,
              const OnnxImportOptions& options, const std::set<std::string>& bound);
  Expected<mlir::OwningOpRef<mlir::ModuleOp>> run();

  // After a failure: the known inputs whose values would have been needed.
  const std::set<std::string>& needed() const { return needed_; }

 private:
  using Attributes = google::protobuf::RepeatedPtrField<onnx_schema::AttributeProto>;

  // Messages may quote strings of the file.
  Diagnostic problem(const std::string& message) const;
  Diagnostic problem(const onnx_schema::NodeProto& node, int index, const std::string& message) const;
  Outcome readOpset(const google::protobuf::RepeatedPtrField<onnx_schema::OperatorSetIdProto>& sets);
  Outcome readInitializers(const onnx_schema::GraphProto& graph);
  Outcome addArguments();
  Expected<Tensor> argumentType(const onnx_schema::ValueInfoProto& input) const;
  void findLiveNodes();
  Outcome addResults();
  Expected<std::vector<const Tensor*>> inputsOf(const onnx_schema::NodeProto& node, int index);
  Outcome importNode(const onnx_schema::NodeProto& node, int index);
  Outcome importOperator(const onnx_schema::NodeProto& node, int index);
  // The value of this name must be a constant: finds the known inputs that it is computed from.
  void findNeeded(const std::string& name);
  // False if the name is in use.
  bool define(const std::string& name, Tensor tensor);

  // A node's place in the file is that of the outermost node around it: `index`.
  Outcome importIf(const onnx_schema::NodeProto& node, int index);
  Outcome importLoop(const onnx_schema::NodeProto& node, int index);
  Outcome importScan(const onnx_schema::NodeProto& node, int index);
  const onnx_schema::FunctionProto* findFunction(const onnx_schema::NodeProto& node) const;
  Outcome importCall(const onnx_schema::NodeProto& node, int index, const onnx_schema::FunctionProto& function);
  // The outputs of a graph inside of a node, for these inputs.
  Expected<std::vector<Tensor>> importBody(const onnx_schema::NodeProto& node, int index,
                                           const onnx_schema::GraphProto& body, const std::vector<Tensor>& inputs);
  // The one element of a bool or integer input, or nothing after finding what would have to be known.
  std::optional<int64_t> knownScalar(const Tensor& tensor, const std::string& name);
  static void forEachInput(const onnx_schema::NodeProto& node, const std::function<void(const std::string&)>& visit);

  const onnx_schema::ModelProto& model_;
  const onnx_schema::GraphProto& graph_;
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
  std::vector<std::string> defined_;                // the names in values_ in order of their definition
  std::unordered_map<std::string, int> producers_;  // output name -> node of the outermost graph
  std::vector<bool> live_;
  std::set<std::string> needed_;
  int depth_ = 0;                                      // of nodes inside of nodes
  int64_t imported_nodes_ = 0;                         // counting each inlining
  const onnx_schema::NodeProto* outermost_ = nullptr;  // the node of the graph that is being imported
};

// "conv1", or "#3" for the third node when it has no name.
std::string nodeName(const onnx_schema::NodeProto& node, int index);

}  // namespace phx::compiler::onnx
