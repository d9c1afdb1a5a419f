// Protobuf to our own structures: models and tensors. Every size is checked against the bytes that are there before
// anything is allocated from it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "compiler/lib/Frontend/Onnx/ConstantTensor.h"
#include "device_sim/diagnostic/diagnostic.h"

namespace phx::onnx_schema {
class ModelProto;
class TensorProto;
}  // namespace phx::onnx_schema

namespace phx::compiler::onnx {

Expected<std::shared_ptr<const phx::onnx_schema::ModelProto>> parseModel(std::span<const std::byte> bytes,
                                                                         const std::string& file_name);

// A tensor of a model; data in other files is looked for below `folder`.
Expected<ConstantTensor> readTensor(const phx::onnx_schema::TensorProto& proto, const std::string& folder);

// A file that holds one TensorProto, as in ONNX's test data. `tensor_name`, if given, receives its name.
Expected<ConstantTensor> readTensorFile(std::span<const std::byte> bytes, const std::string& file_name,
                                        std::string* tensor_name = nullptr);

// Text from a file, fit for one line of a message: what is no UTF-8 or a control character is replaced, long text is
// cut.
std::string printable(std::string_view text, size_t most = 120);

}  // namespace phx::compiler::onnx
