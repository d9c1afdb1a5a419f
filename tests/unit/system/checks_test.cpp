// Initcheck and racecheck: each bug is found with both sides, its corrected twin is clean, and nothing depends on the
// host's threads.
#include "tests/unit/system/rig.h"

using phx::sim::Fault;
using phx::sim::FaultKind;
using phx::sim::LaunchResult;
using phx::sim::SystemOptions;
using phx::sim::test::Rig;

namespace {

SystemOptions options(bool initcheck, bool racecheck, unsigned threads = 2, uint64_t shuffle = 0) {
  SystemOptions options;
  options.checks.initcheck = initcheck;
  options.checks.racecheck = racecheck;
  options.threads = threads;
  options.shuffle = shuffle;
  options.devices = 2;
  return options;
}

std::string text_of(const LaunchResult& result) {
  if (result.refused) FAIL(result.refused->str());
  std::string text;
  for (const Fault& fault : result.findings)
    text += std::string(phx::sim::name_of(fault.kind)) + "\n" + fault.detail + "\n";
  CHECK(result.fault.has_value() == !text.empty());
  return text;
}

// Every core leaves its index in word 0 of its row of 32 bytes and reads the next core's word.
std::string neighbours(const std::string& between) {
  return R"(.target aiv "DIGEST"
.kernel k aiv
.param x 8 ptr
 ld.param.b64 s2, [x]
 rdsr.block_idx.u64 s4
 shl.b64 s5, s4, 5
 add.u64 s6, s2, s5
 .loc "k.py" 7
 st.gm.b32 [s6], s4
)" + between +
         R"( .loc "k.py" 9
 ld.gm.b32 s8, [s6 + 32]
 exit
)";
}
const std::string kFlag = " cross_set.mode0.s.id0\n cross_wait.mode0.s.id0\n";

// Cores copy 1024 bytes from x to y, each to a place `stride` bytes after the last core's.
std::string copies(unsigned stride) {
  return R"(.target aiv "DIGEST"
.kernel k aiv
.param x 8 ptr
.param y 8 ptr
 ld.param.b64 s2, [x]
 ld.param.b64 s3, [y]
 rdsr.block_idx.u64 s4
 mul.u64 s4, s4, )" +
         std::to_string(stride) + R"(
 add.u64 s3, s3, s4
 .loc "k.py" 7
 dma_gm_ub zero, s2, 0x4000001, zero
 set_flag.mte2.mte3 zero
 wait_flag.mte2.mte3 zero
 .loc "k.py" 9
 dma_ub_gm s3, zero, 0x4000001, zero
 exit
)";
}

std::string race(const std::string& program, unsigned threads = 2, uint64_t shuffle = 0, uint32_t blocks = 4) {
  Rig rig(program, options(false, true, threads, shuffle));
  return text_of(rig.launch(blocks, 1, {rig.buffer(4096, "x"), rig.buffer(65536, "y")}));
}

}  // namespace

TEST_CASE("cores that read what others write without a flag race") {
  CHECK(race(neighbours("")) ==
        "data race\n"
        "read-write race on byte 32 of x (4096 bytes): ld at k.py:9 by program 0, device 0 and st at k.py:7 by program "
        "1, device 0: nothing orders them\n");
  CHECK(race(neighbours(kFlag)) == "");
}

TEST_CASE("cores whose DMA rows overlap race") {
  CHECK(race(copies(1024)) == "");
  CHECK(race(copies(1000)) ==
        "data race\n"
        "write-write race on byte 1000 of y (65536 bytes): dma_ub_gm at k.py:9 by program 0, device 0 and dma_ub_gm at "
        "k.py:9 by program 1, device 0: nothing orders them\n");
}

TEST_CASE("members of a group race through memory of one of them") {
  Rig rig(neighbours(""), options(false, true));
  rig.request.members = {0, 1};
  const std::string text = text_of(rig.launch(2, 1, {rig.buffer(4096, "x")}));
  CHECK(text ==
        "data race\n"
        "read-write race on byte 32 of x (4096 bytes): ld at k.py:9 by program 0, device 0 and st at k.py:7 by program "
        "1, device 1: nothing orders them\n");
}

TEST_CASE("what is found does not depend on the host") {
  const std::string found = race(neighbours(""), 1, 0, 64), rows = race(copies(1000), 1, 0, 64);
  for (unsigned threads : {1u, 2u, 4u})
    for (uint64_t seed : {1u, 2u, 3u}) {
      CHECK(race(neighbours(""), threads, seed, 64) == found);
      CHECK(race(copies(1000), threads, seed, 64) == rows);
    }
}

TEST_CASE("rows that nobody wrote are told where they are loaded") {
  Rig rig(copies(1024), options(true, false));
  const uint64_t x = rig.buffer(4096, "x"), y = rig.buffer(65536, "y");
  CHECK(
      text_of(rig.launch(1, 1, {x, y})) ==
      "uninitialised read\n"
      "dma_gm_ub at k.py:7 reads 1024 bytes, of which byte 0 of x (4096 bytes) was never written: thread (0, 0, 0) of "
      "block (0, 0, 0), device 0\n");
  rig.system->fill(x, 0, 4, 1023);
  CHECK(text_of(rig.launch(1, 1, {x, y})).find("byte 1023 of x") != std::string::npos);
  rig.system->fill(x, 0, 4, 1024);
  CHECK(text_of(rig.launch(1, 1, {x, y})) == "");
  // What the kernel wrote is written, and no more.
  rig.read<char>(y, 1024);
  char byte = 0;
  const auto transfer = rig.system->read(&byte, y + 1024, 1);
  REQUIRE(transfer.fault);
  CHECK(transfer.fault->kind == FaultKind::uninitialised_read);
  CHECK(transfer.fault->nearest == "1024 bytes into y (65536 bytes)");
}

TEST_CASE("copies carry what was written with them, also over themselves") {
  Rig rig("", options(true, false));
  const uint64_t x = rig.buffer(4096, "x"), y = rig.buffer(4096, "y");
  rig.system->fill(x + 100, 7, 1, 50);
  rig.system->copy(y, x, 4096);
  auto readable = [&](uint64_t address, uint64_t bytes) {
    std::vector<char> to(bytes);
    return !rig.system->read(to.data(), address, bytes).fault;
  };
  CHECK(readable(y + 100, 50));
  CHECK(!readable(y + 99, 2));
  CHECK(!readable(y + 149, 2));
  rig.system->copy(y + 110, y + 90, 60);  // bytes 100 to 150 go to 120 to 170, 90 to 100 are none
  CHECK(readable(y + 120, 50));
  CHECK(!readable(y + 119, 1));
  CHECK(readable(y + 100, 10));
  rig.system->copy(y, x, 4096);
  CHECK(!readable(y + 160, 1));
}

TEST_CASE("without the checks the same programs run") {
  Rig rig(copies(1000));
  CHECK(!rig.launch(4, 1, {rig.buffer(4096, "x"), rig.buffer(65536, "y")}).fault);
}
