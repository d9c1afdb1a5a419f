// simd_functions.h: arithmetic on two 16-bit or four 8-bit values packed in one 32-bit word.
//
// clang's headers declare these as __nv_v* and wrap them under CUDA's names; here are their bodies. In a name, ss and
// us mean signed and unsigned saturation, s and u the signedness of the values, 2 and 4 how many there are.
#pragma once

// Applies `f` to each pair of values, extended to int, and packs the low bits of the results.
template <int Bits, bool Signed, class Function>
static inline __device__ unsigned __phx_packed(unsigned a, unsigned b, Function f) {
  constexpr unsigned mask = (1u << Bits) - 1;
  unsigned result = 0;
  for (int shift = 0; shift < 32; shift += Bits) {
    const int x = Signed ? (int)(a << (32 - Bits - shift)) >> (32 - Bits) : (int)(a >> shift & mask);
    const int y = Signed ? (int)(b << (32 - Bits - shift)) >> (32 - Bits) : (int)(b >> shift & mask);
    result |= ((unsigned)f(x, y) & mask) << shift;
  }
  return result;
}
template <int Bits, bool Signed>
static inline __device__ int __phx_clamp(int value) {
  constexpr int low = Signed ? -(1 << (Bits - 1)) : 0;
  constexpr int high = Signed ? (1 << (Bits - 1)) - 1 : (1 << Bits) - 1;
  return value < low ? low : value > high ? high : value;
}
template <int Bits, bool Signed>
static inline __device__ unsigned __phx_sum_of_differences(unsigned a, unsigned b) {
  constexpr unsigned mask = (1u << Bits) - 1;
  const unsigned differences = __phx_packed<Bits, Signed>(a, b, [](int x, int y) { return x < y ? y - x : x - y; });
  unsigned sum = 0;
  for (int shift = 0; shift < 32; shift += Bits) sum += differences >> shift & mask;
  return sum;
}

extern "C" {
#define PHX_SIMD1(name, sign, expression)                \
  inline __device__ int __nv_v##name##2(int a) {         \
    return __phx_packed<16, sign>(a, 0, [](int x, int) { \
      constexpr int bits = 16;                           \
      (void)bits;                                        \
      return expression;                                 \
    });                                                  \
  }                                                      \
  inline __device__ int __nv_v##name##4(int a) {         \
    return __phx_packed<8, sign>(a, 0, [](int x, int) {  \
      constexpr int bits = 8;                            \
      (void)bits;                                        \
      return expression;                                 \
    });                                                  \
  }
#define PHX_SIMD2(name, sign, expression)                  \
  inline __device__ int __nv_v##name##2(int a, int b) {    \
    return __phx_packed<16, sign>(a, b, [](int x, int y) { \
      constexpr int bits = 16;                             \
      (void)bits;                                          \
      return expression;                                   \
    });                                                    \
  }                                                        \
  inline __device__ int __nv_v##name##4(int a, int b) {    \
    return __phx_packed<8, sign>(a, b, [](int x, int y) {  \
      constexpr int bits = 8;                              \
      (void)bits;                                          \
      return expression;                                   \
    });                                                    \
  }
#define PHX_SIMD_COMPARE(name, sign, op)        \
  PHX_SIMD2(cmp##name, sign, (x op y) ? -1 : 0) \
  PHX_SIMD2(set##name, sign, (x op y) ? 1 : 0)

PHX_SIMD1(abs, true, x < 0 ? -x : x)
PHX_SIMD1(absss, true, (__phx_clamp<bits, true>(x < 0 ? -x : x)))
PHX_SIMD1(neg, true, -x)
PHX_SIMD1(negss, true, (__phx_clamp<bits, true>(-x)))
PHX_SIMD2(add, false, x + y)
PHX_SIMD2(addss, true, (__phx_clamp<bits, true>(x + y)))
PHX_SIMD2(addus, false, (__phx_clamp<bits, false>(x + y)))
PHX_SIMD2(sub, false, x - y)
PHX_SIMD2(subss, true, (__phx_clamp<bits, true>(x - y)))
PHX_SIMD2(subus, false, (__phx_clamp<bits, false>(x - y)))
PHX_SIMD2(absdiffs, true, x < y ? y - x : x - y)
PHX_SIMD2(absdiffu, false, x < y ? y - x : x - y)
PHX_SIMD2(avgs, true, (x + y + (x + y >= 0 ? 1 : 0)) >> 1)
PHX_SIMD2(avgu, false, (x + y + 1) >> 1)
PHX_SIMD2(haddu, false, (x + y) >> 1)
PHX_SIMD2(maxs, true, x < y ? y : x)
PHX_SIMD2(maxu, false, x < y ? y : x)
PHX_SIMD2(mins, true, y < x ? y : x)
PHX_SIMD2(minu, false, y < x ? y : x)
PHX_SIMD_COMPARE(eq, false, ==)
PHX_SIMD_COMPARE(ne, false, !=)
PHX_SIMD_COMPARE(ges, true, >=)
PHX_SIMD_COMPARE(geu, false, >=)
PHX_SIMD_COMPARE(gts, true, >)
PHX_SIMD_COMPARE(gtu, false, >)
PHX_SIMD_COMPARE(les, true, <=)
PHX_SIMD_COMPARE(leu, false, <=)
PHX_SIMD_COMPARE(lts, true, <)
PHX_SIMD_COMPARE(ltu, false, <)
#undef PHX_SIMD1
#undef PHX_SIMD2
#undef PHX_SIMD_COMPARE

inline __device__ int __nv_vsads2(int a, int b) { return __phx_sum_of_differences<16, true>(a, b); }
inline __device__ int __nv_vsads4(int a, int b) { return __phx_sum_of_differences<8, true>(a, b); }
inline __device__ int __nv_vsadu2(int a, int b) { return __phx_sum_of_differences<16, false>(a, b); }
inline __device__ int __nv_vsadu4(int a, int b) { return __phx_sum_of_differences<8, false>(a, b); }
}
