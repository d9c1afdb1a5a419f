#include "device_sim/isa/immediate.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

namespace phx::isa {
namespace {

std::string hex(uint64_t bits) {
  char digits[24];
  auto end = std::to_chars(digits, digits + sizeof digits, bits, 16).ptr;
  return "0x" + std::string(digits, end);
}

// The shortest decimal that reads back as the same value, always with a point or exponent.
template <class Float>
std::string decimal(Float value) {
  char digits[64];
  std::string text(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  return text.find_first_of(".e") == text.npos ? text + ".0" : text;
}

bool is_signed(Type type) { return type == Type::S8 || type == Type::S16 || type == Type::S32 || type == Type::S64; }

bool looks_like_float(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text == "inf" || text == "nan") return true;
  return !text.starts_with("0x") && !text.starts_with("0b") && !text.starts_with('\'') &&
         text.find_first_of(".eE") != text.npos;
}

template <class Float>
Expected<Float> parse_float(std::string_view text) {
  Float value{};
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code == std::errc::result_out_of_range) return error("the number '" + std::string(text) + "' is out of range");
  if (code != std::errc() || end != text.data() + text.size())
    return error("'" + std::string(text) + "' is not a number");
  if (std::isnan(value)) return std::numeric_limits<Float>::quiet_NaN();
  return value;
}

// Bits of a 16-bit float with `mantissa` explicit bits, if the value has exactly such a form.
Expected<uint64_t> exact_half(double value, int mantissa, int min_exponent, int max_exponent, std::string_view type) {
  uint64_t sign = std::signbit(value) ? 0x8000u : 0;
  uint64_t infinity = ((uint64_t{1} << (15 - mantissa)) - 1) << mantissa;
  if (std::isnan(value)) return infinity | (uint64_t{1} << (mantissa - 1));
  if (std::isinf(value)) return sign | infinity;
  if (value == 0) return sign;
  int exponent;
  std::frexp(value, &exponent);
  exponent = std::max(exponent - 1, min_exponent);
  double scaled = std::ldexp(std::fabs(value), mantissa - exponent);
  if (scaled != std::floor(scaled) || exponent > max_exponent)
    return error("the number has no exact " + std::string(type) + " form; write its bits in hexadecimal");
  // A normal number carries the hidden bit, which adds one to the biased exponent by itself.
  return sign | ((static_cast<uint64_t>(exponent - min_exponent) << mantissa) + static_cast<uint64_t>(scaled));
}

}  // namespace

std::string immediate_text(uint64_t bits, Type type, unsigned width) {
  if (type == Type::F32 && width == 32) {
    float value = std::bit_cast<float>(static_cast<uint32_t>(bits));
    if (std::isfinite(value)) return decimal(value);
  } else if (type == Type::F64 && width == 64) {
    double value = std::bit_cast<double>(bits);
    if (std::isfinite(value)) return decimal(value);
  } else if (is_signed(type)) {
    int64_t value = width == 32 ? static_cast<int32_t>(bits) : static_cast<int64_t>(bits);
    if (value > -65536 && value < 65536) return std::to_string(value);
  } else if (bits < 65536 && !(info(type).group >= TypeGroup::f16)) {
    return std::to_string(bits);
  }
  return hex(bits);
}

Expected<uint64_t> parse_integer(std::string_view text) {
  std::string_view digits = text;
  bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  if (digits.size() == 3 && digits.front() == '\'' && digits.back() == '\'')
    return static_cast<uint64_t>(negative ? -digits[1] : digits[1]);
  int base = 10;
  if (digits.starts_with("0x") || digits.starts_with("0b")) {
    base = digits[1] == 'x' ? 16 : 2;
    digits.remove_prefix(2);
  }
  uint64_t value = 0;
  auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (code == std::errc::result_out_of_range || (negative && value > uint64_t{1} << 63))
    return error("the number '" + std::string(text) + "' does not fit 64 bits");
  if (code != std::errc() || end != digits.data() + digits.size() || digits.empty())
    return error("'" + std::string(text) + "' is not a number");
  return negative ? 0 - value : value;
}

Expected<uint64_t> parse_immediate(std::string_view text, Type type, unsigned width) {
  bool floating = info(type).group >= TypeGroup::f16;
  if (looks_like_float(text)) {
    bool integer = !floating && type != Type::B32 && type != Type::B64;
    if (integer)
      return error("the number '" + std::string(text) + "' is not an integer, but the type is " +
                   std::string(info(type).name));
    if (type == Type::F32 || type == Type::B32) {
      auto value = parse_float<float>(text);
      if (!value) return value.diagnostic();
      return uint64_t{std::bit_cast<uint32_t>(*value)};
    }
    auto value = parse_float<double>(text);
    if (!value) return value.diagnostic();
    if (type == Type::F64 || type == Type::B64) return std::bit_cast<uint64_t>(*value);
    if (type == Type::F16) return exact_half(*value, 10, -14, 15, "f16");
    if (type == Type::BF16) return exact_half(*value, 7, -126, 127, "bf16");
    return error("a number of type " + std::string(info(type).name) + " is written as its bits in hexadecimal");
  }
  auto value = parse_integer(text);
  if (!value) return value;
  bool is_hex = text.starts_with("0x") || text.starts_with("0b");
  if (floating && !is_hex)
    return error("'" + std::string(text) + "' could be a number or its bits; write '" + std::string(text) +
                 ".0' or hexadecimal");
  if (width > 32) return *value;
  bool negative = text.starts_with('-');
  if (negative ? static_cast<int64_t>(*value) < std::numeric_limits<int32_t>::min() : *value >> 32)
    return error("the number '" + std::string(text) + "' does not fit 32 bits");
  return *value & 0xFFFF'FFFF;
}

}  // namespace phx::isa
