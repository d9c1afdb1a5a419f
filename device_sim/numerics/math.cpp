#include "device_sim/numerics/math.h"

#include <sleef.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "device_sim/numerics/lanes.h"
#include "device_sim/numerics/soft_float.h"

// From the host's libm only what IEEE defines exactly is used: sqrt, fma, trunc, roundeven.
namespace phx::num {
namespace {

constexpr MathInfo kInfo[] = {
#define PHX_MATH(Enum, name, arity, ulp32, ulp64, meaning) {MathFn::Enum, #name, arity, ulp32, ulp64, meaning},
#include "device_sim/numerics/math_functions.def"
};

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double power_of_two(int n) {  // n in [-1074, 1023]
  return n >= -1022 ? f64(static_cast<uint64_t>(n + 1023) << 52) : f64(1ull << (n + 1074));
}

// Binary exponent of a finite non-zero value.
int exponent_of(double a) {
  int field = static_cast<int>(bits(a) >> 52) & 0x7ff;
  return field ? field - 1023 : -1011 - std::countl_zero(bits(a) << 1 >> 1);
}

// |a| mod |b| exactly, for finite a and non-zero b; `odd` is the parity of the quotient.
double modulo(double a, double b, bool& odd) {
  odd = false;
  a = std::fabs(a);
  b = std::fabs(b);
  if (a < b) return a;
  auto split = [](double x, uint64_t& mantissa) {
    uint64_t field = bits(x) >> 52;
    mantissa = (bits(x) & ((1ull << 52) - 1)) | (field ? 1ull << 52 : 0);
    return static_cast<int>(field ? field : 1) - 1075;
  };
  uint64_t rest, divisor;
  int exponent = split(a, rest);
  const int last = split(b, divisor);
  odd = (rest / divisor) & (exponent == last);
  rest %= divisor;
  while (exponent > last) {  // long division, 11 binary digits at a time
    int digits = std::min(exponent - last, 11);
    rest <<= digits;
    odd = (rest / divisor) & 1;
    rest %= divisor;
    exponent -= digits;
  }
  return static_cast<double>(rest) * power_of_two(last);  // exact
}

double fmod_exact(double a, double b) {
  if (!std::isfinite(a) || std::isnan(b) || b == 0) return kNan;
  bool odd;
  return std::copysign(std::isinf(b) ? std::fabs(a) : modulo(a, b, odd), a);
}

double remainder_exact(double a, double b) {
  if (!std::isfinite(a) || std::isnan(b) || b == 0) return kNan;
  if (std::isinf(b)) return a;
  bool odd;
  double rest = modulo(a, b, odd);
  double other = std::fabs(b) - rest;  // exact whenever it decides
  if (rest > other || (rest == other && odd)) rest = -other;
  return std::signbit(a) ? -rest : rest;
}

int whole_steps(double b) { return static_cast<int>(std::clamp(std::trunc(b), -5000.0, 5000.0)); }

double ldexp_once(double a, int n) {
  if (a == 0 || !std::isfinite(a)) return a;
  int result = exponent_of(a) + n;
  if (result < -1080) return std::copysign(0.0, a);
  if (result > 1023) return std::copysign(kInf, a);
  for (; n > 1023; n -= 1023) a *= power_of_two(1023);
  for (; n < -1074; n += 900) a *= power_of_two(-900);  // stays normal: the result is above 2^-1081
  return a * power_of_two(n);                           // the only step that can round
}

double ldexp_of(double a, double b) { return std::isnan(b) ? kNan : ldexp_once(a, whole_steps(b)); }
float ldexp_of(float a, float b) {
  // Exact in double for every step that leaves a finite non-zero float; one rounding back.
  return std::isnan(b) ? std::numeric_limits<float>::quiet_NaN()
                       : static_cast<float>(ldexp_once(static_cast<double>(a), std::clamp(whole_steps(b), -400, 400)));
}

template <class T>
T logb_of(T a) {
  if (a == 0) return -std::numeric_limits<T>::infinity();
  if (!std::isfinite(a)) return std::fabs(a);
  return static_cast<T>(exponent_of(static_cast<double>(a)));
}

template <class T>
T frexp_mantissa(T a) {
  if (a == 0 || !std::isfinite(a)) return a;
  double wide = static_cast<double>(a);
  return static_cast<T>(ldexp_once(wide, -exponent_of(wide) - 1));
}

template <class T>
T frexp_exponent(T a) {
  if (a == 0 || !std::isfinite(a)) return 0;
  return static_cast<T>(exponent_of(static_cast<double>(a)) + 1);
}

template <class T, class Bits>
T next_after(T a, T b) {
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<T>::quiet_NaN();
  if (a == b) return b;
  if (a == 0) return std::copysign(std::numeric_limits<T>::denorm_min(), b);
  Bits encoding = std::bit_cast<Bits>(a);
  return std::bit_cast<T>((a < b) == (a > 0) ? Bits(encoding + 1) : Bits(encoding - 1));
}

template <class T>
T round_away(T a) {
  T whole = std::trunc(a);
  return std::fabs(a - whole) >= T(0.5) ? whole + std::copysign(T(1), a) : whole;
}

template <class T>
T positive_difference(T a, T b) {
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<T>::quiet_NaN();
  return a > b ? a - b : T(0);
}

// x modulo 2, in [-1, 1]; exact.
double half_turns(double x) { return std::isfinite(x) ? x - 2 * __builtin_roundeven(x * 0.5) : kNan; }
double sinpi_of(double x) {
  return std::fabs(x) < 1e-300 ? x * 3.14159265358979323846 : Sleef_cinz_sinpid1_u05purec(half_turns(x));
}
double cospi_of(double x) { return Sleef_cinz_cospid1_u05purec(half_turns(x)); }

double normcdf_of(double x) {
  // erfc(t) / 2 at t = -x / sqrt(2), with t's rounding error repaired to first order.
  constexpr double high = -0.70710678118654752440, low = 4.8336466567264567e-17;  // -1/sqrt(2) = high + low
  if (std::isinf(x)) return x > 0 ? 1 : 0;
  double t = x * high;
  double error = std::fma(x, high, -t) + x * low;
  double slope = -1.1283791670955126 * Sleef_cinz_expd1_u10purec(-t * t);
  return 0.5 * (Sleef_cinz_erfcd1_u15purec(t) + slope * error);
}

// y with erfc(y) = q for q in (0, 0.5], by Halley's iteration from Winitzki's approximation.
double erfc_inverse_tail(double q) {
  double l = Sleef_cinz_logd1_u10purec(q) + Sleef_cinz_log1pd1_u10purec(1 - q);  // log(q (2 - q))
  constexpr double a = 0.147;
  double h = 2 / (3.14159265358979323846 * a) + l / 2;
  double y = std::sqrt(std::sqrt(h * h - l / a) - h);
  for (int i = 0; i < 4; ++i) {
    double step = (Sleef_cinz_erfcd1_u15purec(y) - q) / (-1.1283791670955126 * Sleef_cinz_expd1_u10purec(-y * y));
    if (!std::isfinite(step)) break;
    y -= step / (1 + y * step);
  }
  return y;
}

double erfinv_of(double x) {
  double size = std::fabs(x);
  if (!(size <= 1)) return kNan;
  if (size == 1) return x * kInf;
  if (size > 0.5) return std::copysign(erfc_inverse_tail(1 - size), x);
  constexpr double half_root_pi = 0.88622692545275801365;
  double y = x * half_root_pi;
  if (size < 1e-8) return y;
  y *= 1 + 0.26179938779914943654 * x * x;
  for (int i = 0; i < 3; ++i) {
    double step = (Sleef_cinz_erfd1_u10purec(y) - x) / (1.1283791670955126 * Sleef_cinz_expd1_u10purec(-y * y));
    y -= step / (1 + y * step);
  }
  return y;
}

double erfcinv_of(double q) {
  if (!(q >= 0 && q <= 2)) return kNan;
  if (q == 0) return kInf;
  if (q == 2) return -kInf;
  if (q < 0.5) return erfc_inverse_tail(q);
  if (q > 1.5) return -erfc_inverse_tail(2 - q);
  return erfinv_of(1 - q);
}

// Functions that SLEEF does not define, or not over the whole range; the f32 form of the first group is the f64 form
// rounded once more, which is why its bound is close to 0.5.
double in_double(MathFn fn, double a, double b) {
  switch (fn) {
    case MathFn::SinPi:
      return sinpi_of(a);
    case MathFn::CosPi:
      return cospi_of(a);
    case MathFn::Rsqrt:
    case MathFn::RsqrtApprox:
      return 1 / std::sqrt(a);
    case MathFn::Rcbrt:
      return 1 / Sleef_cinz_cbrtd1_u10purec(a);
    case MathFn::Rhypot:
      return 1 / Sleef_cinz_hypotd1_u05purec(a, b);
    case MathFn::ErfInv:
      return erfinv_of(a);
    case MathFn::ErfcInv:
      return erfcinv_of(a);
    case MathFn::NormCdf:
      return normcdf_of(a);
    case MathFn::NormCdfInv:
      return -1.41421356237309504880 * erfcinv_of(2 * a);
    case MathFn::Fmod:
      return fmod_exact(a, b);
    case MathFn::Remainder:
      return remainder_exact(a, b);
    default:
      return kNan;
  }
}

template <class T, class Bits>
T by_bits(MathFn fn, T a, T b) {
  switch (fn) {
    case MathFn::Sqrt:
    case MathFn::SqrtApprox:
      return std::sqrt(a);
    case MathFn::Rcp:
    case MathFn::RcpApprox:
      return 1 / a;
    case MathFn::Ldexp:
      return ldexp_of(a, b);
    case MathFn::Logb:
      return logb_of(a);
    case MathFn::FrexpMantissa:
      return frexp_mantissa(a);
    case MathFn::FrexpExponent:
      return frexp_exponent(a);
    case MathFn::NextAfter:
      return next_after<T, Bits>(a, b);
    case MathFn::Round:
      return round_away(a);
    case MathFn::Fdim:
      return positive_difference(a, b);
    default:
      return static_cast<T>(in_double(fn, static_cast<double>(a), static_cast<double>(b)));
  }
}

#define PHX_JOIN(a, b, c, d, e) a##b##c##d##e

float value(MathFn fn, float a, float b) {
  switch (fn) {
#define PHX_SLEEF1(Enum, f, facc, d, dacc) \
  case MathFn::Enum:                       \
    return PHX_JOIN(Sleef_cinz_, f, f1_, facc, purec)(a);
#define PHX_SLEEF2(Enum, f, facc, d, dacc) \
  case MathFn::Enum:                       \
    return PHX_JOIN(Sleef_cinz_, f, f1_, facc, purec)(a, b);
#include "device_sim/numerics/sleef_functions.def"
    default:
      return by_bits<float, uint32_t>(fn, a, b);
  }
}

double value(MathFn fn, double a, double b) {
  switch (fn) {
#define PHX_SLEEF1(Enum, f, facc, d, dacc) \
  case MathFn::Enum:                       \
    return PHX_JOIN(Sleef_cinz_, d, d1_, dacc, purec)(a);
#define PHX_SLEEF2(Enum, f, facc, d, dacc) \
  case MathFn::Enum:                       \
    return PHX_JOIN(Sleef_cinz_, d, d1_, dacc, purec)(a, b);
#include "device_sim/numerics/sleef_functions.def"
    default:
      return by_bits<double, uint64_t>(fn, a, b);
  }
}

template <class T>
void lanes(MathFn fn, const T* a, const T* b, T* out) {
  static const bool avx = __builtin_cpu_supports("avx");
  if (avx ? sleef32_avx(fn, a, b, out) : sleef32_sse2(fn, a, b, out)) {
    for (int i = 0; i < 32; ++i) out[i] = canonical(out[i]);
    return;
  }
  for (int i = 0; i < 32; ++i) out[i] = eval(fn, a[i], b ? b[i] : T(0));
}

}  // namespace

const MathInfo& info(MathFn fn) { return kInfo[static_cast<int>(fn)]; }

std::optional<MathFn> math_fn(std::string_view name) {
  for (const MathInfo& row : kInfo)
    if (row.name == name) return row.fn;
  return std::nullopt;
}

float eval(MathFn fn, float a, float b) { return canonical(value(fn, a, b)); }
double eval(MathFn fn, double a, double b) { return canonical(value(fn, a, b)); }
void eval32(MathFn fn, const float* a, const float* b, float* out) { lanes(fn, a, b, out); }
void eval32(MathFn fn, const double* a, const double* b, double* out) { lanes(fn, a, b, out); }

}  // namespace phx::num
