#include "device_sim/numerics/math.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "device_sim/numerics/lanes.h"
#include "device_sim/numerics/soft_float.h"
#include "tests/unit/numerics/random_bits.h"

using namespace phx::num;

namespace {

using Wide = long double;
constexpr Wide kPi = 3.14159265358979323846264338327950288L;

// The host's long double libm is the reference (64-bit significand); used in tests only.
struct Reference {
  std::function<Wide(Wide, Wide)> value;
  double low, high;  // range of arguments
  double low_b = 0, high_b = 0;
  bool absolute = false;  // bound |error| / max(1, |value|) instead
};

Wide inverse(std::function<Wide(Wide)> f, std::function<Wide(Wide)> slope, Wide target, Wide y) {
  for (int i = 0; i < 60; ++i) {
    Wide step = (f(y) - target) / slope(y);
    y -= step;
    if (std::fabs(step) <= std::fabs(y) * 1e-19L) break;
  }
  return y;
}
Wide erf_slope(Wide y) { return 2 / std::sqrt(kPi) * std::exp(-y * y); }
Wide sinpi_reference(Wide x) {
  x = std::remainder(x, 2.0L);
  if (x > 0.5L) x = 1 - x;
  if (x < -0.5L) x = -1 - x;
  return std::sin(kPi * x);
}

const std::map<MathFn, Reference>& references() {
  static const std::map<MathFn, Reference> table = {
      {MathFn::Sin, {[](Wide a, Wide) { return std::sin(a); }, -100, 100}},
      {MathFn::Cos, {[](Wide a, Wide) { return std::cos(a); }, -100, 100}},
      {MathFn::Tan, {[](Wide a, Wide) { return std::tan(a); }, -100, 100}},
      {MathFn::SinPi, {[](Wide a, Wide) { return sinpi_reference(a); }, -50, 50}},
      {MathFn::CosPi, {[](Wide a, Wide) { return sinpi_reference(a + 0.5L); }, -50, 50}},
      {MathFn::Asin, {[](Wide a, Wide) { return std::asin(a); }, -1, 1}},
      {MathFn::Acos, {[](Wide a, Wide) { return std::acos(a); }, -1, 1}},
      {MathFn::Atan, {[](Wide a, Wide) { return std::atan(a); }, -20, 20}},
      {MathFn::Atan2, {[](Wide a, Wide b) { return std::atan2(a, b); }, -20, 20, -20, 20}},
      {MathFn::Sinh, {[](Wide a, Wide) { return std::sinh(a); }, -85, 85}},
      {MathFn::Cosh, {[](Wide a, Wide) { return std::cosh(a); }, -85, 85}},
      {MathFn::Tanh, {[](Wide a, Wide) { return std::tanh(a); }, -10, 10}},
      {MathFn::Asinh, {[](Wide a, Wide) { return std::asinh(a); }, -1000, 1000}},
      {MathFn::Acosh, {[](Wide a, Wide) { return std::acosh(a); }, 1, 1000}},
      {MathFn::Atanh, {[](Wide a, Wide) { return std::atanh(a); }, -1, 1}},
      {MathFn::Exp, {[](Wide a, Wide) { return std::exp(a); }, -85, 88}},
      {MathFn::Exp2, {[](Wide a, Wide) { return std::exp2(a); }, -125, 127}},
      {MathFn::Exp10, {[](Wide a, Wide) { return std::pow(10.0L, a); }, -37, 38}},
      {MathFn::Expm1, {[](Wide a, Wide) { return std::expm1(a); }, -20, 80}},
      {MathFn::Log, {[](Wide a, Wide) { return std::log(a); }, 1e-6, 100}},
      {MathFn::Log2, {[](Wide a, Wide) { return std::log2(a); }, 1e-6, 100}},
      {MathFn::Log10, {[](Wide a, Wide) { return std::log10(a); }, 1e-6, 100}},
      {MathFn::Log1p, {[](Wide a, Wide) { return std::log1p(a); }, -0.99, 100}},
      {MathFn::Pow, {[](Wide a, Wide b) { return std::pow(a, b); }, 0.001, 30, -10, 10}},
      {MathFn::Sqrt, {[](Wide a, Wide) { return std::sqrt(a); }, 0, 1e6}},
      {MathFn::Rsqrt, {[](Wide a, Wide) { return 1 / std::sqrt(a); }, 1e-6, 1e6}},
      {MathFn::Cbrt, {[](Wide a, Wide) { return std::cbrt(a); }, -1e6, 1e6}},
      {MathFn::Rcbrt, {[](Wide a, Wide) { return 1 / std::cbrt(a); }, -1e6, 1e6}},
      {MathFn::Rcp, {[](Wide a, Wide) { return 1 / a; }, -1e6, 1e6}},
      {MathFn::Hypot, {[](Wide a, Wide b) { return std::hypot(a, b); }, -100, 100, -100, 100}},
      {MathFn::Rhypot, {[](Wide a, Wide b) { return 1 / std::hypot(a, b); }, -100, 100, -100, 100}},
      {MathFn::Erf, {[](Wide a, Wide) { return std::erf(a); }, -6, 6}},
      {MathFn::Erfc, {[](Wide a, Wide) { return std::erfc(a); }, -6, 9}},
      {MathFn::ErfInv,
       {[](Wide a, Wide) {
          return std::fabs(a) < 0.5L
                     ? inverse([](Wide y) { return std::erf(y); }, erf_slope, a, a * std::sqrt(kPi) / 2)
                     : std::copysign(inverse([](Wide y) { return std::erfc(y); }, [](Wide y) { return -erf_slope(y); },
                                             1 - std::fabs(a), Wide(eval(MathFn::ErfInv, double(std::fabs(a))))),
                                     a);
        },
        -0.9999, 0.9999}},
      {MathFn::ErfcInv,
       {[](Wide a, Wide) {
          return inverse([](Wide y) { return std::erfc(y); }, [](Wide y) { return -erf_slope(y); }, a,
                         Wide(eval(MathFn::ErfcInv, double(a))));
        },
        1e-9, 0.9}},
      {MathFn::NormCdf, {[](Wide a, Wide) { return std::erfc(-a / std::sqrt(2.0L)) / 2; }, -12, 8}},
      {MathFn::NormCdfInv,
       {[](Wide a, Wide) {
          return -std::sqrt(2.0L) * inverse([](Wide y) { return std::erfc(y); }, [](Wide y) { return -erf_slope(y); },
                                            2 * a, Wide(eval(MathFn::ErfcInv, double(2 * a))));
        },
        1e-9, 0.45}},
      {MathFn::Tgamma, {[](Wide a, Wide) { return std::tgamma(a); }, 0.01, 33}},
      {MathFn::Lgamma, {[](Wide a, Wide) { return std::lgamma(a); }, -20, 100, 0, 0, true}},
      {MathFn::Fmod, {[](Wide a, Wide b) { return std::fmod(a, b); }, -1e9, 1e9, -10, 10}},
      {MathFn::Remainder, {[](Wide a, Wide b) { return std::remainder(a, b); }, -1e9, 1e9, -10, 10}},
      {MathFn::SinApprox, {[](Wide a, Wide) { return std::sin(a); }, -100, 100}},
      {MathFn::CosApprox, {[](Wide a, Wide) { return std::cos(a); }, -100, 100}},
      {MathFn::Ex2Approx, {[](Wide a, Wide) { return std::exp2(a); }, -125, 127}},
      {MathFn::Lg2Approx, {[](Wide a, Wide) { return std::log2(a); }, 1e-6, 100}},
      {MathFn::TanhApprox, {[](Wide a, Wide) { return std::tanh(a); }, -10, 10}},
  };
  return table;
}

template <class T>
double ulps(T got, Wide expected) {
  if (got == expected) return 0;
  int exponent =
      std::max(std::ilogb(expected), std::numeric_limits<T>::min_exponent - 1) - std::numeric_limits<T>::digits + 1;
  return static_cast<double>(std::fabs((static_cast<Wide>(got) - expected) / std::ldexp(1.0L, exponent)));
}

template <class T>
double worst_error(MathFn fn, const Reference& reference) {
  RandomBits random{static_cast<uint64_t>(fn) + 100};
  double worst = 0;
  for (int i = 0; i < 20000; ++i) {
    T a = static_cast<T>(random.in(reference.low, reference.high)),
      b = static_cast<T>(random.in(reference.low_b, reference.high_b));
    if (i % 4 == 0 && reference.low <= 0)
      a = static_cast<T>(a * std::ldexp(1.0, -static_cast<int>(random.next() % 30)));  // small arguments too
    T got = eval(fn, a, b);
    Wide expected = reference.value(a, b);
    double error = ulps(got, expected);
    if (reference.absolute && std::fabs(expected) < 1)
      error = static_cast<double>(std::fabs(got - expected)) / std::numeric_limits<T>::epsilon();
    worst = std::max(worst, error);
  }
  return worst;
}

float bits32(uint32_t x) { return std::bit_cast<float>(x); }
constexpr float kInf = std::numeric_limits<float>::infinity();
const float kNan = std::numeric_limits<float>::quiet_NaN();

}  // namespace

TEST_CASE("every function keeps its error bound") {
  for (int i = 0; i < kMathFnCount; ++i) {
    const MathInfo& row = info(static_cast<MathFn>(i));
    auto found = references().find(row.fn);
    if (found == references().end()) continue;
    double error32 = worst_error<float>(row.fn, found->second), error64 = worst_error<double>(row.fn, found->second);
    CAPTURE(row.name);
    if (std::getenv("PHX_SHOW_ULP"))
      std::printf("%-14s f32 %.3f f64 %.3f\n", std::string(row.name).c_str(), error32, error64);
    CHECK(error32 <= row.ulp32);
    CHECK(error64 <= row.ulp64 + 0.001);  // the reference itself has 11 bits more than f64, not infinitely many
  }
}

TEST_CASE("large arguments of sine and cosine are reduced exactly") {
  CHECK(eval(MathFn::Sin, 1e22) == doctest::Approx(-0.8522008497671888).epsilon(1e-15));
  CHECK(eval(MathFn::Cos, 1e300) == doctest::Approx(std::cos(1e300)).epsilon(1e-15));
  CHECK(eval(MathFn::Sin, 1e30f) == doctest::Approx(std::sin(static_cast<double>(1e30f))).epsilon(1e-6));
  CHECK(eval(MathFn::SinPi, 1e15 + 0.5) == 1);
  CHECK(eval(MathFn::CosPi, 4503599627370497.0) == -1);
}

TEST_CASE("special values") {
  struct Row {
    MathFn fn;
    float a, b, expected;
  };
  const Row rows[] = {
      {MathFn::Sin, -0.0f, 0, -0.0f},
      {MathFn::Sin, kInf, 0, kNan},
      {MathFn::Cos, kInf, 0, kNan},
      {MathFn::Tan, -0.0f, 0, -0.0f},
      {MathFn::SinPi, -0.0f, 0, -0.0f},
      {MathFn::SinPi, kInf, 0, kNan},
      {MathFn::Asin, 2, 0, kNan},
      {MathFn::Acos, 1, 0, 0},
      {MathFn::Atan, kInf, 0, 1.57079637f},
      {MathFn::Atan2, 0.0f, -1, 3.14159274f},
      {MathFn::Atan2, -0.0f, -1, -3.14159274f},
      {MathFn::Atan2, -0.0f, 1, -0.0f},
      {MathFn::Exp, -kInf, 0, 0},
      {MathFn::Exp, 89, 0, kInf},
      {MathFn::Exp, 0, 0, 1},
      {MathFn::Exp, -104, 0, 0},
      {MathFn::Exp2, 10, 0, 1024},
      {MathFn::Exp2, -149, 0, bits32(1)},
      {MathFn::Exp10, 2, 0, 100},
      {MathFn::Expm1, -0.0f, 0, -0.0f},
      {MathFn::Expm1, -kInf, 0, -1},
      {MathFn::Log, 0, 0, -kInf},
      {MathFn::Log, -1, 0, kNan},
      {MathFn::Log, 1, 0, 0},
      {MathFn::Log, kInf, 0, kInf},
      {MathFn::Log2, 8, 0, 3},
      {MathFn::Log2, bits32(1), 0, -149},
      {MathFn::Log10, 1000, 0, 3},
      {MathFn::Log1p, -1, 0, -kInf},
      {MathFn::Log1p, -0.0f, 0, -0.0f},
      {MathFn::Pow, kNan, 0, 1},
      {MathFn::Pow, 1, kNan, 1},
      {MathFn::Pow, -2, 3, -8},
      {MathFn::Pow, -2, 0.5f, kNan},
      {MathFn::Pow, 0, -1, kInf},
      {MathFn::Pow, -0.0f, -3, -kInf},
      {MathFn::Pow, -1, kInf, 1},
      {MathFn::Pow, 0.5f, -kInf, kInf},
      {MathFn::Pow, -kInf, 3, -kInf},
      {MathFn::Sqrt, -0.0f, 0, -0.0f},
      {MathFn::Sqrt, -1, 0, kNan},
      {MathFn::Rsqrt, 0, 0, kInf},
      {MathFn::Rsqrt, kInf, 0, 0},
      {MathFn::Cbrt, -27, 0, -3},
      {MathFn::Rcbrt, -8, 0, -0.5f},
      {MathFn::Rcp, -0.0f, 0, -kInf},
      {MathFn::Hypot, kInf, kNan, kInf},
      {MathFn::Hypot, 3e38f, 3e38f, kInf},
      {MathFn::Hypot, 3, 4, 5},
      {MathFn::Rhypot, kInf, kNan, 0},
      {MathFn::Erf, kInf, 0, 1},
      {MathFn::Erfc, -kInf, 0, 2},
      {MathFn::ErfInv, 1, 0, kInf},
      {MathFn::ErfInv, -2, 0, kNan},
      {MathFn::ErfInv, -0.0f, 0, -0.0f},
      {MathFn::ErfcInv, 0, 0, kInf},
      {MathFn::ErfcInv, 2, 0, -kInf},
      {MathFn::NormCdf, 0, 0, 0.5f},
      {MathFn::NormCdf, -kInf, 0, 0},
      {MathFn::NormCdf, kInf, 0, 1},
      {MathFn::NormCdfInv, 0, 0, -kInf},
      {MathFn::NormCdfInv, 1, 0, kInf},
      {MathFn::Tgamma, 5, 0, 24},
      {MathFn::Tgamma, 0, 0, kInf},
      {MathFn::Lgamma, 1, 0, 0},
      {MathFn::Lgamma, kInf, 0, kInf},
      {MathFn::Fmod, 5.5f, -2, 1.5f},
      {MathFn::Fmod, -5.5f, 2, -1.5f},
      {MathFn::Fmod, -4, 2, -0.0f},
      {MathFn::Fmod, 1, 0, kNan},
      {MathFn::Fmod, kInf, 1, kNan},
      {MathFn::Fmod, 3, kInf, 3},
      {MathFn::Fmod, 3e38f, bits32(2), 0},
      {MathFn::Remainder, 5, 2, 1},
      {MathFn::Remainder, 3, 2, -1},
      {MathFn::Remainder, 7, 2, -1},
      {MathFn::Ldexp, 1, -149, bits32(1)},
      {MathFn::Ldexp, 1, -150, 0},
      {MathFn::Ldexp, 1.5f, -150, bits32(1)},
      {MathFn::Ldexp, bits32(1), 276, bits32(0x7f000000)},
      {MathFn::Ldexp, 1, 128, kInf},
      {MathFn::Logb, bits32(1), 0, -149},
      {MathFn::Logb, 0, 0, -kInf},
      {MathFn::Logb, -kInf, 0, kInf},
      {MathFn::FrexpMantissa, 12, 0, 0.75f},
      {MathFn::FrexpExponent, 12, 0, 4},
      {MathFn::FrexpExponent, bits32(1), 0, -148},
      {MathFn::NextAfter, 0, -1, bits32(0x80000001)},
      {MathFn::NextAfter, 1, 2, bits32(0x3f800001)},
      {MathFn::NextAfter, -1, 2, bits32(0xbf7fffff)},
      {MathFn::Round, 2.5f, 0, 3},
      {MathFn::Round, -2.5f, 0, -3},
      {MathFn::Round, 0.49999997f, 0, 0},
      {MathFn::Fdim, 3, 1, 2},
      {MathFn::Fdim, 1, 3, 0},
      {MathFn::Fdim, kInf, kInf, 0},
      {MathFn::Sinh, 90, 0, kInf},
      {MathFn::Cosh, -90, 0, kInf},
      {MathFn::Tanh, -kInf, 0, -1},
      {MathFn::Acosh, 0.5f, 0, kNan},
      {MathFn::Atanh, 1, 0, kInf},
      {MathFn::Asinh, -0.0f, 0, -0.0f},
  };
  for (const Row& row : rows) {
    CAPTURE(info(row.fn).name);
    CAPTURE(row.a);
    CAPTURE(row.b);
    CHECK(bits(eval(row.fn, row.a, row.b)) == bits(canonical(row.expected)));
  }
}

TEST_CASE("f64 scaling rounds once") {
  CHECK(eval(MathFn::Ldexp, 1.0, -1074.0) == std::numeric_limits<double>::denorm_min());
  CHECK(eval(MathFn::Ldexp, 1.5, -1075.0) == std::numeric_limits<double>::denorm_min());
  CHECK(eval(MathFn::Ldexp, 1.0, -1075.0) == 0);
  CHECK(eval(MathFn::Ldexp, std::numeric_limits<double>::max(), -2098.0) == 0x1p-1074);
  CHECK(eval(MathFn::Ldexp, std::numeric_limits<double>::denorm_min(), 2097.0) == 0x1p1023);
  RandomBits random{7};
  for (int i = 0; i < 20000; ++i) {
    double a = random.any_double();
    int n = static_cast<int>(random.next() % 4400) - 2200;
    CHECK(bits(eval(MathFn::Ldexp, a, double(n))) == bits(canonical(std::scalbn(a, n))));
    double b = random.any_double();
    CHECK(bits(eval(MathFn::Fmod, a, b)) == bits(canonical(std::fmod(a, b))));
    CAPTURE(a);
    CAPTURE(b);
    double rest = eval(MathFn::Remainder, a, b);
    if (rest == 0) {  // IEEE: a zero remainder has the sign of a; not every host libm agrees
      CHECK(std::remainder(a, b) == 0);
      CHECK(std::signbit(rest) == std::signbit(a));
    } else {
      CHECK(bits(rest) == bits(canonical(std::remainder(a, b))));
    }
    CHECK(bits(eval(MathFn::NextAfter, a, b)) == bits(canonical(std::nextafter(a, b))));
    CHECK(bits(eval(MathFn::Logb, a)) == bits(canonical(std::logb(a))));
  }
}

TEST_CASE("32 lanes give the same bits as one, in every vector form") {
  RandomBits random{8};
  for (int i = 0; i < kMathFnCount; ++i) {
    MathFn fn = static_cast<MathFn>(i);
    CAPTURE(info(fn).name);
    int failures = 0;
    for (int round = 0; round < 192; ++round) {
      float a[32], b[32], out[32], narrow[32];
      double a64[32], b64[32], out64[32], narrow64[32];
      for (int l = 0; l < 32; ++l) {
        // Anything, numbers of everyday size, and ever smaller ones.
        const double size = round % 3 == 1 ? 20 : std::ldexp(1.0, -(round / 3) % 45);
        const bool wild = round % 3 == 0;
        a[l] = wild ? random.any_float() : static_cast<float>(random.in(-size, size));
        b[l] = wild ? random.any_float() : static_cast<float>(random.in(-size, size));
        a64[l] = wild ? random.any_double() : random.in(-size, size);
        b64[l] = wild ? random.any_double() : random.in(-size, size);
      }
      eval32(fn, a, b, out);
      eval32(fn, a64, b64, out64);
      bool has_sse2 = sleef32_sse2(fn, a, b, narrow), has_sse2_64 = sleef32_sse2(fn, a64, b64, narrow64);
      for (int l = 0; l < 32; ++l) {
        failures += bits(out[l]) != bits(eval(fn, a[l], b[l]));
        failures += bits(out64[l]) != bits(eval(fn, a64[l], b64[l]));
        failures += has_sse2 && bits(canonical(narrow[l])) != bits(out[l]);
        failures += has_sse2_64 && bits(canonical(narrow64[l])) != bits(out64[l]);
      }
    }
    CHECK(failures == 0);
  }
}

TEST_CASE("checksums: these bits are the specification on every host") {
  uint64_t all = 0xcbf29ce484222325;
  for (int i = 0; i < kMathFnCount; ++i) {
    MathFn fn = static_cast<MathFn>(i);
    RandomBits random{static_cast<uint64_t>(i) + 1000};
    for (int round = 0; round < 4000; ++round) {
      float a = round % 2 ? random.any_float() : static_cast<float>(random.in(-10, 10)),
            b = round % 3 ? static_cast<float>(random.in(-10, 10)) : random.any_float();
      all = (all ^ bits(eval(fn, a, b))) * 0x100000001b3;
      all = (all ^ bits(eval(fn, static_cast<double>(a) * 1.0000000001, static_cast<double>(b)))) * 0x100000001b3;
    }
  }
  CHECK(all == 16025036724714198613u);
}

TEST_CASE("functions are found by name") {
  CHECK(kMathFnCount > 50);
  for (int i = 0; i < kMathFnCount; ++i) {
    CHECK(info(static_cast<MathFn>(i)).fn == static_cast<MathFn>(i));
    CHECK(math_fn(info(static_cast<MathFn>(i)).name) == static_cast<MathFn>(i));
  }
  CHECK_FALSE(math_fn("sine").has_value());
}
