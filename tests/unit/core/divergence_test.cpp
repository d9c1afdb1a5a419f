// Splits, regions, forward progress, calls.
#include "tests/unit/core/rig.h"

using phx::sim::FaultKind;
using phx::sim::test::Rig;

namespace {

constexpr const char* kHead = ".kernel k simt\n.param x 8 ptr\n rdsr.tid.x.u32 r0\n ld.param.b64 s2, [x]\n";

// Runs a kernel of 64 threads that leaves one word a thread in x.
std::vector<uint32_t> words(const std::string& body, unsigned threads = 64, unsigned blocks = 1) {
  Rig rig(std::string(kHead) + body);
  rig.launch.block = {threads, 1, 1};
  rig.launch.grid = {blocks, 1, 1};
  const uint64_t x = rig.buffer(std::vector<uint32_t>(4096));
  rig.arguments(x);
  rig.run_well();
  return rig.read<uint32_t>(x, threads);
}

}  // namespace

TEST_CASE("nested if joins in order") {
  const auto x = words(R"(
 and.b32 r1, r0, 1
 setp.eq.s32 p0, r1, zero
 and.b32 r2, r0, 2
 setp.eq.s32 p1, r2, zero
 mov.b32 r3, 100
 fork.k0 outer
 bra.not odd, p0
 fork.k1 inner
 bra.not high, p1
 add.s32 r3, r3, 1
 jmp inner
high:
 add.s32 r3, r3, 2
inner:
 join.k1
 add.s32 r3, r3, 10
 jmp outer
odd:
 add.s32 r3, r3, 20
outer:
 join.k0
 active.b32 s10
 add.s32 r3, r3, s10
 st.gm.b32 [s2 + r0*4], r3
 exit
)");
  for (unsigned i = 0; i < 64; ++i) CHECK(x[i] == 100 + (i & 1 ? 20u : (i & 2 ? 12u : 11u)) + 0xffffffffu);
}

TEST_CASE("a loop with different trip counts and a break") {
  const auto x = words(R"(
 mov.b32 r1, zero
 mov.b32 r2, zero
 fork.k0 after
loop:
 setp.ge.s32 p0, r1, r0
 bra after, p0
 add.s32 r2, r2, r1
 setp.gt.s32 p1, r2, 50
 bra after, p1
 add.s32 r1, r1, 1
 jmp loop
after:
 join.k0
 active.b32 s10
 popc.b32 s10, s10
 mad.s32 r2, s10, 1000, r2
 st.gm.b32 [s2 + r0*4], r2
 exit
)");
  for (unsigned i = 0; i < 64; ++i) {
    unsigned sum = 0;
    for (unsigned k = 0; k < i; ++k)
      if ((sum += k) > 50) break;
    CHECK(x[i] == sum + 32000);
  }
}

TEST_CASE("early exit leaves the others to reconverge, a switch has many ways") {
  const auto x = words(R"(
 setp.lt.s32 p0, r0, 5
 and.b32 r1, r0, 3
 fork.k0 after
 bra out, p0
 setp.eq.s32 p1, r1, zero
 bra case0, p1
 setp.eq.s32 p1, r1, 1
 bra case1, p1
 mov.b32 r2, 7
 jmp after
case0:
 mov.b32 r2, 5
 jmp after
case1:
 mov.b32 r2, 6
 jmp after
out:
 exit
after:
 join.k0
 active.b32 s10
 popc.b32 s10, s10
 mad.s32 r2, s10, 100, r2
 st.gm.b32 [s2 + r0*4], r2
 exit
)");
  for (unsigned i = 0; i < 64; ++i) {
    const unsigned expected = (i & 3) == 0 ? 5 : (i & 3) == 1 ? 6 : 7;
    CHECK(x[i] == (i < 5 ? 0 : expected + 100 * (i < 32 ? 27 : 32)));
  }
}

TEST_CASE("calls return to their callers, also from different splits") {
  const auto x = words(R"(
 setp.lt.s32 p0, r0, 9
 fork.k0 after
 bra second, p0
 mov.b32 r2, 1
 call twice
 jmp after
second:
 mov.b32 r2, 2
 call twice
 call twice
after:
 join.k0
 st.gm.b32 [s2 + r0*4], r2
 exit
twice:
 add.s32 r2, r2, r2
 ret
)");
  for (unsigned i = 0; i < 64; ++i) CHECK(x[i] == (i < 9 ? 8u : 2u));
}

TEST_CASE("predicates merge by lane at a join") {
  const auto x = words(R"(
 setp.lt.s32 p0, r0, 9
 fork.k0 after
 bra second, p0
 setp.ge.s32 p1, r0, 40
 jmp after
second:
 setp.eq.s32 p1, r0, 3
after:
 join.k0
 sel.b32 r2, 1, zero, p1
 st.gm.b32 [s2 + r0*4], r2
 exit
)");
  for (unsigned i = 0; i < 64; ++i) CHECK(x[i] == (i == 3 || i >= 40));
}

// The critical section comes after the loop's join, so the holder must be let out while others of its warp still spin.
const char* const kSpinLock = R"(
 mov.b32 r4, zero
 mov.b32 r5, 1
 fork.k0 got
spin:
 atom.SPACE.cas.b32 r3, [LOCK], r4
 setp.ne.s32 p0, r3, zero
 bra spin, p0
got:
 join.k0
 ld.SPACE.VOLATILEb32 r6, [COUNT]
 add.s32 r6, r6, 1
 st.SPACE.VOLATILEb32 [COUNT], r6
 atom.SPACE.exch.b32 r7, [LOCK], r4
 exit
)";
std::string spin_lock(const char* space) {
  std::string text = kSpinLock;
  auto replace = [&](const std::string& from, const std::string& to) {
    for (size_t at; (at = text.find(from)) != text.npos;) text.replace(at, from.size(), to);
  };
  const bool gm = std::string(space) == "gm";
  replace("SPACE", space);
  replace("LOCK", gm ? "s2" : "zero");
  replace("COUNT", gm ? "s2 + 4" : "4");
  replace("VOLATILE", "volatile.");
  return text;
}

TEST_CASE("a spin lock between lanes, warps and blocks") {
  for (unsigned blocks : {1u, 3u}) {
    Rig rig(std::string(kHead) + spin_lock("gm"));
    rig.launch.block = {64, 1, 1};
    rig.launch.grid = {blocks, 1, 1};
    const uint64_t x = rig.buffer(std::vector<uint32_t>(2));
    rig.arguments(x);
    rig.run_well();
    CHECK(rig.read<uint32_t>(x, 2) == std::vector<uint32_t>{0, 64 * blocks});
  }
}

TEST_CASE("a spin lock in shared memory") {
  std::string body = spin_lock("ub");
  body.replace(body.find(" exit"), 5, " bar.sync\n ld.ub.b32 r6, [4]\n st.gm.b32 [s2 + r0*4], r6\n exit");
  const auto x = words(".ub 16\n" + body, 64);
  for (unsigned i = 0; i < 64; ++i) CHECK(x[i] == 64);
}

TEST_CASE("an endless loop ends in the watchdog") {
  Rig rig(std::string(kHead) + "loop:\n add.s32 r1, r1, 1\n jmp loop\n exit\n");
  rig.launch.watchdog_instructions = 20000;
  rig.launch.block = {32, 1, 1};
  rig.arguments(rig.buffer(std::vector<uint32_t>(1)));
  rig.run();
  REQUIRE(rig.fault);
  CHECK(rig.fault->kind == FaultKind::watchdog);
}
