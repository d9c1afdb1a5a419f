// Node: one use of an operator, as its import function sees it: inputs that exist already, attributes by name, and the
// place for outputs. All mistakes in the file are reported through TensorBuilder's sticky error, so reading never fails
// halfway: what is missing or of the wrong type reads as the default.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/lib/Frontend/Onnx/TensorBuilder.h"

namespace phx::onnx_schema {
class AttributeProto;
class NodeProto;
class TensorProto;
}  // namespace phx::onnx_schema

namespace phx::compiler::onnx {

class Node {
 public:
  // `inputs` holds nullptr for an optional input that is absent.
  Node(const phx::onnx_schema::NodeProto& proto, int64_t opset, std::vector<const Tensor*> inputs,
       TensorBuilder& builder);

  const std::string& op() const;
  int64_t opset() const { return opset_; }

  size_t inputCount() const { return inputs_.size(); }
  bool has(size_t i) const { return i < inputs_.size() && inputs_[i]; }
  const Tensor& input(size_t i) const;  // a float scalar when absent
  std::vector<Tensor> inputs() const;   // all that are present
  // The value of an input that must be known now, such as a shape. Otherwise nullptr, and the error names the input.
  const ConstantTensor* constant(size_t i, std::string_view what);
  std::optional<size_t> unknownInput() const { return unknown_input_; }  // the one `constant` failed on

  size_t outputCount() const;
  bool wants(size_t i) const;  // somebody may read this output
  void output(size_t i, Tensor tensor);
  const std::vector<std::optional<Tensor>>& outputs() const { return outputs_; }

  bool hasAttribute(std::string_view name) { return find(name) != nullptr; }
  int64_t integer(std::string_view name, int64_t otherwise);
  double real(std::string_view name, double otherwise);
  std::string string(std::string_view name, std::string_view otherwise);
  Dims integers(std::string_view name);
  std::vector<double> reals(std::string_view name);
  std::vector<std::string> strings(std::string_view name);
  const phx::onnx_schema::TensorProto* tensor(std::string_view name);
  void ignore(std::string_view name) { find(name); }  // an attribute that does not change the results
  // An attribute that no import function asked for: not of this operator, or of a version that is not known.
  std::optional<std::string> unreadAttribute() const;

  void fail(std::string message) { builder_.fail(std::move(message)); }
  // `axis` with negative values counted from the end, or 0 and an error when it is outside of -rank..rank-1.
  int64_t axis(int64_t axis, int64_t rank);
  Dims axes(Dims axes, int64_t rank);  // distinct
  // True, or an error that names the input.
  bool requireRank(size_t i, int64_t least, int64_t most = 1000);
  bool requireFloat(size_t i);
  bool requireSameTypes();  // of all inputs

 private:
  const phx::onnx_schema::AttributeProto* find(std::string_view name);
  const phx::onnx_schema::AttributeProto* find(std::string_view name, int type, std::string_view type_name);

  const phx::onnx_schema::NodeProto& proto_;
  int64_t opset_;
  std::vector<const Tensor*> inputs_;
  TensorBuilder& builder_;
  std::vector<std::optional<Tensor>> outputs_;
  std::set<std::string, std::less<>> read_;
  std::optional<size_t> unknown_input_;
};

}  // namespace phx::compiler::onnx
