// math_functions.h: min and max in CUDA's full set of argument types, and the CUDA math names that host code may
// call too. The device versions of everything else come from clang's headers as __nv_* calls.
#pragma once
#define __MATH_FUNCTIONS_H__

#if defined(__CUDA__)

// Integers: the common type is unsigned if either is, and the wider of the two.
#define PHX_MIN_MAX(result, left, right)                          \
  static inline __host__ __device__ result min(left a, right b) { \
    return (result)a < (result)b ? (result)a : (result)b;         \
  }                                                               \
  static inline __host__ __device__ result max(left a, right b) { \
    return (result)a < (result)b ? (result)b : (result)a;         \
  }
#define PHX_MIN_MAX_MIXED(result, other) PHX_MIN_MAX(result, result, other) PHX_MIN_MAX(result, other, result)

static inline __host__ int min(int a, int b) { return a < b ? a : b; }  // the device pair is clang's
static inline __host__ int max(int a, int b) { return a < b ? b : a; }
PHX_MIN_MAX(unsigned int, unsigned int, unsigned int)
PHX_MIN_MAX_MIXED(unsigned int, int)
PHX_MIN_MAX(long, long, long)
PHX_MIN_MAX(unsigned long, unsigned long, unsigned long)
PHX_MIN_MAX_MIXED(unsigned long, long)
PHX_MIN_MAX(long long, long long, long long)
PHX_MIN_MAX(unsigned long long, unsigned long long, unsigned long long)
PHX_MIN_MAX_MIXED(unsigned long long, long long)
#undef PHX_MIN_MAX
#undef PHX_MIN_MAX_MIXED

// Floating point: a NaN loses against a number, as fmin and fmax define it.
#define PHX_MIN_MAX_FLOAT(result, left, right, suffix)                                                         \
  static inline __host__ __device__ result min(left a, right b) { return fmin##suffix((result)a, (result)b); } \
  static inline __host__ __device__ result max(left a, right b) { return fmax##suffix((result)a, (result)b); }
PHX_MIN_MAX_FLOAT(float, float, float, f)
PHX_MIN_MAX_FLOAT(double, double, double, )
PHX_MIN_MAX_FLOAT(double, float, double, )
PHX_MIN_MAX_FLOAT(double, double, float, )
#undef PHX_MIN_MAX_FLOAT

// Host versions of CUDA's additions to <math.h>.
static inline __host__ float rsqrtf(float x) { return 1.0f / sqrtf(x); }
static inline __host__ double rsqrt(double x) { return 1.0 / sqrt(x); }
static inline __host__ float rsqrt(float x) { return rsqrtf(x); }
static inline __host__ float rcbrtf(float x) { return 1.0f / cbrtf(x); }
static inline __host__ double rcbrt(double x) { return 1.0 / cbrt(x); }
static inline __host__ double sinpi(double x) { return sin(M_PI * remainder(x, 2.0)); }
static inline __host__ double cospi(double x) { return cos(M_PI * remainder(x, 2.0)); }
static inline __host__ float sinpif(float x) { return (float)sinpi((double)x); }
static inline __host__ float cospif(float x) { return (float)cospi((double)x); }
static inline __host__ void sincospi(double x, double* s, double* c) { *s = sinpi(x), *c = cospi(x); }
static inline __host__ void sincospif(float x, float* s, float* c) { *s = sinpif(x), *c = cospif(x); }
static inline __host__ double normcdf(double x) { return 0.5 * erfc(-x * M_SQRT1_2); }
static inline __host__ float normcdff(float x) { return (float)normcdf((double)x); }
static inline __host__ double erfcx(double x) { return exp(x * x) * erfc(x); }
static inline __host__ float erfcxf(float x) { return (float)erfcx((double)x); }
static inline __host__ double rhypot(double x, double y) { return 1.0 / hypot(x, y); }
static inline __host__ float rhypotf(float x, float y) { return 1.0f / hypotf(x, y); }
static inline __host__ double norm3d(double x, double y, double z) { return sqrt(x * x + y * y + z * z); }
static inline __host__ float norm3df(float x, float y, float z) { return (float)norm3d(x, y, z); }
static inline __host__ double rnorm3d(double x, double y, double z) { return 1.0 / norm3d(x, y, z); }
static inline __host__ float rnorm3df(float x, float y, float z) { return (float)rnorm3d(x, y, z); }
static inline __host__ unsigned int umin(unsigned int a, unsigned int b) { return a < b ? a : b; }
static inline __host__ unsigned int umax(unsigned int a, unsigned int b) { return a < b ? b : a; }
static inline __host__ long long llmin(long long a, long long b) { return a < b ? a : b; }
static inline __host__ long long llmax(long long a, long long b) { return a < b ? b : a; }
static inline __host__ unsigned long long ullmin(unsigned long long a, unsigned long long b) { return a < b ? a : b; }
static inline __host__ unsigned long long ullmax(unsigned long long a, unsigned long long b) { return a < b ? b : a; }

#endif
