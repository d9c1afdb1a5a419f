#include "compiler/lib/Frontend/Onnx/ConstantTensor.h"

#include <cstring>

namespace phx::compiler::onnx {

int64_t elementCount(std::span<const int64_t> shape) {
  bool empty = false;
  int64_t count = 1;
  for (int64_t size : shape) {
    if (size < 0 || size > kMostElements) return kMostElements + 1;
    empty |= size == 0;
    count *= size == 0 ? 1 : size;
    if (count > kMostElements) return kMostElements + 1;
  }
  return empty ? 0 : count;
}

std::string text(std::span<const int64_t> values) {
  if (values.empty()) return "scalar";
  std::string out;
  for (int64_t value : values) out += (out.empty() ? "" : "x") + std::to_string(value);
  return out;
}

ConstantTensor::ConstantTensor(ElementType type, Shape shape) : type(type), shape(std::move(shape)) {
  bytes.resize(static_cast<size_t>(elementCount(this->shape)) * byteSize(type));
}

bool ConstantTensor::allEqual() const {
  size_t size = byteSize(type);
  return bytes.size() >= size && std::memcmp(bytes.data(), bytes.data() + size, bytes.size() - size) == 0;
}

ConstantTensor integers(std::span<const int64_t> values) {
  ConstantTensor tensor(ElementType::I64, {static_cast<int64_t>(values.size())});
  if (!values.empty()) std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
  return tensor;
}

std::vector<int64_t> toIntegers(const ConstantTensor& tensor) {
  std::vector<int64_t> values;
  for (int64_t i = 0; i < tensor.count(); ++i) values.push_back(tensor.at(i).integer);
  return values;
}

std::vector<int64_t> rowMajorStrides(std::span<const int64_t> shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

void copyStrided(const ConstantTensor& from, const StridedView& source, ConstantTensor& to, const StridedView& target,
                 std::span<const int64_t> extents) {
  if (elementCount(extents) == 0) return;
  size_t size = byteSize(from.type);
  std::vector<int64_t> index(extents.size(), 0);
  int64_t read = source.offset, write = target.offset;
  for (;;) {
    std::memcpy(to.bytes.data() + write * size, from.bytes.data() + read * size, size);
    size_t dim = extents.size();
    for (; dim-- > 0;) {
      read += source.strides[dim];
      write += target.strides[dim];
      if (++index[dim] < extents[dim]) break;
      read -= source.strides[dim] * extents[dim];
      write -= target.strides[dim] * extents[dim];
      index[dim] = 0;
    }
    if (dim == static_cast<size_t>(-1)) return;
  }
}

}  // namespace phx::compiler::onnx
