// Which tile programs do the same wherever their buffers lie.
#include <doctest/doctest.h>

#include "device_sim/assembler/assembler.h"
#include "device_sim/core/program.h"

using namespace phx;
using namespace phx::sim;

namespace {

bool movable(const std::string& body) {
  auto executable = assembler::assemble(
      ".target aiv \"0123456789abcdef\"\n.kernel k aiv\n.param x 8 ptr\n.param y 8 ptr\n.param n 8\n"
      " ld.param.b64 s2, [x]\n ld.param.b64 s3, [y]\n ld.param.b64 s4, [n]\n" +
          body + " exit\n",
      "t.s");
  if (!executable) FAIL(executable.diagnostic().str());
  AddressSpace memory{1, uint64_t{1} << 30};
  const uint16_t members[] = {0};
  auto program = Program::load(std::move(*executable), memory, members, "t");
  if (!program) FAIL(program.diagnostic().str());
  return (*program)->movable(0);
}

}  // namespace

TEST_CASE("numbers are added to pointers, which become addresses") {
  CHECK(movable(R"(
 rdsr.block_idx.u64 s5
 shl.b64 s6, s5, 12
 add.u64 s7, s2, s6
 sub.u64 s8, s7, s4
 mad.u64 s9, s5, s4, s3
loop:
 dma_gm_ub zero, s8, 0x200001, zero
 dma_ub_gm s9, zero, 0x200001, zero
 ld.gm.b32 s10, [s2 + 4]
 st.gm.b64 [s3], s2
 add.u64 s7, s7, s4
 setp.lt.u64 p0, s5, s4
 bra loop, p0
)"));
  CHECK(movable(" sub.u64 s5, s2, s3\n add.u64 s6, s3, s5\n dma_gm_ub zero, s6, 0x200001, zero\n"));
  CHECK(movable(" setp.lt.u64 p0, s4, zero\n sel.b64 s5, s2, s3, p0\n dma_gm_ub zero, s5, 0x200001, zero\n"));
}

TEST_CASE("what is computed from the bits of a pointer decides nothing") {
  const std::string dma = " dma_gm_ub zero, s5, 0x200001, zero\n";
  CHECK(!movable(" and.b64 s5, s2, s4\n" + dma));
  CHECK(!movable(" add.u64 s5, s2, s3\n" + dma));
  CHECK(!movable(" sub.u64 s5, s4, s2\n" + dma));
  CHECK(!movable(" add.u32 s5, s2, s4\n" + dma));
  CHECK(!movable(" mul.u64 s5, s2, s4\n" + dma));
  CHECK(movable(" and.b64 s5, s2, s4\n"));  // unused
}

TEST_CASE("pointers do not decide, and what is no pointer is no address") {
  CHECK(!movable(" setp.lt.u64 p0, s2, s3\n bra out, p0\n nop\nout:\n"));
  CHECK(!movable(" dma_gm_ub s2, s3, 0x200001, zero\n"));
  CHECK(!movable(" dma_gm_ub zero, s3, s2, zero\n"));
  CHECK(!movable(" dma_gm_ub zero, s4, 0x200001, zero\n"));
  CHECK(!movable(" set_flag.mte2.v s2\n"));
}

TEST_CASE("a register that holds a pointer on one path and a number on another is neither") {
  CHECK(!movable(R"(
 mov.b64 s5, 64
 setp.lt.u64 p0, s4, zero
 bra out, p0
 mov.b64 s5, s2
out:
 dma_gm_ub zero, s5, 0x200001, zero
)"));
  CHECK(!movable(" ld.param.b32 s5, [4]\n add.u64 s6, s2, s5\n dma_gm_ub zero, s6, 0x200001, zero\n"));
}
