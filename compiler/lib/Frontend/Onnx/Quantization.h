// Quantised integers: shared by the operators that compute on them.
#pragma once

#include "compiler/lib/Frontend/Onnx/Node.h"

namespace phx::compiler::onnx {

// x - zero_point in I32. A zero point that is no scalar has one value for each element along `axis`.
Tensor withoutZeroPoint(Node& n, TensorBuilder& b, const Tensor& x, const Tensor* zero_point, int64_t axis);

// saturate(round(x / scale) + zero_point) in the zero point's type; x is of a floating point type.
Tensor quantized(Node& n, TensorBuilder& b, const Tensor& x, const Tensor& scale, const Tensor& zero_point);

// Sums of products of integers of scales `scale_a` and `scale_b` in the scale and type of the result.
Tensor requantized(Node& n, TensorBuilder& b, const Tensor& sums, const Tensor& scale_a, const Tensor& scale_b,
                   const Tensor& scale, const Tensor& zero_point);

}  // namespace phx::compiler::onnx
