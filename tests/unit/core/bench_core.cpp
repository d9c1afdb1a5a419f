// Speed of the interpreter on one host core, in lane instructions a second: bench_core [recording]
//
// Not a test: nothing is asserted. Each kernel runs long enough to hide start-up.
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>

#include "device_sim/assembler/assembler.h"
#include "device_sim/core/block.h"

using namespace phx;

namespace {

struct Kernel {
  const char* name;
  const char* text;
};

// Every kernel takes n (trip count), x and y (buffers of 1 MiB).
#define PHX_HEAD                                                 \
  ".kernel k simt\n.param n 4\n.param x 8 ptr\n.param y 8 ptr\n" \
  " rdsr.tid.x.u32 r0\n ld.param.b32 s0, [n]\n ld.param.b64 s2, [x]\n ld.param.b64 s4, [y]\n"
const Kernel kBench[] = {
    {"alu f32 (fma add mul max)", PHX_HEAD R"(
 cvt.u32.f32 r1, r0
 mov.b32 r2, r1
 mov.b32 r3, r1
 mov.b32 r4, r1
 mov.b32 s1, zero
loop:
 fma.f32 r1, r1, r2, r3
 add.f32 r2, r2, r4
 mul.f32 r3, r3, r4
 max.f32 r4, r4, r1
 fma.f32 r1, r2, r3, r4
 add.f32 r2, r1, 0x3f800000
 sub.f32 r3, r1, r2
 min.f32 r4, r4, r3
 add.s32 s1, s1, 1
 setp.lt.s32 p0, s1, s0
 bra loop, p0
 exit
)"},
    {"alu s32 (add mul xor shift)", PHX_HEAD R"(
 mov.b32 r1, r0
 mov.b32 r2, r0
 mov.b32 r3, r0
 mov.b32 s1, zero
loop:
 mad.s32 r1, r1, 1664525, r2
 xor.b32 r2, r2, r1
 shl.b32 r3, r2, 13
 xor.b32 r2, r2, r3
 shr.u32 r3, r2, 17
 xor.b32 r2, r2, r3
 add.s32 r1, r1, r3
 and.b32 r3, r1, r2
 add.s32 s1, s1, 1
 setp.lt.s32 p0, s1, s0
 bra loop, p0
 exit
)"},
    {"alu s32, half of the lanes", PHX_HEAD R"(
 mov.b32 r1, r0
 mov.b32 r2, r0
 and.b32 r3, r0, 1
 setp.eq.s32 p1, r3, 1
 mov.b32 s1, zero
 bra done, p1
loop:
 mad.s32 r1, r1, 1664525, r2
 xor.b32 r2, r2, r1
 shl.b32 r3, r2, 13
 xor.b32 r2, r2, r3
 shr.u32 r3, r2, 17
 xor.b32 r2, r2, r3
 add.s32 r1, r1, r3
 and.b32 r3, r1, r2
 add.s32 s1, s1, 1
 setp.lt.s32 p0, s1, s0
 bra loop, p0
done:
 exit
)"},
    {"alu f64 (fma add mul)", PHX_HEAD R"(
 cvt.u32.f64 r2, r0
 mov.b64 r4, r2
 mov.b64 r6, r2
 mov.b32 s1, zero
loop:
 fma.f64 r2, r2, r4, r6
 add.f64 r4, r4, r6
 mul.f64 r6, r6, r4
 fma.f64 r2, r4, r6, r2
 add.f64 r4, r2, r6
 sub.f64 r6, r4, r2
 add.s32 s1, s1, 1
 setp.lt.s32 p0, s1, s0
 bra loop, p0
 exit
)"},
    {"saxpy (2 ld, fma, st, unit stride)", PHX_HEAD R"(
 mov.b32 s1, zero
loop:
 ld.gm.b32 r1, [s2 + r0*4]
 ld.gm.b32 r2, [s4 + r0*4]
 fma.f32 r2, r1, 0x40000000, r2
 st.gm.b32 [s4 + r0*4], r2
 add.s32 s1, s1, 1
 setp.lt.s32 p0, s1, s0
 bra loop, p0
 exit
)"},
    {"gather (stride 7 words) and lane addresses", PHX_HEAD R"(
 mul.s32 r3, r0, 7
 cvt.s32.s64 r4, r3
 shl.b64 r4, r4, 2
 add.s64 r4, r4, s2
 mov.b32 s1, zero
loop:
 ld.gm.b32 r1, [s2 + r3*4]
 ld.gm.b32 r2, [r4 + zero]
 add.s32 r1, r1, r2
 add.s32 s1, s1, 1
 setp.lt.s32 p0, s1, s0
 bra loop, p0
 exit
)"},
    {"tiled matmul step (ub uniform + unit, fma)", PHX_HEAD R"(
 .ub 8192
 mov.b32 s1, zero
 shl.b32 s7, s1, 2
loop:
 ld.ub.b32 r1, [s7]
 ld.ub.b32 r2, [s7 + r0*4]
 fma.f32 r3, r1, r2, r3
 ld.ub.b32 r1, [s7 + 4]
 ld.ub.b32 r2, [s7 + r0*4 + 1024]
 fma.f32 r3, r1, r2, r3
 add.s32 s1, s1, 1
 setp.lt.s32 p0, s1, s0
 bra loop, p0
 exit
)"},
    {"divergent if/else in a loop", PHX_HEAD R"(
 and.b32 r3, r0, 1
 setp.eq.s32 p1, r3, 1
 mov.b32 s1, zero
loop:
 fork.k0 after
 bra other, p1
 add.s32 r1, r1, 3
 mul.s32 r1, r1, 5
 xor.b32 r2, r2, r1
 jmp after
other:
 sub.s32 r1, r1, 3
 mul.s32 r1, r1, 7
 xor.b32 r2, r2, r1
after:
 join.k0
 add.s32 s1, s1, 1
 setp.lt.s32 p0, s1, s0
 bra loop, p0
 exit
)"},
};

}  // namespace

int main(int argc, char** argv) {
  const bool recording = argc > 1 && std::string(argv[1]) == "recording";
  auto machine = machine::load("ascend-950pr");
  if (!machine) return std::puts(machine.diagnostic().str().c_str()), 1;
  for (const Kernel& kernel : kBench) {
    sim::AddressSpace memory(1, uint64_t{1} << 36);
    const uint16_t members[] = {0};
    auto executable = assembler::assemble(kernel.text, kernel.name);
    if (!executable) return std::puts(executable.diagnostic().str().c_str()), 1;
    auto program = sim::Program::load(std::move(*executable), memory, members, "bench");
    if (!program) return std::puts(program.diagnostic().str().c_str()), 1;
    sim::LaunchContext launch;
    launch.program = program->get();
    launch.block = {256, 1, 1};
    launch.memory = &memory;
    launch.machine = &*machine;
    launch.record_events = recording;
    const uint64_t x = *memory.allocate(1 << 20, sim::Placement::on, members, "x");
    const uint64_t y = *memory.allocate(1 << 20, sim::Placement::on, members, "y");
    const int32_t trips = 100000;
    launch.arguments.resize(24);
    std::memcpy(launch.arguments.data(), &trips, 4);
    std::memcpy(launch.arguments.data() + 8, &x, 8);
    std::memcpy(launch.arguments.data() + 16, &y, 8);
    sim::Block block(launch, 0, 0, 0);
    const auto start = std::chrono::steady_clock::now();
    while (block.run(10000) == sim::BlockStatus::ready) block.take_events();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (block.fault()) return std::puts(block.fault()->str().c_str()), 1;
    const sim::Block::Statistics& s = block.statistics();
    std::printf("%-46s %8.0f M lane instructions/s  %6.2f ns a warp instruction\n", kernel.name,
                static_cast<double>(s.lane_instructions) / seconds * 1e-6,
                seconds * 1e9 / static_cast<double>(s.warp_instructions));
    if (&kernel != kBench) continue;
    constexpr int kBlocks = 20000;
    const int32_t one = 1;
    std::memcpy(launch.arguments.data(), &one, 4);
    const auto begin = std::chrono::steady_clock::now();
    sim::BlockStorage storage;
    for (int i = 0; i < kBlocks; ++i) sim::Block(launch, 0, 0, 0).run(10000, storage);
    const double each = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / kBlocks;
    std::printf("%-46s %8.2f us a block of 256 threads with one trip\n", "making and ending blocks", each * 1e6);
  }
}
