// Speed of the cube core's instructions on one host core, beside the host's own peak of fused multiply-adds.
//
// Not a test: nothing is asserted.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "device_sim/assembler/assembler.h"
#include "device_sim/core/block.h"

using namespace phx;

namespace {

// Of this thread's work, so that a busy host does not disturb.
double now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) + 1e-9 * double(time.tv_nsec);
}

#if defined(__x86_64__)
// Sixteen chains of independent multiply-adds: more than latency times throughput.
template <class Vector>
__attribute__((always_inline)) inline float chains(uint64_t count, float seed) {
  Vector x[16], factor(seed), addend(seed), sum(0);
  for (unsigned i = 0; i < 16; ++i) x[i] = Vector(static_cast<float>(i));
  for (uint64_t n = 0; n < count; ++n)
#pragma clang loop unroll(full)
    for (unsigned i = 0; i < 16; ++i) x[i] = __builtin_elementwise_fma(x[i], factor, addend);
  for (unsigned i = 0; i < 16; ++i) sum += x[i];
  return sum[0];
}
__attribute__((target("avx512f"), noinline)) float chains_v4(uint64_t count, float seed) {
  return chains<float __attribute__((ext_vector_type(16)))>(count, seed);
}
__attribute__((target("avx2,fma"), noinline)) float chains_v3(uint64_t count, float seed) {
  return chains<float __attribute__((ext_vector_type(8)))>(count, seed);
}
double host_peak() {
  __builtin_cpu_init();
  const bool v4 = __builtin_cpu_supports("x86-64-v4");
  if (!v4 && !__builtin_cpu_supports("x86-64-v3")) return 0;
  constexpr uint64_t kCount = 2'000'000;
  double best = 1e9;
  for (unsigned attempt = 0; attempt < 5; ++attempt) {
    const double start = now();
    volatile float keep = (v4 ? chains_v4 : chains_v3)(kCount, 0.5f);
    (void)keep;
    best = std::min(best, now() - start);
  }
  return kCount * 16.0 * (v4 ? 16 : 8) * 2 / best;
}
#else
double host_peak() { return 0; }
#endif

struct Row {
  const char* name;
  const char* prologue;  // s10.. hold configurations
  const char* instruction;
  double work;  // floating-point operations, or bytes moved
  bool flops;
};

constexpr double kProduct = 2.0 * 128 * 256 * 64, kTile = 128 * 256;
// 128 | 64 << 12 | 256 << 24 | init; a matrix of 128 x 256 f16 and its 8 x 16 fractals; a fixpipe of 128 x 256.
#define SHAPE " mov.b64 s10, 0x1100040080\n"
#define NZ " mov.b64 s10, 0x8001000080\n mov.b64 s11, 512\n"
#define LOAD " mov.b64 s10, 0x8000040010\n"
#define DRAIN " mov.b64 s10, 0x8100080\n mov.b64 s11, 1024\n mov.b64 s12, 128\n"
const Row kRows[] = {
    {"mmad.f16 128x256x64", SHAPE, "mmad.f16 zero, zero, zero, s10", kProduct, true},
    {"mmad.bf16 128x256x64", SHAPE, "mmad.bf16 zero, zero, zero, s10", kProduct, true},
    {"mmad.s8 128x256x64", SHAPE, "mmad.s8 zero, zero, zero, s10", kProduct, true},
    {"mmad.e4m3 128x256x64", SHAPE, "mmad.e4m3 zero, zero, zero, s10", kProduct, true},
    {"mmad.f32 128x256x32", " mov.b64 s10, 0x1100020080\n", "mmad.f32 zero, zero, zero, s10", kProduct / 2, true},
    {"mmad.f16 16x256x64", " mov.b64 s10, 0x1100040010\n", "mmad.f16 zero, zero, zero, s10", kProduct / 8, true},
    {"dma_nd2nz.f16 128x256", NZ, "dma_nd2nz.f16 zero, s2, s10, s11", kTile * 2, false},
    {"l1_l0b.f16 256x64", LOAD, "l1_l0b.f16 zero, zero, s10", 256 * 64 * 2, false},
    {"l1_l0b.trans.f16 256x64", LOAD, "l1_l0b.trans.f16 zero, zero, s10", 256 * 64 * 2, false},
    {"l1_l0b.trans.s8 256x128", LOAD, "l1_l0b.trans.s8 zero, zero, s10", 256 * 128, false},
    {"fixpipe f32 to f32 ND", DRAIN, "fixpipe.gm.f32.f32 s2, zero, s10, s11", kTile * 4, false},
    {"fixpipe f32 to f16 ND", DRAIN, "fixpipe.gm.f32.f16 s2, zero, s10, s11", kTile * 4, false},
    {"fixpipe f32 to f16 NZ", DRAIN, "fixpipe.gm.f32.nz.f16 s2, zero, s10, s12", kTile * 4, false},
};

double seconds_of(const Row& row, const machine::Machine& machine, unsigned count) {
  const std::string text = ".target aic \"" + machine::digest(machine) +
                           "\"\n.kernel k aic\n.param x 8 ptr\n ld.param.b64 s2, [x]\n mov.b64 s4, zero\n" +
                           row.prologue + "loop:\n " + row.instruction + "\n add.u64 s4, s4, 1\n setp.lt.u64 p0, s4, " +
                           std::to_string(count) + "\n bra loop, p0\n exit\n";
  auto executable = assembler::assemble(text, row.name);
  if (!executable) {
    std::fprintf(stderr, "%s\n", executable.diagnostic().str().c_str());
    std::exit(1);
  }
  sim::AddressSpace memory(1, uint64_t{1} << 32);
  const uint16_t member = 0;
  auto program = sim::Program::load(std::move(*executable), memory, {&member, 1}, "bench");
  auto x = memory.allocate(1 << 20, sim::Placement::on, {&member, 1}, "x");
  if (!program || !x) std::exit(1);
  sim::LaunchContext launch;
  launch.program = program->get();
  launch.memory = &memory;
  launch.machine = &machine;
  launch.record_events = false;
  launch.arguments.resize(8);
  __builtin_memcpy(launch.arguments.data(), &*x, 8);
  sim::Block block(launch, 0, 0, 0);
  const double start = now();
  while (block.run(1'000'000) == sim::BlockStatus::ready) {
  }
  if (block.fault()) {
    std::fprintf(stderr, "%s\n", block.fault()->str().c_str());
    std::exit(1);
  }
  return now() - start;
}

}  // namespace

int main() {
  auto machine = machine::load("ascend-950pr");
  if (!machine) return 1;
  const double peak = host_peak();
  std::printf("host peak %.0f GFLOP/s\n", peak / 1e9);
  for (const Row& row : kRows) {
    double best = 1e9;
    for (unsigned attempt = 0; attempt < 5; ++attempt)  // less the start of a block
      best = std::min(best, (seconds_of(row, *machine, 600) - seconds_of(row, *machine, 100)) / 500);
    std::printf("%-26s %8.2f us  %7.1f %s", row.name, best * 1e6, row.work / best / 1e9,
                row.flops ? "GFLOP/s" : "GB/s");
    if (row.flops && peak > 0) std::printf("  %3.0f %% of the host's peak", 100 * row.work / best / peak);
    std::printf("\n");
  }
  return 0;
}
