#include "compiler/lib/Frontend/Onnx/Operators.h"

#include <unordered_map>

namespace phx::compiler::onnx {

const Operator* findOperator(std::string_view name) {
  static const std::unordered_map<std::string_view, Operator> table = {
#define PHX_ONNX_SEQUENCE_OPERATOR(Name, first, last, least, most, function) \
  {#Name, {#Name, first, last, least, most, function, true}},
#define PHX_ONNX_OPERATOR(Name, first, last, least, most, function) \
  {#Name, {#Name, first, last, least, most, function, false}},
#include "compiler/lib/Frontend/Onnx/OnnxOperators.def"
  };
  auto row = table.find(name);
  return row == table.end() ? nullptr : &row->second;
}

}  // namespace phx::compiler::onnx
