// What a caller must know of ONNX files beside the program that compileTensorProgram makes of a model: which inputs it
// wants, and tensors in files of their own, as ONNX's test data has them. Names no protobuf type.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "device_sim/diagnostic/diagnostic.h"
#include "phalanx/compiler/tensor.h"

namespace phx::compiler {

struct OnnxInput {
  std::string name;
  std::string type;  // as in program descriptions; empty where it is no tensor or of a type that is not supported
};

// The inputs of the model's graph that have no initializer, in order.
Expected<std::vector<OnnxInput>> onnxInputs(std::span<const std::byte> model, const std::string& file);

// A file that holds one TensorProto.
Expected<TensorValue> readOnnxTensor(std::span<const std::byte> bytes, const std::string& file);

}  // namespace phx::compiler
