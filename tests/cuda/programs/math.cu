// The math library in single and double precision against the host's, each within a stated number of units in the last
// place, and the exact functions bit for bit.
#include "check.h"

constexpr int kSamples = 256;

// One line per function: name, expression of x and y, largest error in units of the last place. The bounds are those
// documented for CUDA's library, plus one for the host's own error.
// clang-format off
#define UNARY(F) \
  F(sqrt, sqrtf(x), sqrt(x), 0) \
  F(fabs, fabsf(x), fabs(x), 0) \
  F(floor, floorf(x), floor(x), 0) \
  F(ceil, ceilf(x), ceil(x), 0) \
  F(trunc, truncf(x), trunc(x), 0) \
  F(rint, rintf(x), rint(x), 0) \
  F(round, roundf(x), round(x), 0) \
  F(rsqrt, rsqrtf(x), rsqrt(x), 3) \
  F(cbrt, cbrtf(x), cbrt(x), 2) \
  F(exp, expf(x), exp(x), 3) \
  F(exp2, exp2f(x), exp2(x), 3) \
  F(expm1, expm1f(x), expm1(x), 3) \
  F(log, logf(x), log(x), 2) \
  F(log2, log2f(x), log2(x), 2) \
  F(log10, log10f(x), log10(x), 3) \
  F(log1p, log1pf(x), log1p(x), 3) \
  F(sin, sinf(x), sin(x), 3) \
  F(cos, cosf(x), cos(x), 3) \
  F(tan, tanf(x), tan(x), 5) \
  F(asin, asinf(x / 11), asin(x / 11), 4) \
  F(acos, acosf(x / 11), acos(x / 11), 4) \
  F(atan, atanf(x), atan(x), 3) \
  F(sinh, sinhf(x), sinh(x), 4) \
  F(cosh, coshf(x), cosh(x), 4) \
  F(tanh, tanhf(x), tanh(x), 4) \
  F(asinh, asinhf(x), asinh(x), 4) \
  F(erf, erff(x), erf(x), 4) \
  F(tgamma, tgammaf(x / 4), tgamma(x / 4), 12)
#define BINARY(F) \
  F(pow, powf(x, y), pow(x, y), 9) \
  F(atan2, atan2f(x, y), atan2(x, y), 4) \
  F(hypot, hypotf(x, y), hypot(x, y), 4) \
  F(fmod, fmodf(x, y), fmod(x, y), 0) \
  F(fmin, fminf(x, y), fmin(x, y), 0) \
  F(fmax, fmaxf(x, y), fmax(x, y), 0) \
  F(copysign, copysignf(x, y), copysign(x, y), 0) \
  F(fdim, fdimf(x, y), fdim(x, y), 0) \
  F(divide, x / y, x / y, 0) \
  F(fma, fmaf(x, y, x), fma(x, y, x), 0) \
  F(ldexp, ldexpf(x, 3), ldexp(x, 3), 0)
// clang-format on

#define SINGLE(name, single, dbl, ulps) single,
#define DOUBLE(name, single, dbl, ulps) dbl,
#define NAME(name, single, dbl, ulps) #name,
#define ULPS(name, single, dbl, ulps) ulps,

const char* const kNames[] = {UNARY(NAME) BINARY(NAME)};
const int kUlps[] = {UNARY(ULPS) BINARY(ULPS)};
constexpr int kFunctions = sizeof(kUlps) / sizeof(int);

__host__ __device__ void evaluate(float x, float y, float* out) {
  const float values[] = {UNARY(SINGLE) BINARY(SINGLE)};
  for (int i = 0; i < kFunctions; ++i) out[i] = values[i];
}
__host__ __device__ void evaluate(double x, double y, double* out) {
  const double values[] = {UNARY(DOUBLE) BINARY(DOUBLE)};
  for (int i = 0; i < kFunctions; ++i) out[i] = values[i];
}

template <class T>
__global__ void evaluate_kernel(const T* x, const T* y, T* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) evaluate(x[i], y[i], out + i * kFunctions);
}

// Distance in units of the last place; values of unlike kind are infinitely far apart.
long long distance(float a, float b) {
  if (a != a || b != b) return a != a && b != b ? 0 : 1ll << 60;
  int p, q;
  std::memcpy(&p, &a, 4), std::memcpy(&q, &b, 4);
  if (p < 0) p = (int)(0x80000000u - (unsigned)p);
  if (q < 0) q = (int)(0x80000000u - (unsigned)q);
  return std::llabs((long long)p - q);
}
long long distance(double a, double b) {
  if (a != a || b != b) return a != a && b != b ? 0 : 1ll << 60;
  long long p, q;
  std::memcpy(&p, &a, 8), std::memcpy(&q, &b, 8);
  if (p < 0) p = (long long)(0x8000000000000000ull - (unsigned long long)p);
  if (q < 0) q = (long long)(0x8000000000000000ull - (unsigned long long)q);
  const unsigned long long gap = p > q ? (unsigned long long)p - q : (unsigned long long)q - p;
  return gap > 1ull << 60 ? 1ll << 60 : (long long)gap;
}

template <class T>
void test_precision(const char* precision) {
  Array<T> x(kSamples), y(kSamples), out(kSamples * kFunctions);
  Random random{521288629u};
  for (int i = 0; i < kSamples; ++i) {
    x[i] = static_cast<T>(random.unit() * 20.0f - (i % 2 ? 0.0f : 10.0f));
    y[i] = static_cast<T>(random.unit() * 6.0f - (i % 4 ? 0.0f : 3.0f)) + static_cast<T>(0.001);
  }
  x[0] = 0, x[1] = static_cast<T>(1), x[2] = static_cast<T>(-0.0), x[3] = static_cast<T>(INFINITY),
  x[4] = static_cast<T>(NAN);
  x[5] = static_cast<T>(0.5), x[6] = static_cast<T>(2.5), x[7] = static_cast<T>(1e-20);
  x.upload(), y.upload();
  evaluate_kernel<<<kSamples / 64, 64>>>(x.device, y.device, out.device, kSamples);
  CUDA(cudaGetLastError());
  out.download();
  for (int i = 0; i < kSamples; ++i) {
    T expected[kFunctions];
    evaluate(x[i], y[i], expected);
    for (int f = 0; f < kFunctions; ++f) {
      const T got = out[i * kFunctions + f];
      const long long ulps = distance(got, expected[f]);
      EXPECT(ulps <= kUlps[f], "%s %s of %.9g, %.9g is %.17g, expected %.17g (%lld units apart)", precision, kNames[f],
             (double)x[i], (double)y[i], (double)got, (double)expected[f], ulps);
    }
  }
}

// The fast forms promise an absolute or a loose relative error on a limited range.
__global__ void fast(const float* x, float* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  out[i * 8 + 0] = __expf(x[i]);
  out[i * 8 + 1] = __logf(fabsf(x[i]) + 0.1f);
  out[i * 8 + 2] = __sinf(x[i] * 0.3f);
  out[i * 8 + 3] = __cosf(x[i] * 0.3f);
  out[i * 8 + 4] = __powf(fabsf(x[i]) + 0.1f, 1.7f);
  out[i * 8 + 5] = __fdividef(x[i], 3.7f);
  out[i * 8 + 6] = __saturatef(x[i]);
  out[i * 8 + 7] = __frcp_rn(x[i] + 20.0f);
}

__global__ void classes(const float* x, int* out, int n) {
  const int i = threadIdx.x;
  if (i < n)
    out[i] = (isnan(x[i]) ? 1 : 0) | (isinf(x[i]) ? 2 : 0) | (isfinite(x[i]) ? 4 : 0) | (signbit(x[i]) ? 8 : 0);
}

__global__ void rounded(float a, float b, double c, double d, float* f, double* g) {
  f[0] = __fadd_rn(a, b), f[1] = __fadd_rz(a, b), f[2] = __fadd_ru(a, b), f[3] = __fadd_rd(a, b);
  f[4] = __fmul_rn(a, b), f[5] = __fmul_ru(a, b), f[6] = __fdiv_rn(a, b), f[7] = __fmaf_rn(a, b, a);
  g[0] = __dadd_rn(c, d), g[1] = __dmul_rn(c, d), g[2] = __ddiv_rn(c, d), g[3] = __fma_rn(c, d, c);
  g[4] = __dadd_ru(c, d), g[5] = __dadd_rd(c, d);
}

int main() {
  test_precision<float>("float");
  test_precision<double>("double");

  Array<float> x(64), out(64 * 8);
  for (int i = 0; i < 64; ++i) x[i] = (i - 32) * 0.25f;
  x.upload();
  fast<<<2, 32>>>(x.device, out.device, 64);
  out.download();
  for (int i = 0; i < 64; ++i) {
    const float v = x[i];
    const float expected[8] = {std::exp(v),
                               std::log(std::fabs(v) + 0.1f),
                               std::sin(v * 0.3f),
                               std::cos(v * 0.3f),
                               std::pow(std::fabs(v) + 0.1f, 1.7f),
                               v / 3.7f,
                               v < 0 ? 0 : v > 1 ? 1 : v,
                               1 / (v + 20.0f)};
    for (int f = 0; f < 8; ++f) {
      const float got = out[i * 8 + f];
      EXPECT(std::fabs(got - expected[f]) <= 2e-6f + 2e-5f * std::fabs(expected[f]),
             "fast function %d of %g is %g, expected %g", f, v, got, expected[f]);
    }
  }

  const float special[] = {0.0f, -0.0f, 1.5f, -2.0f, INFINITY, -INFINITY, NAN, 1e-42f};
  Array<int> kinds(8);
  for (int i = 0; i < 8; ++i) x[i] = special[i];
  x.upload();
  classes<<<1, 32>>>(x.device, kinds.device, 8);
  kinds.download();
  const int expected_kinds[] = {4, 12, 4, 12, 2, 10, 1, 4};
  for (int i = 0; i < 8; ++i) {
    EXPECT((kinds[i] & 7) == (expected_kinds[i] & 7) && (i == 6 || kinds[i] == expected_kinds[i]), "class of %g is %d",
           special[i], kinds[i]);
  }

  const float a = 1.0f, b = 1.0f / 3 * 1e-6f;
  const double c = 1.0 / 3, d = 0.7;
  Array<float> f(8);
  Array<double> g(6);
  rounded<<<1, 1>>>(a, b, c, d, f.device, g.device);
  f.download(), g.download();
  const double exact = (double)a + b;
  const float nearest = (float)exact;
  const float up = (double)nearest < exact ? std::nextafter(nearest, 2.0f) : nearest;
  const float down = (double)nearest > exact ? std::nextafter(nearest, 0.0f) : nearest;
  EXPECT(f[0] == nearest && f[1] == down && f[2] == up && f[3] == down, "rounded sums %.9g %.9g %.9g %.9g", f[0], f[1],
         f[2], f[3]);
  EXPECT(f[4] == a * b && f[6] == a / b && f[7] == std::fma(a, b, a), "products %.9g %.9g %.9g", f[4], f[6], f[7]);
  EXPECT(g[0] == c + d && g[1] == c * d && g[2] == c / d && g[3] == std::fma(c, d, c),
         "doubles %.17g %.17g %.17g %.17g", g[0], g[1], g[2], g[3]);
  EXPECT(g[4] >= g[0] && g[5] <= g[0] && g[4] - g[5] <= 2.3e-16, "directed doubles %.17g %.17g", g[4], g[5]);
  return verdict("math");
}
