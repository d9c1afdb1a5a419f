// 32-lane forms of the SLEEF functions (internal to this folder). False if the function is not one of them.
#pragma once

#include "device_sim/numerics/math.h"

namespace phx::num {

bool sleef32_sse2(MathFn fn, const float* a, const float* b, float* out);
bool sleef32_sse2(MathFn fn, const double* a, const double* b, double* out);
bool sleef32_avx(MathFn fn, const float* a, const float* b, float* out);  // only on a host with AVX
bool sleef32_avx(MathFn fn, const double* a, const double* b, double* out);

}  // namespace phx::num
