#include "runtime/tools/phx/random_array.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>

#include "device_sim/numerics/soft_float.h"

namespace phx::tools {
namespace {

using model::ElementType;

// SplitMix64: small, and the same everywhere.
uint64_t next(uint64_t& state) {
  uint64_t z = state += 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

// Sum of twelve uniform numbers: close to normal, and exact in every order of evaluation that matters here.
float normal(uint64_t& state) {
  int64_t sum = 0;
  for (int i = 0; i < 6; ++i) {
    const uint64_t bits = next(state);
    sum += static_cast<int64_t>(bits >> 32) + static_cast<int64_t>(bits & 0xffffffffu);
  }
  return static_cast<float>(static_cast<double>(sum) * 0x1p-32 - 6.0);
}

template <class T>
T at(const Array& array, uint64_t i) {
  T value;
  std::memcpy(&value, array.bytes.data() + i * sizeof(T), sizeof(T));
  return value;
}

double value_at(const Array& array, uint64_t i) {
  switch (array.type) {
    case ElementType::f32:
      return at<float>(array, i);
    case ElementType::f64:
      return at<double>(array, i);
    case ElementType::f16:
      return num::f32_from_f16(at<uint16_t>(array, i));
    case ElementType::bf16:
      return num::f32_from_bf16(at<uint16_t>(array, i));
    case ElementType::f8e4m3:
      return num::f32(num::convert(num::Format::F32, num::Format::E4M3, at<uint8_t>(array, i)));
    case ElementType::f8e5m2:
      return num::f32(num::convert(num::Format::F32, num::Format::E5M2, at<uint8_t>(array, i)));
    case ElementType::s8:
      return at<int8_t>(array, i);
    case ElementType::u8:
    case ElementType::boolean:
      return at<uint8_t>(array, i);
    case ElementType::s16:
      return at<int16_t>(array, i);
    case ElementType::u16:
      return at<uint16_t>(array, i);
    case ElementType::s32:
      return at<int32_t>(array, i);
    case ElementType::u32:
      return at<uint32_t>(array, i);
    case ElementType::s64:
      return static_cast<double>(at<int64_t>(array, i));
    case ElementType::u64:
      return static_cast<double>(at<uint64_t>(array, i));
  }
  return 0;
}

}  // namespace

Array random_array(const model::TensorInfo& info, uint64_t seed) {
  Array array{info.type, info.shape, std::vector<std::byte>(info.bytes())};
  uint64_t state = seed * 0xD1342543DE82EF95ull + 1;
  const uint64_t size = model::bytes_of(info.type);
  const uint64_t elements = info.elements();
  for (uint64_t i = 0; i < elements; ++i) {
    std::byte* to = array.bytes.data() + i * size;
    if (info.type == ElementType::f32) {
      const float value = normal(state);
      std::memcpy(to, &value, 4);
    } else if (info.type == ElementType::f64) {
      const double value = normal(state);
      std::memcpy(to, &value, 8);
    } else if (info.type == ElementType::f16 || info.type == ElementType::bf16) {
      const float value = normal(state);
      const uint16_t bits = info.type == ElementType::f16 ? num::f16_from(value) : num::bf16_from(value);
      std::memcpy(to, &bits, 2);
    } else if (info.type == ElementType::f8e4m3 || info.type == ElementType::f8e5m2) {
      const num::Format format = info.type == ElementType::f8e4m3 ? num::Format::E4M3 : num::Format::E5M2;
      *to = static_cast<std::byte>(num::convert(format, num::Format::F32, num::bits(normal(state))));
    } else {
      const bool is_signed = info.type == ElementType::s8 || info.type == ElementType::s16 ||
                             info.type == ElementType::s32 || info.type == ElementType::s64;
      const int64_t value = info.type == ElementType::boolean
                                ? static_cast<int64_t>(next(state) & 1)
                                : static_cast<int64_t>(next(state) & 15) - (is_signed ? 8 : 0);
      std::memcpy(to, &value, size);  // little endian
    }
  }
  return array;
}

std::string describe(ElementType type, const std::vector<int64_t>& shape) {
  std::string text = std::string(model::name_of(type)) + "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

std::string glance(const Array& array) {
  const uint64_t elements = array.bytes.size() / model::bytes_of(array.type);
  double least = std::numeric_limits<double>::infinity(), most = -least, sum = 0;
  uint64_t nan = 0;
  for (uint64_t i = 0; i < elements; ++i) {
    const double value = value_at(array, i);
    if (std::isnan(value)) {
      ++nan;
      continue;
    }
    least = std::min(least, value);
    most = std::max(most, value);
    sum += value;
  }
  if (elements == nan) return nan ? ", all NaN" : "";
  char text[160];
  std::snprintf(text, sizeof text, ", from %g to %g, mean %g", least, most, sum / static_cast<double>(elements - nan));
  return text + (nan ? ", " + std::to_string(nan) + " NaN" : std::string());
}

}  // namespace phx::tools
