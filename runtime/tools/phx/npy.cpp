#include "runtime/tools/phx/npy.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>

namespace phx::tools {
namespace {

using model::ElementType;

struct Descr {
  ElementType type;
  const char* text;
};
constexpr Descr kDescrs[] = {{ElementType::f32, "<f4"},  {ElementType::f16, "<f2"},    {ElementType::f64, "<f8"},
                             {ElementType::s8, "|i1"},   {ElementType::u8, "|u1"},     {ElementType::s16, "<i2"},
                             {ElementType::u16, "<u2"},  {ElementType::s32, "<i4"},    {ElementType::u32, "<u4"},
                             {ElementType::s64, "<i8"},  {ElementType::u64, "<u8"},    {ElementType::boolean, "|b1"},
                             {ElementType::bf16, "<u2"}, {ElementType::f8e4m3, "|u1"}, {ElementType::f8e5m2, "|u1"}};
constexpr std::string_view kMagic("\x93NUMPY", 6);

// The text after 'key': in the header's Python dictionary, up to the value's end.
std::optional<std::string> value_of(const std::string& header, const std::string& key) {
  size_t at = header.find("'" + key + "':");
  if (at == std::string::npos) return std::nullopt;
  at = header.find_first_not_of(' ', at + key.size() + 3);
  if (at == std::string::npos) return std::nullopt;
  const char open = header[at];
  const size_t end = open == '\''  ? header.find('\'', at + 1)
                     : open == '(' ? header.find(')', at)
                                   : header.find_first_of(",}", at);
  if (end == std::string::npos) return std::nullopt;
  return open == '\'' || open == '(' ? header.substr(at + 1, end - at - 1) : header.substr(at, end - at);
}

}  // namespace

Expected<Array> read_npy(const std::string& path) {
  auto fail = [&](const std::string& why) { return error_at(path, 0, why); };
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail("cannot be opened for reading");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  if (text.size() < 10 || std::string_view(text).substr(0, 6) != kMagic) return fail("is no .npy file");
  const int version = text[6];
  const size_t prefix = version == 1 ? 10 : 12;
  if (version < 1 || version > 3 || text.size() < prefix) return fail("is a .npy file of an unknown version");
  uint32_t length = 0;
  std::memcpy(&length, text.data() + 8, prefix - 8);
  if (text.size() - prefix < length) return fail("ends inside its header");
  const std::string header = text.substr(prefix, length);
  auto descr = value_of(header, "descr"), order = value_of(header, "fortran_order"), shape = value_of(header, "shape");
  if (!descr || !order || !shape) return fail("has a header without descr, fortran_order or shape");
  Array array;
  bool known = false;
  for (const Descr& entry : kDescrs)
    if (!known && *descr == entry.text) array.type = entry.type, known = true;
  if (!known) return fail("holds elements of type '" + *descr + "'; expected little-endian floats, integers or bools");
  uint64_t elements = 1;
  for (const char* at = shape->c_str(); *at;) {
    if (*at == ' ' || *at == ',') {
      ++at;
      continue;
    }
    char* end = nullptr;
    const unsigned long long extent = std::strtoull(at, &end, 10);
    if (end == at || extent > (uint64_t{1} << 40) || (extent && elements > (uint64_t{1} << 40) / extent))
      return fail("has the impossible shape (" + *shape + ")");
    elements *= extent;
    array.shape.push_back(static_cast<int64_t>(extent));
    at = end;
  }
  if (*order != "False" && array.shape.size() > 1)
    return fail("is in column-major order; save numpy.ascontiguousarray(x)");
  const uint64_t bytes = elements * model::bytes_of(array.type);
  if (text.size() - prefix - length != bytes)
    return fail("holds " + std::to_string(text.size() - prefix - length) + " bytes of data, its header says " +
                std::to_string(bytes));
  array.bytes.resize(bytes);
  if (bytes) std::memcpy(array.bytes.data(), text.data() + prefix + length, bytes);
  return array;
}

Outcome write_npy(const std::string& path, const Array& array) {
  std::string header = "{'descr': '";
  for (const Descr& entry : kDescrs)
    if (entry.type == array.type) header += entry.text;
  header += "', 'fortran_order': False, 'shape': (";
  for (size_t i = 0; i < array.shape.size(); ++i)
    header += (i ? ", " : "") + std::to_string(array.shape[i]) + (array.shape.size() == 1 ? "," : "");
  header += "), }";
  header.append(64 - (10 + header.size() + 1) % 64, ' ');  // data begins at a multiple of 64
  header += '\n';
  std::ofstream file(path, std::ios::binary);
  const auto length = static_cast<uint16_t>(header.size());
  file.write(kMagic.data(), 6).write("\1\0", 2).write(reinterpret_cast<const char*>(&length), 2) << header;
  file.write(reinterpret_cast<const char*>(array.bytes.data()), static_cast<std::streamsize>(array.bytes.size()));
  if (!file.flush()) return error_at(path, 0, "cannot be written");
  return {};
}

}  // namespace phx::tools
