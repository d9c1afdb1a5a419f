// Timing-only mode: the cycles of the timed mode without its data.
#include "tests/unit/system/rig.h"

using phx::sim::LaunchResult;
using phx::sim::Mode;
using phx::sim::SystemOptions;
using phx::sim::test::Rig;

namespace {

const char* const kCopy = R"(.target aiv "DIGEST"
.kernel k aiv
.param x 8 ptr
.param y 8 ptr
 ld.param.b64 s2, [x]
 ld.param.b64 s3, [y]
 rdsr.block_idx.u64 s4
 shl.b64 s4, s4, 12
 add.u64 s2, s2, s4
 add.u64 s3, s3, s4
 dma_gm_ub zero, s2, 0x10000001, zero
 set_flag.mte2.mte3 0
 wait_flag.mte2.mte3 0
 dma_ub_gm s3, zero, 0x10000001, zero
 exit
)";
const char* const kBranch = R"(.target aiv "DIGEST"
.kernel k aiv
.param x 8 ptr
 ld.param.b64 s2, [x]
 .loc "k.py" 12
 ld.gm.b32 s5, [s2]
 .loc "k.py" 13
 setp.eq.s32 p0, s5, zero
 bra out, p0
 nop
out:
 exit
)";

Rig in(Mode mode, const char* text) {
  SystemOptions options;
  options.mode = mode;
  return Rig(text, options);
}

}  // namespace

TEST_CASE("the same cycles, and no byte moves") {
  auto run = [](Mode mode, std::vector<uint32_t>& out) {
    Rig rig = in(mode, kCopy);
    const uint64_t x = rig.buffer(4096 * 100), y = rig.buffer(4096 * 100);
    CHECK(!rig.system->fill(x, 7, 4, 4096 * 100).fault);
    const LaunchResult result = rig.launch(100, 1, {x, y});
    if (result.refused) FAIL(result.refused->str());
    if (result.fault) FAIL(result.fault->str());
    CHECK(!result.nominal_time);
    out = rig.read<uint32_t>(y, 1024 * 100);
    return result.counters.cycles;
  };
  std::vector<uint32_t> timed, alone;
  CHECK(run(Mode::timed, timed) == run(Mode::timing_only, alone));
  CHECK(timed == std::vector<uint32_t>(1024 * 100, 7));
  CHECK(alone == std::vector<uint32_t>(1024 * 100, 0));
}

TEST_CASE("a kernel whose time may depend on data is refused with the place of the load") {
  Rig rig = in(Mode::timing_only, kBranch);
  const LaunchResult result = rig.launch(1, 1, {rig.buffer(64)});
  REQUIRE(result.refused);
  CHECK(result.unsupported);
  CHECK(result.refused->str() ==
        "k: timing-only mode needs times that do not depend on data, but `bra` at k.py:13 depends on what `ld` at "
        "k.py:12 loads");
  Rig simt = in(Mode::timing_only, ".kernel k simt\n.source \"k.cu\" 3\n exit\n");
  CHECK(simt.refusal(1, 32) ==
        "k (k.cu:3): timing-only mode is for tile kernels; what a SIMT kernel does depends on its data");
}
