// Issue, scoreboard, barriers and dispatch: cycles by formula.

#include "tests/unit/timing/event_streams.h"

using namespace phx;
using namespace phx::sim;
using namespace phx::sim::test;

namespace {

// Round numbers: 1 GHz, so that a nanosecond is a cycle; launch overhead 1000 + 10 a block; add: latency 7, interval 1.
machine::Machine simple() {
  return machine_with({"chip.clock=1GHz", "launch.simt_base=1us", "launch.simt_per_block=10ns", "simt.schedulers=4",
                       "simt.issue=1inst/cycle", "timing.simt.alu.latency=7cycle", "timing.simt.alu.interval=1cycle",
                       "timing.simt.barrier.latency=1cycle", "timing.simt.barrier.interval=1cycle",
                       "sync.block_barrier=20cycle"});
}
constexpr uint64_t kFirstBlock = 1010;

std::vector<isa::Instruction> chain(unsigned n) { return std::vector<isa::Instruction>(n, add(1, 1, 1)); }
std::vector<isa::Instruction> independent(unsigned n) {
  std::vector<isa::Instruction> code;
  for (unsigned i = 0; i < n; ++i) code.push_back(add(i % 60, 62, 63));
  return code;
}

}  // namespace

TEST_CASE("a chain of one warp is the sum of its latencies") {
  LaunchScript launch{.machine = simple(), .code = chain(50)};
  launch.blocks = {{WarpScript().run(0, 50).end()}};
  LaunchCounters counters = launch.replay();
  CHECK(counters.cycles == kFirstBlock + 49 * 7 + 1);
  CHECK(counters.overhead_cycles == 1000);
  CHECK(counters.events.at("warp_instructions") == 50);
  CHECK(counters.events.at("lane_instructions") == 50 * 32);
  CHECK(counters.stall_cycles.at("dependency") == 49 * 6);
  CHECK(counters.pipe_busy_cycles.at("v") == 50);
  REQUIRE(counters.lines.size() == 50);
  CHECK(counters.lines[3].issues == 1);
  CHECK(counters.lines[3].lanes == 32);
  CHECK(counters.lines[3].stall_cycles == 6);
}

TEST_CASE("independent instructions of one warp are bound by issue") {
  LaunchScript launch{.machine = simple(), .code = independent(60)};
  launch.blocks = {{WarpScript().run(0, 60).end()}};
  CHECK(launch.replay().cycles == kFirstBlock + 60);
}

TEST_CASE("warps of one scheduler hide each other's latency") {
  for (unsigned warps : {2u, 4u, 7u, 14u}) {
    LaunchScript launch{
        .machine = machine_with({"chip.clock=1GHz", "launch.simt_base=1us", "launch.simt_per_block=10ns",
                                 "simt.schedulers=1", "simt.issue=1inst/cycle", "timing.simt.alu.latency=7cycle",
                                 "timing.simt.alu.interval=1cycle"}),
        .code = chain(50),
        .threads = warps * 32};
    launch.blocks = {std::vector<WarpScript>(warps, WarpScript().run(0, 50).end())};
    uint64_t cycles = launch.replay().cycles - kFirstBlock;
    if (warps <= 7)
      CHECK(cycles == 49 * 7 + warps);  // all fit into one latency
    else
      CHECK(cycles >= 50 * warps);  // bound by issue
    if (warps == 14) CHECK(cycles <= 50 * warps + 7 * 7);
  }
}

TEST_CASE("warps on different schedulers do not see each other") {
  LaunchScript launch{.machine = simple(), .code = independent(60), .threads = 128};
  launch.blocks = {std::vector<WarpScript>(4, WarpScript().run(0, 60).end())};
  CHECK(launch.replay().cycles == kFirstBlock + 60);
}

TEST_CASE("a barrier ends block_barrier cycles after its last arrival") {
  std::vector<isa::Instruction> code = chain(101);
  code[50] = bar();
  LaunchScript launch{.machine = simple(), .code = code, .threads = 64};
  launch.blocks = {{WarpScript().run(0, 51).arrive(0).barrier(0).run(51, 1).end(),
                    WarpScript().run(50, 1).arrive(0).barrier(0).run(51, 1).end()}};
  launch.arrivals = {{2}};
  LaunchCounters counters = launch.replay();
  // The first warp: 50 adds in a chain, bar right behind the last; both then issue one add.
  uint64_t arrived = kFirstBlock + 49 * 7 + 1 + 1;
  CHECK(counters.cycles == arrived + 20 + 1);
  CHECK(counters.events.at("barriers") == 1);
  CHECK(counters.stall_cycles.at("barrier") == 20 + (arrived - kFirstBlock - 1) + 20);
}

TEST_CASE("a taken branch pays the refetch, a fall-through does not") {
  machine::Machine machine = simple();
  uint64_t refetch = uint64_t(machine::timing_of(machine.chip.simt.timing, "branch").latency_cycles);
  std::vector<isa::Instruction> code = independent(4);
  code[1] = {.op = isa::Opcode::Bra, .dst = 0, .a = isa::operand::p(0), .has_ext = true};
  LaunchScript launch{.machine = machine, .code = code};
  launch.blocks = {{WarpScript().run(0, 2).run(2, 1).end()}};
  CHECK(launch.replay().cycles == kFirstBlock + 3);
  launch.blocks = {{WarpScript().run(0, 2).run(3, 1).end()}};
  CHECK(launch.replay().cycles == kFirstBlock + 1 + refetch + 1);
}

TEST_CASE("blocks beyond the slots wait for one to end") {
  machine::Machine machine = simple();
  machine.chip.aiv = 2;
  LaunchScript launch{.machine = machine, .code = chain(100), .blocks_per_core = 1};
  launch.blocks.assign(6, {WarpScript().run(0, 100).end()});
  uint64_t body = 99 * 7 + 1;
  // Three waves; the second core's first block starts one dispatch later, and so do its successors. A core gets its
  // next block one round of the dispatcher over both cores after the last.
  CHECK(launch.replay().cycles == 1000 + 20 + body + 20 + body + 20 + body);
  launch.blocks_per_core = 3;  // all at once; three warps share a core's four schedulers
  CHECK(launch.replay().cycles == 1000 + 60 + body);
}

TEST_CASE("an empty launch costs base and per-block overhead") {
  for (unsigned blocks : {1u, 32u, 128u}) {
    LaunchScript launch{.machine = simple(), .code = independent(1), .blocks_per_core = 8};
    launch.blocks.assign(blocks, {WarpScript().run(0, 1).end()});
    CHECK(launch.replay().cycles == 1000 + 10 * blocks + 1);
  }
}

TEST_CASE("an ordered operation ends after its producer") {
  machine::Machine machine = simple();
  std::vector<isa::Instruction> code = chain(201);
  code[200] = atom(2);
  LaunchScript launch{.machine = machine, .code = code};
  // Block 1's atomic reads from block 0's, which comes 200 adds later.
  launch.blocks = {
      {WarpScript().run(0, 201).access(AccessKind::gm_atomic, 64, 1, 0, 1, 4, 1).ordered(0).end()},
      {WarpScript().run(200, 1).access(AccessKind::gm_atomic, 64, 1, 0, 1, 4, 1).ordered(1).run(0, 1).end()}};
  launch.ordered = {{}, {.producer = 0}};
  LaunchCounters counters = launch.replay();
  uint64_t issued = kFirstBlock + 199 * 7 + 1;  // the atomic does not need the chain's last result
  CHECK(counters.cycles > issued + uint64_t(machine.chip.simt.dcache_l2_hit_cycles));
  CHECK(counters.stall_cycles.at("ordered") > 199 * 7);
  CHECK(counters.events.count("unresolved_waits") == 0);

  launch.ordered = {{}, {}};
  CHECK(launch.replay().stall_cycles.at("ordered") < 199 * 7 + 1000);
}
