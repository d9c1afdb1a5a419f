// cuda_fp16.h: IEEE half precision, __half and __half2.
#pragma once
#define __CUDA_FP16_H__

#include "cuda_runtime.h"

#if !defined(__cplusplus) || !defined(__CUDA__)
// Plain host code sees the storage types only.
typedef struct {
  unsigned short x;
} __half;
typedef struct {
  unsigned short x, y;
} __half2;
typedef __half half;
typedef __half2 half2;
#else

#define PHX_F __half
#define PHX_F2 __half2
#define PHX_N _Float16
#define PHX_FROM_FLOAT(x) ((_Float16)(x))
#define PHX_FROM_DOUBLE(x) ((_Float16)(x))
#define PHX_RAW __half_raw
#define PHX_RAW2 __half2_raw
#include "phx_short_float.inc"
#undef PHX_F
#undef PHX_F2
#undef PHX_N
#undef PHX_FROM_FLOAT
#undef PHX_FROM_DOUBLE
#undef PHX_RAW
#undef PHX_RAW2

typedef __half half;
typedef __half2 half2;
typedef __half nv_half;
typedef __half2 nv_half2;

// --- Conversions. _rn rounds to nearest even; the others step from it by one unit in the last place ----------
PHX_HD float __half2float(__half a) { return a; }
PHX_HD __half __float2half(float a) { return __half(a); }
PHX_HD __half __float2half_rn(float a) { return __half(a); }
PHX_HD __half __double2half(double a) { return __half(a); }
PHX_HD unsigned short __half_as_ushort(__half a) { return __half_raw(a).x; }
PHX_HD short __half_as_short(__half a) { return (short)__half_raw(a).x; }
PHX_HD __half __ushort_as_half(unsigned short a) { return __half(__half_raw{a}); }
PHX_HD __half __short_as_half(short a) { return __half(__half_raw{(unsigned short)a}); }
// The neighbour of h that is one step larger (up) or smaller in value; h is finite.
PHX_HD __half __phx_next_half(__half h, bool up) {
  const unsigned short bits = __half_raw(h).x;
  if ((bits & 0x7fff) == 0) return __ushort_as_half(up ? 0x0001 : 0x8001);
  return __ushort_as_half((unsigned short)(((bits & 0x8000) != 0) == up ? bits - 1 : bits + 1));
}
PHX_HD __half __float2half_rd(float a) {
  const __half nearest(a);
  return (float)nearest > a ? __phx_next_half(nearest, false) : nearest;
}
PHX_HD __half __float2half_ru(float a) {
  const __half nearest(a);
  return (float)nearest < a ? __phx_next_half(nearest, true) : nearest;
}
PHX_HD __half __float2half_rz(float a) { return a < 0.0f ? __float2half_ru(a) : __float2half_rd(a); }

PHX_HD __half2 make_half2(__half x, __half y) { return __half2(x, y); }
PHX_HD __half2 __halves2half2(__half low, __half high) { return __half2(low, high); }
PHX_HD __half2 __half2half2(__half a) { return __half2(a, a); }
PHX_HD __half2 __float2half2_rn(float a) { return __half2(__half(a), __half(a)); }
PHX_HD __half2 __floats2half2_rn(float low, float high) { return __half2(__half(low), __half(high)); }
PHX_HD __half2 __float22half2_rn(float2 a) { return __half2(__half(a.x), __half(a.y)); }
PHX_HD float2 __half22float2(__half2 a) { return float2{a.x, a.y}; }
PHX_HD __half __low2half(__half2 a) { return a.x; }
PHX_HD __half __high2half(__half2 a) { return a.y; }
PHX_HD __half2 __low2half2(__half2 a) { return __half2(a.x, a.x); }
PHX_HD __half2 __high2half2(__half2 a) { return __half2(a.y, a.y); }

// Integers. To an integer: rn nearest even, rz towards zero, rd down, ru up.
#define PHX_TO_INTEGER(name, type)                                            \
  PHX_HD type __half2##name##_rn(__half a) { return (type)rintf((float)a); }  \
  PHX_HD type __half2##name##_rz(__half a) { return (type)(float)a; }         \
  PHX_HD type __half2##name##_rd(__half a) { return (type)floorf((float)a); } \
  PHX_HD type __half2##name##_ru(__half a) { return (type)ceilf((float)a); }  \
  PHX_HD __half __##name##2half_rn(type a) { return __half(a); }
PHX_TO_INTEGER(int, int)
PHX_TO_INTEGER(uint, unsigned)
PHX_TO_INTEGER(short, short)
PHX_TO_INTEGER(ushort, unsigned short)
PHX_TO_INTEGER(ll, long long)
PHX_TO_INTEGER(ull, unsigned long long)
#undef PHX_TO_INTEGER

#define CUDART_INF_FP16 __ushort_as_half((unsigned short)0x7C00U)
#define CUDART_NAN_FP16 __ushort_as_half((unsigned short)0x7FFFU)
#define CUDART_MIN_DENORM_FP16 __ushort_as_half((unsigned short)0x0001U)
#define CUDART_MAX_NORMAL_FP16 __ushort_as_half((unsigned short)0x7BFFU)
#define CUDART_NEG_ZERO_FP16 __ushort_as_half((unsigned short)0x8000U)
#define CUDART_ZERO_FP16 __ushort_as_half((unsigned short)0x0000U)
#define CUDART_ONE_FP16 __ushort_as_half((unsigned short)0x3C00U)

#undef PHX_HD
#undef PHX_D
#endif
