// TensorBuilder: the vocabulary that operators are written in. Each method computes on the host when everything it
// reads is a constant (and small), and otherwise emits linalg and tensor operations with static shapes.
//
// Errors are sticky: the first one is kept, later methods return a tensor of the asked-for shape without emitting
// anything, and whoever drives the builder looks at ok() after each operator. Operators therefore read straight on.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compiler/lib/Frontend/Onnx/ConstantTensor.h"
#include "compiler/lib/Frontend/Onnx/ScalarBuilder.h"
#include "mlir/IR/Builders.h"

namespace phx::compiler::onnx {

// A value of the graph: a constant, an SSA value of type tensor<shape x type>, or (Sequence.cpp) a list of such.
struct Tensor {
  ElementType type = ElementType::F32;
  Shape shape;
  std::shared_ptr<const ConstantTensor> constant;
  mlir::Value value;
  std::shared_ptr<const std::vector<Tensor>> sequence;

  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  int64_t count() const { return elementCount(shape); }
};

using Dims = std::vector<int64_t>;

Shape withUnits(Shape shape, const Dims& axes);    // with 1 at the axes
Dims dimensionsFrom(int64_t first, int64_t rank);  // first, first + 1, ..., rank - 1

// What one point of the iteration space computes from one element of each operand. In a reduction the accumulator comes
// last.
using Body = std::function<Scalar(ScalarBuilder&, const std::vector<Scalar>&)>;

// An operand of a loop nest: which loop each dimension of the tensor follows. A dimension of size 1 may follow a longer
// loop: it is broadcast.
struct Operand {
  Tensor tensor;
  Dims loops;
};

// Per spatial dimension of a convolution or pool.
struct Window {
  Dims kernel, strides, dilations;
};

enum class Pool { Max, Sum };

class TensorBuilder {
 public:
  explicit TensorBuilder(mlir::OpBuilder& builder)
      : builder_(builder), location_(mlir::UnknownLoc::get(builder.getContext())) {}

  void setLocation(mlir::Location location) { location_ = location; }
  void fail(std::string message);
  bool ok() const { return !error_.has_value(); }
  const std::string& error() const { return *error_; }

  Tensor constant(ConstantTensor tensor);
  // Asked before making a constant whose size is not that of something in the file: false, and an error, when it is too
  // large or all such constants together are.
  bool reserve(ElementType type, int64_t count);
  Tensor scalar(ElementType type, double value);
  Tensor filled(ElementType type, Shape shape, Number value);
  Tensor zeros(ElementType type, Shape shape) { return filled(type, std::move(shape), {}); }
  // The SSA value; a constant is emitted on first use.
  mlir::Value value(const Tensor& tensor);

  // Data movement.
  Tensor reshape(const Tensor& x, Shape shape);  // the same number of elements
  Tensor transpose(const Tensor& x, Dims permutation);
  Tensor broadcast(const Tensor& x, Shape shape);  // NumPy's rules
  // Element i of a dimension of the result is element start + i * step; a step may be negative.
  Tensor slice(const Tensor& x, Dims starts, Dims sizes, Dims steps = {});
  Tensor sliceAxis(const Tensor& x, int64_t axis, int64_t start, int64_t size, int64_t step = 1);
  Tensor concat(const std::vector<Tensor>& parts, int64_t axis);
  Tensor pad(const Tensor& x, Dims low, Dims high, Number value);  // negative amounts crop
  Tensor insert(const Tensor& part, const Tensor& into, Dims starts, Dims steps);
  // NumPy's take: `indices` of any rank replace the axis. Constant ones become slices; others a selection over the
  // axis.
  Tensor take(const Tensor& x, int64_t axis, const Tensor& indices);

  // A perfect loop nest over `extents`. Loops that are missing from `result_loops` are reductions that start from
  // `initial`. With no operands the body computes from the loop indices.
  Tensor loops(Shape extents, std::vector<Operand> operands, Dims result_loops, ElementType type, const Body& body,
               std::optional<Number> initial = {});
  // The same body at each element of the operands, broadcast together.
  Tensor elementwise(const std::vector<Tensor>& operands, ElementType type, const Body& body);
  // Drops `axes` (distinct, in range).
  Tensor reduce(const Tensor& x, const Dims& axes, ElementType type, Number initial, const Body& body);
  Tensor convert(const Tensor& x, ElementType type);

  // Sums of products in `type`. Matrices of rank 2, or of rank 3 with equal leading dimensions.
  Tensor matmul(const Tensor& a, const Tensor& b, ElementType type, bool transpose_a = false, bool transpose_b = false);
  // x[N, C, H, W] with w[F, C / groups, kh, kw]; x is padded already. The result is of `type`.
  Tensor convolution(const Tensor& x, const Tensor& w, const Window& window, int64_t groups, ElementType type);
  // Maximum or sum (in `type`) over windows of x[N, C, H, W], which is padded already.
  Tensor pool(Pool kind, const Tensor& x, const Window& window, ElementType type);

  static std::optional<Shape> broadcastShape(const std::vector<Tensor>& operands);
  static int64_t windowCount(int64_t size, int64_t kernel, int64_t stride, int64_t dilation);

 private:
  bool foldable(ElementType type, int64_t count);  // and takes it from the budget of folded bytes
  bool checked(const Shape& shape);                // records an error for an absurd shape
  mlir::RankedTensorType tensorType(ElementType type, const Shape& shape);
  mlir::Value empty(ElementType type, const Shape& shape);
  Tensor copyBackwards(const Tensor& x, const Dims& starts, Shape sizes, const Dims& steps);
  mlir::Value scalarValue(ElementType type, Number value);
  mlir::Value filledValue(ElementType type, const Shape& shape, Number value);
  Tensor result(ElementType type, Shape shape, mlir::Value value) {
    return {type, std::move(shape), nullptr, value, nullptr};
  }
  // A tensor of this shape without a value, after an error.
  Tensor failed(ElementType type, Shape shape) { return {type, std::move(shape), nullptr, {}, nullptr}; }
  std::optional<Tensor> foldLoops(const Shape& extents, const std::vector<Operand>& operands, const Dims& result_loops,
                                  ElementType type, const Body& body, std::optional<Number> initial);

  mlir::OpBuilder& builder_;
  mlir::Location location_;
  std::optional<std::string> error_;
  int64_t folded_bytes_ = 0;
  std::map<const ConstantTensor*, mlir::Value> emitted_;
  std::vector<std::shared_ptr<const ConstantTensor>> kept_;  // keeps the keys of emitted_ alive
};

}  // namespace phx::compiler::onnx
