// IEEE arithmetic and conversion in every rounding mode, in integer arithmetic: no host rounding mode, no SIMD.
//
// Use these where the host's own operation does not give the answer: directed rounding, half formats, conversions.
// For round-to-nearest f32 and f64, host + - * / and std::sqrt, std::fma are already exact IEEE; only NaN results need
// canonical().
//
// Subnormals are never flushed. A NaN result is always the canonical NaN of its format (f32 0x7fffffff,
// f64 0x7ff8000000000000, f16 and bf16 0x7fff, e4m3 0x7f, e5m2 0x7f), as on the device family CUDA programs know.
#pragma once

#include <bit>
#include <cstdint>

namespace phx::num {

enum class Round : uint8_t { Rn, Rz, Rd, Ru };  // nearest even, to zero, down, up; the order of the ISA's field

enum class Format : uint8_t { F16, BF16, F32, F64, E4M3, E5M2 };  // values are held in the low bits of a uint64_t

uint64_t canonical_nan(Format format);
inline float canonical(float x) { return x == x ? x : std::bit_cast<float>(0x7fffffffu); }
inline double canonical(double x) { return x == x ? x : std::bit_cast<double>(0x7ff8000000000000ull); }

// --- Any format, by bits ---
uint64_t add(Format f, uint64_t a, uint64_t b, Round r);
uint64_t sub(Format f, uint64_t a, uint64_t b, Round r);
uint64_t mul(Format f, uint64_t a, uint64_t b, Round r);
uint64_t div(Format f, uint64_t a, uint64_t b, Round r);
uint64_t sqrt(Format f, uint64_t a, Round r);
uint64_t fma(Format f, uint64_t a, uint64_t b, uint64_t c, Round r);  // a * b + c, rounded once

// `saturate` makes overflow the largest finite value (as CUDA's satfinite); e4m3 has no infinity: without `saturate`,
// overflow and infinities become its NaN.
uint64_t convert(Format to, Format from, uint64_t a, Round r = Round::Rn, bool saturate = false);

// Integral value of the same format: Rn halves to even, Rz truncate, Rd floor, Ru ceil.
uint64_t round_to_integral(Format f, uint64_t a, Round r);

// --- Typed forms ---
inline uint64_t bits(float x) { return std::bit_cast<uint32_t>(x); }
inline uint64_t bits(double x) { return std::bit_cast<uint64_t>(x); }
inline float f32(uint64_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits)); }
inline double f64(uint64_t bits) { return std::bit_cast<double>(bits); }

inline float add(float a, float b, Round r) { return f32(add(Format::F32, bits(a), bits(b), r)); }
inline float sub(float a, float b, Round r) { return f32(sub(Format::F32, bits(a), bits(b), r)); }
inline float mul(float a, float b, Round r) { return f32(mul(Format::F32, bits(a), bits(b), r)); }
inline float div(float a, float b, Round r) { return f32(div(Format::F32, bits(a), bits(b), r)); }
inline float sqrt(float a, Round r) { return f32(sqrt(Format::F32, bits(a), r)); }
inline float fma(float a, float b, float c, Round r) { return f32(fma(Format::F32, bits(a), bits(b), bits(c), r)); }
inline double add(double a, double b, Round r) { return f64(add(Format::F64, bits(a), bits(b), r)); }
inline double sub(double a, double b, Round r) { return f64(sub(Format::F64, bits(a), bits(b), r)); }
inline double mul(double a, double b, Round r) { return f64(mul(Format::F64, bits(a), bits(b), r)); }
inline double div(double a, double b, Round r) { return f64(div(Format::F64, bits(a), bits(b), r)); }
inline double sqrt(double a, Round r) { return f64(sqrt(Format::F64, bits(a), r)); }
inline double fma(double a, double b, double c, Round r) { return f64(fma(Format::F64, bits(a), bits(b), bits(c), r)); }

uint16_t f16_from(float x, Round r = Round::Rn);
uint16_t f16_from(double x, Round r = Round::Rn);
uint16_t bf16_from(float x, Round r = Round::Rn);
uint16_t bf16_from(double x, Round r = Round::Rn);
float f32_from_f16(uint16_t x);
float f32_from_bf16(uint16_t x);
float f32_from(double x, Round r = Round::Rn);

// Half arithmetic, each rounded once to the half format.
inline uint16_t f16_add(uint16_t a, uint16_t b, Round r = Round::Rn) {
  return static_cast<uint16_t>(add(Format::F16, a, b, r));
}
inline uint16_t f16_mul(uint16_t a, uint16_t b, Round r = Round::Rn) {
  return static_cast<uint16_t>(mul(Format::F16, a, b, r));
}
inline uint16_t f16_fma(uint16_t a, uint16_t b, uint16_t c, Round r = Round::Rn) {
  return static_cast<uint16_t>(fma(Format::F16, a, b, c, r));
}

// --- Integers ---
// Out-of-range values saturate. NaN follows PTX: 0, but the integer with only its top bit set if the source is f64 or
// the destination has 64 bits. to_s16(x) is to_signed(x, 16, r): the result is sign-extended into 64 bits.
int64_t to_signed(Format from, uint64_t a, unsigned width, Round r);
uint64_t to_unsigned(Format from, uint64_t a, unsigned width, Round r);
inline int32_t to_s32(float x, Round r = Round::Rz) {
  return static_cast<int32_t>(to_signed(Format::F32, bits(x), 32, r));
}
inline int32_t to_s32(double x, Round r = Round::Rz) {
  return static_cast<int32_t>(to_signed(Format::F64, bits(x), 32, r));
}
inline uint32_t to_u32(float x, Round r = Round::Rz) {
  return static_cast<uint32_t>(to_unsigned(Format::F32, bits(x), 32, r));
}
inline uint32_t to_u32(double x, Round r = Round::Rz) {
  return static_cast<uint32_t>(to_unsigned(Format::F64, bits(x), 32, r));
}
inline int64_t to_s64(float x, Round r = Round::Rz) { return to_signed(Format::F32, bits(x), 64, r); }
inline int64_t to_s64(double x, Round r = Round::Rz) { return to_signed(Format::F64, bits(x), 64, r); }
inline uint64_t to_u64(float x, Round r = Round::Rz) { return to_unsigned(Format::F32, bits(x), 64, r); }
inline uint64_t to_u64(double x, Round r = Round::Rz) { return to_unsigned(Format::F64, bits(x), 64, r); }

uint64_t from_signed(Format to, int64_t a, Round r = Round::Rn);
uint64_t from_unsigned(Format to, uint64_t a, Round r = Round::Rn);

// --- Minimum and maximum: a number wins over NaN, -0 < +0 ---
uint64_t min(Format f, uint64_t a, uint64_t b);
uint64_t max(Format f, uint64_t a, uint64_t b);
inline float min(float a, float b) { return f32(min(Format::F32, bits(a), bits(b))); }
inline float max(float a, float b) { return f32(max(Format::F32, bits(a), bits(b))); }
inline double min(double a, double b) { return f64(min(Format::F64, bits(a), bits(b))); }
inline double max(double a, double b) { return f64(max(Format::F64, bits(a), bits(b))); }

}  // namespace phx::num
