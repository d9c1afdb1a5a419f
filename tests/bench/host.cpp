// What one core of this host can do, for ratios: fp32 multiply-adds out of registers, and OpenBLAS if it is at hand.
//
// Prints one JSON object, GFLOP/s of one thread: "fma", and "sgemm" (absent without libopenblas.so.0).
#include <dlfcn.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <vector>

namespace {

double cpu_seconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Enough chains that none waits for its own result: 4 or 5 cycles of latency, two units.
constexpr int kChains = 12;
constexpr uint64_t kTurns = 20'000'000;

#if defined(__x86_64__)
typedef float Wide __attribute__((vector_size(64)));
typedef float Half __attribute__((vector_size(32)));

template <class V>
[[gnu::always_inline]] inline double chains(float f) {
  const V factor = V{} + f, addend = V{} + 1;
  V sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = addend * static_cast<float>(i);
  for (uint64_t turn = 0; turn < kTurns; ++turn)
#pragma clang loop unroll(full)
    for (int i = 0; i < kChains; ++i) sums[i] = __builtin_elementwise_fma(sums[i], factor, addend);
  double all = 0;
  for (const V& sum : sums) all += sum[0];
  return all;
}
[[gnu::target("avx512f"), gnu::noinline]] double wide_chains(float f) { return chains<Wide>(f); }
[[gnu::target("avx2,fma"), gnu::noinline]] double half_chains(float f) { return chains<Half>(f); }
#endif
volatile float factor = 0.5f;
volatile double sink;

double fma_gflops() {
#if defined(__x86_64__)
  const bool wide = __builtin_cpu_supports("avx512f");
  if (!wide && !(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))) return 0;
  double best = 0;
  for (int run = 0; run < 5; ++run) {
    const double begin = cpu_seconds();
    sink = wide ? wide_chains(factor) : half_chains(factor);
    const double seconds = cpu_seconds() - begin;
    best = std::max(best, 2e-9 * (wide ? 16 : 8) * kChains * static_cast<double>(kTurns) / seconds);
  }
  return best;
#else
  return 0;
#endif
}

double sgemm_gflops() {
  void* library = dlopen("libopenblas.so.0", RTLD_NOW);
  if (!library) return 0;
  using Sgemm = void (*)(int, int, int, int, int, int, float, const float*, int, const float*, int, float, float*, int);
  auto sgemm = reinterpret_cast<Sgemm>(dlsym(library, "cblas_sgemm"));
  auto set_threads = reinterpret_cast<void (*)(int)>(dlsym(library, "openblas_set_num_threads"));
  if (!sgemm || !set_threads) return 0;
  set_threads(1);
  constexpr int n = 2048;
  std::vector<float> a(n * n, 0.5f), b(n * n, 0.25f), c(n * n);
  double best = 0;
  for (int run = 0; run < 3; ++run) {
    const double begin = cpu_seconds();
    sgemm(101, 111, 111, n, n, n, 1, a.data(), n, b.data(), n, 0, c.data(), n);  // row major, not transposed
    best = std::max(best, 2e-9 * n * n * n / (cpu_seconds() - begin));
  }
  return best;
}

}  // namespace

int main() {
  std::printf("{\"fma\": %.1f", fma_gflops());
  if (const double sgemm = sgemm_gflops(); sgemm > 0) std::printf(", \"sgemm\": %.1f", sgemm);
  std::printf("}\n");
  return 0;
}
