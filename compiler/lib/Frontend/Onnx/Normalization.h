// Softmax, for the operators that are made of it.
#pragma once

#include "compiler/lib/Frontend/Onnx/TensorBuilder.h"

namespace phx::compiler::onnx {

// Softmax, or its logarithm, along one axis; computed in the wide type, the result is of `type`.
Tensor softmax(TensorBuilder& b, const Tensor& x, int64_t axis, bool logarithm, ElementType type);

}  // namespace phx::compiler::onnx
