// The element types of tensors that the importer knows, by ONNX's names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace phx::compiler::onnx {

enum class ElementType : uint8_t { F32, U8, I8, U16, I16, I32, I64, Bool, F16, F64, U32, U64, BF16 };

// From TensorProto.DataType; nothing for strings, complex numbers and the 4- and 8-bit floating point types.
std::optional<ElementType> elementTypeOf(int32_t onnx_type);
std::string name(ElementType type);             // "float16", as in ONNX's tensor(float16)
std::string nameOfOnnxType(int32_t onnx_type);  // also for types that are not supported: "complex64", "type 99"
size_t byteSize(ElementType type);              // a bool is one byte
unsigned bitWidth(ElementType type);            // a bool is one bit
bool isFloat(ElementType type);
bool isUnsigned(ElementType type);  // U8, U16, U32, U64; not bool
bool isSigned(ElementType type);    // I8, I16, I32, I64
inline bool isInteger(ElementType type) { return isUnsigned(type) || isSigned(type); }

// The type that sums and products of the 16-bit floating point types are computed in: F32. Others: themselves.
inline ElementType widened(ElementType type) {
  return type == ElementType::F16 || type == ElementType::BF16 ? ElementType::F32 : type;
}

// One element on the host: `real` counts for floating point types, `integer` (U64: its bits) for the others.
struct Number {
  double real = 0;
  int64_t integer = 0;
};
Number numberOf(ElementType type, double value);   // rounded to the type
Number numberOf(ElementType type, int64_t value);  // wrapped to the type
Number lowest(ElementType type);                   // what a maximum starts from: -inf or the smallest integer
Number highest(ElementType type);                  // and a minimum: inf or the largest
Number load(ElementType type, const std::byte* from);
void store(ElementType type, Number value, std::byte* to);

}  // namespace phx::compiler::onnx
