// What all vector instructions share: faults, the work that the timing engine sees, sizes of zero, programs without
// values.
#include "tests/unit/core/vector_rig.h"

using namespace phx;
using namespace phx::sim;
using namespace phx::sim::test;

TEST_CASE("repeats") {
  auto work = [](const std::string& text) {
    const VectorOutcome outcome = execute(text, Bytes(kImageBytes));
    if (outcome.fault) FAIL(outcome.fault->str());
    REQUIRE(outcome.work.size() == 1);
    return outcome.work[0];
  };
  CHECK(work(vec("vadd.f32", {kDst, kA, kB, configuration(64, 3, 8, 8, 8)})) == 3);
  CHECK(work(vec("vadd.f32", {kDst, kA, kB, configuration(65, 3, 9, 9, 9)})) == 6);
  CHECK(work(vec("vadd.f16", {kDst, kA, kB, configuration(128, 3, 8, 8, 8)})) == 3);
  CHECK(work(vec("vconv.f32.f16", {kDst, kA, configuration(128, 3, 8, 16)})) == 6);  // of the wider type
  CHECK(work(vec("vconv.s8.f32", {kDst, kA, configuration(128, 1, 16, 4)})) == 2);
  CHECK(work(vec("vcmp.lt.f32", {kMask, kA, kB, configuration(100, 2, 1, 13, 13)})) == 4);
  CHECK(work(vec("vcadd.f32", {kDst, kA, configuration(100, 2, 0, 13)})) == 4);
  CHECK(work(vec("vbrcb.b32", {kDst, kA, configuration(0, 17, 1, 0)})) == 3);
  CHECK(work(vec("vtranspose.b32", {kDst, kA, configuration(10, 10, 2, 2)})) == 2);
  CHECK(work(vec("vgather.u16", {kDst, kA, kB, configuration(129, 2, 9, 0, 17)})) == 4);
  CHECK(work(vec("vdup.u8", {kDst, 1, configuration(257, 1, 0, 0)})) == 2);
  CHECK(work(vec("set_cmpmask", {kMask, 32})) == 0);
  CHECK(work(vec("vadd.f32", {kDst, kA, kB, configuration(0, 3, 8, 8, 8)})) == 0);
}

TEST_CASE("where two sources lie, and how many rows are reduced") {
  const auto outcome = execute(vec("vmul.f16", {kDst, kA + 64, kB, configuration(8, 1, 0, 0)}) +
                                   vec("vmuls.f16", {kDst, kA + 64, kB, configuration(8, 1, 0, 0)}) +
                                   vec("vcadd.f16", {kDst, kA + 64, configuration(8, 1, 0, 0)}),
                               Bytes(kImageBytes));
  CHECK(outcome.shapes ==
        std::vector<uint64_t>{uint64_t{1} << 63 | kB / 32 << 20 | (kA + 64) / 32, 0, uint64_t{1} << 62 | 1});
}

TEST_CASE("a size of zero does nothing, wherever it is") {
  std::mt19937_64 random(61);
  const Bytes image = any_image(random, Type::F32, Type::F32);
  for (uint64_t word : {configuration(0, 4, 1, 1, 1), configuration(4, 0, 1, 1, 1)})
    for (const std::string& text :
         {vec("vadd.f32", {1, 1 << 30, 7, word}), vec("vexp.f16", {1, 3, word}), vec("vcadd.f32", {1, 3, word}),
          vec("vdup.b32", {1, 3, word}), vec("vtranspose.b32", {1, 3, word}), vec("vgather.b32", {1, 3, 5, word})})
      CHECK(execute_well(text, image) == image);
}

TEST_CASE("without values everything is checked and recorded, and nothing moves") {
  std::mt19937_64 random(62);
  const Bytes image = any_image(random, Type::F32, Type::F32);
  const std::string good = vec("vadd.f32", {kDst, kA, kB, configuration(64, 3, 8, 8, 8)}) +
                           vec("vgather.b32", {kDst, kA, kB, configuration(64, 3, 8, 0, 8)}) +
                           vec("vcmp.lt.f32", {kMask, kA, kB, configuration(64, 3, 1, 8, 8)}) +
                           vec("set_cmpmask", {kMask, 32}) +
                           vec("vsel.b32", {kDst, kA, kB, configuration(64, 3, 8, 8, 8)});
  const VectorOutcome outcome = execute(good, image, false);
  if (outcome.fault) FAIL(outcome.fault->str());
  CHECK(outcome.work == std::vector<uint64_t>{3, 3, 3, 0, 3});
  const VectorOutcome bad = execute(vec("vadd.f32", {kDst + 4, kA, kB, configuration(64, 3, 8, 8, 8)}), image, false);
  REQUIRE(bad.fault);
  CHECK(bad.fault->kind == FaultKind::misaligned);
}

TEST_CASE("operands that are no good") {
  CHECK(fault_of(vec("vadd.f32", {kDst + 4, kA, kB, configuration(8, 1, 0, 0)}), FaultKind::misaligned) ==
        "unified buffer addresses are multiples of 32");
  fault_of(vec("vadd.f32", {kDst, kA, 1 << 30, configuration(8, 1, 0, 0)}), FaultKind::ub_out_of_bounds);
  fault_of(vec("vadd.f32", {kDst, ~uint64_t{31}, kB, configuration(8, 1, 0, 0)}), FaultKind::ub_out_of_bounds);
  CHECK(fault_of(vec("vadd.f32", {kDst, kA, kB, configuration(64, 2, 4, 8, 8)}), FaultKind::illegal_instruction) ==
        "rows of 256 bytes at a pitch of 128 overlap in the destination");
  CHECK(fault_of(vec("vadd.f32", {kDst, kA, kB, uint64_t{1} << 62 | 1 << 16 | 1}), FaultKind::illegal_instruction) ==
        "bits 62 and 63 of a vector configuration are 0");
  CHECK(fault_of(vec("vbrcb.b32", {kDst, kA, configuration(3, 1, 1, 0)}), FaultKind::illegal_instruction) ==
        "the count of vbrcb is 0, not 3: a block is its row");
  CHECK(fault_of(vec("set_cmpmask", {kMask, 40}), FaultKind::illegal_instruction) ==
        "rows of a mask lie a multiple of 32 bytes apart, below 4 GiB, not 40 bytes");
  CHECK(fault_of(vec("vsel.b32", {kDst, kA, kB, configuration(8, 1, 0, 0)}), FaultKind::illegal_instruction) ==
        "no set_cmpmask of this program said where the mask is");
  fault_of(vec("set_cmpmask", {kMask + 2, 32}) + vec("vsel.b32", {kDst, kA, kB, configuration(8, 1, 0, 0)}),
           FaultKind::misaligned);
}

TEST_CASE("overlaps of a destination with sources") {
  const FaultKind illegal = FaultKind::illegal_instruction;
  CHECK(fault_of(vec("vadd.f32", {kA + 32, kA, kB, configuration(16, 1, 0, 0)}), illegal) ==
        "the destination (bytes 32 to 96) overlaps a source (bytes 0 to 64) without being the same rows");
  fault_of(vec("vadd.f32", {kB, kA, kB, configuration(16, 2, 3, 2, 2)}), illegal);       // another pitch
  fault_of(vec("vadd.bblk.f32", {kB, kA, kB, configuration(16, 2, 2, 2, 2)}), illegal);  // a block of the row
  fault_of(vec("vadd.f32", {kB, kA, kB, configuration(16, 2, 2, 2, 0)}), illegal);       // one row for all
  fault_of(vec("vconv.f32.f16", {kA, kA, configuration(16, 1, 0, 0)}), illegal);
  fault_of(vec("vconv.f16.f32", {kA, kA, configuration(16, 1, 0, 0)}), illegal);
  fault_of(vec("vcmp.lt.f32", {kA, kA, kB, configuration(16, 1, 0, 0)}), illegal);
  fault_of(vec("vcadd.f32", {kA, kA, configuration(16, 1, 0, 0)}), illegal);
  fault_of(vec("set_cmpmask", {kDst, 32}) + vec("vsel.b32", {kDst, kA, kB, configuration(16, 1, 0, 0)}), illegal);
  CHECK(fault_of(vec("vtranspose.b32", {kA, kA, configuration(8, 8, 1, 1)}), illegal) ==
        "the destination (bytes 0 to 256) overlaps a source (bytes 0 to 256)");
  fault_of(vec("vbrcb.b32", {kA, kA, configuration(0, 8, 1, 0)}), illegal);
  CHECK(fault_of(vec("vgather.b32", {kDst, kDst, kB, configuration(4, 1, 0, 0)}), illegal) ==
        "row 0, element 0 is gathered from the destination");
  // Rows that lie between each other do not overlap, and one block per row may be replaced.
  const Bytes image(kImageBytes);
  execute_well(vec("vadd.f32", {kA + 32, kA, kB, configuration(8, 4, 2, 2, 2)}), image);
  execute_well(vec("vadd.ablk.f32", {kA, kA, kB, configuration(8, 4, 1, 1, 1)}), image);
  execute_well(vec("vconv.f32.s32", {kA, kA, configuration(16, 4, 2, 2)}), image);
  execute_well(vec("vcopy.b32", {kA + 1024 + 32, kA, configuration(8, 10, 64, 2)}), image);
}

TEST_CASE("offsets of a gather") {
  // dst[0][1] is at offset 6 of kA, then beyond the buffer.
  auto with_offset = [](uint64_t offset) {
    return " mov.b32 s8, " + number(offset) + "\n st.ub.b32 [" + number(kB + 4) + "], s8\n" +
           vec("vgather.b32", {kDst, kA, kB, configuration(4, 1, 0, 0)});
  };
  CHECK(fault_of(with_offset(6), FaultKind::misaligned) ==
        "offset 6 of row 0, element 1 is no multiple of the element's 4 bytes");
  fault_of(with_offset(0x7ffffffc), FaultKind::ub_out_of_bounds);
  fault_of(vec("vgather.b32", {kDst, kA + 4, kB, configuration(4, 1, 0, 0)}), FaultKind::misaligned);
}

TEST_CASE("the mask belongs to the program, not to the place it runs in") {
  // The second block on the same core has not set it.
  Rig rig(R"(
.target aiv "0123456789abcdef"
.kernel k aiv
 rdsr.block_idx.u32 s4
 setp.eq.s32 p0, s4, 1
 bra select, p0
 set_cmpmask zero, zero
select:
 mov.b64 s5, 0x10001
 mov.b64 s6, 64
 vsels.b32 s6, s6, zero, s5
 exit
)");
  Block first(rig.launch, 0, 0, 0), second(rig.launch, 1, 0, 0);
  rig.launch.grid = {2, 1, 1};
  BlockStorage storage;
  CHECK(first.run(1000, storage) == BlockStatus::finished);
  CHECK(second.run(1000, storage) == BlockStatus::faulted);
}
