// Speed of vector instructions on one host core: bytes of the destination tile (for sums: of the source) a second.
//
// Not a test: nothing is asserted.
#include <cstdio>
#include <ctime>
#include <string>

#include "device_sim/assembler/assembler.h"
#include "device_sim/core/block.h"

using namespace phx;

namespace {

constexpr unsigned kTileBytes = 64 * 1024;

struct Row {
  const char* name;
  const char* text;  // s10, s11, s12: two sources and the destination, s13: one long row, s14: 64 rows, s15: its sums
};
const Row kRows[] = {
    {"vadd.f32", "vadd.f32 s12, s10, s11, s13"},
    {"vadd.f32, 64 rows", "vadd.f32 s12, s10, s11, s14"},
    {"vadd.f32, a block per row", "vadd.bblk.f32 s12, s10, s11, s14"},
    {"vmuls.f32", "vmuls.f32 s12, s10, s5, s13"},
    {"vmax.f32", "vmax.f32 s12, s10, s11, s13"},
    {"vadd.f16", "vadd.f16 s12, s10, s11, s16"},
    {"vdiv.f16", "vdiv.f16 s12, s10, s11, s16"},
    {"vexp.f32", "vexp.f32 s12, s10, s13"},
    {"vexp.f16", "vexp.f16 s12, s10, s16"},
    {"vmath.erf.f32", "vmath.erf.f32 s12, s10, s13"},
    {"vcadd.f32, 64 rows", "vcadd.f32 s12, s10, s15"},
    {"vcadd.f16, one row", "vcadd.f16 s12, s10, s16"},
    {"vcmax.f32, 64 rows", "vcmax.f32 s12, s10, s15"},
    {"vconv.f32.s32", "vconv.f32.s32 s12, s10, s13"},
    {"vconv.floor.f32.s32", "vconv.floor.f32.s32 s12, s10, s13"},
    {"vconv.f16.f32", "vconv.f16.f32 s12, s10, s13"},
    {"vcmp.lt.f32 (of source bytes)", "vcmp.lt.f32 s12, s10, s11, s13"},
    {"vsel.b32", "vsel.b32 s12, s10, s11, s13"},
    {"vtranspose.b32, 64 x 256", "vtranspose.b32 s12, s10, s17"},
    {"vgather.b32 (all from one place)", "vgather.b32 s12, s10, s11, s13"},
};

// Of this thread's work, so that a busy host does not disturb.
double now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) + 1e-9 * double(time.tv_nsec);
}

}  // namespace

int main() {
  auto machine = machine::load("ascend-950pr");
  if (!machine) return std::puts(machine.diagnostic().str().c_str()), 1;
  for (const Row& row : kRows) {
    constexpr int kTrips = 2000;
    const std::string text =
        ".target aiv \"0123456789abcdef\"\n.kernel k aiv\n"
        " mov.b64 s10, 0\n mov.b64 s11, 65536\n mov.b64 s12, 131072\n"
        " mov.b64 s13, 0x14000\n mov.b64 s16, 0x18000\n"  // f32, f16: one row
        " mov.b64 s14, 0x0200802000400100\n"              // 64 rows of 256 at a pitch of 32 blocks
        " mov.b64 s15, 0x0000800000400100\n"              // the same, sums one after the other
        " mov.b64 s17, 0x0000800800400100\n"              // 256 rows of 64 out
        " mov.b64 s5, 0x3f800000\n set_cmpmask s11, zero\n"
        " mov.b32 s1, zero\nloop:\n " +
        std::string(row.text) + "\n add.s32 s1, s1, 1\n setp.lt.s32 p0, s1, " + std::to_string(kTrips) +
        "\n bra loop, p0\n exit\n";
    sim::AddressSpace memory(1, uint64_t{1} << 36);
    const uint16_t members[] = {0};
    auto executable = assembler::assemble(text, row.name);
    if (!executable) return std::puts(executable.diagnostic().str().c_str()), 1;
    auto program = sim::Program::load(std::move(*executable), memory, members, "bench");
    if (!program) return std::puts(program.diagnostic().str().c_str()), 1;
    sim::LaunchContext launch;
    launch.program = program->get();
    launch.memory = &memory;
    launch.machine = &*machine;
    launch.record_events = false;
    double best = 1e9;
    for (int attempt = 0; attempt < 3; ++attempt) {
      sim::Block block(launch, 0, 0, 0);
      const double start = now();
      while (block.run(10000) == sim::BlockStatus::ready) continue;
      best = std::min(best, now() - start);
      if (block.fault()) return std::puts(block.fault()->str().c_str()), 1;
    }
    std::printf("%-36s %8.2f GB/s  %8.2f us for 64 KiB\n", row.name, kTileBytes * 1e-9 * kTrips / best,
                best / kTrips * 1e6);
  }
}
