// The trace of a tile program: a lane for each pipe of each core, arrows for flags.
#include <cstdio>
#include <fstream>
#include <iterator>

#include "device_sim/trace/trace.h"
#include "tests/unit/system/rig.h"

using phx::sim::LaunchResult;
using phx::sim::SystemOptions;
using phx::sim::TraceSink;
using phx::sim::test::Rig;

TEST_CASE("pipes have lanes, instructions are spans, flags that were waited for are arrows") {
  const std::string file = "tile_trace_test.json";
  auto trace = TraceSink::open(file);
  REQUIRE(trace.ok());
  SystemOptions options;
  options.trace = trace->get();
  Rig rig(R"(.target aic "DIGEST"
.kernel k aic
.flags mix
.param x 8 ptr
 ld.param.b64 s2, [x]
 mov.b64 s4, 64
 dma_nd2nz.f16 zero, s2, 0x1000100010, s4
 set_flag.mte2.mte1 zero
 wait_flag.mte2.mte1 zero
 l1_l0a.f16 zero, zero, 0x1000010001
 l1_l0b.f16 zero, zero, 0x1000010001
 set_flag.mte1.m zero
 wait_flag.mte1.m zero
 mmad.f16 zero, zero, zero, 0x1010010010
 cross_set.mode2.m.id0
 exit
.kernel k aiv
.flags mix
.param x 8 ptr
 mov.b64 s5, 0x10008
 cross_wait.mode2.v.id0
 vexp.f32 zero, zero, s5
 exit
)",
          options);
  const LaunchResult result = rig.launch(1, 1, {rig.buffer(1 << 20)});
  if (result.refused) FAIL(result.refused->str());
  if (result.fault) FAIL(result.fault->str());
  CHECK(result.counters.events.at("macs") == 16 * 16 * 16);
  CHECK(result.counters.pipe_instructions.at("v") == 2);
  REQUIRE((*trace)->close());
  std::ifstream stream(file);
  const std::string text(std::istreambuf_iterator<char>(stream), {});
  for (const char* part : {"AIC 0 M\"", "AIC 0 MTE1\"", "AIC 0 MTE2\"", "AIV 0 V\"", "AIV 1 V\"", "mmad 16x16x16",
                           "dma_nd2nz", "l1_l0b", "vexp", "\"flag\""})
    CHECK_MESSAGE(text.find(part) != std::string::npos, part);
  std::remove(file.c_str());
}
