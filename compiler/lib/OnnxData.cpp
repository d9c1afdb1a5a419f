#include "lib/OnnxData.h"

#include <set>

#include "compiler/lib/Frontend/Onnx/ReadModel.h"
#include "onnx.pb.h"
#include "phalanx/compiler/onnx.h"

namespace phx::compiler {

namespace {

using onnx::ElementType;

struct TypeName {
  ElementType type;
  const char* name;
};
constexpr TypeName kTypes[] = {{ElementType::F32, "f32"},  {ElementType::F16, "f16"}, {ElementType::BF16, "bf16"},
                               {ElementType::F64, "f64"},  {ElementType::I8, "s8"},   {ElementType::U8, "u8"},
                               {ElementType::I16, "s16"},  {ElementType::U16, "u16"}, {ElementType::I32, "s32"},
                               {ElementType::U32, "u32"},  {ElementType::I64, "s64"}, {ElementType::U64, "u64"},
                               {ElementType::Bool, "bool"}};

}  // namespace

std::optional<ElementType> elementTypeNamed(const std::string& name) {
  for (const TypeName& entry : kTypes)
    if (name == entry.name) return entry.type;
  return {};
}

std::string programTypeName(ElementType type) {
  for (const TypeName& entry : kTypes)
    if (type == entry.type) return entry.name;
  return {};
}

Expected<std::vector<OnnxInput>> onnxInputs(std::span<const std::byte> model, const std::string& file) {
  auto proto = onnx::parseModel(model, file);
  if (!proto) return proto.diagnostic();
  const auto& graph = (*proto)->graph();
  std::set<std::string> constant;
  for (const auto& tensor : graph.initializer()) constant.insert(tensor.name());
  std::vector<OnnxInput> inputs;
  for (const auto& input : graph.input()) {
    if (constant.contains(input.name())) continue;
    auto type = input.type().has_tensor_type() ? onnx::elementTypeOf(input.type().tensor_type().elem_type())
                                               : std::optional<ElementType>();
    inputs.push_back({input.name(), type ? programTypeName(*type) : std::string()});
  }
  return inputs;
}

Expected<TensorValue> readOnnxTensor(std::span<const std::byte> bytes, const std::string& file) {
  TensorValue value;
  auto tensor = onnx::readTensorFile(bytes, file, &value.name);
  if (!tensor) return tensor.diagnostic();
  value.type = programTypeName(tensor->type);
  value.shape = tensor->shape;
  value.bytes = std::move(tensor->bytes);
  return value;
}

}  // namespace phx::compiler
