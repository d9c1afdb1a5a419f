// vector_functions.h: make_<type>(...) for every builtin vector type.
#pragma once
#define __VECTOR_FUNCTIONS_H__

#include "vector_types.h"

#if defined(__cplusplus) && __cplusplus >= 201402L
#define PHX_MAKE static inline __host__ __device__ constexpr
#elif defined(__cplusplus)
#define PHX_MAKE static inline __host__ __device__
#else
#define PHX_MAKE static inline
#endif

#define PHX_MAKE_FAMILY(name, element)                                                 \
  PHX_MAKE struct name##1 make_##name##1(element x) {                                  \
    struct name##1 v = {x};                                                            \
    return v;                                                                          \
  }                                                                                    \
  PHX_MAKE struct name##2 make_##name##2(element x, element y) {                       \
    struct name##2 v = {x, y};                                                         \
    return v;                                                                          \
  }                                                                                    \
  PHX_MAKE struct name##3 make_##name##3(element x, element y, element z) {            \
    struct name##3 v = {x, y, z};                                                      \
    return v;                                                                          \
  }                                                                                    \
  PHX_MAKE struct name##4 make_##name##4(element x, element y, element z, element w) { \
    struct name##4 v = {x, y, z, w};                                                   \
    return v;                                                                          \
  }

PHX_MAKE_FAMILY(char, signed char)
PHX_MAKE_FAMILY(uchar, unsigned char)
PHX_MAKE_FAMILY(short, short)
PHX_MAKE_FAMILY(ushort, unsigned short)
PHX_MAKE_FAMILY(int, int)
PHX_MAKE_FAMILY(uint, unsigned int)
PHX_MAKE_FAMILY(long, long)
PHX_MAKE_FAMILY(ulong, unsigned long)
PHX_MAKE_FAMILY(longlong, long long)
PHX_MAKE_FAMILY(ulonglong, unsigned long long)
PHX_MAKE_FAMILY(float, float)
PHX_MAKE_FAMILY(double, double)

#undef PHX_MAKE_FAMILY
#undef PHX_MAKE
