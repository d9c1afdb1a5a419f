// Which tile programs may run without their data.
#include <doctest/doctest.h>

#include "device_sim/assembler/assembler.h"
#include "device_sim/core/program.h"

using namespace phx;
using namespace phx::sim;

namespace {

// Word of the load and of the use that the program is refused for; {-1, -1} if it may run.
std::pair<int, int> dependence(const std::string& body) {
  auto executable = assembler::assemble(
      ".target aiv \"0123456789abcdef\"\n.kernel k aiv\n.param x 8 ptr\n.param n 4\n" + body + " exit\n", "t.s");
  if (!executable) FAIL(executable.diagnostic().str());
  AddressSpace memory{1, uint64_t{1} << 30};
  const uint16_t members[] = {0};
  auto program = Program::load(std::move(*executable), memory, members, "t");
  if (!program) FAIL(program.diagnostic().str());
  const auto found = (*program)->dependence(0);
  return found ? std::pair(static_cast<int>(found->load), static_cast<int>(found->use)) : std::pair(-1, -1);
}
constexpr std::pair<int, int> kNone{-1, -1};

}  // namespace

TEST_CASE("parameters and special registers decide freely") {
  CHECK(dependence(R"(
 ld.param.b64 s2, [x]
 ld.param.b32 s3, [n]
 rdsr.block_idx.u32 s4
loop:
 add.s32 s4, s4, 1
 dma_gm_ub zero, s2, 0x200001, zero
 setp.lt.s32 p0, s4, s3
 bra loop, p0
)") == kNone);
}

TEST_CASE("a loaded value may be computed with, stored, and be the value of a vector instruction") {
  CHECK(dependence(R"(
 ld.param.b64 s2, [x]
 ld.gm.b32 s5, [s2]
 add.s32 s5, s5, 1
 st.gm.b32 [s2 + 4], s5
 mov.b64 s9, 0x10008
 vadds.f32 s8, s8, s5, s9
 mov.b64 s5, 3
 dma_gm_ub zero, s2, s5, zero
)") == kNone);
}

TEST_CASE("a loaded value must not reach a branch, an address, a configuration or an event") {
  const std::string load = " ld.param.b64 s2, [x]\n ld.gm.b64 s5, [s2]\n add.s64 s6, s5, 1\n";
  CHECK(dependence(load + " setp.eq.s64 p1, s6, zero\n bra out, p1\n nop\nout:\n") == std::pair(1, 4));
  CHECK(dependence(load + " dma_gm_ub zero, s6, 0x200001, zero\n") == std::pair(1, 3));
  CHECK(dependence(load + " dma_gm_ub zero, s2, s6, zero\n") == std::pair(1, 3));
  CHECK(dependence(load + " ld.gm.b32 s7, [s6]\n") == std::pair(1, 3));
  CHECK(dependence(load + " set_flag.mte2.v s6\n") == std::pair(1, 3));
  CHECK(dependence(load + " vadds.f32 zero, zero, s2, s6\n") == std::pair(1, 3));
  CHECK(dependence(load + " sleep.u32 s6\n") == std::pair(1, 3));
}

TEST_CASE("what one path loads taints what follows the meeting of the paths") {
  CHECK(dependence(R"(
 ld.param.b64 s2, [x]
 mov.b64 s5, 0x200001
loop:
 dma_gm_ub zero, s2, s5, zero
 ld.ub.b32 s5, [0]
 jmp loop
)") == std::pair(3, 2));
  CHECK(dependence(R"(
 ld.param.b64 s2, [x]
 mov.b64 s5, 0x200001
 call load
 dma_gm_ub zero, s2, s5, zero
 exit
load:
 ld.ub.b32 s5, [0]
 ret
)") == std::pair(5, 3));
}
