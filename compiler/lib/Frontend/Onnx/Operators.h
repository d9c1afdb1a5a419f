// The table of operators: which function imports which. Rows are in OnnxOperators.def.
#pragma once

#include <string_view>

#include "compiler/lib/Frontend/Onnx/Node.h"

namespace phx::compiler::onnx {

struct Operator {
  std::string_view name;
  int first_opset;   // the oldest operator set whose form of it is understood
  int last_opset;    // the newest one that has it; 0: it is still there
  int least_inputs;  // required ones; further ones may be left out
  int most_inputs;   // -1: any number
  // Reads inputs and attributes, emits, and sets the outputs. Errors go to node.fail() or the builder's.
  void (*import)(Node& node, TensorBuilder& builder);
  bool takes_sequences = false;
};

const Operator* findOperator(std::string_view name);  // nullptr if there is none

#define PHX_ONNX_OPERATOR(Name, first, last, least, most, function) void function(Node& node, TensorBuilder& builder);
#include "compiler/lib/Frontend/Onnx/OnnxOperators.def"

}  // namespace phx::compiler::onnx
