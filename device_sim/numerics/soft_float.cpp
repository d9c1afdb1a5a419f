#include "device_sim/numerics/soft_float.h"

#include <utility>

namespace phx::num {
namespace {

using u128 = unsigned __int128;

struct Layout {
  int exponent_bits, mantissa_bits;
  bool infinity;  // e4m3 has none: its top exponent holds numbers, its all-ones pattern is NaN
  int bias() const { return (1 << (exponent_bits - 1)) - 1; }
  int top() const { return (1 << exponent_bits) - 1; }
  int width() const { return 1 + exponent_bits + mantissa_bits; }
  uint64_t sign_bit() const { return 1ull << (width() - 1); }
  uint64_t largest() const {  // encoding of the largest finite value
    return infinity ? (static_cast<uint64_t>(top()) << mantissa_bits) - 1 : sign_bit() - 2;
  }
};

constexpr Layout kLayouts[] = {{5, 10, true}, {8, 7, true}, {8, 23, true}, {11, 52, true}, {4, 3, false}, {5, 2, true}};
const Layout& layout(Format f) { return kLayouts[static_cast<int>(f)]; }

enum class Kind : uint8_t { Zero, Finite, Infinity, NaN };

// (-1)^negative * mantissa * 2^exponent. Where bits had to be dropped, the lowest bit of the mantissa is set
// ("sticky").
struct Number {
  Kind kind;
  bool negative;
  int exponent;
  u128 mantissa;
};

int top_bit(u128 x) {
  uint64_t high = static_cast<uint64_t>(x >> 64);
  return high ? 127 - std::countl_zero(high) : 63 - std::countl_zero(static_cast<uint64_t>(x));
}

u128 shift_right_sticky(u128 x, int count) {
  if (count <= 0) return x;
  if (count >= 128) return x != 0;
  return (x >> count) | ((x & ((u128{1} << count) - 1)) != 0);
}

Number unpack(Format f, uint64_t a) {
  const Layout& l = layout(f);
  bool negative = a & l.sign_bit();
  uint64_t mantissa = a & ((1ull << l.mantissa_bits) - 1);
  int exponent = static_cast<int>((a >> l.mantissa_bits) & l.top());
  if (exponent == l.top()) {
    if (l.infinity) return {mantissa ? Kind::NaN : Kind::Infinity, negative, 0, 0};
    if (mantissa == (1ull << l.mantissa_bits) - 1) return {Kind::NaN, negative, 0, 0};
  }
  if (exponent == 0) {
    if (mantissa == 0) return {Kind::Zero, negative, 0, 0};
    return {Kind::Finite, negative, 1 - l.bias() - l.mantissa_bits, mantissa};
  }
  return {Kind::Finite, negative, exponent - l.bias() - l.mantissa_bits, mantissa | (1ull << l.mantissa_bits)};
}

// x >> count, rounded; count > 0.
u128 shift_right_rounded(u128 x, int count, bool negative, Round r) {
  if (count > 128) return (r == Round::Ru && !negative) || (r == Round::Rd && negative);
  u128 kept = count == 128 ? 0 : x >> count;
  u128 rest = count == 128 ? x : x & ((u128{1} << count) - 1);
  u128 half = u128{1} << (count - 1);
  bool up = false;
  switch (r) {
    case Round::Rn:
      up = rest > half || (rest == half && (kept & 1));
      break;
    case Round::Rz:
      break;
    case Round::Rd:
      up = negative && rest;
      break;
    case Round::Ru:
      up = !negative && rest;
      break;
  }
  return kept + up;
}

uint64_t pack_zero(Format f, bool negative) { return negative ? layout(f).sign_bit() : 0; }

uint64_t pack_infinity(Format f, bool negative) {
  const Layout& l = layout(f);
  if (!l.infinity) return canonical_nan(f);
  return pack_zero(f, negative) | (static_cast<uint64_t>(l.top()) << l.mantissa_bits);
}

uint64_t pack(Format f, const Number& n, Round r, bool saturate = false) {
  const Layout& l = layout(f);
  switch (n.kind) {
    case Kind::Zero:
      return pack_zero(f, n.negative);
    case Kind::Infinity:
      return saturate ? pack_zero(f, n.negative) | l.largest() : pack_infinity(f, n.negative);
    case Kind::NaN:
      return canonical_nan(f);
    case Kind::Finite:
      break;
  }
  // The result is a multiple of 2^quantum.
  int leading = n.exponent + top_bit(n.mantissa);
  int quantum = (leading < 1 - l.bias() ? 1 - l.bias() : leading) - l.mantissa_bits;
  int shift = quantum - n.exponent;
  uint64_t kept =
      static_cast<uint64_t>(shift > 0 ? shift_right_rounded(n.mantissa, shift, n.negative, r) : n.mantissa << -shift);
  uint64_t hidden = 1ull << l.mantissa_bits;
  uint64_t magnitude = kept;
  if (kept >= hidden) {
    int biased = quantum + l.mantissa_bits + l.bias();
    // A carry out of the mantissa moves on into the exponent field.
    magnitude = biased > l.top() ? ~0ull >> 1 : (static_cast<uint64_t>(biased) << l.mantissa_bits) + (kept - hidden);
  }
  if (magnitude > l.largest()) {
    bool toward_zero = r == Round::Rz || (r == Round::Rd && !n.negative) || (r == Round::Ru && n.negative);
    if (!saturate && !toward_zero) return pack_infinity(f, n.negative);
    magnitude = l.largest();
  }
  return pack_zero(f, n.negative) | magnitude;
}

// Both mantissas have at most 110 significant bits, so that aligning drops bits only where they can be sticky.
Number sum(Number a, Number b, Round r) {
  if (a.kind == Kind::NaN || b.kind == Kind::NaN) return {Kind::NaN, false, 0, 0};
  if (a.kind == Kind::Infinity || b.kind == Kind::Infinity) {
    if (a.kind == b.kind && a.negative != b.negative) return {Kind::NaN, false, 0, 0};
    return a.kind == Kind::Infinity ? a : b;
  }
  if (a.kind == Kind::Zero && b.kind == Kind::Zero) {
    return {Kind::Zero, a.negative == b.negative ? a.negative : r == Round::Rd, 0, 0};
  }
  if (a.kind == Kind::Zero) return b;
  if (b.kind == Kind::Zero) return a;
  for (Number* n : {&a, &b}) {
    int up = 125 - top_bit(n->mantissa);
    n->mantissa <<= up;
    n->exponent -= up;
  }
  if (a.exponent < b.exponent || (a.exponent == b.exponent && a.mantissa < b.mantissa)) std::swap(a, b);
  b.mantissa = shift_right_sticky(b.mantissa, a.exponent - b.exponent);
  a.mantissa = a.negative == b.negative ? a.mantissa + b.mantissa : a.mantissa - b.mantissa;
  if (a.mantissa == 0) return {Kind::Zero, r == Round::Rd, 0, 0};
  return a;
}

Number product(const Number& a, const Number& b) {
  bool negative = a.negative != b.negative;
  if (a.kind == Kind::NaN || b.kind == Kind::NaN) return {Kind::NaN, false, 0, 0};
  if (a.kind == Kind::Infinity || b.kind == Kind::Infinity) {
    bool undefined = a.kind == Kind::Zero || b.kind == Kind::Zero;
    return {undefined ? Kind::NaN : Kind::Infinity, negative, 0, 0};
  }
  if (a.kind == Kind::Zero || b.kind == Kind::Zero) return {Kind::Zero, negative, 0, 0};
  return {Kind::Finite, negative, a.exponent + b.exponent, a.mantissa * b.mantissa};
}

// Magnitude rounded to an integer; saturated at 2^65, which every caller clamps.
u128 integral_magnitude(const Number& n, Round r) {
  if (n.exponent >= 0) return top_bit(n.mantissa) + n.exponent > 65 ? u128{1} << 65 : n.mantissa << n.exponent;
  u128 magnitude = shift_right_rounded(n.mantissa, -n.exponent, n.negative, r);
  return magnitude >> 65 ? u128{1} << 65 : magnitude;
}

uint64_t integer_of_nan(Format from, unsigned width) {
  return from == Format::F64 || width == 64 ? 1ull << (width - 1) : 0;
}

uint64_t choose(Format f, uint64_t a, uint64_t b, bool smaller) {
  Number x = unpack(f, a), y = unpack(f, b);
  if (x.kind == Kind::NaN) return y.kind == Kind::NaN ? canonical_nan(f) : b;
  if (y.kind == Kind::NaN) return a;
  // Sign-magnitude order of the encodings.
  uint64_t sign = layout(f).sign_bit();
  auto rank = [&](uint64_t v) {
    return v & sign ? -static_cast<__int128>(v & (sign - 1)) - 1 : static_cast<__int128>(v);
  };
  return (rank(a) < rank(b)) == smaller ? a : b;
}

}  // namespace

uint64_t canonical_nan(Format f) {
  switch (f) {
    case Format::F16:
      return 0x7fff;
    case Format::BF16:
      return 0x7fff;
    case Format::F32:
      return 0x7fffffff;
    case Format::F64:
      return 0x7ff8000000000000;
    case Format::E4M3:
      return 0x7f;
    case Format::E5M2:
      return 0x7f;
  }
  return 0;
}

uint64_t add(Format f, uint64_t a, uint64_t b, Round r) { return pack(f, sum(unpack(f, a), unpack(f, b), r), r); }

uint64_t sub(Format f, uint64_t a, uint64_t b, Round r) {
  Number y = unpack(f, b);
  y.negative = !y.negative;
  return pack(f, sum(unpack(f, a), y, r), r);
}

uint64_t mul(Format f, uint64_t a, uint64_t b, Round r) { return pack(f, product(unpack(f, a), unpack(f, b)), r); }

uint64_t fma(Format f, uint64_t a, uint64_t b, uint64_t c, Round r) {
  return pack(f, sum(product(unpack(f, a), unpack(f, b)), unpack(f, c), r), r);
}

uint64_t div(Format f, uint64_t a, uint64_t b, Round r) {
  Number x = unpack(f, a), y = unpack(f, b);
  bool negative = x.negative != y.negative;
  if (x.kind == Kind::NaN || y.kind == Kind::NaN || (x.kind == y.kind && x.kind != Kind::Finite))
    return canonical_nan(f);
  if (x.kind == Kind::Infinity || y.kind == Kind::Zero) return pack_infinity(f, negative);
  if (x.kind == Kind::Zero || y.kind == Kind::Infinity) return pack_zero(f, negative);
  int up = 126 - top_bit(x.mantissa);
  u128 dividend = x.mantissa << up;
  u128 quotient = dividend / y.mantissa;  // at least 73 bits
  quotient |= dividend % y.mantissa != 0;
  return pack(f, {Kind::Finite, negative, x.exponent - up - y.exponent, quotient}, r);
}

uint64_t sqrt(Format f, uint64_t a, Round r) {
  Number x = unpack(f, a);
  if (x.kind == Kind::NaN || (x.negative && x.kind != Kind::Zero)) return canonical_nan(f);
  if (x.kind != Kind::Finite) return a;
  int up = 124 - top_bit(x.mantissa);
  if ((x.exponent - up) & 1) ++up;
  u128 rest = x.mantissa << up;
  u128 root = 0;
  for (u128 bit = u128{1} << 126; bit; bit >>= 2) {  // digit by digit
    if (rest >= root + bit) {
      rest -= root + bit;
      root = (root >> 1) + bit;
    } else {
      root >>= 1;
    }
  }
  root |= rest != 0;  // 63 bits: the lowest is beyond every rounding position
  return pack(f, {Kind::Finite, false, (x.exponent - up) / 2, root}, r);
}

uint64_t convert(Format to, Format from, uint64_t a, Round r, bool saturate) {
  return pack(to, unpack(from, a), r, saturate);
}

uint64_t round_to_integral(Format f, uint64_t a, Round r) {
  Number x = unpack(f, a);
  if (x.kind == Kind::NaN) return canonical_nan(f);
  if (x.kind != Kind::Finite || x.exponent >= 0) return a;
  u128 magnitude = shift_right_rounded(x.mantissa, -x.exponent, x.negative, r);
  if (magnitude == 0) return pack_zero(f, x.negative);
  return pack(f, {Kind::Finite, x.negative, 0, magnitude}, Round::Rn);
}

uint16_t f16_from(float x, Round r) { return static_cast<uint16_t>(convert(Format::F16, Format::F32, bits(x), r)); }
uint16_t f16_from(double x, Round r) { return static_cast<uint16_t>(convert(Format::F16, Format::F64, bits(x), r)); }
uint16_t bf16_from(float x, Round r) { return static_cast<uint16_t>(convert(Format::BF16, Format::F32, bits(x), r)); }
uint16_t bf16_from(double x, Round r) { return static_cast<uint16_t>(convert(Format::BF16, Format::F64, bits(x), r)); }
float f32_from(double x, Round r) { return f32(convert(Format::F32, Format::F64, bits(x), r)); }

float f32_from_f16(uint16_t x) {
  uint32_t exponent = (x >> 10) & 31;
  if (exponent == 0 || exponent == 31) return f32(convert(Format::F32, Format::F16, x));
  return std::bit_cast<float>((static_cast<uint32_t>(x & 0x8000) << 16) | ((exponent + 112) << 23) |
                              (static_cast<uint32_t>(x & 0x3ff) << 13));
}

float f32_from_bf16(uint16_t x) { return canonical(std::bit_cast<float>(static_cast<uint32_t>(x) << 16)); }

int64_t to_signed(Format from, uint64_t a, unsigned width, Round r) {
  Number n = unpack(from, a);
  const u128 limit = u128{1} << (width - 1);
  if (n.kind == Kind::Zero) return 0;
  if (n.kind == Kind::NaN) return integer_of_nan(from, width) ? -static_cast<int64_t>(limit - 1) - 1 : 0;
  u128 magnitude = n.kind == Kind::Infinity ? limit : integral_magnitude(n, r);
  if (n.negative) return magnitude >= limit ? -static_cast<int64_t>(limit - 1) - 1 : -static_cast<int64_t>(magnitude);
  return static_cast<int64_t>(magnitude >= limit ? limit - 1 : magnitude);
}

uint64_t to_unsigned(Format from, uint64_t a, unsigned width, Round r) {
  Number n = unpack(from, a);
  const u128 limit = u128{1} << width;
  if (n.kind == Kind::Zero) return 0;
  if (n.kind == Kind::NaN) return integer_of_nan(from, width);
  if (n.negative) return 0;
  u128 magnitude = n.kind == Kind::Infinity ? limit : integral_magnitude(n, r);
  return static_cast<uint64_t>(magnitude >= limit ? limit - 1 : magnitude);
}

uint64_t from_signed(Format to, int64_t a, Round r) {
  if (a == 0) return 0;
  uint64_t magnitude = a < 0 ? 0 - static_cast<uint64_t>(a) : static_cast<uint64_t>(a);
  return pack(to, {Kind::Finite, a < 0, 0, magnitude}, r);
}

uint64_t from_unsigned(Format to, uint64_t a, Round r) {
  if (a == 0) return 0;
  return pack(to, {Kind::Finite, false, 0, a}, r);
}

uint64_t min(Format f, uint64_t a, uint64_t b) { return choose(f, a, b, true); }
uint64_t max(Format f, uint64_t a, uint64_t b) { return choose(f, a, b, false); }

}  // namespace phx::num
