// Synccheck: accesses of two pipes that no flag orders end a launch, all of them in one fault.
#include "tests/unit/system/rig.h"

using phx::sim::FaultKind;
using phx::sim::LaunchResult;
using phx::sim::SystemOptions;
using phx::sim::test::Rig;

namespace {

std::string program(const std::string& in_to_v, const std::string& v_to_out, const std::string& out_to_in) {
  return R"(.target aiv "DIGEST"
.kernel k aiv
.param x 8 ptr
.param y 8 ptr
 ld.param.b64 s2, [x]
 ld.param.b64 s3, [y]
 mov.b32 s4, 4
 mov.b64 s5, 0x10100
 set_flag.mte3.mte2 zero
loop:
)" + out_to_in +
         R"( .loc "k.py" 7
 dma_gm_ub zero, s2, 0x4000001, zero
)" + in_to_v +
         R"( .loc "k.py" 8
 vexp.f32 zero, zero, s5
)" + v_to_out +
         R"( .loc "k.py" 9
 dma_ub_gm s3, zero, 0x4000001, zero
 set_flag.mte3.mte2 zero
 sub.s32 s4, s4, 1
 setp.gt.s32 p0, s4, zero
 bra loop, p0
 exit
)";
}
const std::string kInToV = " set_flag.mte2.v zero\n wait_flag.mte2.v zero\n";
const std::string kVToOut = " set_flag.v.mte3 zero\n wait_flag.v.mte3 zero\n";
const std::string kOutToIn = " wait_flag.mte3.mte2 zero\n";

std::string findings(const std::string& text, uint32_t blocks = 5) {
  SystemOptions options;
  options.checks.synccheck = true;
  Rig rig(text, options);
  const LaunchResult result = rig.launch(blocks, 1, {rig.buffer(4096, "x"), rig.buffer(4096, "y")});
  if (result.refused) FAIL(result.refused->str());
  if (!result.fault) return "";
  CHECK(result.fault->kind == FaultKind::missing_flag);
  return result.fault->detail;
}

}  // namespace

TEST_CASE("a program with all its flags passes") { CHECK(findings(program(kInToV, kVToOut, kOutToIn)) == ""); }

TEST_CASE("each missing flag is named with both instructions, once for all blocks and rounds") {
  CHECK(findings(program("", kVToOut, kOutToIn)) ==
        "v reads the unified buffer [0, 1024) while mte2 may still write it: nothing orders dma_gm_ub at k.py:7 before "
        "vexp at k.py:8 (mte2 -> v)\n"
        "mte3 reads the unified buffer [0, 1024) while mte2 may still write it: nothing orders dma_gm_ub at k.py:7 "
        "before "
        "dma_ub_gm at k.py:9 (mte2 -> mte3)\n"
        "v writes the unified buffer [0, 1024) while mte3 may still read it: nothing orders dma_ub_gm at k.py:9 before "
        "vexp at k.py:8 (mte3 -> v)");
  CHECK(findings(program(kInToV, "", kOutToIn))
            .find("mte3 reads the unified buffer [0, 1024) while v may still write "
                  "it: nothing orders vexp at k.py:8 before dma_ub_gm at k.py:9 (v "
                  "-> mte3)") != std::string::npos);
}

TEST_CASE("without the check the same program runs") {
  Rig rig(program("", "", kOutToIn));
  CHECK(!rig.launch(1, 1, {rig.buffer(4096, "x"), rig.buffer(4096, "y")}).fault);
}

TEST_CASE("the scalar unit is a pipe") {
  const std::string head =
      ".target aiv \"DIGEST\"\n.kernel k aiv\n.param x 8 ptr\n.param y 8 ptr\n ld.param.b64 s2, [x]\n "
      ".loc \"k.py\" 3\n dma_gm_ub zero, s2, 0x4000001, zero\n";
  const std::string tail = " .loc \"k.py\" 4\n ld.ub.b32 s6, [64]\n exit\n";
  CHECK(
      findings(head + tail, 1) ==
      "s reads the unified buffer [64, 68) while mte2 may still write it: nothing orders dma_gm_ub at k.py:3 before ld "
      "at k.py:4 (mte2 -> s)");
  CHECK(findings(head + " set_flag.mte2.s zero\n wait_flag.mte2.s zero\n" + tail, 1) == "");
  CHECK(findings(head + " pipe_barrier.all\n" + tail, 1) == "");
}

TEST_CASE("device memory is checked between the pipes of a core") {
  const std::string text = R"(.target aiv "DIGEST"
.kernel k aiv
.param x 8 ptr
.param y 8 ptr
 ld.param.b64 s2, [x]
 .loc "k.py" 3
 dma_ub_gm s2, zero, 0x4000001, zero
 .loc "k.py" 4
 mov.b64 s5, 2048
 dma_gm_ub s5, s2, 0x4000001, zero
 exit
)";
  const std::string found = findings(text, 1);
  CHECK(found.find("mte2 reads device memory [") == 0);
  CHECK(found.find(
            "while mte3 may still write it: nothing orders dma_ub_gm at k.py:3 before dma_gm_ub at k.py:4 (mte3 -> "
            "mte2)") != std::string::npos);
}
