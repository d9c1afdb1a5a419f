// Launches over both core kinds: who runs where, cross-core flags, what they cost.
#include "tests/unit/system/rig.h"

using phx::sim::FaultKind;
using phx::sim::LaunchResult;
using phx::sim::SystemOptions;
using phx::sim::test::Rig;

namespace {

// Word 64 g + 0: AIC of group g leaves 1000 + block_idx; its AIVs add their block_idx and leave the sum at 64 g + 1 +
// i; then, after both, each adds the other's block_num. The AIC leaves the sum of both at 64 g + 8.
const char* const kMix = R"(.target aic "DIGEST"
.kernel k aic
.flags mix
.param x 8 ptr
 ld.param.b64 s2, [x]
 rdsr.block_idx.u64 s4
 rdsr.block_num.u64 s9
 shl.b64 s5, s4, 8
 add.u64 s2, s2, s5
 add.u64 s6, s4, 1000
 st.gm.b32 [s2], s6
 st.gm.b32 [s2 + 40], s9
 cross_set.mode2.s.id1
 cross_wait.mode2.s.id2
 ld.gm.b32 s7, [s2 + 4]
 ld.gm.b32 s8, [s2 + 8]
 add.u32 s7, s7, s8
 st.gm.b32 [s2 + 32], s7
 exit
.kernel k aiv
.flags mix
.param x 8 ptr
 ld.param.b64 s2, [x]
 rdsr.block_idx.u64 s4
 rdsr.block_num.u64 s10
 shr.u64 s5, s4, 1
 and.b64 s6, s4, 1
 shl.b64 s7, s5, 8
 add.u64 s2, s2, s7
 shl.b64 s8, s6, 2
 add.u64 s3, s2, s8
 cross_wait.mode2.s.id1
 ld.gm.b32 s9, [s2]
 add.u64 s9, s9, s4
 st.gm.b32 [s3 + 64], s9
 cross_set.mode1.s.id5
 cross_wait.mode1.s.id5
 ld.gm.b32 s11, [s2 + 64]
 ld.gm.b32 s12, [s2 + 68]
 add.u64 s11, s11, s12
 st.gm.b32 [s3 + 4], s11
 st.gm.b32 [s2 + 44], s10
 cross_set.mode2.s.id2
 exit
)";

}  // namespace

TEST_CASE("a group is an AIC and its AIVs, which meet in flags") {
  uint64_t cycles = 0;
  for (uint64_t shuffle : {0, 5, 9}) {
    SystemOptions options;
    options.shuffle = shuffle;
    Rig rig(kMix, options);
    const uint32_t groups = 70;  // more than are resident at once
    const uint64_t x = rig.buffer(256 * groups);
    const LaunchResult result = rig.launch(groups, 1, {x});
    if (result.refused) FAIL(result.refused->str());
    if (result.fault) FAIL(result.fault->str());
    CHECK(result.blocks == 3 * groups);
    const auto words = rig.read<uint32_t>(x, 64 * groups);
    for (uint32_t g = 0; g < groups; ++g) {
      const uint32_t* at = &words[64 * g];
      const uint32_t aiv0 = 1000 + g + 2 * g, aiv1 = 1000 + g + 2 * g + 1;
      CHECK(at[0] == 1000 + g);
      CHECK(at[16] == aiv0);
      CHECK(at[17] == aiv1);
      CHECK(at[1] == aiv0 + aiv1);
      CHECK(at[2] == aiv0 + aiv1);
      CHECK(at[8] == 2 * (aiv0 + aiv1));
      CHECK(at[10] == groups);
      CHECK(at[11] == 2 * groups);
    }
    if (cycles == 0) cycles = result.counters.cycles;
    CHECK(result.counters.cycles == cycles);
    const auto& launch = rig.system->machine().chip.launch;
    const double aic = static_cast<double>(rig.system->machine().chip.aic);
    const double ns = launch.base_ns + launch.mix_base_ns + (launch.per_core_ns + launch.mix_per_core_ns) * aic;
    CHECK(static_cast<double>(result.counters.overhead_cycles) ==
          doctest::Approx(ns * 1e-9 * rig.system->machine().chip.clock_hz).epsilon(0.001));
    CHECK(result.counters.events.count("unresolved_waits") == 0);
  }
}

TEST_CASE("a mode 0 flag orders all cores of a kind, and cores wait for their turn to be resident together") {
  Rig rig(R"(.target aiv "DIGEST"
.kernel k aiv
.param x 8 ptr
 ld.param.b64 s2, [x]
 rdsr.block_idx.u64 s4
 shl.b64 s5, s4, 2
 add.u64 s6, s2, s5
 add.u64 s7, s4, 1
 st.gm.b32 [s6], s7
 cross_set.mode0.s.id0
 cross_wait.mode0.s.id0
 ld.gm.b32 s8, [s2 + 28]
 cross_set.mode0.s.id0
 cross_wait.mode0.s.id0
 st.gm.b32 [s6], s8
 exit
)");
  const uint64_t x = rig.buffer(4096);
  const LaunchResult result = rig.launch(8, 1, {x});
  if (result.fault) FAIL(result.fault->str());
  for (uint32_t value : rig.read<uint32_t>(x, 8)) CHECK(value == 8);
}

TEST_CASE("a deadlock between the cores of a group names who waits for whom") {
  Rig rig(R"(.target aic "DIGEST"
.kernel k aic
.flags mix
 cross_wait.mode2.s.id3
 exit
.kernel k aiv
.flags mix
 rdsr.block_idx.u64 s4
 setp.eq.s64 p0, s4, zero
 bra out, p0
 cross_set.mode2.s.id3
out:
 exit
)");
  const LaunchResult result = rig.launch(1, 1);
  REQUIRE(result.fault);
  CHECK(result.fault->kind == FaultKind::deadlock);
  CHECK(result.fault->detail.find("no block can go on\nAIC 0: warp 0 lanes 0x00000001 waits for cross-core flag 3, "
                                  "raised by 1 of 2 cores of the other kind in its group, at word") == 0);
}

TEST_CASE("a flag counts to 15") {
  auto run = [](unsigned times) {
    Rig rig(R"(.target aic "DIGEST"
.kernel k aic
.flags mix
 mov.b32 s4, )" +
            std::to_string(times) +
            R"(
loop:
 cross_set.mode2.s.id3
 sub.s32 s4, s4, 1
 setp.gt.s32 p0, s4, zero
 bra loop, p0
 cross_set.mode2.s.id4
 exit
.kernel k aiv
.flags mix
 cross_wait.mode2.s.id4
 mov.b32 s4, )" +
            std::to_string(times) +
            R"(
loop2:
 cross_wait.mode2.s.id3
 sub.s32 s4, s4, 1
 setp.gt.s32 p0, s4, zero
 bra loop2, p0
 exit
)");
    return rig.launch(2, 1);
  };
  CHECK(!run(15).fault);
  const LaunchResult result = run(16);
  REQUIRE(result.fault);
  CHECK(result.fault->kind == FaultKind::surplus_flag);
  CHECK(result.fault->detail ==
        "cross-core flag 3 is raised more than 15 times before a core that waits for it does so");
}

TEST_CASE("flags of a group need a group, and a tile program is one thread") {
  Rig rig(".target aiv \"DIGEST\"\n.kernel k aiv\n cross_set.mode2.s.id1\n exit\n");
  CHECK(rig.refusal(1, 32) == "k: a tile program is one thread, block (32, 1, 1) asks for 32");
  const LaunchResult result = rig.launch(1, 1);
  REQUIRE(result.fault);
  CHECK(result.fault->kind == FaultKind::unsupported);
}

TEST_CASE("a cooperative launch of groups fits as many as the device has AICs") {
  Rig rig(kMix);
  const uint64_t x = rig.buffer(1 << 16);
  rig.request.cooperative = true;
  const auto aic = static_cast<uint32_t>(rig.system->machine().chip.aic);
  CHECK(rig.refusal(aic + 1, 1, {x}) == "k: a cooperative launch of " + std::to_string(aic + 1) +
                                            " groups exceeds the " + std::to_string(aic) +
                                            " that are resident at once");
  CHECK(!rig.launch(aic, 1, {x}).fault);
}
