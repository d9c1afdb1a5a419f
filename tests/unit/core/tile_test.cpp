// Tile programs: DMA rows, flags, scalar code.
#include "tests/unit/core/rig.h"

using phx::sim::FaultKind;
using phx::sim::test::Rig;

namespace {

// s2 = x, s3 = y; the body moves data from x to y.
struct Outcome {
  std::optional<phx::sim::Fault> fault;
  std::vector<uint32_t> y;
  std::vector<uint64_t> accesses;
};
Outcome run(const std::string& body) {
  Rig rig(
      ".target aiv \"0123456789abcdef\"\n.kernel k aiv\n.param x 8 ptr\n.param y 8 ptr\n ld.param.b64 s2, [x]\n "
      "ld.param.b64 s3, [y]\n" +
      body + " exit\n");
  std::vector<uint32_t> in(256);
  for (unsigned i = 0; i < 256; ++i) in[i] = i;
  const uint64_t x = rig.buffer(in, "x"), y = rig.buffer(std::vector<uint32_t>(256), "y");
  rig.arguments(x, y);
  rig.run();
  Outcome outcome{rig.fault, rig.read<uint32_t>(y, 256), {}};
  for (const auto& block : rig.events.blocks)
    outcome.accesses.insert(outcome.accesses.end(), block.warps[0].accesses.begin(), block.warps[0].accesses.end());
  return outcome;
}

}  // namespace

TEST_CASE("a transfer with flags") {
  const auto outcome = run(R"(
 mov.b64 s4, 0x400004
 mov.b64 s5, 0x80
 dma_gm_ub zero, s2, s4, s5
 set_flag.mte2.mte3 0
 wait_flag.mte2.mte3 0
 dma_ub_gm s3, zero, s4, zero
 pipe_barrier.all
 ld.ub.b32 s6, [4]
 add.s32 s6, s6, 1000
 st.gm.b32 [s3 + 1020], s6
)");
  if (outcome.fault) FAIL(outcome.fault->str());
  for (unsigned i = 0; i < 64; ++i) CHECK(outcome.y[i] == i / 16 * 32 + i % 16);
  CHECK(outcome.y[255] == 1001);
  REQUIRE(outcome.accesses.size() >= 8);
  CHECK((outcome.accesses[0] & 0xff) == static_cast<uint64_t>(phx::sim::AccessKind::dma));
  CHECK((outcome.accesses[0] >> 16 & 0xffff) == 1);
  CHECK(outcome.accesses[1] == 64 + (uint64_t{3} << 32));
  CHECK(outcome.accesses[3] == 128);
}

TEST_CASE("padding fills the tail of a block with zeros") {
  const auto outcome = run(R"(
 mov.b64 s4, 0x400001
 dma_gm_ub zero, s2, s4, zero
 mov.b64 s5, 0x140001
 dma_gm_ub.pad zero, s2, s5, zero
 dma_ub_gm s3, zero, s4, zero
)");
  if (outcome.fault) FAIL(outcome.fault->str());
  for (unsigned i = 0; i < 16; ++i) CHECK(outcome.y[i] == (i >= 5 && i < 8 ? 0 : i));
}

TEST_CASE("what a tile program must not do") {
  auto fault = run(" wait_flag.mte2.v.id3 0\n").fault;
  REQUIRE(fault);
  CHECK(fault->kind == FaultKind::deadlock);
  CHECK(fault->detail.find("flag 3 from pipe mte2 to pipe v is waited for, and nothing before sets it\n") == 0);
  fault = run(" mov.b64 s4, 0x210001\n dma_gm_ub zero, s2, s4, zero\n").fault;
  REQUIRE(fault);
  CHECK(fault->kind == FaultKind::misaligned);
  fault = run(" mov.b64 s4, 0x200001\n mov.b64 s5, 16\n dma_gm_ub s5, s2, s4, zero\n").fault;
  REQUIRE(fault);
  CHECK(fault->kind == FaultKind::misaligned);
  fault = run(" mov.b64 s4, 0x4200001\n dma_gm_ub zero, s2, s4, zero\n").fault;
  REQUIRE(fault);
  CHECK(fault->kind == FaultKind::out_of_bounds);
  fault = run(" mov.b64 s4, 0x200001\n mov.b64 s5, 0x1000000\n dma_gm_ub s5, s2, s4, zero\n").fault;
  REQUIRE(fault);
  CHECK(fault->kind == FaultKind::ub_out_of_bounds);
  // Bursts that overlap where they are written, and that leave the buffer of the first one.
  fault = run(" mov.b64 s4, 0x400002\n mov.b64 s5, 0x2000000000\n dma_gm_ub zero, s2, s4, s5\n").fault;
  REQUIRE(fault);
  CHECK(fault->kind == FaultKind::illegal_instruction);
  CHECK(fault->nearest == "rows of 64 bytes at a pitch of 32 overlap in the destination");
  fault = run(" mov.b64 s4, 0x400003\n mov.b64 s5, 0x1e4\n dma_gm_ub zero, s2, s4, s5\n").fault;
  REQUIRE(fault);
  CHECK(fault->kind == FaultKind::out_of_bounds);
  CHECK(fault->nearest.starts_with("968 bytes into x (1024 bytes"));
  CHECK(fault->bytes == 64);
}

TEST_CASE("a cross-core flag holds every core until all have raised it") {
  Rig rig(R"(
.target aiv "0123456789abcdef"
.kernel k aiv
.param x 8 ptr
 ld.param.b64 s2, [x]
 rdsr.block_idx.u32 s4
 add.s32 s5, s4, 1
 st.gm.b32 [s2 + s4*4], s5
 cross_set.mode0.mte3.id1
 cross_wait.mode0.s.id1
 ld.gm.b32 s6, [s2]
 ld.gm.b32 s7, [s2 + 4]
 add.s32 s6, s6, s7
 st.gm.b32 [s2 + s4*4 + 64], s6
 exit
)");
  rig.launch.grid = {2, 1, 1};
  const uint64_t x = rig.buffer(std::vector<uint32_t>(32));
  rig.arguments(x);
  rig.run_well();
  CHECK(rig.read<uint32_t>(x, 32)[16] == 3);
  CHECK(rig.read<uint32_t>(x, 32)[17] == 3);
}
