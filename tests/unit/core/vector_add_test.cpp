#include "tests/unit/core/rig.h"

using phx::sim::test::Rig;

namespace {
const char* const kVectorAdd = R"(
.kernel vector_add simt
.param n 4
.param a 8 ptr
.param b 8 ptr
.param c 8 ptr
    rdsr.tid.x.u32   r0
    rdsr.ctaid.x.u32 s1
    rdsr.ntid.x.u32  s2
    mad.s32          r0, s1, s2, r0
    ld.param.b32     s0, [n]
    setp.ge.s32      p0, r0, s0
    bra              done, p0
    ld.param.b64     s4, [a]
    ld.param.b64     s6, [b]
    ld.param.b64     s8, [c]
    ld.gm.b32        r1, [s4 + r0*4]
    ld.gm.b32        r2, [s6 + r0*4]
    add.f32          r3, r1, r2
    st.gm.b32        [s8 + r0*4], r3
done:
    exit
)";
}  // namespace

TEST_CASE("vector add over several blocks with a ragged end") {
  for (bool recording : {false, true}) {
    Rig rig(kVectorAdd);
    const unsigned n = 1000;
    std::vector<float> a(n), b(n);
    for (unsigned i = 0; i < n; ++i) a[i] = 0.5f * static_cast<float>(i), b[i] = 1000.0f - static_cast<float>(i);
    const uint64_t pa = rig.buffer(a), pb = rig.buffer(b), pc = rig.buffer(std::vector<float>(n));
    rig.launch.grid = {8, 1, 1};
    rig.launch.block = {128, 1, 1};
    rig.launch.record_events = recording;
    rig.arguments(n, pa, pb, pc);
    rig.run_well();
    const auto c = rig.read<float>(pc, n);
    for (unsigned i = 0; i < n; ++i) CHECK(c[i] == a[i] + b[i]);
    CHECK(rig.totals.divergent_branches == 1);
    CHECK(rig.events.blocks.size() == 8);
    CHECK(rig.events.blocks[0].warps.empty() == !recording);
  }
}
