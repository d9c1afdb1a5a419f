// cuda_bf16.h: bfloat16, __nv_bfloat16 and __nv_bfloat162.
#pragma once
#define __CUDA_BF16_H__

#include "cuda_runtime.h"

#if !defined(__cplusplus) || !defined(__CUDA__)
// Plain host code sees the storage types only.
typedef struct {
  unsigned short x;
} __nv_bfloat16;
typedef struct {
  unsigned short x, y;
} __nv_bfloat162;
#else

#if defined(__CUDA_ARCH__)
#define PHX_N __bf16
#define PHX_FROM_FLOAT(x) ((__bf16)(x))
#define PHX_FROM_DOUBLE(x) ((__bf16)(x))
#else
// On the host clang calls run-time functions for its own type that older support libraries lack; bits do without.
struct __phx_host_bf16 {
  unsigned short bits;
  constexpr operator float() const { return __builtin_bit_cast(float, (unsigned)bits << 16); }
};
#define PHX_N __phx_host_bf16
// Round to nearest even by carrying into the upper half; a NaN becomes the canonical one.
static constexpr unsigned short __phx_bf16_bits(unsigned bits) {
  return (bits & 0x7fffffffu) > 0x7f800000u ? 0x7fff : (unsigned short)((bits + 0x7fffu + ((bits >> 16) & 1)) >> 16);
}
static constexpr __phx_host_bf16 __phx_bf16(float x) {
  return __phx_host_bf16{__phx_bf16_bits(__builtin_bit_cast(unsigned, x))};
}
// Single precision rounded to odd: where double has more bits, the last one says so, and the second rounding is the
// only one.
static constexpr float __phx_round_to_odd(float nearest, double exact, unsigned bits) {
  return (double)nearest == exact || exact != exact || (bits & 1) || (bits & 0x7fffffffu) == 0x7f800000u
             ? nearest
             : __builtin_bit_cast(float, ((double)nearest < exact) == (nearest > 0.0f) ? bits + 1 : bits - 1);
}
static constexpr __phx_host_bf16 __phx_bf16(double x) {
  return __phx_bf16(__phx_round_to_odd((float)x, x, __builtin_bit_cast(unsigned, (float)x)));
}
#define PHX_FROM_FLOAT(x) __phx_bf16((float)(x))
#define PHX_FROM_DOUBLE(x) __phx_bf16((double)(x))
#endif

#define PHX_F __nv_bfloat16
#define PHX_F2 __nv_bfloat162
#define PHX_RAW __nv_bfloat16_raw
#define PHX_RAW2 __nv_bfloat162_raw
#include "phx_short_float.inc"
#undef PHX_F
#undef PHX_F2
#undef PHX_N
#undef PHX_FROM_FLOAT
#undef PHX_FROM_DOUBLE
#undef PHX_RAW
#undef PHX_RAW2

typedef __nv_bfloat16 nv_bfloat16;
typedef __nv_bfloat162 nv_bfloat162;

PHX_HD float __bfloat162float(__nv_bfloat16 a) { return a; }
PHX_HD __nv_bfloat16 __float2bfloat16(float a) { return __nv_bfloat16(a); }
PHX_HD __nv_bfloat16 __float2bfloat16_rn(float a) { return __nv_bfloat16(a); }
PHX_HD __nv_bfloat16 __double2bfloat16(double a) { return __nv_bfloat16(a); }
PHX_HD unsigned short __bfloat16_as_ushort(__nv_bfloat16 a) { return __nv_bfloat16_raw(a).x; }
PHX_HD short __bfloat16_as_short(__nv_bfloat16 a) { return (short)__nv_bfloat16_raw(a).x; }
PHX_HD __nv_bfloat16 __ushort_as_bfloat16(unsigned short a) { return __nv_bfloat16(__nv_bfloat16_raw{a}); }
PHX_HD __nv_bfloat16 __short_as_bfloat16(short a) { return __nv_bfloat16(__nv_bfloat16_raw{(unsigned short)a}); }
// bfloat16 is the upper half of a float: towards zero drops the lower half, away from it carries into the upper.
PHX_HD __nv_bfloat16 __float2bfloat16_rz(float a) {
  return a != a ? __nv_bfloat16(a) : __ushort_as_bfloat16((unsigned short)(__builtin_bit_cast(unsigned, a) >> 16));
}
PHX_HD __nv_bfloat16 __phx_away_from_zero(float a) {
  return __ushort_as_bfloat16((unsigned short)((__builtin_bit_cast(unsigned, a) + 0xffffu) >> 16));
}
PHX_HD __nv_bfloat16 __float2bfloat16_rd(float a) {
  return a < 0.0f && a > -__builtin_inff() ? __phx_away_from_zero(a) : __float2bfloat16_rz(a);
}
PHX_HD __nv_bfloat16 __float2bfloat16_ru(float a) {
  return a > 0.0f && a < __builtin_inff() ? __phx_away_from_zero(a) : __float2bfloat16_rz(a);
}

PHX_HD __nv_bfloat162 make_bfloat162(__nv_bfloat16 x, __nv_bfloat16 y) { return __nv_bfloat162(x, y); }
PHX_HD __nv_bfloat162 __halves2bfloat162(__nv_bfloat16 low, __nv_bfloat16 high) { return __nv_bfloat162(low, high); }
PHX_HD __nv_bfloat162 __bfloat162bfloat162(__nv_bfloat16 a) { return __nv_bfloat162(a, a); }
PHX_HD __nv_bfloat162 __float2bfloat162_rn(float a) { return __nv_bfloat162(__nv_bfloat16(a), __nv_bfloat16(a)); }
PHX_HD __nv_bfloat162 __floats2bfloat162_rn(float low, float high) {
  return __nv_bfloat162(__nv_bfloat16(low), __nv_bfloat16(high));
}
PHX_HD __nv_bfloat162 __float22bfloat162_rn(float2 a) { return __floats2bfloat162_rn(a.x, a.y); }
PHX_HD float2 __bfloat1622float2(__nv_bfloat162 a) { return float2{a.x, a.y}; }
PHX_HD __nv_bfloat16 __low2bfloat16(__nv_bfloat162 a) { return a.x; }
PHX_HD __nv_bfloat16 __high2bfloat16(__nv_bfloat162 a) { return a.y; }
PHX_HD __nv_bfloat162 __low2bfloat162(__nv_bfloat162 a) { return __nv_bfloat162(a.x, a.x); }
PHX_HD __nv_bfloat162 __high2bfloat162(__nv_bfloat162 a) { return __nv_bfloat162(a.y, a.y); }

// Integers. To an integer: rn nearest even, rz towards zero, rd down, ru up.
#define PHX_TO_INTEGER(name, type)                                                       \
  PHX_HD type __bfloat162##name##_rn(__nv_bfloat16 a) { return (type)rintf((float)a); }  \
  PHX_HD type __bfloat162##name##_rz(__nv_bfloat16 a) { return (type)(float)a; }         \
  PHX_HD type __bfloat162##name##_rd(__nv_bfloat16 a) { return (type)floorf((float)a); } \
  PHX_HD type __bfloat162##name##_ru(__nv_bfloat16 a) { return (type)ceilf((float)a); }  \
  PHX_HD __nv_bfloat16 __##name##2bfloat16_rn(type a) { return __nv_bfloat16(a); }
PHX_TO_INTEGER(int, int)
PHX_TO_INTEGER(uint, unsigned)
PHX_TO_INTEGER(short, short)
PHX_TO_INTEGER(ushort, unsigned short)
PHX_TO_INTEGER(ll, long long)
PHX_TO_INTEGER(ull, unsigned long long)
#undef PHX_TO_INTEGER

#define CUDART_INF_BF16 __ushort_as_bfloat16((unsigned short)0x7F80U)
#define CUDART_NAN_BF16 __ushort_as_bfloat16((unsigned short)0x7FFFU)
#define CUDART_MAX_NORMAL_BF16 __ushort_as_bfloat16((unsigned short)0x7F7FU)
#define CUDART_ZERO_BF16 __ushort_as_bfloat16((unsigned short)0x0000U)
#define CUDART_ONE_BF16 __ushort_as_bfloat16((unsigned short)0x3F80U)

#undef PHX_HD
#undef PHX_D
#endif
