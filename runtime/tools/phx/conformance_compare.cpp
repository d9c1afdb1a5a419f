// What a program computed beside what ONNX says it computes.
#include <cmath>
#include <cstring>

#include "device_sim/numerics/soft_float.h"
#include "runtime/tools/phx/conformance.h"
#include "runtime/tools/phx/random_array.h"

namespace phx::tools {
namespace {

using model::ElementType;

template <class T>
T at(std::span<const std::byte> bytes, uint64_t i) {
  T value;
  std::memcpy(&value, bytes.data() + i * sizeof value, sizeof value);
  return value;
}

double real_at(ElementType type, std::span<const std::byte> bytes, uint64_t i) {
  if (type == ElementType::f64) return at<double>(bytes, i);
  if (type == ElementType::f16) return num::f32_from_f16(at<uint16_t>(bytes, i));
  if (type == ElementType::bf16) return num::f32_from_bf16(at<uint16_t>(bytes, i));
  if (type == ElementType::f8e4m3 || type == ElementType::f8e5m2) {
    const num::Format format = type == ElementType::f8e4m3 ? num::Format::E4M3 : num::Format::E5M2;
    return num::f32(num::convert(num::Format::F32, format, at<uint8_t>(bytes, i)));
  }
  return at<float>(bytes, i);
}

bool is_float(ElementType type) {
  return type == ElementType::f32 || type == ElementType::f64 || type == ElementType::f16 ||
         type == ElementType::bf16 || type == ElementType::f8e4m3 || type == ElementType::f8e5m2;
}

std::string integer_at(ElementType type, std::span<const std::byte> bytes, uint64_t i) {
  const uint64_t size = model::bytes_of(type);
  uint64_t bits = 0;
  std::memcpy(&bits, bytes.data() + i * size, size);
  const bool is_signed =
      type == ElementType::s8 || type == ElementType::s16 || type == ElementType::s32 || type == ElementType::s64;
  if (!is_signed) return std::to_string(bits);
  const unsigned unused = 64 - 8 * static_cast<unsigned>(size);
  return std::to_string(static_cast<int64_t>(bits << unused) >> unused);
}

}  // namespace

Tolerance tolerance_of(ElementType type) {
  if (!is_float(type)) return {0, 0};
  return type == ElementType::f16 || type == ElementType::bf16 ? Tolerance{1e-2, 1e-3} : Tolerance{1e-3, 1e-5};
}

std::string difference(const model::TensorInfo& info, std::span<const std::byte> found,
                       const compiler::TensorValue& wanted) {
  if (wanted.type != model::name_of(info.type) || wanted.shape != info.shape) {
    ElementType type = info.type;
    model::type_named(wanted.type, type);
    return "is " + describe(info.type, info.shape) + ", expected " + describe(type, wanted.shape);
  }
  const Tolerance tolerance = tolerance_of(info.type);
  const uint64_t size = model::bytes_of(info.type);
  uint64_t wrong = 0, first = 0;
  for (uint64_t i = 0; i < info.elements(); ++i) {
    bool same;
    if (is_float(info.type)) {
      const double a = real_at(info.type, found, i), b = real_at(info.type, wanted.bytes, i);
      // Infinities are equal or wrong; a NaN is wanted or wrong.
      same = a == b || (std::isnan(a) && std::isnan(b)) ||
             (std::isfinite(b) && std::fabs(a - b) <= tolerance.absolute + tolerance.relative * std::fabs(b));
    } else {
      same = std::memcmp(found.data() + i * size, wanted.bytes.data() + i * size, size) == 0;
    }
    if (!same && wrong++ == 0) first = i;
  }
  if (!wrong) return {};
  char text[160];
  if (is_float(info.type))
    std::snprintf(text, sizeof text, "element %llu is %.9g, expected %.9g", static_cast<unsigned long long>(first),
                  real_at(info.type, found, first), real_at(info.type, wanted.bytes, first));
  else
    std::snprintf(text, sizeof text, "element %llu is %s, expected %s", static_cast<unsigned long long>(first),
                  integer_at(info.type, found, first).c_str(), integer_at(info.type, wanted.bytes, first).c_str());
  return std::string(text) + "; " + std::to_string(wrong) + " of " + std::to_string(info.elements()) + " differ";
}

}  // namespace phx::tools
