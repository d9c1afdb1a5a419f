// Tile programs: pipes, flags and DMA by the formulas of docs/timing.md.

#include "tests/unit/timing/event_streams.h"

using namespace phx;
using namespace phx::sim;
using namespace phx::sim::test;

namespace {

isa::Instruction dma(bool in) {
  isa::Operand s = isa::operand::s(0);
  return {.op = in ? isa::Opcode::DmaGmUb : isa::Opcode::DmaUbGm, .dst = s, .a = s, .b = s, .c = s};
}
isa::Instruction flag(bool set, isa::PipeField from, isa::PipeField to, unsigned id) {
  isa::Instruction i{.op = set ? isa::Opcode::SetFlag : isa::Opcode::WaitFlag, .a = isa::operand::kZero};
  isa::field::Flag::set_src(i, from);
  isa::field::Flag::set_to(i, to);
  isa::field::Flag::set_id(i, id);
  return i;
}
isa::Instruction drain() {
  isa::Instruction i{.op = isa::Opcode::PipeBarrier};
  isa::field::PipeBarrier::set_pipe(i, isa::PipeField::PipeAll);
  return i;
}
void rows(WarpScript& script, uint32_t bytes, uint64_t line) {
  script.events.accesses.push_back(uint64_t(AccessKind::dma) | uint64_t(1) << 16);
  script.events.accesses.push_back(bytes);
  script.events.accesses.push_back(0xF | line << 4);
}
machine::Machine simple() { return machine_with({"chip.clock=1GHz", "launch.base=1us", "launch.per_core=10ns"}); }

}  // namespace

TEST_CASE("a DMA instruction takes its issue time and latency; the next one overlaps") {
  machine::Machine machine = simple();
  const machine::Dma& d = machine.chip.dma;
  DeviceTiming device(machine);
  LaunchScript launch{
      .machine = machine, .code = {dma(true), dma(true), dma(true), dma(true), drain()}, .core = image::CoreKind::aiv};
  launch.devices = {&device};
  auto cycles_of = [&](unsigned count, uint32_t bytes) {
    WarpScript script;
    script.run(0, count).run(4, 1);
    for (unsigned i = 0; i < count; ++i) rows(script, bytes, 1000 * i);
    launch.blocks = {{script.end()}};
    launch.start += 1'000'000;
    LaunchCounters counters = launch.replay();
    return double(counters.cycles - counters.overhead_cycles);
  };
  cycles_of(4, 32768);  // warms the L2
  double one = cycles_of(1, 32768), four = cycles_of(4, 32768);
  double issue = d.issue_cycles + 64 * std::max(d.request_cycles, 512 / d.bytes_per_cycle);
  CHECK(one >= issue + machine.chip.l2.hit_latency_cycles);
  CHECK(one <= issue + machine.chip.l2.hit_latency_cycles + machine.chip.sync.pipe_barrier_cycles + 20);
  CHECK(four - one == doctest::Approx(3 * issue).epsilon(0.02));

  device.flush_l2();
  double cold = cycles_of(1, 32768);
  CHECK(cold >= 64 * d.miss_cycles_per_line);
}

TEST_CASE("a flag carries the end of a load to the store that waits for it") {
  machine::Machine machine = simple();
  const auto in = isa::PipeField::PipeMte2, out = isa::PipeField::PipeMte3;
  LaunchScript launch{.machine = machine,
                      .code = {dma(true), flag(true, in, out, 3), flag(false, in, out, 3), dma(false)},
                      .core = image::CoreKind::aiv};
  WarpScript script;
  script.run(0, 4);
  rows(script, 8192, 0);
  rows(script, 8192, 5000);
  launch.blocks = {{script.end()}};
  LaunchCounters counters = launch.replay();
  const machine::Dma& d = machine.chip.dma;
  double load = 16 * d.miss_cycles_per_line + machine.chip.hbm.miss_latency_cycles;
  double store = d.store_head_cycles + 8192 / d.store_bytes_per_cycle;
  double body = double(counters.cycles - counters.overhead_cycles);
  CHECK(body >= load + machine.chip.sync.flag_cycles + store);
  CHECK(body <= load + machine.chip.sync.flag_cycles + store + 40);
  CHECK(counters.pipe_busy_cycles.at("mte3") >= uint64_t(store));
  CHECK(counters.events.count("unresolved_waits") == 0);
}

TEST_CASE("a full queue holds the scalar unit back") {
  machine::Machine machine = simple();
  machine.chip.queues.mte2_depth = 1;
  std::vector<isa::Instruction> code(16, dma(true));
  LaunchScript launch{.machine = machine, .code = code, .core = image::CoreKind::aiv};
  WarpScript script;
  script.run(0, 16);
  for (unsigned i = 0; i < 16; ++i) rows(script, 4096, 100 * i);
  launch.blocks = {{script.end()}};
  uint64_t shallow = launch.replay().cycles;
  launch.machine.chip.queues.mte2_depth = 32;
  uint64_t deep = launch.replay().cycles;
  CHECK(deep <= shallow);
  CHECK(launch.replay(7).cycles == deep);
}

TEST_CASE("a flag that nobody sets is given up at the end") {
  LaunchScript launch{.machine = simple(),
                      .code = {flag(false, isa::PipeField::PipeMte2, isa::PipeField::PipeMte3, 0), dma(false)},
                      .core = image::CoreKind::aiv};
  WarpScript script;
  script.run(0, 2);
  rows(script, 4096, 0);
  launch.blocks = {{script.end()}};
  CHECK(launch.replay().events.at("unresolved_waits") == 1);
}

TEST_CASE("streamed loads and stores leave the L2 to others") {
  machine::Machine machine = simple();
  DeviceTiming device(machine);
  const uint32_t bytes = 32768;
  auto streamed = [](isa::Instruction i) {
    isa::field::Dma::set_stream(i, true);
    return i;
  };
  LaunchScript launch{.machine = machine,
                      .code = {dma(true), streamed(dma(true)), dma(false), streamed(dma(false)), drain()},
                      .core = image::CoreKind::aiv};
  launch.devices = {&device};
  enum : unsigned { load, streamed_load, store, streamed_store };
  auto run = [&](unsigned which, uint64_t line) {
    WarpScript script;
    script.run(which, 1).run(4, 1);
    rows(script, bytes, line);
    launch.blocks = {{script.end()}};
    launch.start += 1'000'000;
    return launch.replay();
  };
  auto moved = [](const LaunchCounters& counters, const char* path) {
    auto found = counters.bytes.find(path);
    return found == counters.bytes.end() ? 0 : found->second;
  };
  // A streamed load reads HBM every time; one that finds its lines does not.
  CHECK(moved(run(streamed_load, 0), "hbm_read") == bytes);
  CHECK(moved(run(streamed_load, 0), "hbm_read") == bytes);
  CHECK(moved(run(load, 0), "hbm_read") == bytes);
  CHECK(moved(run(load, 0), "hbm_read") == 0);
  CHECK(moved(run(streamed_load, 0), "hbm_read") == 0);
  // A streamed store writes HBM at once and allocates nothing; over a dirty line it leaves a clean one.
  CHECK(moved(run(store, 100000), "hbm_write") == 0);
  CHECK(moved(run(streamed_store, 100000), "hbm_write") == bytes);
  CHECK(moved(run(load, 100000), "hbm_read") == 0);
  const LaunchCounters through = run(streamed_store, 200000);
  CHECK(moved(through, "hbm_write") == bytes);
  CHECK(moved(run(load, 200000), "hbm_read") == bytes);
  const double least = bytes / machine.chip.hbm.bytes_per_second() * machine.chip.clock_hz;
  CHECK(double(through.cycles - through.overhead_cycles) >= least);
}
