#include "compiler/lib/Frontend/Onnx/ReadModel.h"

#include <cstring>
#include <filesystem>
#include <fstream>

#include "onnx.pb.h"

namespace phx::compiler::onnx {
namespace {

using phx::onnx_schema::TensorProto;

Diagnostic unreadable(const TensorProto& proto, const std::string& what) {
  return error("tensor '" + printable(proto.name()) + "': " + what);
}

// A number of external_data; nothing when it is not one.
std::optional<uint64_t> parseNumber(const std::string& text) {
  uint64_t value = 0;
  if (text.empty()) return {};
  for (char c : text) {
    if (c < '0' || c > '9' || __builtin_mul_overflow(value, uint64_t{10}, &value) ||
        __builtin_add_overflow(value, static_cast<uint64_t>(c - '0'), &value))
      return {};
  }
  return value;
}

Outcome readExternal(const TensorProto& proto, const std::string& folder, ConstantTensor& tensor, size_t bytes) {
  std::string location;
  uint64_t offset = 0, length = bytes;
  for (const auto& entry : proto.external_data()) {
    if (entry.key() == "location") location = entry.value();
    if (entry.key() != "offset" && entry.key() != "length") continue;
    auto number = parseNumber(entry.value());
    if (!number) return unreadable(proto, "'" + entry.key() + "' of its external data is not a number");
    (entry.key() == "offset" ? offset : length) = *number;
  }
  namespace fs = std::filesystem;
  std::error_code problem;
  fs::path relative(location), base = fs::canonical(folder.empty() ? "." : folder, problem);
  fs::path path = problem ? fs::path() : fs::canonical(base / relative, problem);
  if (location.empty() || relative.is_absolute())
    return unreadable(proto, "its external data names no file in the model's folder");
  if (problem) return unreadable(proto, "external data file '" + printable(location) + "' cannot be opened");
  auto [end_of_base, ignored] = std::mismatch(base.begin(), base.end(), path.begin(), path.end());
  if (end_of_base != base.end())
    return unreadable(proto, "external data file '" + printable(location) + "' is outside of the model's folder");
  if (length != bytes)
    return unreadable(
        proto, "its shape needs " + std::to_string(bytes) + " bytes, its external data has " + std::to_string(length));
  uint64_t size = fs::is_regular_file(path, problem) ? fs::file_size(path, problem) : 0;
  if (problem || offset > size || length > size - offset)
    return unreadable(proto, "external data file '" + printable(location) + "' ends before its bytes");
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  tensor.bytes.resize(bytes);
  if (!file.read(reinterpret_cast<char*>(tensor.bytes.data()), static_cast<std::streamsize>(bytes)))
    return unreadable(proto, "external data file '" + printable(location) + "' cannot be read");
  return {};
}

template <class Field, class Convert>
bool copyField(const Field& field, ConstantTensor& tensor, int64_t count, Convert convert) {
  if (field.size() != count) return false;
  tensor.bytes.resize(static_cast<size_t>(count) * byteSize(tensor.type));
  for (int64_t i = 0; i < count; ++i) convert(i, field.Get(static_cast<int>(i)));
  return true;
}

}  // namespace

std::string printable(std::string_view name, size_t most) {
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    if (out.size() >= most) return out + "...";
    auto byte = [&](size_t k) { return k < name.size() ? static_cast<unsigned char>(name[k]) : 0u; };
    // The length of a UTF-8 sequence by its first byte; 0 for what is none, or a control character.
    unsigned first = byte(i);
    size_t length = first < 0x20 || first == 0x7f ? 0
                    : first < 0x80                ? 1
                    : first < 0xc2                ? 0
                    : first < 0xe0                ? 2
                    : first < 0xf0                ? 3
                    : first < 0xf5                ? 4
                                                  : 0;
    for (size_t k = 1; k < length; ++k)
      if (byte(i + k) < 0x80 || byte(i + k) > 0xbf) length = 0;
    if (length == 3 && ((first == 0xe0 && byte(i + 1) < 0xa0) || (first == 0xed && byte(i + 1) > 0x9f))) length = 0;
    if (length == 4 && ((first == 0xf0 && byte(i + 1) < 0x90) || (first == 0xf4 && byte(i + 1) > 0x8f))) length = 0;
    if (length)
      out += name.substr(i, length);
    else
      out += '?';
    i += length ? length - 1 : 0;
  }
  return out;
}

Expected<std::shared_ptr<const phx::onnx_schema::ModelProto>> parseModel(std::span<const std::byte> bytes,
                                                                         const std::string& file_name) {
  auto model = std::make_shared<phx::onnx_schema::ModelProto>();
  if (bytes.size() > INT32_MAX) return error_at(file_name, 0, "the file is larger than 2 GiB; use external data");
  if (bytes.empty() || !model->ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return error_at(file_name, 0, "not an ONNX model: the file is damaged or cut off");
  if (!model->has_graph()) return error_at(file_name, 0, "not an ONNX model: there is no graph in it");
  return std::shared_ptr<const phx::onnx_schema::ModelProto>(std::move(model));
}

Expected<ConstantTensor> readTensor(const TensorProto& proto, const std::string& folder) {
  auto type = elementTypeOf(proto.data_type());
  if (!type) return unreadable(proto, "element type " + nameOfOnnxType(proto.data_type()) + " is not supported");
  Shape shape(proto.dims().begin(), proto.dims().end());
  int64_t count = elementCount(shape);
  if (count > kMostElements)
    return unreadable(proto, "shape " + text(shape) + " has an impossible dimension or more than 2^31 elements");
  size_t bytes = static_cast<size_t>(count) * byteSize(*type);
  ConstantTensor tensor;
  tensor.type = *type;
  tensor.shape = std::move(shape);
  auto missing = [&](size_t found, const char* unit) {
    return unreadable(proto, "shape " + text(tensor.shape) + " of " + name(*type) + " does not match its " +
                                 std::to_string(found) + " " + unit);
  };
  if (proto.data_location() == TensorProto::EXTERNAL) {
    if (auto read = readExternal(proto, folder, tensor, bytes); !read) return read.diagnostic();
  } else if (proto.has_raw_data()) {
    if (proto.raw_data().size() != bytes) return missing(proto.raw_data().size(), "bytes of data");
    tensor.bytes.resize(bytes);
    if (bytes) std::memcpy(tensor.bytes.data(), proto.raw_data().data(), bytes);
  } else {
    bool right;
    size_t found;
    auto put = [&](int64_t i, auto value) {
      if (byteSize(*type) == sizeof value) std::memcpy(tensor.bytes.data() + i * sizeof value, &value, sizeof value);
    };
    switch (*type) {
      case ElementType::F32:
        right = copyField(proto.float_data(), tensor, count, put), found = proto.float_data_size();
        break;
      case ElementType::F64:
        right = copyField(proto.double_data(), tensor, count, put), found = proto.double_data_size();
        break;
      case ElementType::I64:
        right = copyField(proto.int64_data(), tensor, count, put), found = proto.int64_data_size();
        break;
      case ElementType::U32:
      case ElementType::U64:
        right = copyField(proto.uint64_data(), tensor, count,
                          [&](int64_t i, uint64_t v) { tensor.set(i, {0, static_cast<int64_t>(v)}); });
        found = proto.uint64_data_size();
        break;
      case ElementType::F16:
      case ElementType::BF16:
        right = copyField(proto.int32_data(), tensor, count,
                          [&](int64_t i, int32_t v) { put(i, static_cast<uint16_t>(v)); });
        found = proto.int32_data_size();
        break;
      default:
        right = copyField(proto.int32_data(), tensor, count, [&](int64_t i, int32_t v) { tensor.set(i, {0, v}); });
        found = proto.int32_data_size();
    }
    if (!right) return missing(found, "elements");
  }
  if (tensor.type == ElementType::Bool)
    for (std::byte& b : tensor.bytes) b = std::byte(b != std::byte{0});
  return tensor;
}

Expected<ConstantTensor> readTensorFile(std::span<const std::byte> bytes, const std::string& file_name,
                                        std::string* tensor_name) {
  TensorProto proto;
  if (bytes.size() > INT32_MAX || !proto.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return error_at(file_name, 0, "not a tensor: the file is damaged or cut off");
  auto tensor = readTensor(proto, "");
  if (!tensor) return error_at(file_name, 0, tensor.diagnostic().message);
  if (tensor_name) *tensor_name = proto.name();
  return tensor;
}

}  // namespace phx::compiler::onnx
