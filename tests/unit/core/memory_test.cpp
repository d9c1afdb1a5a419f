// Loads and stores of every width, space and address form; atomics; the faults of memory.
#include "device_sim/isa/isa.h"
#include "tests/unit/core/rig.h"

using phx::sim::FaultKind;
using phx::sim::Placement;
using phx::sim::test::Rig;

namespace {

constexpr const char* kHead =
    ".kernel k simt\n.param x 8 ptr\n.param y 8 ptr\n.local 64\n.ub 4096\n rdsr.tid.x.u32 r0\n ld.param.b64 s2, [x]\n "
    "ld.param.b64 s4, [y]\n";

struct Outcome {
  std::optional<phx::sim::Fault> fault;
  std::vector<uint32_t> y;
};
// x holds 1024 bytes 0..255 again and again.
Outcome run(const std::string& body, unsigned threads = 32, uint64_t x_offset = 0) {
  Rig rig(std::string(kHead) + body);
  rig.launch.block = {threads, 1, 1};
  std::vector<uint8_t> bytes(1024);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i);
  const uint64_t x = rig.buffer(bytes, "cudaMalloc #1"), y = rig.buffer(std::vector<uint32_t>(1024), "cudaMalloc #2");
  rig.arguments(x + x_offset, y);
  rig.run();
  return {rig.fault, rig.read<uint32_t>(y, 1024)};
}
std::vector<uint32_t> good(const std::string& body, unsigned threads = 32) {
  auto outcome = run(body + " st.gm.b32 [s4 + r0*4], r9\n exit\n", threads);
  if (outcome.fault) FAIL(outcome.fault->str());
  return outcome.y;
}
phx::sim::Fault bad(const std::string& body, unsigned threads = 32) {
  auto outcome = run(body + " exit\n", threads);
  REQUIRE(outcome.fault);
  return *outcome.fault;
}
uint32_t word(unsigned at) {
  uint32_t w = 0;
  for (unsigned k = 4; k-- > 0;) w = w << 8 | ((at + k) & 255);
  return w;
}

}  // namespace

TEST_CASE("loads by type") {
  for (unsigned i = 0; i < 32; ++i) {
    static const auto u8 = good(" ld.gm.u8 r9, [s2 + r0 + 120]\n"), s8 = good(" ld.gm.s8 r9, [s2 + r0 + 120]\n");
    static const auto u16 = good(" ld.gm.u16 r9, [s2 + r0*2 + 100]\n"),
                      s16 = good(" ld.gm.s16 r9, [s2 + r0*2 + 100]\n");
    static const auto b32 = good(" ld.gm.b32 r9, [s2 + r0*4 + 8]\n"),
                      low = good(" ld.gm.b64 r8, [s2 + r0*8 + 8]\n mov.b32 r9, r8\n");
    static const auto high = good(" ld.gm.b64 r10, [s2 + r0*8 + 8]\n mov.b32 r9, r11\n");
    static const auto v4 = good(" ld.gm.v4.b32 r4, [s2 + r0*16]\n mov.b32 r9, r7\n");
    static const auto v2 = good(" ld.gm.v2.b64 r4, [s2 + r0*16]\n mov.b32 r9, r6\n");
    CHECK(u8[i] == 120 + i);
    CHECK(s8[i] == static_cast<uint32_t>(static_cast<int32_t>(static_cast<int8_t>(120 + i))));
    CHECK(u16[i] == (word(100 + 2 * i) & 0xffff));
    CHECK(s16[i] == static_cast<uint32_t>(static_cast<int32_t>(static_cast<int16_t>(word(100 + 2 * i)))));
    CHECK(b32[i] == word(8 + 4 * i));
    CHECK(low[i] == word(8 + 8 * i));
    CHECK(high[i] == word(12 + 8 * i));
    CHECK(v4[i] == word(12 + 16 * i));
    CHECK(v2[i] == word(8 + 16 * i));
  }
}

TEST_CASE("address forms") {
  const auto gather = good(" mul.s32 r1, r0, 7\n ld.gm.b32 r9, [s2 + r1*4]\n");
  const auto negative = good(" sub.s32 r1, zero, r0\n ld.gm.b32 r9, [s2 + r1*4 + 400]\n");
  const auto pair = good(" cvt.u32.u64 r4, r0\n shl.b64 r4, r4, 3\n add.s64 r4, r4, s2\n ld.gm.b32 r9, [r4 + 4]\n");
  const auto uniform = good(" mov.b32 s6, 5\n ld.gm.b32 r9, [s2 + s6*4]\n");
  const auto scalar = good(" mov.b32 s6, 5\n ld.gm.b32 s7, [s2 + s6*4 + 4]\n mov.b32 r9, s7\n");
  const auto lea = good(" lea.gm.b64 r4, [s2 + r0*8]\n ld.generic.b32 r9, [r4]\n");
  for (unsigned i = 0; i < 32; ++i) {
    CHECK(gather[i] == word(28 * i));
    CHECK(negative[i] == word(400 - 4 * i));
    CHECK(pair[i] == word(8 * i + 4));
    CHECK(uniform[i] == word(20));
    CHECK(scalar[i] == word(24));
    CHECK(lea[i] == word(8 * i));
  }
}

TEST_CASE("shared, local and generic memory") {
  const auto ub = good(
      " mul.s32 r1, r0, 3\n st.ub.b32 [zero + r0*4], r1\n bar.sync\n xor.b32 r2, r0, 1\n ld.ub.b32 r9, [zero + r2*4]\n",
      64);
  const auto local =
      good(" st.local.b32 [16], r0\n add.s32 r1, r0, 1\n st.local.u8 [17], r1\n ld.local.b32 r9, [16]\n", 64);
  const auto generic = good(
      " lea.ub.b64 r4, [zero + r0*4]\n st.generic.b32 [r4], r0\n bar.sync\n xor.b32 r2, r0, 2\n ld.ub.b32 r9, [zero + "
      "r2*4]\n",
      64);
  const auto mixed = good(R"(
 lea.ub.b64 r4, [zero + r0*4]
 lea.local.b64 r6, [8]
 mul.s32 r1, r0, 9
 st.generic.b32 [r4], r1
 st.generic.b32 [r6], r0
 and.b32 r2, r0, 1
 setp.eq.s32 p0, r2, zero
 sel.b64 r4, r4, r6, p0
 ld.generic.b32 r9, [r4]
)",
                          64);
  for (unsigned i = 0; i < 64; ++i) {
    CHECK(ub[i] == 3 * (i ^ 1));
    CHECK(local[i] == ((i & 0xff) | ((i + 1) & 0xff) << 8));
    CHECK(generic[i] == (i ^ 2));
    CHECK(mixed[i] == (i & 1 ? i : 9 * i));
  }
}

TEST_CASE("partial masks leave other lanes and bytes alone") {
  const auto x = good(
      " mov.b32 r9, 77\n and.b32 r1, r0, 1\n setp.eq.s32 p0, r1, zero\n fork.k0 skip\n bra skip, p0\n ld.gm.b32 r9, "
      "[s2 + r0*4]\nskip:\n join.k0\n");
  for (unsigned i = 0; i < 32; ++i) CHECK(x[i] == (i & 1 ? word(4 * i) : 77));
}

TEST_CASE("atomics on shared and device memory") {
  for (const char* space : {"gm", "ub"}) {
    const std::string s(space), at = s == "gm" ? "s2" : "zero";
    const std::string clear = " st." + s + ".b64 [" + at + "], zero\n bar.sync\n";
    const auto add = good(clear + " add.s32 r1, r0, 1\n atom." + s + ".add.s32 r2, [" + at + "], r1\n bar.sync\n ld." +
                              s + ".b32 r9, [" + at + "]\n",
                          64);
    CHECK(add[0] == 64 * 65 / 2);
    const auto red =
        good(clear + " red." + s + ".max.u32 [" + at + "], r0\n bar.sync\n ld." + s + ".b32 r9, [" + at + "]\n", 64);
    CHECK(red[0] == 63);
    const auto order = good(clear + " atom." + s + ".exch.b32 r9, [" + at + "], r0\n", 32);
    CHECK(order[5] == 4);
    const auto inc = good(clear + " mov.b32 r1, 4\n atom." + s + ".inc.u32 r9, [" + at + "], r1\n", 32);
    CHECK(inc[7] == 2);
    const auto sum = good(clear + " cvt.u32.f32 r1, r0\n red." + s + ".add.f32 [" + at + "], r1\n bar.sync\n ld." + s +
                              ".b32 r9, [" + at + "]\n",
                          64);
    CHECK(sum[0] == 0x44fc0000);  // 2016.0f
    const auto wide = good(clear + " cvt.u32.u64 r4, r0\n shl.b64 r4, r4, 30\n red." + s + ".add.u64 [" + at +
                               "], r4\n bar.sync\n ld." + s + ".b64 r8, [" + at + "]\n",
                           64);
    CHECK(wide[0] == (uint64_t{2016} << 30) >> 32);
    const auto half = good(clear + " mov.b32 r1, 0x3c00\n red." + s + ".add.f16 [" + at + " + 2], r1\n bar.sync\n ld." +
                               s + ".b32 r9, [" + at + "]\n",
                           32);
    CHECK(half[0] == 0x50000000);
  }
}

TEST_CASE("memory faults say what, where and how far") {
  auto fault = bad(" ld.gm.b32 r1, [s2 + r0*4 + 960]\n");
  CHECK(fault.kind == FaultKind::out_of_bounds);
  CHECK(fault.thread == std::array<uint32_t, 3>{16, 0, 0});
  CHECK(fault.bytes == 4);
  CHECK(!fault.is_store);
  CHECK(fault.instruction == "ld.gm.b32 r1, [s2 + r0*4 + 960]");
  CHECK(fault.nearest.find("0 bytes past the end of cudaMalloc #1 (1024 bytes at 0x0d") == 0);
  CHECK(fault.str().find("out of bounds") == 0);

  fault =
      bad(" setp.ge.s32 p0, r0, 3\n fork.k0 l\n bra.not l, p0\n st.gm.b32 [s2 + r0*4 + 1012], r0\nl:\n join.k0\n "
          "mov.b32 r3, r0\n");
  CHECK(fault.kind == FaultKind::out_of_bounds);
  CHECK(fault.is_store);
  CHECK(fault.thread[0] == 3);

  CHECK(bad(" ld.gm.b32 r1, [s2 + r0*4 + 2]\n").kind == FaultKind::misaligned);
  CHECK(bad(" ld.gm.b32 s6, [s2 + 1]\n").kind == FaultKind::misaligned);
  CHECK(bad(" ld.gm.v4.b32 r4, [s2 + 8]\n").kind == FaultKind::misaligned);
  CHECK(bad(" ld.ub.b32 r1, [zero + r0*4 + 4092]\n").kind == FaultKind::ub_out_of_bounds);
  CHECK(bad(" st.local.b32 [64], r0\n").kind == FaultKind::local_out_of_bounds);
  CHECK(bad(" ld.param.b32 r1, [64]\n").kind == FaultKind::param_out_of_bounds);
  fault = bad(" ld.gm.b32 r1, [zero + r0*4]\n");
  CHECK(fault.kind == FaultKind::out_of_bounds);
  CHECK(fault.nearest == "a null pointer");
  fault = bad(" mov.b64 s6, 0x7f0012340000\n ld.gm.b32 r1, [s6 + r0*4]\n");
  CHECK(fault.kind == FaultKind::host_pointer);
  CHECK(fault.address == 0x7f0012340000);
  CHECK(bad(" trap\n").kind == FaultKind::trap);
  CHECK(bad(" first.b32 s6, r0\n").kind == FaultKind::divergent_scalar);
  CHECK(bad(" setp.lt.s32 p0, r0, 3\n sel.b32 s6, s7, s8, p0\n").kind == FaultKind::divergent_scalar);
}

TEST_CASE("a store that faults in one lane changes nothing") {
  auto outcome = run(" add.s32 r1, r0, 1000\n st.gm.b32 [s4 + r1*4], r0\n exit\n");
  REQUIRE(outcome.fault);
  CHECK(outcome.fault->thread[0] == 24);
  for (uint32_t w : outcome.y) CHECK(w == 0);
}

TEST_CASE("freed, registered and read-only memory") {
  const std::string text = std::string(kHead) + " ld.gm.b32 r9, [s2 + r0*4]\n st.gm.b32 [s4 + r0*4], r9\n exit\n";
  Rig freed(text);
  freed.launch.block = {32, 1, 1};
  const uint64_t x = freed.buffer(std::vector<uint32_t>(32), "old"), y = freed.buffer(std::vector<uint32_t>(32));
  CHECK(freed.memory.free(x).ok());
  freed.arguments(x, y);
  freed.run();
  REQUIRE(freed.fault);
  CHECK(freed.fault->kind == FaultKind::use_after_free);
  CHECK(freed.fault->nearest.find("0 bytes into old (128 bytes at") == 0);

  Rig host(text);
  host.launch.block = {32, 1, 1};
  std::vector<uint32_t> managed(32, 5);
  CHECK(host.memory.register_host(managed.data(), 128, "cudaMallocManaged #1").ok());
  const uint64_t out = host.buffer(std::vector<uint32_t>(32));
  host.arguments(reinterpret_cast<uint64_t>(managed.data()), out);
  host.run_well();
  CHECK(host.read<uint32_t>(out, 32)[31] == 5);

  Rig constant(text);
  constant.launch.block = {32, 1, 1};
  const uint16_t both[] = {0, 1};
  auto copies = constant.memory.allocate(128, Placement::replicated, both, "copies");
  REQUIRE(copies);
  constant.arguments(out, *copies);
  constant.arguments(constant.buffer(std::vector<uint32_t>(32)), *copies);
  constant.run();
  REQUIRE(constant.fault);
  CHECK(constant.fault->kind == FaultKind::read_only_store);
}
