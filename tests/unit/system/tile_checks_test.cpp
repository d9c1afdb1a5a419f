// Checks inside a core and between the cores of a launch: every class of bug with a program that has it and a twin that
// has not.
#include "tests/unit/system/rig.h"

using phx::sim::FaultKind;
using phx::sim::LaunchResult;
using phx::sim::SystemOptions;
using phx::sim::test::Rig;

namespace {

// What a launch of the program tells: kind and detail, "" if nothing.
std::string told(const std::string& text, phx::sim::Checks checks, uint32_t blocks = 1,
                 std::vector<std::string>* hints = nullptr) {
  SystemOptions options;
  options.checks = checks;
  Rig rig(text, options);
  std::vector<unsigned char> bytes(1 << 16, 1);
  std::vector<uint64_t> buffers;
  for (const char* name : {"a", "b", "c"}) {
    buffers.push_back(rig.buffer(bytes.size(), name));
    CHECK(!rig.system->write(buffers.back(), bytes.data(), bytes.size()).fault);
  }
  const LaunchResult result = rig.launch(blocks, 1, buffers);
  if (result.refused) FAIL(result.refused->str());
  if (hints) *hints = result.hints;
  if (!result.fault) return "";
  return std::string(phx::sim::name_of(result.fault->kind)) + ": " + result.fault->detail;
}
std::string initcheck(const std::string& text) { return told(text, {.initcheck = true}); }
std::string synccheck(const std::string& text, uint32_t blocks = 1) { return told(text, {.synccheck = true}, blocks); }

std::string number(uint64_t value) { return std::to_string(value); }

// A program of one kind of core; `mov` lines give s20.. values.
std::string program(const std::string& core, const std::string& body) {
  return ".target " + core + " \"DIGEST\"\n.kernel k " + core +
         "\n.param a 8 ptr\n.param b 8 ptr\n.param c 8 ptr\n ld.param.b64 s2, [a]\n ld.param.b64 s4, [b]\n"
         " ld.param.b64 s6, [c]\n" +
         body + " exit\n";
}
std::string set(unsigned scalar, uint64_t value) { return " mov.b64 s" + number(scalar) + ", " + number(value) + "\n"; }
std::string line(unsigned number_of_line) { return " .loc \"k.py\" " + number(number_of_line) + "\n"; }

// An f16 product of which each part can be made too small. Operands lie in l1 at 0 and 128 KiB.
struct Product {
  uint64_t m = 17, n = 21, k = 19;
  uint64_t rows = 17, columns = 19;  // of the left operand that are loaded
  bool transposed = false;           // the left operand: rows are k's
  bool init = true, bias = false;
  uint64_t bias_values = 21;
  uint64_t out_m = 17, out_n = 21;

  std::string text() const {
    const uint64_t pitch = 48, fractals = 2;
    std::string s = set(10, rows | columns << 16 | pitch << 32) + set(11, columns * 2) + line(1) +
                    " dma_nd2nz.f16 zero, s2, s10, s11\n";
    s += set(12, 128 << 10) + set(13, 21 | uint64_t{19} << 16 | pitch << 32) + set(14, 38) + line(2) +
         " dma_nd2nz.f16 s12, s4, s13, s14\n";
    s += set(15, fractals | fractals << 16 | pitch << 32) + line(3) +
         (transposed ? " l1_l0a.trans.f16 zero, zero, s15\n" : " l1_l0a.f16 zero, zero, s15\n") +
         " l1_l0b.f16 zero, s12, s15\n";
    if (bias)
      s += set(16, 256 << 10) + set(17, 1 | uint64_t{1024} << 16) + " dma_gm_l1 s16, s2, s17, zero\n" +
           set(18, bias_values) + line(4) + " l1_bt.f32 zero, s16, s18\n";
    s += set(19, m | k << 12 | n << 24 | uint64_t{init} << 36 | uint64_t{bias} << 37) + line(5) +
         " mmad.f16 zero, zero, zero, s19\n";
    s += set(20, out_m | out_n << 12 | uint64_t{2} << 24) + set(21, 128) + line(6) +
         " fixpipe.gm.f32.f32 s6, zero, s20, s21\n";
    return program("aic", s);
  }
};

}  // namespace

TEST_CASE("initcheck: a vector instruction and the scalar unit read what nobody wrote to the unified buffer") {
  const std::string load = " dma_gm_ub zero, s2, 0x4000001, zero\n";  // 1024 bytes
  const std::string both = set(10, 0x10200) + line(8) + " vexp.f32 zero, zero, s10\n";
  CHECK(initcheck(program("aiv", load + both)) ==
        "uninitialised read: vexp at k.py:8 reads the unified buffer [0, 2048), of which byte 1024 was never written: "
        "program 0, device 0");
  CHECK(initcheck(program("aiv", load + set(11, 1024) + set(12, 0x10100) + " vdup.b32 s11, zero, s12\n" + both)) == "");
  const std::string scalar = line(9) + " ld.ub.b32 s12, [1020]\n ld.ub.b32 s12, [1024]\n";
  CHECK(initcheck(program("aiv", load + scalar)) ==
        "uninitialised read: ld at k.py:9 reads the unified buffer [1024, 1028), of which byte 1024 was never written: "
        "program 0, device 0");
  CHECK(initcheck(program("aiv", load + " st.ub.b32 [1024], s10\n" + scalar)) == "");
}

TEST_CASE("initcheck: a store to device memory reads the buffer, rows that lie apart are told apart") {
  const std::string load = set(10, 0x400004) + set(11, uint64_t{128} << 32) + " dma_gm_ub zero, s2, s10, s11\n";
  auto store = [](uint64_t bytes) {
    return set(12, 4 | bytes << 16) + set(13, 128) + line(7) + " dma_ub_gm s6, zero, s12, s13\n";
  };
  CHECK(initcheck(program("aiv", load + store(64))) == "");
  CHECK(
      initcheck(program("aiv", load + store(96))) ==
      "uninitialised read: dma_ub_gm at k.py:7 reads the unified buffer [0, 480), of which byte 64 was never written: "
      "program 0, device 0");
}

TEST_CASE("initcheck: a gather reads its elements alone") {
  // Offsets 0, 4, 8, .. of a tile of f32, of which the first 64 bytes are there.
  const std::string offsets =
      set(10, 4096) + set(11, 0x10020) + " vci.s32 s10, zero, s11\n vmuls.s32 s10, s10, 4, s11\n";
  const std::string load = " dma_gm_ub zero, s2, 0x400001, zero\n" + offsets;
  auto gather = [](uint64_t count) {
    return set(12, 8192) + set(13, count | 1 << 16) + line(5) + " vgather.b32 s12, zero, s10, s13\n";
  };
  CHECK(initcheck(program("aiv", load + gather(16))) == "");
  CHECK(initcheck(program("aiv", load + gather(17))) ==
        "uninitialised read: vgather at k.py:5 reads the unified buffer [64, 68), of which byte 64 was never written: "
        "program 0, device 0");
}

TEST_CASE("initcheck: the padding of fractals is no read of mmad, its elements are") {
  CHECK(initcheck(Product{}.text()) == "");
  CHECK(initcheck(Product{.rows = 19, .columns = 17, .transposed = true}.text()) == "");
  // The last column block is filled up with zeros, rows are not.
  CHECK(initcheck(Product{.k = 32}.text()).find("of L0B") == std::string::npos);
  CHECK(initcheck(Product{.m = 18}.text()) ==
        "uninitialised read: mmad at k.py:5 reads L0A [1024, 1088), of which byte 1056 was never written: program 0, "
        "device 0");
  CHECK(initcheck(Product{.k = 20, .rows = 19, .columns = 17, .transposed = true}.text())
            .find("mmad at k.py:5 reads L0A") != std::string::npos);
}

TEST_CASE("initcheck: accumulators, the bias table and what fixpipe drains") {
  const std::string found = initcheck(Product{.init = false}.text());
  CHECK(
      found ==
      "uninitialised read: mmad at k.py:5 reads L0C [0, 1088), of which byte 0 was never written: program 0, device 0");
  CHECK(initcheck(Product{.init = false, .bias = true}.text()) == "");
  CHECK(initcheck(Product{.bias = true, .bias_values = 20}.text())
            .find("mmad at k.py:5 reads the bias table [0, 84), of "
                  "which byte 80") != std::string::npos);
  CHECK(initcheck(Product{.out_m = 18}.text()).find("fixpipe at k.py:6 reads L0C") != std::string::npos);
  CHECK(initcheck(Product{.out_n = 22}.text()).find("fixpipe at k.py:6 reads L0C") != std::string::npos);
}

TEST_CASE("initcheck: a core forgets with each program") {
  const std::string text = program("aiv",
                                   " rdsr.block_idx.u64 s8\n setp.ne.s64 p0, s8, zero\n bra late, p0\n"
                                   " dma_gm_ub zero, s2, 0x4000001, zero\nlate:\n" +
                                       set(10, 0x10100) + line(8) + " vexp.f32 zero, zero, s10\n");
  CHECK(told(text, {.initcheck = true}, 100).find("of which byte 0 was never written: program 1, device 0") !=
        std::string::npos);
}

TEST_CASE("synccheck: a flag that is set when the program ends") {
  const std::string text = line(3) + " set_flag.mte2.v 2\n";
  CHECK(synccheck(program("aiv", text)) ==
        "surplus flag: flag 2 from pipe mte2 to pipe v, set by set_flag at k.py:3, is still set when program 0 ends: "
        "nothing waits for it");
  CHECK(synccheck(program("aiv", text + " wait_flag.mte2.v 2\n")) == "");
  // A loop that sets once more than it waits; its twin was primed before.
  const std::string loop = set(10, 4) + "loop:\n" + line(4) + " set_flag.v.mte2 0\n sub.s32 s10, s10, 1\n" +
                           " setp.eq.s32 p0, s10, zero\n bra out, p0\n" + line(5) +
                           " wait_flag.v.mte2 0\n jmp loop\nout:\n";
  CHECK(
      synccheck(program("aiv", loop)) ==
      "surplus flag: flag 0 from pipe v to pipe mte2, set by set_flag at k.py:4, is still set when program 0 ends: it "
      "was set once more than waited for, last by wait_flag at k.py:5");
  const std::string primed =
      " set_flag.v.mte2 0\n" + set(10, 4) +
      "loop:\n wait_flag.v.mte2 0\n set_flag.v.mte2 0\n sub.s32 s10, s10, 1\n setp.gt.s32 p0, s10, "
      "zero\n bra loop, p0\n";
  CHECK(synccheck(program("aiv", primed)) == "");
  CHECK(told(program("aiv", text), {}) == "");
}

TEST_CASE("an event that is set twice is told with both instructions") {
  CHECK(
      told(program("aiv", line(3) + " set_flag.mte2.v 0\n" + line(4) + " set_flag.mte2.v 0\n"), {}) ==
      "surplus flag: flag 0 from pipe mte2 to pipe v is set again before anybody waited for it; it was set by set_flag "
      "at k.py:3");
}

TEST_CASE("a wait that nothing ends shows who waits for whom") {
  const std::string cycle = line(3) + " wait_flag.mte2.v 1\n" + line(4) + " wait_flag.v.mte2 5\n" + line(5) +
                            " set_flag.mte2.v 1\n" + line(6) + " set_flag.v.mte2 5\n";
  CHECK(told(program("aiv", cycle), {}) ==
        "deadlock: flag 1 from pipe mte2 to pipe v is waited for, and nothing before sets it\n"
        "pipe v waits for flag 1 of pipe mte2: wait_flag at k.py:3\n"
        "pipe mte2 sets it later: set_flag at k.py:5, but waits before that\n"
        "pipe mte2 waits for flag 5 of pipe v: wait_flag at k.py:4\n"
        "pipe v sets it later: set_flag at k.py:6, but waits itself: a cycle");
  CHECK(
      told(program("aiv", line(2) + " set_flag.v.mte3 0\n wait_flag.v.mte3 0\n" + line(3) + " wait_flag.v.mte3 0\n"),
           {}) ==
      "deadlock: flag 0 from pipe v to pipe mte3 is waited for, and nothing before sets it\n"
      "pipe mte3 waits for flag 0 of pipe v: wait_flag at k.py:3; what was set last was taken by wait_flag at k.py:2\n"
      "pipe v sets it nowhere from here to the end of the program");
}

TEST_CASE("synccheck: a cross-core flag that is up when the launch ends") {
  auto text = [](const std::string& rest) { return program("aiv", line(3) + " cross_set.mode0.mte3.id4\n" + rest); };
  CHECK(synccheck(text(""), 3) ==
        "surplus flag: cross-core flag 4 (mode 0), raised 1 times, last by cross_set at k.py:3, is still up when the "
        "launch ends: block 0, block 1, block 2 waited for it as few as 0 times");
  CHECK(synccheck(text(" cross_wait.mode0.mte2.id4\n"), 3) == "");
  CHECK(told(text(""), {}, 3) == "");
}

TEST_CASE("cores that wait for one another are shown as a cycle") {
  Rig rig(R"(.target aic "DIGEST"
.kernel k aic
.flags mix
 .loc "k.py" 3
 cross_wait.mode2.mte2.id3
 cross_set.mode2.fix.id4
 exit
.kernel k aiv
.flags mix
 .loc "k.py" 13
 cross_wait.mode2.mte2.id4
 cross_set.mode2.mte3.id3
 exit
)");
  const LaunchResult result = rig.launch(1, 1);
  REQUIRE(result.fault);
  CHECK(result.fault->kind == FaultKind::deadlock);
  const std::string& detail = result.fault->detail;
  CAPTURE(detail);
  CHECK(detail.find(
            "\nAIC 0: pipe mte2 waits for cross-core flag 3 (mode 2), time 1, at cross_wait at k.py:3; not raised "
            "by AIV 0 of group 0 waits, AIV 1 of group 0 waits\n") != std::string::npos);
  CHECK(detail.find("\nAIV 1 of group 0: pipe mte2 waits for cross-core flag 4 (mode 2), time 1, at cross_wait at "
                    "k.py:13; not raised by AIC 0 waits\n") != std::string::npos);
  CHECK(detail.find("\ncycle: AIC 0 -> (flag 3) AIV 0 of group 0 -> (flag 4) AIC 0") != std::string::npos);
}

TEST_CASE("a core that waits for one that has ended") {
  Rig rig(R"(.target aiv "DIGEST"
.kernel k aiv
 rdsr.block_idx.u64 s4
 setp.eq.s64 p0, s4, zero
 bra out, p0
 .loc "k.py" 5
 cross_set.mode0.s.id1
 cross_wait.mode0.s.id1
out:
 exit
)");
  const LaunchResult result = rig.launch(3, 1);
  REQUIRE(result.fault);
  CHECK(result.fault->detail.find(
            "\nblock 2: pipe s waits for cross-core flag 1 (mode 0), time 1, at cross_wait at k.py:5; "
            "not raised by block 0 has ended") != std::string::npos);
  CHECK(result.fault->detail.find("cycle") == std::string::npos);
}

TEST_CASE("hints: what no access needs, and no fault") {
  auto text = [](const std::string& extra) {
    return program("aiv", " dma_gm_ub zero, s2, 0x4000001, zero\n" + line(3) +
                              " set_flag.mte2.v 0\n wait_flag.mte2.v 0\n" + extra + set(10, 0x10100) +
                              " vexp.f32 zero, zero, s10\n set_flag.v.mte3 0\n wait_flag.v.mte3 0\n"
                              " dma_ub_gm s6, zero, 0x4000001, zero\n");
  };
  std::vector<std::string> hints;
  CHECK(told(text(""), {.hints = true}, 1, &hints) == "");
  CHECK(hints.empty());
  CHECK(told(text(line(4) + " set_flag.mte2.v 1\n wait_flag.mte2.v 1\n" + line(5) + " pipe_barrier.all\n"),
             {.hints = true}, 1, &hints) == "");
  REQUIRE(hints.size() == 2);
  CHECK(hints[0].find("redundant: set_flag.mte2.v at k.py:4 (word ") == 0);
  CHECK(hints[0].find(", wait_flag.mte2.v at k.py:4 (word ") != std::string::npos);
  CHECK(hints[0].find(") order nothing that other flags do not order, in all of 1 executions") != std::string::npos);
  CHECK(hints[1].find("redundant: pipe_barrier.all at k.py:5 (word ") == 0);
}

TEST_CASE("a cross-core flag that somebody waits for, but not often enough, is worth a word") {
  std::vector<std::string> hints;
  const std::string text =
      program("aiv", set(10, 3) + "loop:\n" + line(3) +
                         " cross_set.mode0.mte3.id4\n sub.s32 s10, s10, 1\n setp.eq.s32 p0, s10, zero\n" +
                         " bra out, p0\n cross_wait.mode0.mte2.id4\n jmp loop\nout:\n");
  CHECK(told(text, {.synccheck = true}, 2, &hints) == "");
  REQUIRE(hints.size() == 1);
  CHECK(hints[0] ==
        "cross-core flag 4 (mode 0), raised 3 times, last by cross_set at k.py:3, is still up when the launch ends: "
        "block 0, block 1 waited for it as few as 2 times");
}

TEST_CASE("hints: barriers of a block that separate nothing") {
  // Each thread writes its word of shared memory and reads that of its neighbour; `extra` goes behind the barrier.
  auto hints = [](const std::string& middle, const std::string& extra) {
    SystemOptions options;
    options.checks.hints = true;
    Rig rig(
        ".kernel k simt\n.ub 512\n.param a 8 ptr\n ld.param.b64 s2, [a]\n rdsr.tid.x.u32 r0\n"
        " xor.b32 r2, r0, 1\n" +
            line(3) + " st.ub.b32 [zero + r0*4], r0\n" + middle + line(5) + " ld.ub.b32 r3, [zero + r2*4]\n" + extra +
            " exit\n",
        options);
    const LaunchResult result = rig.launch(3, 64, {rig.buffer(4096)});
    if (result.refused) FAIL(result.refused->str());
    if (result.fault) FAIL(result.fault->str());
    return result.hints;
  };
  const std::string bar = line(4) + " bar.sync\n";
  CHECK(hints(bar, "").empty());
  const auto twice = hints(bar, line(6) + " bar.sync\n");
  REQUIRE(twice.size() == 1);
  CHECK(twice[0].find("redundant: bar at k.py:6 (word ") == 0);
  CHECK(twice[0].find(") separates no two accesses that other barriers do not separate, in all of 3 executions") !=
        std::string::npos);
  CHECK(hints(bar, line(6) + " bar.sync\n st.ub.b32 [zero + r0*4], r0\n").empty());  // the neighbour has read
  CHECK(hints(bar + line(7) + " bar.sync\n", "").size() == 1);
  CHECK(hints(bar, " fence.device\n" + line(6) + " bar.sync\n").empty());  // other blocks may need it
}
