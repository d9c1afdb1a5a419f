#include "tools/CompareTensors.h"

#include <cmath>
#include <cstring>

#include "device_sim/numerics/soft_float.h"

namespace phx::compiler {

namespace {

template <class T>
T at(const TensorValue& value, size_t i) {
  T element;
  std::memcpy(&element, value.bytes.data() + i * sizeof(T), sizeof(T));
  return element;
}

size_t bytesOf(const std::string& type) {
  if (type == "bool" || type == "s8" || type == "u8" || type.starts_with("f8")) return 1;
  if (type == "f16" || type == "bf16" || type == "s16" || type == "u16") return 2;
  return type == "f64" || type == "s64" || type == "u64" ? 8 : 4;
}

double numberAt(const TensorValue& value, size_t i) {
  const std::string& type = value.type;
  if (type == "f32") return static_cast<double>(at<float>(value, i));
  if (type == "f64") return at<double>(value, i);
  if (type == "f16") return static_cast<double>(num::f32_from_f16(at<uint16_t>(value, i)));
  if (type == "bf16") return static_cast<double>(num::f32_from_bf16(at<uint16_t>(value, i)));
  if (type == "f8e4m3" || type == "f8e5m2") {
    const num::Format format = type == "f8e4m3" ? num::Format::E4M3 : num::Format::E5M2;
    return static_cast<double>(num::f32(num::convert(num::Format::F32, format, at<uint8_t>(value, i))));
  }
  if (type == "bool" || type == "u8") return at<uint8_t>(value, i);
  if (type == "s8") return at<int8_t>(value, i);
  if (type == "s16") return at<int16_t>(value, i);
  if (type == "u16") return at<uint16_t>(value, i);
  if (type == "u32") return at<uint32_t>(value, i);
  if (type == "s64") return static_cast<double>(at<int64_t>(value, i));
  return at<int32_t>(value, i);
}

std::string text(double number) {
  char digits[32];
  std::snprintf(digits, sizeof digits, "%.9g", number);
  return digits;
}

}  // namespace

TensorDifference compareTensors(const TensorValue& value, const TensorValue& expected, double tolerance) {
  if (value.type != expected.type || value.shape != expected.shape || value.bytes.size() != expected.bytes.size())
    return {false, "the types or shapes differ"};
  const bool floating = value.type.find('f') != std::string::npos;
  const size_t elements = value.bytes.size() / bytesOf(value.type);
  size_t differing = 0, worst = 0;
  double most = 0;
  for (size_t i = 0; i < elements; ++i) {
    const double a = numberAt(value, i), b = numberAt(expected, i);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    ++differing;
    double distance = std::fabs(a - b) / std::fmax(1.0, std::fabs(b));
    if (std::isnan(distance)) distance = HUGE_VAL;
    if (distance > most) most = distance, worst = i;
  }
  const std::string all = std::to_string(elements) + " elements";
  if (!differing) return {true, "all " + all + " are equal"};
  return {floating && most <= tolerance, std::to_string(differing) + " of " + all + " differ, most at " +
                                             std::to_string(worst) + ": " + text(numberAt(value, worst)) + " and " +
                                             text(numberAt(expected, worst))};
}

}  // namespace phx::compiler
