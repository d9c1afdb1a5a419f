// Rows of a tile as vectors of the host: loads, stores, what is left over at the end of a row, and half formats.
//
// Part of vector_rows.cpp, which says why everything has internal linkage.
#pragma once

#include "device_sim/core/lane_vectors.h"
#include "device_sim/core/vector_rows.h"

namespace phx::sim {
namespace {

template <class V>
PHX_ALWAYS V load(const unsigned char* from) {
  V value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}
template <class V>
PHX_ALWAYS void store(unsigned char* to, V value) {
  __builtin_memcpy(to, &value, sizeof value);
}

// --- f16 and f32: to_half() rounds to nearest even and gives the canonical NaN. The host's instructions and the
// integer forms give the same bits.
#if defined(__F16C__)
using Half16 = _Float16 __attribute__((ext_vector_type(16)));
PHX_ALWAYS F32 widened(U16 h) { return __builtin_convertvector(cast<Half16>(h), F32); }
PHX_ALWAYS U16 to_half(F32 x) {  // of the canonical f32 NaN the upper bits are that of f16
  return cast<U16>(__builtin_convertvector(canonical(x), Half16));
}
#else
PHX_ALWAYS F32 widened(U16 h) {
  const I32 x = __builtin_convertvector(h, I32);
  const I32 magnitude = (x & 0x7fff) << 13;
  // Read as f32 the exponent is 112 too small; the product is exact, for subnormal numbers too.
  const I32 number = cast<I32>(cast<F32>(magnitude) * F32(0x1p112f));
  return cast<F32>(((magnitude >= 0x0f800000) ? magnitude | 0x7f800000 : number) | (x & 0x8000) << 16);
}
PHX_ALWAYS U16 to_half(F32 x) {
  const I32 bits = cast<I32>(x), magnitude = bits & 0x7fffffff;
  const I32 normal = (magnitude - (112 << 23) + 0xfff + (magnitude >> 13 & 1)) >> 13;
  // Added to 0.5, whose last bit is 2^-24, a number is rounded where a subnormal f16 ends.
  const I32 subnormal = cast<I32>(cast<F32>(magnitude) + F32(0.5f)) - 0x3f000000;
  const I32 finite = (magnitude < 0x38800000) ? subnormal : normal;
  const I32 half = ((magnitude >= 0x47800000) ? I32(0x7c00) : finite) | (bits >> 16 & 0x8000);
  return __builtin_convertvector((magnitude > 0x7f800000) ? I32(0x7fff) : half, U16);
}
#endif

// --- Elements: how they lie in memory, and the vector that a row computes in
template <class T>
struct Plain {
  using Memory = Vec<T>;
  using Value = Vec<T>;
  PHX_ALWAYS Value in(Memory bits) { return bits; }
  PHX_ALWAYS Memory out(Value value) { return canonical(value); }
  PHX_ALWAYS Value rounded(Value value) { return value; }
};
// f16 computed in f32: a sum, difference, product, quotient or root of f16 numbers that was rounded to f32 and is
// rounded again to f16 is the one rounded once, because f32 has more than twice the digits.
struct Half {
  using Memory = U16;
  using Value = F32;
  PHX_ALWAYS Value in(Memory bits) { return widened(bits); }
  PHX_ALWAYS Memory out(Value value) { return to_half(value); }
  PHX_ALWAYS Value rounded(Value value) { return widened(to_half(value)); }
};

// --- Rows. The last elements go through memory of full length, so that nothing outside the row is read or written.
template <class To, class A, class Compute>
PHX_ALWAYS void each(const RowOperands& row, Compute compute) {
  constexpr uint64_t kTo = sizeof(To) / kWidth, kA = sizeof(A) / kWidth;
  uint64_t i = 0;
  for (; i + kWidth <= row.count; i += kWidth) store<To>(row.dst + i * kTo, compute(load<A>(row.a + i * kA)));
  if (const uint64_t rest = row.count - i) {
    A a = {};
    __builtin_memcpy(&a, row.a + i * kA, rest * kA);
    const To result = compute(a);
    __builtin_memcpy(row.dst + i * kTo, &result, rest * kTo);
  }
}
template <class To, class A, class Compute>
PHX_ALWAYS void each_pair(const RowOperands& row, Compute compute) {
  constexpr uint64_t kTo = sizeof(To) / kWidth, kA = sizeof(A) / kWidth;
  uint64_t i = 0;
  for (; i + kWidth <= row.count; i += kWidth)
    store<To>(row.dst + i * kTo, compute(load<A>(row.a + i * kA), load<A>(row.b + i * kA)));
  if (const uint64_t rest = row.count - i) {
    A a = {}, b = {};
    __builtin_memcpy(&a, row.a + i * kA, rest * kA);
    __builtin_memcpy(&b, row.b + i * kA, rest * kA);
    const To result = compute(a, b);
    __builtin_memcpy(row.dst + i * kTo, &result, rest * kTo);
  }
}

}  // namespace
}  // namespace phx::sim
