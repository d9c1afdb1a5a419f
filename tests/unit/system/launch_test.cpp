// Launches: what is refused, faults and which one is told, deadlocks, cancelling, clocks, times one after the other.
#include <algorithm>
#include <atomic>

#include "tests/unit/system/rig.h"

using phx::sim::FaultKind;
using phx::sim::LaunchResult;
using phx::sim::Mode;
using phx::sim::SystemOptions;
using phx::sim::test::Rig;

namespace {

const char* const kStore = R"(
.kernel k simt
.param x 8 ptr
 rdsr.ctaid.x.u32 s4
 rdsr.tid.x.u32 r0
 ld.param.b64 s2, [x]
 mov.b32 r1, s4
 mad.s32 r2, r1, 64, r0
 st.gm.b32 [s2 + r2*4], r2
 exit
)";
const char* const kGridBarrier = ".kernel k simt\n bar.grid\n exit\n";

}  // namespace

TEST_CASE("impossible launches are refused with the reason") {
  Rig rig(kStore);
  const uint64_t x = rig.buffer(4096);
  CHECK(rig.refusal(0, 64, {x}) == "k: grid (0, 1, 1) and block (64, 1, 1) must not have a zero");
  CHECK(rig.refusal(1, 0, {x}) == "k: grid (1, 1, 1) and block (0, 1, 1) must not have a zero");
  CHECK(rig.refusal(1, 64) == "k: 0 argument bytes, the kernel takes 8");
  const auto& simt = rig.system->machine().chip.simt;
  const auto most = static_cast<uint32_t>(simt.max_threads_per_block);
  CHECK(rig.refusal(1, most + 1, {x}) ==
        "k: " + std::to_string(most + 1) + " threads a block exceed the machine's " + std::to_string(most));
  const auto widest = static_cast<uint64_t>(simt.max_grid_dim);
  if (widest < 0xffffffff)
    CHECK(rig.refusal(static_cast<uint32_t>(widest + 1), 64, {x}) ==
          "k: grid (" + std::to_string(widest + 1) + ", 1, 1) exceeds " + std::to_string(widest) + " in a dimension");
  rig.request.members.clear();
  CHECK(rig.refusal(1, 64, {x}) == "k: a launch needs at least one member device");
  rig.request.members = {0};
  rig.request.ub_dynamic_bytes = 1u << 30;
  CHECK(rig.refusal(1, 64, {x}).find("k: no core can hold a block: ") == 0);
}

TEST_CASE("a cooperative launch must be resident as a whole") {
  Rig rig(kGridBarrier);
  rig.request.cooperative = true;
  const unsigned resident =
      rig.system->occupancy(*rig.program, 0, 1024, 0) * static_cast<unsigned>(rig.system->machine().chip.aiv);
  CHECK(rig.refusal(resident + 1, 1024) == "k: a cooperative launch of " + std::to_string(resident + 1) +
                                               " blocks exceeds the " + std::to_string(resident) +
                                               " that are resident at once");
  const LaunchResult result = rig.launch(resident, 1024);
  CHECK(!result.refused);
  CHECK(!result.fault);
}

TEST_CASE("a grid barrier that blocks outside never reach is a deadlock") {
  Rig rig(kGridBarrier);
  const unsigned resident =
      rig.system->occupancy(*rig.program, 0, 1024, 0) * static_cast<unsigned>(rig.system->machine().chip.aiv);
  const LaunchResult result = rig.launch(resident + 1, 1024);
  REQUIRE(result.fault);
  CHECK(result.fault->kind == FaultKind::deadlock);
  CHECK(result.fault->detail ==
        "every resident block waits at the grid barrier, and blocks of the grid are not resident; use a cooperative "
        "launch");
}

TEST_CASE("a cross-core flag that not every core raises is a deadlock with the waits") {
  Rig rig(R"(.target aiv "DIGEST"
.kernel k aiv
 rdsr.block_idx.u64 s4
 setp.eq.s64 p0, s4, zero
 bra late, p0
 cross_set.mode0.s.id1
late:
 cross_wait.mode0.s.id1
 exit
)");
  const LaunchResult result = rig.launch(3, 1);
  REQUIRE(result.fault);
  CHECK(result.fault->kind == FaultKind::deadlock);
  CHECK(result.fault->block == std::array<uint32_t, 3>{0, 0, 0});
  CHECK(result.fault->detail.find("no block can go on\nblock 0: warp 0 lanes 0x00000001 waits for cross-core flag 1, "
                                  "raised by 2 of 3 cores of its kind, at word") == 0);
  CHECK(result.fault->detail.find("\nblock 2: ") != std::string::npos);
}

TEST_CASE("the fault of the lowest block is told, whatever the host does") {
  for (uint64_t shuffle : {0, 1, 2, 3})
    for (Mode mode : {Mode::functional, Mode::timed}) {
      SystemOptions options;
      options.shuffle = shuffle;
      options.mode = mode;
      Rig rig(kStore, options);
      const uint64_t x = rig.buffer(64 * 4 * 5, "x");  // five blocks fit
      const LaunchResult result = rig.launch(40, 64, {x});
      REQUIRE(result.fault);
      CHECK(result.fault->kind == FaultKind::out_of_bounds);
      CHECK(result.fault->block[0] == 5);
      CHECK(result.fault->thread[0] == 0);
    }
}

TEST_CASE("a launch can be cancelled") {
  Rig rig(".kernel k simt\nloop:\n jmp loop\n");
  std::atomic<bool> cancel{true};
  rig.request.cancel = &cancel;
  const LaunchResult result = rig.launch(1, 32);
  REQUIRE(result.fault);
  CHECK(result.fault->kind == FaultKind::cancelled);
}

TEST_CASE("clocks read simulated cycles that grow") {
  std::string body = ".kernel k simt\n.param x 8 ptr\n ld.param.b64 s2, [x]\n rdsr.tid.x.u32 r0\n cvt.u32.f32 r1, r0\n";
  for (int i = 0; i < 4; ++i)
    body += " rdsr.clock64.u64 r4\n st.gm.b64 [s2 + " + std::to_string(i * 8) + "], r4\n sleep.u32 1000\n";
  Rig rig(body + " exit\n");
  const uint64_t x = rig.buffer(4096);
  const LaunchResult result = rig.launch(1, 1, {x});
  REQUIRE(!result.fault);
  const auto at = rig.read<uint64_t>(x, 4);
  const double cycles = rig.system->machine().chip.clock_hz * 1e-6;  // of the sleep
  for (int i = 1; i < 4; ++i) CHECK(static_cast<double>(at[i] - at[i - 1]) >= cycles - 1);
  CHECK(at[3] < result.counters.cycles);
  CHECK(static_cast<double>(result.counters.cycles) < 10 * cycles);
}

TEST_CASE("launches follow one another in simulated time, and the same launch takes as long on any host") {
  auto times = [](unsigned threads, uint64_t shuffle) {
    SystemOptions options;
    options.threads = threads;
    options.shuffle = shuffle;
    Rig rig(kStore, options);
    const uint64_t x = rig.buffer(64 * 4 * 600);
    const LaunchResult first = rig.launch(600, 64, {x});
    rig.request.start_seconds = first.end_seconds;
    const LaunchResult second = rig.launch(600, 64, {x});
    CHECK(first.start_seconds == 0);
    CHECK(first.end_seconds > 0);
    CHECK(second.start_seconds == first.end_seconds);
    CHECK(second.end_seconds > second.start_seconds);
    CHECK(!first.nominal_time);
    const auto values = rig.read<uint32_t>(x, 64 * 600);
    for (uint32_t i = 0; i < values.size(); ++i)
      if (values[i] != i) FAIL("element " << i << " is " << values[i]);
    return std::pair(first.counters.cycles, second.counters.cycles);
  };
  const auto one = times(1, 0);
  CHECK(one == times(2, 0));
  CHECK(one == times(2, 7));
}

TEST_CASE("registers, shared and local memory of every block start as zeros") {
  Rig rig(R"(
.kernel k simt
.param x 8 ptr
.ub 256
.local 16
 rdsr.ctaid.x.u32 s4
 rdsr.tid.x.u32 r0
 ld.param.b64 s2, [x]
 ld.ub.b32 r2, [zero + r0*4]
 ld.local.b32 r3, [4]
 or.b32 r1, r1, r2
 or.b32 r1, r1, r3
 or.b32 r1, r1, s5
 red.gm.or.b32 [s2], r1
 mov.b32 r1, 7
 mov.b32 s5, 7
 st.ub.b32 [zero + r0*4], r1
 st.local.b32 [4], r1
 exit
)");
  const uint64_t x = rig.buffer(4);
  const LaunchResult result = rig.launch(5000, 64, {x});
  REQUIRE(!result.fault);
  CHECK(rig.read<uint32_t>(x, 1)[0] == 0);
}
