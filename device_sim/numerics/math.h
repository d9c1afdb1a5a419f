// The mathematical functions of the virtual device. Values are specified by this library, not by the host's libm:
// the same input gives the same bits on every x86-64 host, with or without AVX and FMA, for any number of threads.
// The host must run in its default floating-point environment (round to nearest, no flush to zero).
//
// A NaN result is always the canonical one (soft_float.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace phx::num {

enum class MathFn : uint8_t {
#define PHX_MATH(Enum, name, arity, ulp32, ulp64, meaning) Enum,
#include "device_sim/numerics/math_functions.def"
};

struct MathInfo {
  MathFn fn;
  std::string_view name;
  int arity;            // 1 or 2
  double ulp32, ulp64;  // error bounds
  std::string_view meaning;
};

inline constexpr int kMathFnCount = 0
#define PHX_MATH(...) +1
#include "device_sim/numerics/math_functions.def"
    ;

const MathInfo& info(MathFn fn);
std::optional<MathFn> math_fn(std::string_view name);

// Functions of one argument ignore b.
float eval(MathFn fn, float a, float b = 0);
double eval(MathFn fn, double a, double b = 0);

// 32 lanes at once; the same bits as eval, several times faster. `b` may be null for functions of one argument;
// `out` may be `a` or `b`.
void eval32(MathFn fn, const float* a, const float* b, float* out);
void eval32(MathFn fn, const double* a, const double* b, double* out);

}  // namespace phx::num
