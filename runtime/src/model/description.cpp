#include "runtime/src/model/description.h"

#include <nlohmann/json.hpp>

namespace phx::model {
namespace {

using Json = nlohmann::json;

struct TypeName {
  ElementType type;
  const char* name;
  uint64_t bytes;
};
constexpr TypeName kTypes[] = {
    {ElementType::f32, "f32", 4}, {ElementType::f16, "f16", 2},       {ElementType::bf16, "bf16", 2},
    {ElementType::s8, "s8", 1},   {ElementType::u8, "u8", 1},         {ElementType::s16, "s16", 2},
    {ElementType::u16, "u16", 2}, {ElementType::s32, "s32", 4},       {ElementType::u32, "u32", 4},
    {ElementType::s64, "s64", 8}, {ElementType::u64, "u64", 8},       {ElementType::boolean, "bool", 1},
    {ElementType::f64, "f64", 8}, {ElementType::f8e4m3, "f8e4m3", 1}, {ElementType::f8e5m2, "f8e5m2", 1}};

// Everything in this file that can throw is nlohmann's; the exceptions end here.
struct Corrupt {
  std::string message;
};
[[noreturn]] void corrupt(const std::string& message) { throw Corrupt{message}; }

uint64_t count(const Json& value, const char* what) {
  if (!value.is_number_unsigned()) corrupt(std::string("'") + what + "' is no count");
  return value.get<uint64_t>();
}
const Json& field(const Json& object, const char* name) {
  if (!object.is_object() || !object.contains(name)) corrupt(std::string("'") + name + "' is missing");
  return object[name];
}
std::string text(const Json& value, const char* what) {
  if (!value.is_string()) corrupt(std::string("'") + what + "' is no string");
  return value.get<std::string>();
}
const Json& list(const Json& value, const char* what) {
  if (!value.is_array()) corrupt(std::string("'") + what + "' is no list");
  return value;
}

std::vector<DescribedTensor> tensors(const Json& object, const char* name, DescribedBuffer::Kind kind,
                                     const std::vector<DescribedBuffer>& buffers) {
  std::vector<DescribedTensor> result;
  for (const Json& item : list(field(object, name), name)) {
    DescribedTensor tensor;
    tensor.name = text(field(item, "name"), "name");
    if (!type_named(text(field(item, "type"), "type"), tensor.type))
      corrupt("tensor '" + tensor.name + "' has an unknown type");
    uint64_t elements = 1;
    for (const Json& size : list(field(item, "shape"), "shape")) {
      uint64_t extent = count(size, "shape");
      if (extent > (uint64_t{1} << 40) || (extent && elements > (uint64_t{1} << 40) / extent))
        corrupt("tensor '" + tensor.name + "' is too large");
      elements *= extent;
      tensor.shape.push_back(static_cast<int64_t>(extent));
    }
    uint64_t buffer = count(field(item, "buffer"), "buffer");
    if (buffer >= buffers.size() || buffers[buffer].kind != kind || buffers[buffer].bytes != tensor.bytes())
      corrupt("tensor '" + tensor.name + "' has no buffer of its size");
    tensor.buffer = static_cast<uint32_t>(buffer);
    result.push_back(std::move(tensor));
  }
  return result;
}

Description parse(std::string_view json) {
  const Json root = Json::parse(json);
  if (count(field(root, "version"), "version") != 1) corrupt("the version is not 1");
  Description d;
  d.machine = text(field(root, "machine"), "machine");
  d.workspace_bytes = count(field(root, "workspace_bytes"), "workspace_bytes");
  for (const Json& item : list(field(root, "buffers"), "buffers")) {
    DescribedBuffer buffer;
    const std::string kind = text(field(item, "kind"), "kind");
    buffer.bytes = count(field(item, "bytes"), "bytes");
    if (kind == "input") {
      buffer.kind = DescribedBuffer::Kind::input;
    } else if (kind == "output") {
      buffer.kind = DescribedBuffer::Kind::output;
    } else if (kind == "constant") {
      buffer.kind = DescribedBuffer::Kind::constant;
      buffer.symbol = text(field(item, "symbol"), "symbol");
    } else if (kind == "workspace") {
      buffer.kind = DescribedBuffer::Kind::workspace;
      buffer.offset = count(field(item, "offset"), "offset");
      if (buffer.bytes > d.workspace_bytes || buffer.offset > d.workspace_bytes - buffer.bytes)
        corrupt("a buffer leaves the workspace");
    } else {
      corrupt("a buffer is of unknown kind '" + kind + "'");
    }
    d.buffers.push_back(std::move(buffer));
  }
  d.inputs = tensors(root, "inputs", DescribedBuffer::Kind::input, d.buffers);
  d.outputs = tensors(root, "outputs", DescribedBuffer::Kind::output, d.buffers);
  for (const Json& item : list(field(root, "launches"), "launches")) {
    DescribedLaunch launch;
    launch.kernel = text(field(item, "kernel"), "kernel");
    launch.source = text(field(item, "source"), "source");
    uint64_t grid = count(field(item, "grid"), "grid");
    if (grid < 1 || grid > 0xffff) corrupt("launch of '" + launch.kernel + "' has a grid of " + std::to_string(grid));
    launch.grid = static_cast<uint32_t>(grid);
    for (const Json& argument : list(field(item, "arguments"), "arguments")) {
      uint64_t buffer = count(argument, "arguments");
      if (buffer >= d.buffers.size()) corrupt("launch of '" + launch.kernel + "' names a buffer that does not exist");
      launch.arguments.push_back(static_cast<uint32_t>(buffer));
    }
    d.launches.push_back(std::move(launch));
  }
  return d;
}

}  // namespace

const char* name_of(ElementType type) {
  for (const TypeName& entry : kTypes)
    if (entry.type == type) return entry.name;
  return "?";
}
uint64_t bytes_of(ElementType type) {
  for (const TypeName& entry : kTypes)
    if (entry.type == type) return entry.bytes;
  return 0;
}
bool type_named(std::string_view name, ElementType& type) {
  for (const TypeName& entry : kTypes)
    if (name == entry.name) {
      type = entry.type;
      return true;
    }
  return false;
}

uint64_t TensorInfo::elements() const {
  uint64_t product = 1;
  for (int64_t extent : shape) product *= static_cast<uint64_t>(extent);
  return product;
}

hal::StatusOr<Description> read_description(std::string_view text) {
  auto refuse = [](const std::string& why) {
    return hal::Status(hal::Code::data_corrupt, "the program description does not hold together: " + why);
  };
  if (text.empty())
    return hal::Status(hal::Code::data_corrupt,
                       "the executable has no program description; `phx compile` makes executables that have one");
  try {
    return parse(text);
  } catch (const Corrupt& why) {
    return refuse(why.message);
  } catch (const std::exception& why) {
    return refuse(why.what());
  }
}

hal::StatusOr<Interface> read_interface(std::string_view description) {
  auto d = read_description(description);
  if (!d) return d.status();
  Interface result;
  result.machine = d->machine;
  for (const DescribedTensor& tensor : d->inputs) result.inputs.push_back(tensor);
  for (const DescribedTensor& tensor : d->outputs) result.outputs.push_back(tensor);
  return result;
}

}  // namespace phx::model
