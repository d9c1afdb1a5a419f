// A tensor whose elements are known on the host: an initializer, a folded shape computation, a known graph input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "compiler/lib/Frontend/Onnx/ElementType.h"

namespace phx::compiler::onnx {

using Shape = std::vector<int64_t>;

// The most elements that a tensor may have; larger shapes are refused.
inline constexpr int64_t kMostElements = int64_t{1} << 31;

// The product of the dimensions; kMostElements + 1 when there are more than that (an empty dimension hides no absurd
// one), or when a dimension is negative.
int64_t elementCount(std::span<const int64_t> shape);
std::string text(std::span<const int64_t> values);  // "2x3", "scalar" for rank 0

struct ConstantTensor {
  ElementType type = ElementType::F32;
  Shape shape;
  std::vector<std::byte> bytes;  // row-major, byteSize(type) each

  ConstantTensor() = default;
  ConstantTensor(ElementType type, Shape shape);  // all bytes zero
  int64_t count() const { return static_cast<int64_t>(bytes.size() / byteSize(type)); }
  Number at(int64_t i) const { return load(type, bytes.data() + i * byteSize(type)); }
  void set(int64_t i, Number value) { store(type, value, bytes.data() + i * byteSize(type)); }
  double real(int64_t i) const { return isFloat(type) ? at(i).real : static_cast<double>(at(i).integer); }
  bool allEqual() const;  // every element has the same bytes, and there is one
};

ConstantTensor integers(std::span<const int64_t> values);  // 1-D, I64
std::vector<int64_t> toIntegers(const ConstantTensor& tensor);

// Elements of `to` at offset + sum(index * stride) become those of `from` at the same sum with its own offset and
// strides, for every index below `extents`. Offsets and strides count elements; both tensors have one type.
struct StridedView {
  int64_t offset = 0;
  std::vector<int64_t> strides;
};
void copyStrided(const ConstantTensor& from, const StridedView& source, ConstantTensor& to, const StridedView& target,
                 std::span<const int64_t> extents);
std::vector<int64_t> rowMajorStrides(std::span<const int64_t> shape);

}  // namespace phx::compiler::onnx
