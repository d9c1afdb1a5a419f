#include "device_sim/numerics/soft_float.h"

#include <cfenv>
#include <cmath>
#include <initializer_list>
#include <limits>

#include <doctest/doctest.h>

#include "tests/unit/numerics/random_bits.h"

using namespace phx::num;

namespace {

constexpr Round kModes[] = {Round::Rn, Round::Rz, Round::Rd, Round::Ru};
constexpr int kHost[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};

// The host's own operation in a rounding mode; volatile keeps it between the mode switches.
template <class T, class Operation>
T host(int mode, T a, T b, T c, Operation operation) {
  volatile T x = a, y = b, z = c;
  std::fesetround(mode);
  volatile T result = operation(x, y, z);
  std::fesetround(FE_TONEAREST);
  return result;
}

template <class T>
bool same(T a, T b) {
  return bits(a) == bits(b) || (a != a && b != b && bits(a) == bits(canonical(a)));
}

// Operands whose exponents are close enough to interact.
template <class T>
T near(RandomBits& random, T a) {
  return static_cast<T>(std::ldexp(a, static_cast<int>(random.next() % 61) - 30)) * static_cast<T>(random.in(-2, 2));
}

template <class T, class Any>
void against_host(Any any) {
  RandomBits random{1};
  int failures = 0;
  for (int i = 0; i < 40000; ++i) {
    T a = any(random), b = i % 2 ? any(random) : near<T>(random, a),
      c = i % 3 ? near<T>(random, static_cast<T>(a * b)) : any(random);
    for (int m = 0; m < 4; ++m) {
      Round r = kModes[m];
      int mode = kHost[m];
      failures += !same(add(a, b, r), host<T>(mode, a, b, c, [](T x, T y, T) { return x + y; }));
      failures += !same(sub(a, b, r), host<T>(mode, a, b, c, [](T x, T y, T) { return x - y; }));
      failures += !same(mul(a, b, r), host<T>(mode, a, b, c, [](T x, T y, T) { return x * y; }));
      failures += !same(div(a, b, r), host<T>(mode, a, b, c, [](T x, T y, T) { return x / y; }));
      failures += !same(sqrt(a, r), host<T>(mode, a, b, c, [](T x, T, T) { return std::sqrt(x); }));
      failures += !same(fma(a, b, c, r), host<T>(mode, a, b, c, [](T x, T y, T z) { return std::fma(x, y, z); }));
    }
  }
  CHECK(failures == 0);
}

}  // namespace

TEST_CASE("f32 arithmetic equals the host's in every rounding mode") {
  against_host<float>([](RandomBits& r) { return r.any_float(); });
}

TEST_CASE("f64 arithmetic equals the host's in every rounding mode") {
  against_host<double>([](RandomBits& r) { return r.any_double(); });
}

TEST_CASE("f64 to f32 in every rounding mode") {
  RandomBits random{2};
  int failures = 0;
  for (int i = 0; i < 100000; ++i) {
    double x = i % 2 ? random.any_double() : std::ldexp(random.in(-2, 2), static_cast<int>(random.next() % 320) - 165);
    for (int m = 0; m < 4; ++m) {
      volatile double v = x;
      std::fesetround(kHost[m]);
      volatile float expected = static_cast<float>(v);
      std::fesetround(FE_TONEAREST);
      failures += !same<float>(f32_from(x, kModes[m]), expected);
    }
  }
  CHECK(failures == 0);
}

TEST_CASE("f16: every value survives a round trip, and rounding equals the compiler's") {
  int failures = 0;
  for (uint32_t h = 0; h < 65536; ++h) {
    uint16_t x = static_cast<uint16_t>(h);
    float wide = f32_from_f16(x);
    bool nan = (h & 0x7c00) == 0x7c00 && (h & 0x3ff);
    failures += nan ? bits(wide) != 0x7fffffff : f16_from(wide) != x;
    failures += !nan && wide != static_cast<float>(std::bit_cast<_Float16>(x));
  }
  RandomBits random{3};
  for (int i = 0; i < 200000; ++i) {
    float x = i % 2 ? random.any_float()
                    : static_cast<float>(std::ldexp(random.in(-2, 2), static_cast<int>(random.next() % 48) - 28));
    uint16_t expected = x != x ? 0x7fff : std::bit_cast<uint16_t>(static_cast<_Float16>(x));
    failures += f16_from(x) != expected;
    float up = f32_from_f16(f16_from(x, Round::Ru)), down = f32_from_f16(f16_from(x, Round::Rd));
    failures += x == x && !(down <= x && x <= up);
  }
  CHECK(failures == 0);
  CHECK(f16_from(65520.0f) == 0x7c00);
  CHECK(f16_from(65519.99f) == 0x7bff);
  CHECK(f16_from(1e9f, Round::Rz) == 0x7bff);
  CHECK(f16_from(-1e9f, Round::Ru) == 0xfbff);
}

TEST_CASE("f16 arithmetic is rounded once") {
  RandomBits random{4};
  int failures = 0;
  for (int i = 0; i < 100000; ++i) {
    uint16_t a = static_cast<uint16_t>(random.next()), b = static_cast<uint16_t>(random.next());
    float x = f32_from_f16(a), y = f32_from_f16(b);
    failures += f16_add(a, b) != f16_from(x + y);  // f32 is wide enough that rounding twice does no harm
    failures += f16_mul(a, b) != f16_from(x * y);
  }
  CHECK(failures == 0);
  // 1 + 2^-11 + 2^-24: rounding the product to f32 first would make it a tie and give 1.
  CHECK(f16_fma(0x3c01, 0x3c01, 0x0001) ==
        f16_from(std::ldexp(1.0, 0) + std::ldexp(1.0, -9) + std::ldexp(1.0, -20) + std::ldexp(1.0, -24)));
}

TEST_CASE("bf16 rounds to nearest even and keeps infinities") {
  CHECK(bf16_from(1.0f) == 0x3f80);
  CHECK(bf16_from(std::bit_cast<float>(0x3f808000u)) == 0x3f80);
  CHECK(bf16_from(std::bit_cast<float>(0x3f818000u)) == 0x3f82);
  CHECK(bf16_from(std::bit_cast<float>(0x3f808001u)) == 0x3f81);
  CHECK(bf16_from(std::bit_cast<float>(0x7f7fffffu)) == 0x7f80);
  CHECK(bf16_from(std::bit_cast<float>(0x7f7fffffu), Round::Rz) == 0x7f7f);
  CHECK(bf16_from(std::numeric_limits<float>::quiet_NaN()) == 0x7fff);
  CHECK(f32_from_bf16(0xff80) == -std::numeric_limits<float>::infinity());
}

TEST_CASE("fp8 formats") {
  auto e4m3 = [](float x, bool saturate) { return convert(Format::E4M3, Format::F32, bits(x), Round::Rn, saturate); };
  auto e5m2 = [](float x, bool saturate) { return convert(Format::E5M2, Format::F32, bits(x), Round::Rn, saturate); };
  CHECK(e4m3(448, false) == 0x7e);
  CHECK(e4m3(464, false) == 0x7e);  // a tie, to the even neighbour
  CHECK(e4m3(465, false) == 0x7f);
  CHECK(e4m3(1000, true) == 0x7e);
  CHECK(e4m3(-std::numeric_limits<float>::infinity(), true) == 0xfe);
  CHECK(e4m3(std::ldexp(1.0f, -9), false) == 0x01);
  CHECK(e5m2(57344, false) == 0x7b);
  CHECK(e5m2(1e6f, false) == 0x7c);
  CHECK(e5m2(1e6f, true) == 0x7b);
  for (Format f : {Format::E4M3, Format::E5M2}) {
    for (uint64_t x = 0; x < 256; ++x) {
      uint64_t back = convert(f, Format::F32, convert(Format::F32, f, x));
      bool nan = convert(Format::F32, f, x) == canonical_nan(Format::F32);
      CHECK(back == (nan ? canonical_nan(f) : x));
    }
  }
}

TEST_CASE("float to integer saturates; NaN follows PTX") {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  CHECK(to_s32(nan) == 0);
  CHECK(to_u32(nan) == 0);
  CHECK(to_s64(nan) == std::numeric_limits<int64_t>::min());
  CHECK(to_u64(nan) == 1ull << 63);
  CHECK(to_s32(static_cast<double>(nan)) == std::numeric_limits<int32_t>::min());
  CHECK(to_s32(inf) == 2147483647);
  CHECK(to_s32(-inf) == std::numeric_limits<int32_t>::min());
  CHECK(to_s32(2147483648.0f) == 2147483647);
  CHECK(to_s32(-2147483648.0) == std::numeric_limits<int32_t>::min());
  CHECK(to_u32(-1.0f) == 0);
  CHECK(to_u32(4294967296.0) == 4294967295u);
  CHECK(to_u64(1e30) == ~0ull);
  CHECK(to_s64(-9.3e18) == std::numeric_limits<int64_t>::min());
  CHECK(to_s32(2.5f, Round::Rn) == 2);
  CHECK(to_s32(3.5f, Round::Rn) == 4);
  CHECK(to_s32(-2.5f, Round::Rz) == -2);
  CHECK(to_s32(-2.1f, Round::Rd) == -3);
  CHECK(to_s32(-2.9f, Round::Ru) == -2);
  CHECK(to_s32(1e-40f, Round::Ru) == 1);
  CHECK(to_signed(Format::F32, bits(1000.0f), 8, Round::Rz) == 127);
  CHECK(to_signed(Format::F16, 0xfc00, 16, Round::Rz) == -32768);
  RandomBits random{5};
  int failures = 0;
  for (int i = 0; i < 100000; ++i) {
    double x = std::ldexp(random.in(-1, 1), static_cast<int>(random.next() % 66));
    if (std::fabs(x) >= 9.2e18) continue;
    for (int m = 0; m < 4; ++m) {
      std::fesetround(kHost[m]);
      volatile double v = x;
      long long expected = std::llrint(v);
      std::fesetround(FE_TONEAREST);
      failures += to_s64(x, kModes[m]) != expected;
    }
  }
  CHECK(failures == 0);
}

TEST_CASE("integer to float in every rounding mode") {
  RandomBits random{6};
  int failures = 0;
  for (int i = 0; i < 100000; ++i) {
    int64_t s = static_cast<int64_t>(random.next()) >> (random.next() % 64);
    uint64_t u = random.next() >> (random.next() % 64);
    failures += f32(from_signed(Format::F32, s)) != static_cast<float>(s);
    failures += f64(from_unsigned(Format::F64, u)) != static_cast<double>(u);
    failures += f32(from_unsigned(Format::F32, u)) != static_cast<float>(u);
    double down = f64(from_signed(Format::F64, s, Round::Rd)), up = f64(from_signed(Format::F64, s, Round::Ru));
    failures += !(static_cast<__int128>(down) <= s && s <= static_cast<__int128>(up));
    failures += up != down && up != std::nextafter(down, INFINITY);
  }
  CHECK(failures == 0);
  CHECK(from_signed(Format::F32, 16777217, Round::Ru) == bits(16777218.0f));
  CHECK(from_signed(Format::F32, -16777217, Round::Ru) == bits(-16777216.0f));
  CHECK(from_unsigned(Format::F16, 100000) == 0x7c00);
}

TEST_CASE("minimum, maximum, integral rounding") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(min(nan, 3.0f) == 3.0f);
  CHECK(max(3.0f, nan) == 3.0f);
  CHECK(bits(min(nan, nan)) == 0x7fffffff);
  CHECK(bits(min(0.0f, -0.0f)) == 0x80000000);
  CHECK(bits(max(-0.0f, 0.0f)) == 0);
  CHECK(min(-1.0, -2.0) == -2.0);
  CHECK(max(-1.0, 2.0) == 2.0);
  auto integral = [](float x, Round r) { return f32(round_to_integral(Format::F32, bits(x), r)); };
  CHECK(integral(2.5f, Round::Rn) == 2);
  CHECK(integral(-0.3f, Round::Rn) == 0);
  CHECK(std::signbit(integral(-0.3f, Round::Ru)));
  CHECK(integral(-0.3f, Round::Rd) == -1);
  CHECK(integral(8388609.0f, Round::Rd) == 8388609.0f);
}
