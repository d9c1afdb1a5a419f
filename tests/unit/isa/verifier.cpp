// Each rule of the verifier: a program that obeys it and one that does not.
#include <doctest/doctest.h>

#include "device_sim/assembler/assembler.h"
#include "device_sim/isa/isa.h"
#include "device_sim/isa/verifier.h"

using namespace phx;

namespace {

// The first error of a kernel in assembly, without its place; empty if it verifies.
std::string verdict(const std::string& body, const std::string& kind = "simt") {
  std::string head = kind == "simt" ? "" : ".target " + kind + " \"a-machine\"\n";
  auto executable = assembler::assemble(head + ".kernel k " + kind + "\n" + body, "k.s");
  return executable ? "" : executable.diagnostic().message;
}

bool refuses(const std::string& body, const std::string& because, const std::string& kind = "simt") {
  std::string why = verdict(body, kind);
  INFO(body << "\n=> " << why);
  bool found = why.find(because) != why.npos;
  CHECK(found);
  return found;
}

}  // namespace

TEST_CASE("straight code and loops") {
  CHECK(verdict("exit") == "");
  CHECK(verdict("loop: add.s32 r0, r0, 1\n setp.lt.s32 p0, r0, 10\n bra loop, p0\n exit") == "");
  CHECK(verdict("jmp end\n end: exit") == "");
  CHECK(verdict("trap") == "");
}

TEST_CASE("control cannot fall off the end") {
  refuses("nop", "falls off the end");
  refuses("bra away, p0\n jmp away\naway: add.s32 r0, r0, r1", "falls off the end");
}

TEST_CASE("targets are instruction starts") {
  std::vector<uint64_t> code;
  isa::Instruction jump{.op = isa::Opcode::Jmp, .has_ext = true, .ext = 0};
  isa::encode(jump, code);
  CHECK(isa::verify(code, 0, {}).ok());
  code[1] = 1;  // its own extension word
  CHECK(isa::verify(code, 0, {}).diagnostic().message.find("not the start of an instruction") != std::string::npos);
  code[1] = 2;  // the end
  CHECK(!isa::verify(code, 0, {}));
  code[1] = 0xFFFF'FFFF;
  CHECK(!isa::verify(code, 0, {}));
  code[1] = 0;
  CHECK(!isa::verify(code, 1, {}));
  CHECK(!isa::verify(code, 2, {}));
  CHECK(!isa::verify({}, 0, {}));
}

TEST_CASE("declared register counts") {
  CHECK(verdict(".regs r=4 s=2 p=1\n add.s32 r3, r0, s1\n setp.eq.s32 p0, r0, r1\n exit") == "");
  refuses(".regs r=3 s=2 p=1\n add.s32 r3, r0, s1\n exit", "declares 3");
  refuses(".regs r=4 s=1 p=1\n add.s32 r3, r0, s1\n exit", "declares 1");
  refuses(".regs r=4 s=2\n setp.eq.s32 p0, r0, r1\n exit", "declares 0");
  refuses(".regs r=5 s=2\n mov.b64 r4, s0\n exit", "register 5");
  refuses(".regs r=5 s=2\n ld.gm.v2.b32 r4, [s0]\n exit", "register 5");
  refuses(".regs r=8 s=2\n ld.gm.v4.b32 s0, [s0]\n exit", "register 3");
  CHECK(verdict(".regs r=6 s=2\n ld.gm.v2.b32 r4, [s0]\n exit") == "");
  refuses("mov.b64 r3, s0\n exit", "even pair");
  refuses("ld.gm.b32 r0, [r3]\n exit", "even pair");
  refuses("ld.gm.v4.b64 r124, [s0]\n exit", "reaches past r127");
}

TEST_CASE("cores") {
  CHECK(verdict("dma_gm_ub s0, s1, s2, 0\n exit", "aiv") == "");
  refuses("dma_gm_ub s0, s1, s2, 0\n exit", "this tile program's core", "aic");
  refuses("dma_gm_ub s0, s1, s2, 0\n exit", "tile programs only");
  refuses("mov.b32 r0, 1\n exit", "no lane registers", "aiv");
  refuses("bar.sync\n exit", "this tile program's core", "aiv");
  refuses("ld.local.b32 s0, [0]\n exit", "local memory belongs to lanes");
  CHECK(verdict("ld.local.b32 r0, [0]\n exit") == "");
}

TEST_CASE("a scalar destination needs uniform sources") {
  refuses("add.s32 s0, s1, r0\n exit", "dst s0 is scalar");
  refuses("ld.gm.b32 s0, [s2 + r0*4]\n exit", "dst s0 is scalar");
  CHECK(verdict("ballot.b32 s0, p0, zero\n first.b32 s1, r0\n sel.b32 s2, s0, zero, p1\n exit") == "");
  refuses("first.b32 r1, r0\n exit", "must be a scalar");
  refuses("rdsr.tid.x.u32 s0\n exit", "lane destination");
}

TEST_CASE("fork and join nest") {
  CHECK(verdict("fork.k0 j\n bra j, p0\n nop\n j: join.k0\n exit") == "");
  CHECK(verdict("fork.k0 a\n fork.k1 b\n bra b, p0\n b: join.k1\n a: join.k0\n exit") == "");
  CHECK(verdict("fork.k0 a\n l: bra l, p0\n a: join.k0\n fork.k0 b\n b: join.k0\n exit") == "");
  refuses("fork.k0 j\n exit\n j: nop\n exit", "not the join of region 0");
  refuses("fork.k0 j\n exit\n j: join.k1\n exit", "not the join of region 0");
  refuses("join.k0\n exit", "does not close the innermost open region (none)");
  refuses("fork.k0 a\n fork.k1 b\n bra a, p0\n b: join.k1\n a: join.k0\n exit",
          "does not close the innermost open region");
  refuses("fork.k0 a\n fork.k1 b\n a: join.k0\n b: join.k1\n exit", "does not close the innermost open region (k0 k1)");
  refuses("fork.k0 a\n fork.k0 b\n b: join.k0\n a: join.k0\n exit", "already open");
  refuses("l: fork.k0 a\n bra l, p0\n a: join.k0\n exit", "different open regions");
  refuses("fork.k0 a\n bra out, p0\n a: join.k0\n out: exit", "different open regions");
  CHECK(verdict("fork.k0 a\n bra out, p0\n a: join.k0\n exit\n out: exit") == "");  // leaves by exit only
}

TEST_CASE("scalar registers live after a join are not written inside") {
  CHECK(verdict("fork.k0 j\n mov.b32 s0, 1\n j: join.k0\n exit") == "");
  CHECK(verdict("fork.k0 j\n mov.b32 s0, 1\n j: join.k0\n mov.b32 s0, 2\n mov.b32 s1, s0\n exit") == "");
  refuses("fork.k0 j\n mov.b32 s0, 1\n j: join.k0\n mov.b32 s1, s0\n exit", "scalar register s0 is written inside k0");
  refuses("fork.k0 a\n fork.k1 b\n mov.b32 s7, 1\n b: join.k1\n a: join.k0\n mov.b32 s1, s7\n exit",
          "s7 is written inside k0 k1");
  CHECK(
      verdict("fork.k0 a\n mov.b32 s7, 1\n fork.k1 b\n bra b, p0\n b: join.k1\n mov.b32 s1, s7\n a: join.k0\n exit") ==
      "");
  // Live around a loop.
  refuses("mov.b32 s0, 0\nl: fork.k0 j\n add.s32 s0, s0, 1\n j: join.k0\n bra l, p0\n exit", "s0 is written inside k0");
  CHECK(verdict("mov.b32 s0, 0\nl: fork.k0 j\n bra j, p1\n mov.b32 s2, 1\n j: join.k0\n add.s32 s0, s0, 1\n bra l, "
                "p0\n exit") == "");
  // Vector loads write several.
  refuses("fork.k0 j\n ld.gm.v2.b32 s4, [s8]\n j: join.k0\n mov.b32 s1, s5\n exit", "s5 is written inside k0");
}

TEST_CASE("calls") {
  CHECK(verdict("call f\n exit\n f: ret") == "");
  CHECK(verdict("call f\n exit\n f: call f\n ret") == "");  // recursion is limited when it runs
  refuses("ret", "no caller to return to");
  refuses("call f\n exit\n f: fork.k0 j\n ret\n j: join.k0\n ret", "returns with k0 open");
  refuses("call f\n call g\n exit\n f: nop\n g: nop\n ret", "two functions");
  // A callee's writes count as the caller's.
  refuses("fork.k0 j\n call f\n j: join.k0\n mov.b32 s1, s0\n exit\n f: mov.b32 s0, 1\n ret",
          "s0 is written inside k0");
  refuses("fork.k0 j\n call g\n j: join.k0\n mov.b32 s1, s0\n exit\n f: mov.b32 s0, 1\n ret\n g: call f\n ret",
          "s0 is written inside k0");
  // A callee's needs count as the caller's reads; what it always writes does not.
  refuses("fork.k0 j\n mov.b32 s0, 1\n j: join.k0\n call f\n exit\n f: mov.b32 s1, s0\n ret",
          "s0 is written inside k0");
  CHECK(verdict("fork.k0 j\n mov.b32 s0, 1\n j: join.k0\n call f\n mov.b32 s1, s0\n exit\n f: mov.b32 s0, 2\n ret") ==
        "");
  refuses(
      "fork.k0 j\n mov.b32 s0, 1\n j: join.k0\n call f\n mov.b32 s1, s0\n exit\n f: bra o, p0\n mov.b32 s0, 2\n o: ret",
      "s0 is written");
  // Inside the callee, registers that the caller needs are live after its joins.
  refuses("mov.b32 s0, 1\n call f\n mov.b32 s1, s0\n exit\n f: fork.k0 j\n mov.b32 s0, 2\n j: join.k0\n ret",
          "s0 is written inside k0");
  // One call site's registers do not leak into another's.
  CHECK(verdict("call f\n mov.b32 s0, 1\n fork.k0 j\n mov.b32 s5, 3\n j: join.k0\n call f\n mov.b32 s5, s0\n exit\n f: "
                "ret") == "");
}

TEST_CASE("what the code uses") {
  std::vector<uint64_t> code;
  auto executable = assembler::assemble(
      ".kernel k\n rdsr.clock.u32 r9\n bar.grid\n svc.free zero, s3, zero\n rdsr.ub_dynamic.u32 s1\n exit");
  REQUIRE_MESSAGE(executable.ok(), executable.diagnostic().str());
  const image::Kernel& kernel = executable->kernels[0];
  CHECK(kernel.lane_registers == 10);
  CHECK(kernel.scalar_registers == 4);
  CHECK(kernel.flags == (image::kUsesClock | image::kUsesGridBarrier | image::kUsesDynamicUb | image::kUsesService));
}

TEST_CASE("hostile sizes stay linear") {
  // A long chain of nested regions and a long ladder of branches.
  std::vector<uint64_t> code;
  auto emit = [&](isa::Instruction i) { isa::encode(i, code); };
  constexpr uint64_t n = 100'000;
  for (uint64_t k = 0; k < n; ++k)
    emit({.op = isa::Opcode::Bra, .a = isa::operand::p(0), .has_ext = true, .ext = (k * 7919) % n * 2});
  for (unsigned r = 0; r < 64; ++r)
    emit({.op = isa::Opcode::Add,
          .type = isa::Type::S32,
          .dst = isa::operand::s(r),
          .a = isa::operand::s((r + 1) % 64),
          .b = isa::operand::s(r)});
  emit({.op = isa::Opcode::Exit});
  CHECK(isa::verify(code, 0, {}).ok());
}
