// cuComplex.h: complex numbers as pairs of floats or doubles. Division and absolute value scale first, so that they
// overflow only where the result does.
#pragma once
#define CU_COMPLEX_H_

#include <math.h>

#include "vector_functions.h"

typedef float2 cuFloatComplex;
typedef double2 cuDoubleComplex;
typedef cuFloatComplex cuComplex;

#define PHX_COMPLEX static inline __host__ __device__
#define PHX_COMPLEX_TYPE(f, type, real, fabs_, sqrt_)                                                \
  PHX_COMPLEX real cuCreal##f(type x) { return x.x; }                                                \
  PHX_COMPLEX real cuCimag##f(type x) { return x.y; }                                                \
  PHX_COMPLEX type cuConj##f(type x) {                                                               \
    x.y = -x.y;                                                                                      \
    return x;                                                                                        \
  }                                                                                                  \
  PHX_COMPLEX type cuCadd##f(type a, type b) {                                                       \
    a.x += b.x, a.y += b.y;                                                                          \
    return a;                                                                                        \
  }                                                                                                  \
  PHX_COMPLEX type cuCsub##f(type a, type b) {                                                       \
    a.x -= b.x, a.y -= b.y;                                                                          \
    return a;                                                                                        \
  }                                                                                                  \
  PHX_COMPLEX type cuCmul##f(type a, type b) {                                                       \
    type r;                                                                                          \
    r.x = a.x * b.x - a.y * b.y;                                                                     \
    r.y = a.x * b.y + a.y * b.x;                                                                     \
    return r;                                                                                        \
  }                                                                                                  \
  PHX_COMPLEX type cuCdiv##f(type a, type b) {                                                       \
    const real scale = 1 / (fabs_(b.x) + fabs_(b.y));                                                \
    const real ax = a.x * scale, ay = a.y * scale, bx = b.x * scale, by = b.y * scale;               \
    const real norm = 1 / (bx * bx + by * by);                                                       \
    type r;                                                                                          \
    r.x = (ax * bx + ay * by) * norm;                                                                \
    r.y = (ay * bx - ax * by) * norm;                                                                \
    return r;                                                                                        \
  }                                                                                                  \
  PHX_COMPLEX real cuCabs##f(type x) {                                                               \
    const real p = fabs_(x.x), q = fabs_(x.y);                                                       \
    const real large = p > q ? p : q, small = p > q ? q : p;                                         \
    if (large == 0 || large - large != 0) return large + small; /* zero, infinite or not a number */ \
    const real ratio = small / large;                                                                \
    return large * sqrt_(1 + ratio * ratio);                                                         \
  }                                                                                                  \
  PHX_COMPLEX type cuCfma##f(type a, type b, type c) { return cuCadd##f(cuCmul##f(a, b), c); }

PHX_COMPLEX cuFloatComplex make_cuFloatComplex(float x, float y) { return make_float2(x, y); }
PHX_COMPLEX cuComplex make_cuComplex(float x, float y) { return make_float2(x, y); }
PHX_COMPLEX cuDoubleComplex make_cuDoubleComplex(double x, double y) { return make_double2(x, y); }
PHX_COMPLEX_TYPE(f, cuFloatComplex, float, fabsf, sqrtf)
PHX_COMPLEX_TYPE(, cuDoubleComplex, double, fabs, sqrt)
PHX_COMPLEX cuFloatComplex cuComplexDoubleToFloat(cuDoubleComplex x) { return make_float2((float)x.x, (float)x.y); }
PHX_COMPLEX cuDoubleComplex cuComplexFloatToDouble(cuFloatComplex x) { return make_double2(x.x, x.y); }
#undef PHX_COMPLEX_TYPE
#undef PHX_COMPLEX
