// The window attributes that convolutions and pools share.
#pragma once

#include "compiler/lib/Frontend/Onnx/Node.h"

namespace phx::compiler::onnx {

// One entry per spatial dimension.
struct SpatialWindow {
  Dims kernel, strides, dilations, low, high;  // low, high: padding before and after
  Dims result;                                 // the number of windows

  int64_t dimensions() const { return static_cast<int64_t>(kernel.size()); }
};

// Reads kernel_shape (or takes `kernel` when it is not empty), strides, dilations, pads, auto_pad and ceil_mode of a
// node whose input 0 is N x C x spatial. Rounding up adds padding at the end. Errors are the node's.
std::optional<SpatialWindow> readWindow(Node& n, TensorBuilder& b, Dims kernel);

// Attributes of a window that are lists, with a default for an absent one; nothing after an error.
std::optional<Dims> windowList(Node& n, std::string_view name, int64_t dimensions, int64_t otherwise, int64_t least);

// x with the spatial dimensions padded.
Tensor padded(TensorBuilder& b, const Tensor& x, const SpatialWindow& window, Number fill);

// Maximum or sum over the windows of an input that is padded already, for one to three spatial dimensions.
Tensor pooled(TensorBuilder& b, Pool kind, const Tensor& x, const SpatialWindow& window, ElementType type);

}  // namespace phx::compiler::onnx
