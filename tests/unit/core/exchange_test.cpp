// Shuffles, votes, matches, reductions over members, across splits too; block and grid barriers.
#include "tests/unit/core/rig.h"

using phx::sim::FaultKind;
using phx::sim::test::Rig;

namespace {

constexpr const char* kHead = ".kernel k simt\n.param x 8 ptr\n rdsr.tid.x.u32 r0\n ld.param.b64 s2, [x]\n";
constexpr const char* kTail = " st.gm.b32 [s2 + r0*4], r9\n exit\n";

std::vector<uint32_t> words(const std::string& body, unsigned threads = 32, unsigned blocks = 1) {
  Rig rig(std::string(kHead) + body);
  rig.launch.block = {threads, 1, 1};
  rig.launch.grid = {blocks, 1, 1};
  const uint64_t x = rig.buffer(std::vector<uint32_t>(4096));
  rig.arguments(x);
  rig.run_well();
  return rig.read<uint32_t>(x, threads);
}

}  // namespace

TEST_CASE("shuffles by mode and segment") {
  const auto idx = words(std::string(" mul.s32 r1, r0, 3\n shfl.idx.seg0.clamp31.b32 r9, r1, 5, ones\n") + kTail);
  const auto down = words(std::string(" mul.s32 r1, r0, 3\n shfl.down.seg24.clamp31.b32 r9, r1, 2, ones\n") + kTail);
  const auto up = words(std::string(" mul.s32 r1, r0, 3\n shfl.up.seg0.clamp0.b32 r9, r1, 4, ones\n") + kTail);
  const auto bfly = words(std::string(" mul.s32 r1, r0, 3\n shfl.bfly.seg0.clamp31.b32 r9, r1, 16, ones\n") + kTail);
  for (unsigned i = 0; i < 32; ++i) {
    CHECK(idx[i] == 15);
    CHECK(down[i] == 3 * ((i & 7) + 2 <= 7 ? i + 2 : i));
    CHECK(up[i] == 3 * (i >= 4 ? i - 4 : i));
    CHECK(bfly[i] == 3 * (i ^ 16));
  }
  const auto wide = words(
      std::string(
          " cvt.u32.u64 r2, r0\n shl.b64 r2, r2, 33\n shfl.idx.seg0.clamp31.b64 r4, r2, 7, ones\n mov.b32 r9, r5\n") +
      kTail);
  CHECK(wide[0] == 14);
}

TEST_CASE("votes, ballots, matches and reductions") {
  const auto ballot = words(std::string(" setp.lt.s32 p0, r0, 5\n ballot.b32 r9, p0, ones\n") + kTail);
  CHECK(ballot[9] == 31);
  const auto vote =
      words(std::string(" setp.lt.s32 p0, r0, 5\n vote.any p1, p0, ones\n vote.all p2, p0, ones\n vote.uni p3, p0, 31\n"
                        " sel.b32 r9, 1, zero, p1\n sel.b32 r1, 2, zero, p2\n or.b32 r9, r9, r1\n"
                        " sel.b32 r1, 4, zero, p3\n or.b32 r9, r9, r1\n") +
            kTail);
  CHECK(vote[0] == 5);
  const auto match = words(std::string(" and.b32 r1, r0, 3\n match.any.b32 r9, r1, ones\n") + kTail);
  for (unsigned i = 0; i < 32; ++i) CHECK(match[i] == 0x11111111u << (i & 3));
  const auto all = words(std::string(" and.b32 r1, r0, 3\n match.all.b32 r9, r1, ones\n") + kTail);
  CHECK(all[3] == 0);
  const auto sum = words(std::string(" redux.add.u32 r9, r0, ones\n") + kTail);
  CHECK(sum[31] == 496);
  const auto least = words(std::string(" sub.s32 r1, r0, 10\n redux.min.s32 r9, r1, ones\n") + kTail);
  CHECK(least[0] == static_cast<uint32_t>(-10));
}

TEST_CASE("a shuffle gathers its members across splits") {
  const auto x = words(R"(
 mul.s32 r1, r0, 10
 setp.lt.s32 p0, r0, 7
 bra other, p0
 add.s32 r1, r1, 1
 add.s32 r1, r1, 1
 jmp both
other:
 add.s32 r1, r1, 5
both:
 sub.s32 r2, 31, r0
 shfl.idx.seg0.clamp31.b32 r9, r1, r2, ones
 st.gm.b32 [s2 + r0*4], r9
 exit
)");
  for (unsigned i = 0; i < 32; ++i) CHECK(x[i] == 10 * (31 - i) + (31 - i < 7 ? 5 : 2));
}

TEST_CASE("members that have ended are not waited for") {
  const auto x = words(R"(
 setp.ge.s32 p0, r0, 20
 bra out, p0
 mov.b32 r9, zero
 setp.eq.s32 p1, zero, zero
 ballot.b32 r9, p1, ones
 st.gm.b32 [s2 + r0*4], r9
out:
 exit
)");
  CHECK(x[0] == (1u << 20) - 1);
}

TEST_CASE("reduction through shared memory with barriers, and reducing barriers") {
  const auto x = words(R"(
 .ub 1024
 st.ub.b32 [zero + r0*4], r0
 mov.b32 s4, 128
loop:
 bar.sync
 shr.u32 s4, s4, 1
 setp.ge.s32 p0, r0, s4
 fork.k0 skip
 bra skip, p0
 add.s32 r1, r0, s4
 ld.ub.b32 r2, [zero + r1*4]
 ld.ub.b32 r3, [zero + r0*4]
 add.s32 r3, r3, r2
 st.ub.b32 [zero + r0*4], r3
skip:
 join.k0
 setp.gt.s32 p1, s4, 1
 bra loop, p1
 bar.sync
 ld.ub.b32 r9, [zero]
 setp.lt.s32 p2, r0, 100
 bar.popc r4, p2
 bar.and s8, p2
 bar.or s9, p2
 add.s32 r9, r9, r4
 shl.b32 s9, s9, 20
 add.s32 r9, r9, s9
 add.s32 r9, r9, s8
 st.gm.b32 [s2 + r0*4], r9
 exit
)",
                       128);
  for (unsigned i = 0; i < 128; ++i) CHECK(x[i] == 127 * 64 + 100 + (1u << 20));
}

TEST_CASE("a barrier counts live lanes only") {
  const auto x = words(R"(
 setp.ge.s32 p0, r0, 70
 fork.k0 out
 bra out, p0
 bar.sync
 bar.popc r9, ones
 st.gm.b32 [s2 + r0*4], r9
out:
 join.k0
 exit
)",
                       128);
  CHECK(x[0] == 70);
}

TEST_CASE("barriers that differ, and waits in a circle, are faults with their wait graph") {
  Rig differ(std::string(kHead) +
             " setp.lt.s32 p0, r0, 32\n fork.k0 after\n bra other, p0\n bar.sync\n jmp after\nother:\n "
             "bar.sync\nafter:\n join.k0\n bar.sync\n exit\n");
  differ.launch.block = {64, 1, 1};
  differ.arguments(differ.buffer(std::vector<uint32_t>(64)));
  differ.run();
  REQUIRE(differ.fault);
  CHECK(differ.fault->kind == FaultKind::divergent_barrier);
  CHECK(differ.fault->detail.find("warp 0 lanes 0xffffffff waits at the block barrier at word") != std::string::npos);

  Rig circle(std::string(kHead) +
             " setp.lt.s32 p0, r0, 5\n fork.k0 after\n bra after, p0\n shfl.idx.seg0.clamp31.b32 r1, r0, zero, "
             "ones\nafter:\n join.k0\n st.gm.b32 [s2 + r0*4], r1\n exit\n");
  circle.launch.block = {32, 1, 1};
  circle.arguments(circle.buffer(std::vector<uint32_t>(64)));
  circle.run();
  REQUIRE(circle.fault);
  CHECK(circle.fault->kind == FaultKind::deadlock);
  CHECK(circle.fault->detail.find("waits for other lanes of its warp: lanes 0x0000001f are missing") !=
        std::string::npos);
}

TEST_CASE("the grid barrier lets everybody see what the others wrote") {
  Rig rig(std::string(kHead) + R"(
 rdsr.ctaid.x.u32 s4
 add.s32 s5, s4, 1
 setp.eq.s32 p0, r0, zero
 fork.k0 wrote
 bra.not wrote, p0
 mov.b32 r1, s5
 st.gm.b32 [s2 + s4*4], r1
wrote:
 join.k0
 bar.grid
 ld.gm.b32 s6, [s2]
 ld.gm.b32 s7, [s2 + 4]
 ld.gm.b32 s8, [s2 + 8]
 add.s32 s6, s6, s7
 add.s32 s6, s6, s8
 mov.b32 r2, s6
 st.gm.b32 [s2 + s4*4 + 64], r2
 exit
)");
  rig.launch.block = {64, 1, 1};
  rig.launch.grid = {3, 1, 1};
  const uint64_t x = rig.buffer(std::vector<uint32_t>(64));
  rig.arguments(x);
  rig.run_well();
  const auto y = rig.read<uint32_t>(x, 64);
  for (unsigned b = 0; b < 3; ++b) CHECK(y[16 + b] == 6);
  CHECK(rig.events.grid_arrivals == std::vector<uint64_t>{6});
}
