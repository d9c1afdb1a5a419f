// printf, assert, malloc and free; program data and relocations; source lines in faults; sleep and clocks; determinism.
#include "tests/unit/core/rig.h"

using phx::sim::EventKind;
using phx::sim::FaultKind;
using phx::sim::test::Rig;

TEST_CASE("printf collects format and packed arguments in lane order") {
  Rig rig(R"(
.data string fmt align 1
  .string "%d %f %s\n"
.data string who align 1
  .string "x"
.kernel k simt
.local 32
 rdsr.tid.x.u32 r0
 setp.lt.s32 p0, r0, 2
 fork.k0 out
 bra.not out, p0
 st.local.b32 [0], r0
 cvt.u32.f64 r2, r0
 st.local.b64 [8], r2
 mov.b64 r4, @who
 st.local.b64 [16], r4
 lea.local.b64 r6, [0]
 mov.b64 s4, @fmt
 svc.printf r1, s4, r6
out:
 join.k0
 exit
)");
  rig.launch.block = {32, 1, 1};
  rig.launch.grid = {2, 1, 1};
  rig.run_well();
  REQUIRE(rig.services.size() == 4);
  CHECK(rig.services[1].format == "%d %f %s\n");
  CHECK(rig.services[1].thread[0] == 1);
  CHECK(rig.services[2].block[0] == 1);
  REQUIRE(rig.services[1].arguments.size() == 24);
  double d;
  std::memcpy(&d, &rig.services[1].arguments[8], 8);
  CHECK(d == 1.0);
}

TEST_CASE("a failed assertion names file, line and expression; faults carry their source") {
  Rig rig(R"asm(
.data string message align 1
  .string "x > 0"
.data string file align 1
  .string "a.cu"
.constant record align 8
  .quad @message, @file
  .word 12, 0
  .quad 0
.kernel k simt
 .display "k(int)"
 .loc "a.cu" 11 3 "f" in "a.cu" 20 1 "k(int)"
 rdsr.tid.x.u32 r0
 mov.b64 s4, @record
 svc.assert zero, s4, zero
 exit
)asm");
  rig.launch.block = {4, 2, 1};
  rig.run();
  REQUIRE(rig.fault);
  CHECK(rig.fault->kind == FaultKind::assertion);
  CHECK(rig.fault->detail == "a.cu:12: assertion `x > 0` failed");
  CHECK(rig.fault->kernel == "k(int)");
  REQUIRE(rig.fault->source.size() == 2);
  CHECK(rig.fault->source[1].line == 20);
}

TEST_CASE("malloc and free on the device") {
  Rig rig(R"(
.kernel k simt
.param x 8 ptr
 rdsr.tid.x.u32 r0
 ld.param.b64 s2, [x]
 mov.b64 r2, 64
 svc.malloc r4, r2, zero
 st.gm.b32 [r4], r0
 ld.gm.b32 r6, [r4]
 st.gm.b32 [s2 + r0*4], r6
 svc.free zero, r4, zero
 ld.gm.b32 r6, [r4]
 exit
)");
  rig.launch.block = {8, 1, 1};
  const uint64_t x = rig.buffer(std::vector<uint32_t>(8));
  rig.arguments(x);
  rig.run();
  REQUIRE(rig.fault);
  CHECK(rig.fault->kind == FaultKind::use_after_free);
  CHECK(rig.read<uint32_t>(x, 8)[7] == 7);
}

TEST_CASE("constants, globals and pointers in data") {
  Rig rig(R"(
.global counter align 4
  .word 40, 2
.constant pointer align 8
  .quad @counter + 4
.kernel k simt
.param x 8 ptr
 ld.param.b64 s2, [x]
 mov.b64 s4, @pointer
 ld.gm.b64 s6, [s4]
 ld.generic.b32 s8, [s6]
 ld.generic.b32 s9, [s6 - 4]
 add.s32 s8, s8, s9
 mov.b32 r0, s8
 st.gm.b32 [s2], r0
 st.gm.b32 [s4], r0
 exit
)");
  rig.launch.block = {1, 1, 1};
  const uint64_t x = rig.buffer(std::vector<uint32_t>(1));
  rig.arguments(x);
  rig.run();
  CHECK(rig.read<uint32_t>(x, 1)[0] == 42);
  REQUIRE(rig.fault);
  CHECK(rig.fault->kind == FaultKind::read_only_store);
  CHECK(rig.fault->nearest.find("__constant__ pointer of test") != std::string::npos);
  CHECK(rig.program->symbol("counter").size == 8);
  CHECK(rig.program->symbol("nothing").address == 0);
}

namespace {

const char* const kContended = R"(
.kernel k simt
.param x 8 ptr
 rdsr.tid.x.u32 r0
 ld.param.b64 s2, [x]
 rdsr.ctaid.x.u32 s4
 mov.b32 s5, zero
loop:
 cvt.u32.f32 r1, r0
 mul.f32 r1, r1, 0x3f8ccccd
 atom.gm.add.f32 r2, [s2], r1
 add.f32 r3, r3, r2
 red.gm.add.s32 [s2 + 4], r0
 rdsr.laneid.u32 r4
 st.gm.b32 [s2 + r4*4 + 64], r3
 add.s32 s5, s5, 1
 setp.lt.s32 p0, s5, 5
 bra loop, p0
 sleep.u32 100
 exit
)";

std::pair<std::vector<uint32_t>, std::vector<uint32_t>> contended(uint64_t budget, bool recording = true) {
  Rig rig(kContended);
  rig.launch.block = {64, 1, 1};
  rig.launch.grid = {4, 1, 1};
  rig.launch.record_events = recording;
  rig.budget = budget;
  const uint64_t x = rig.buffer(std::vector<uint32_t>(64));
  rig.arguments(x);
  rig.run_well();
  std::vector<uint32_t> events;
  for (const auto& block : rig.events.blocks)
    for (const auto& warp : block.warps) events.insert(events.end(), warp.words.begin(), warp.words.end());
  return {rig.read<uint32_t>(x, 2), events};
}

}  // namespace

TEST_CASE("the same bits and events on every run, with and without recording") {
  const auto first = contended(10000), second = contended(10000), quiet = contended(10000, false);
  CHECK(first == second);
  CHECK(first.first == quiet.first);
  CHECK(first.first[1] == 5 * 4 * 63 * 32);
}

TEST_CASE("events: runs, accesses, barriers, and polls that are not charged") {
  Rig rig(R"(
.kernel k simt
.param x 8 ptr
.ub 4096
 rdsr.tid.x.u32 r0
 ld.param.b64 s2, [x]
 st.ub.b32 [zero + r0*8], r0
 ld.gm.b32 r1, [s2 + r0*4]
 shl.b32 r3, r0, 6
 ld.gm.b32 r2, [s2 + r3]
 bar.sync
 exit
)");
  rig.launch.block = {32, 1, 1};
  rig.arguments(rig.buffer(std::vector<uint32_t>(1024)));
  rig.run_well();
  const auto& warp = rig.events.blocks[0].warps[0];
  auto kind = [](uint32_t word) { return static_cast<EventKind>(word & 15); };
  REQUIRE(warp.words.size() == 2 + 1 + 1 + 2 + 1);
  CHECK(kind(warp.words[0]) == EventKind::run);
  CHECK((warp.words[0] >> 4 & 31) == 31);
  CHECK((warp.words[0] >> 9) == 7);
  CHECK(kind(warp.words[2]) == EventKind::arrive);
  CHECK(kind(warp.words[3]) == EventKind::barrier);
  CHECK(kind(warp.words.back()) == EventKind::end);
  CHECK(rig.events.blocks[0].arrivals == std::vector<uint32_t>{1});
  REQUIRE(warp.accesses.size() == 1 + 2 + 17);
  CHECK((warp.accesses[0] & 0xff) == static_cast<uint64_t>(phx::sim::AccessKind::ub_store));
  CHECK((warp.accesses[0] >> 8 & 0xff) == 1);     // stride of two words: a sub-bank of eight bytes for each lane
  CHECK((warp.accesses[1] >> 16 & 0xffff) == 1);  // one line, four sectors
  CHECK((warp.accesses[2] & 15) == 15);
  CHECK((warp.accesses[3] >> 16 & 0xffff) == 16);  // 64 bytes apart: two lanes a line
  CHECK((warp.accesses[4] & 15) == 5);
  CHECK((warp.accesses[3] >> 32) == 128);

  // Block 0 raises a flag late; block 1 polls it.
  Rig poll(R"(
.kernel k simt
.param x 8 ptr
 ld.param.b64 s2, [x]
 rdsr.ctaid.x.u32 s4
 setp.eq.s32 p0, s4, zero
 bra writer, p0
wait:
 ld.gm.volatile.b32 r1, [s2]
 setp.eq.s32 p1, r1, zero
 bra wait, p1
 exit
writer:
 add.s32 s5, s5, 1
 fence.device
 setp.lt.s32 p0, s5, 20
 bra writer, p0
 mov.b32 r2, 1
 st.gm.volatile.b32 [s2], r2
 exit
)");
  poll.launch.block = {1, 1, 1};
  poll.launch.grid = {2, 1, 1};
  poll.arguments(poll.buffer(std::vector<uint32_t>(1)));
  poll.run_well();
  unsigned ordered = 0;
  for (const auto& block : poll.events.blocks)
    if (block.block == 1)
      for (size_t i = 0; i < block.warps[0].words.size(); ++i) {
        const uint32_t word = block.warps[0].words[i];
        if (kind(word) == EventKind::ordered) ++ordered;
        if (kind(word) == EventKind::run || kind(word) == EventKind::ordered || kind(word) == EventKind::sleep) ++i;
      }
  CHECK(ordered == 2);  // the first poll and the one that saw the store
  CHECK(poll.events.ordered.size() == 20 + 1 + 2);
  CHECK(poll.events.ordered.back().producer != phx::sim::OrderedRecord::kNone);
}

TEST_CASE("blocks per core") {
  phx::image::Kernel kernel;
  kernel.lane_registers = 32;
  std::string reason;
  const auto& machine = phx::sim::test::test_machine();
  const unsigned blocks = phx::sim::blocks_per_core(machine, kernel, 256, 0, &reason);
  CHECK(blocks >= 1);
  CHECK(blocks * 8 <= machine.chip.simt.max_warps);
  CHECK(phx::sim::blocks_per_core(machine, kernel, 256, 1u << 30, &reason) == 0);
  CHECK(reason.find("bytes of shared memory exceed") != std::string::npos);
}
