#include "compiler/lib/Frontend/Onnx/ElementType.h"

#include <cstring>
#include <limits>

#include "device_sim/numerics/soft_float.h"

namespace phx::compiler::onnx {
namespace {

struct Row {
  const char* name;  // nullptr: the type is not supported
  unsigned bits;
  ElementType type;
};

using enum ElementType;

// In the order of TensorProto.DataType, from 0.
constexpr Row kRows[] = {{nullptr, 0, F32},     {"float", 32, F32},  {"uint8", 8, U8},     {"int8", 8, I8},
                         {"uint16", 16, U16},   {"int16", 16, I16},  {"int32", 32, I32},   {"int64", 64, I64},
                         {nullptr, 0, F32},     {"bool", 1, Bool},   {"float16", 16, F16}, {"double", 64, F64},
                         {"uint32", 32, U32},   {"uint64", 64, U64}, {nullptr, 0, F32},    {nullptr, 0, F32},
                         {"bfloat16", 16, BF16}};
constexpr const char* kUnsupported[] = {"undefined",
                                        "",
                                        "",
                                        "",
                                        "",
                                        "",
                                        "",
                                        "",
                                        "string",
                                        "",
                                        "",
                                        "",
                                        "",
                                        "",
                                        "complex64",
                                        "complex128",
                                        "",
                                        "float8e4m3fn",
                                        "float8e4m3fnuz",
                                        "float8e5m2",
                                        "float8e5m2fnuz",
                                        "uint4",
                                        "int4",
                                        "float4e2m1"};

const Row& row(ElementType type) {
  for (const Row& row : kRows)
    if (row.name && row.type == type) return row;
  return kRows[1];
}

template <class T>
T read(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class T>
void write(std::byte* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

}  // namespace

std::optional<ElementType> elementTypeOf(int32_t onnx_type) {
  if (onnx_type < 0 || onnx_type >= static_cast<int32_t>(std::size(kRows)) || !kRows[onnx_type].name) return {};
  return kRows[onnx_type].type;
}

std::string name(ElementType type) { return row(type).name; }

std::string nameOfOnnxType(int32_t onnx_type) {
  if (auto type = elementTypeOf(onnx_type)) return name(*type);
  if (onnx_type >= 0 && onnx_type < static_cast<int32_t>(std::size(kUnsupported))) return kUnsupported[onnx_type];
  return "type " + std::to_string(onnx_type);
}

unsigned bitWidth(ElementType type) { return row(type).bits; }
size_t byteSize(ElementType type) { return type == Bool ? 1 : row(type).bits / 8; }
bool isFloat(ElementType type) { return type == F32 || type == F16 || type == F64 || type == BF16; }
bool isUnsigned(ElementType type) { return type == U8 || type == U16 || type == U32 || type == U64; }
bool isSigned(ElementType type) { return type == I8 || type == I16 || type == I32 || type == I64; }

Number numberOf(ElementType type, double value) {
  switch (type) {
    case F64:
      return {value, 0};
    case F32:
      return {num::f32_from(value), 0};
    case F16:
      return {num::f32_from_f16(num::f16_from(value)), 0};
    case BF16:
      return {num::f32_from_bf16(num::bf16_from(value)), 0};
    case Bool:
      return {0, value != 0};
    case U64:
      return {0, static_cast<int64_t>(num::to_u64(value))};
    default:
      return numberOf(type, num::to_s64(value));
  }
}

Number numberOf(ElementType type, int64_t value) {
  switch (type) {
    case I8:
      return {0, static_cast<int8_t>(value)};
    case U8:
      return {0, static_cast<uint8_t>(value)};
    case I16:
      return {0, static_cast<int16_t>(value)};
    case U16:
      return {0, static_cast<uint16_t>(value)};
    case I32:
      return {0, static_cast<int32_t>(value)};
    case U32:
      return {0, static_cast<uint32_t>(value)};
    case Bool:
      return {0, value != 0};
    case I64:
    case U64:
      return {0, value};
    // A 64-bit integer is rounded once: through double only where that is exact for the type.
    case F32:
      return {num::f32(num::from_signed(num::Format::F32, value)), 0};
    default:
      return numberOf(type, static_cast<double>(value));
  }
}

Number lowest(ElementType type) {
  if (isFloat(type)) return {-std::numeric_limits<double>::infinity(), 0};
  if (!isSigned(type)) return {};
  return {0, static_cast<int64_t>(~uint64_t{0} << (bitWidth(type) - 1))};
}

Number highest(ElementType type) {
  if (isFloat(type)) return {std::numeric_limits<double>::infinity(), 0};
  if (isSigned(type)) return {0, ~lowest(type).integer};
  return numberOf(type, int64_t{-1});
}

Number load(ElementType type, const std::byte* from) {
  switch (type) {
    case F32:
      return {read<float>(from), 0};
    case F64:
      return {read<double>(from), 0};
    case F16:
      return {num::f32_from_f16(read<uint16_t>(from)), 0};
    case BF16:
      return {num::f32_from_bf16(read<uint16_t>(from)), 0};
    case I8:
      return {0, read<int8_t>(from)};
    case U8:
      return {0, read<uint8_t>(from)};
    case Bool:
      return {0, read<uint8_t>(from) != 0};
    case I16:
      return {0, read<int16_t>(from)};
    case U16:
      return {0, read<uint16_t>(from)};
    case I32:
      return {0, read<int32_t>(from)};
    case U32:
      return {0, read<uint32_t>(from)};
    case I64:
    case U64:
      return {0, read<int64_t>(from)};
  }
  return {};
}

void store(ElementType type, Number value, std::byte* to) {
  switch (type) {
    case F32:
      return write(to, static_cast<float>(value.real));
    case F64:
      return write(to, value.real);
    case F16:
      return write(to, num::f16_from(value.real));
    case BF16:
      return write(to, num::bf16_from(value.real));
    case I8:
    case U8:
    case Bool:
      return write(to, static_cast<uint8_t>(value.integer));
    case I16:
    case U16:
      return write(to, static_cast<uint16_t>(value.integer));
    case I32:
    case U32:
      return write(to, static_cast<uint32_t>(value.integer));
    case I64:
    case U64:
      return write(to, value.integer);
  }
}

}  // namespace phx::compiler::onnx
