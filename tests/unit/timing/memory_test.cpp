// Data cache, L2, HBM, shared memory, atomics, remote memory: cycles and rates by formula.

#include "tests/unit/timing/event_streams.h"

using namespace phx;
using namespace phx::sim;
using namespace phx::sim::test;

namespace {

machine::Machine simple(std::vector<std::string> more = {}, const char* name = "ascend-910b1") {
  std::vector<std::string> all{
      "chip.clock=1GHz",        "launch.simt_base=1us",           "launch.simt_per_block=10ns",
      "simt.issue=1inst/cycle", "timing.simt.alu.latency=7cycle", "timing.simt.alu.interval=1cycle"};
  all.insert(all.end(), more.begin(), more.end());
  return machine_with(all, name);
}
constexpr uint64_t kFirstBlock = 1010;

// load r1; add r2 = r1 + r1
std::vector<isa::Instruction> load_and_use() { return {load(1), add(2, 1, 1)}; }

}  // namespace

TEST_CASE("a load costs the hit, L2 hit or miss latency") {
  machine::Machine machine = simple();
  const machine::Simt& simt = machine.chip.simt;
  DeviceTiming device(machine);
  LaunchScript launch{.machine = machine, .code = load_and_use()};
  launch.devices = {&device};
  launch.blocks = {{WarpScript().run(0, 2).access(AccessKind::gm_load, 100).end()}};
  // Beside the unloaded latency, the line crosses the L2 and, on a miss, HBM: one sector of an L2 line.
  double l2 = 128 / (machine.chip.l2.read_bytes_per_second / 1e9),
         hbm = 128 / (machine.chip.hbm.bytes_per_second() / 1e9);
  auto near = [](uint64_t cycles, double expected) {
    return double(cycles) >= expected && double(cycles) <= expected + 2;
  };

  LaunchCounters cold = launch.replay();
  CHECK(near(cold.cycles, kFirstBlock + simt.dcache_miss_cycles + l2 + hbm + 1));
  CHECK(cold.events.at("dcache_misses") == 1);
  CHECK(cold.events.at("l2_misses") == 1);
  CHECK(cold.bytes.at("hbm_read") == 128);
  CHECK(cold.bytes.at("l2_read") == 128);
  CHECK(cold.stall_cycles.at("memory") >= uint64_t(simt.dcache_miss_cycles) - 1);

  launch.start = 100'000;
  LaunchCounters warm = launch.replay();  // the L2 outlives the launch, the data cache does not
  CHECK(near(warm.cycles, kFirstBlock + simt.dcache_l2_hit_cycles + l2 + 1));
  CHECK(warm.events.at("l2_hits") == 1);

  device.flush_l2();
  launch.start = 200'000;
  CHECK(launch.replay().cycles == cold.cycles);

  // The same line twice: the second one hits.
  launch.code = {load(1), add(2, 1, 1), load(3), add(4, 3, 3)};
  launch.blocks = {{WarpScript().run(0, 4).access(AccessKind::gm_load, 100).access(AccessKind::gm_load, 100).end()}};
  launch.start = 300'000;
  LaunchCounters twice = launch.replay();
  CHECK(twice.events.at("dcache_hits") == 1);
  CHECK(near(twice.cycles, double(warm.cycles) + 7 - 6 + simt.dcache_hit_cycles));
}

TEST_CASE("a hit costs a hit even when nobody has waited for the line before") {
  machine::Machine machine = simple();
  // Arithmetic for longer than the first load takes, so that the core has run ahead of its answer when it loads again.
  LaunchScript launch{.machine = machine};
  launch.code.push_back(load(1));
  launch.code.insert(launch.code.end(), 4000, add(2, 3, 3));
  launch.code.insert(launch.code.end(), {load(4), add(5, 4, 4)});
  launch.blocks = {{WarpScript()
                        .run(0, static_cast<uint32_t>(launch.code.size()))
                        .access(AccessKind::gm_load, 100)
                        .access(AccessKind::gm_load, 100)
                        .end()}};
  LaunchCounters counters = launch.replay();
  CHECK(counters.events.at("dcache_hits") == 1);
  REQUIRE(counters.stall_cycles.count("memory"));
  CHECK(counters.stall_cycles.at("memory") + 1 >= uint64_t(machine.chip.simt.dcache_hit_cycles));
}

TEST_CASE("loads of one warp overlap") {
  machine::Machine machine = simple();
  DeviceTiming device(machine);
  std::vector<isa::Instruction> code;
  WarpScript warp;
  warp.run(0, 17);
  for (unsigned i = 0; i < 16; ++i) {
    code.push_back(load(i));
    warp.access(AccessKind::gm_load, 1000 + 8 * i);
  }
  code.push_back(add(20, 15, 0));
  LaunchScript launch{.machine = machine, .code = code};
  launch.devices = {&device};
  launch.blocks = {{warp.end()}};
  uint64_t cycles = launch.replay().cycles - kFirstBlock;
  double port = 128 / machine.chip.simt.gm_bytes_per_cycle;  // lines leave one after the other
  CHECK(cycles >= uint64_t(machine.chip.simt.dcache_miss_cycles + 15 * port));
  CHECK(cycles <= uint64_t(machine.chip.simt.dcache_miss_cycles + 16 * port + 40));
}

TEST_CASE("a stream over all cores reaches the achievable bandwidth of HBM") {
  // With cores that could take more than HBM gives.
  machine::Machine machine = simple({"simt.gm_rate=100B/cycle", "simt.dcache.mshrs=256", "launch.simt_per_block=1ns"});
  const unsigned warps = 16, rounds = 24, cores = unsigned(machine.chip.aiv);
  LaunchScript launch{.machine = machine, .code = {load(1), load(2), load(3), load(4)}, .threads = warps * 32};
  uint64_t line = 0;
  for (unsigned core = 0; core < cores; ++core) {
    std::vector<WarpScript> block(warps);
    for (WarpScript& warp : block) {
      for (unsigned i = 0; i < rounds; ++i) {
        warp.run(0, 4);
        for (unsigned k = 0; k < 4; ++k, line += 4) warp.access(AccessKind::gm_load, line, 4);
      }
      warp.end();
    }
    launch.blocks.push_back(block);
  }
  LaunchCounters counters = launch.replay();
  double bytes = double(counters.bytes.at("hbm_read"));
  CHECK(bytes == double(line) * 128);
  double rate = bytes / double(counters.cycles - kFirstBlock);  // bytes a nanosecond
  double achievable = machine.chip.hbm.bytes_per_second() / 1e9;
  CHECK(rate > 0.93 * achievable);
  CHECK(rate <= achievable);
}

TEST_CASE("a core's own rate bounds what it takes from the L2") {
  machine::Machine machine = simple();
  const unsigned warps = 32;
  LaunchScript launch{.machine = machine, .code = {load(1), load(2), load(3), load(4)}, .threads = warps * 32};
  std::vector<WarpScript> block(warps);
  uint64_t line = 0;
  for (WarpScript& warp : block) {
    for (unsigned i = 0; i < 16; ++i) {
      warp.run(0, 4);
      for (unsigned k = 0; k < 4; ++k) warp.access(AccessKind::gm_load, line++);
    }
    warp.end();
  }
  launch.blocks = {block};
  double rate = double(line) * 128 / double(launch.replay().cycles - kFirstBlock);
  double bound = std::min(machine.chip.simt.gm_bytes_per_cycle,
                          double(machine.chip.simt.mshrs) * 128 / machine.chip.simt.dcache_miss_cycles);
  CHECK(rate <= machine.chip.simt.gm_bytes_per_cycle);
  CHECK(rate > 0.8 * bound);
}

TEST_CASE("few outstanding misses serialise loads") {
  machine::Machine machine = simple({"simt.dcache.mshrs=1"});
  std::vector<isa::Instruction> code{load(1), load(2), load(3), load(4), add(5, 4, 4)};
  LaunchScript launch{.machine = machine, .code = code};
  WarpScript warp;
  warp.run(0, 5);
  for (unsigned k = 0; k < 4; ++k) warp.access(AccessKind::gm_load, 64 * k);
  launch.blocks = {{warp.end()}};
  uint64_t cycles = launch.replay().cycles - kFirstBlock;
  CHECK(cycles >= uint64_t(4 * machine.chip.simt.dcache_miss_cycles));
  CHECK(cycles <= uint64_t(4 * (machine.chip.simt.dcache_miss_cycles + 4)));
}

TEST_CASE("bank conflicts of shared memory take their turns") {
  machine::Machine machine = simple();
  double latency = machine::timing_of(machine.chip.simt.timing, "load").latency_cycles;
  for (unsigned degree : {1u, 2u, 32u}) {
    LaunchScript launch{.machine = machine, .code = {load(1, isa::Space::Ub), add(2, 1, 1)}};
    launch.blocks = {{WarpScript().run(0, 2).ub(AccessKind::ub_load, degree).end()}};
    LaunchCounters counters = launch.replay();
    CHECK(counters.cycles == kFirstBlock + uint64_t(latency) + (degree - 1) + 1);
    CHECK(counters.bytes.at("ub") == 128);
  }
}

TEST_CASE("stores cost no latency but are waited for at the end, and pass the core's port") {
  machine::Machine machine = simple();
  const unsigned count = 64;
  std::vector<isa::Instruction> code(count, store(1));
  WarpScript warp;
  warp.run(0, count);
  for (unsigned i = 0; i < count; ++i) warp.access(AccessKind::gm_store, 4 * i);
  LaunchScript launch{.machine = machine, .code = code};
  launch.blocks = {{warp.end()}};
  LaunchCounters counters = launch.replay();
  CHECK(counters.bytes.at("l2_write") == count * 128);
  CHECK(counters.bytes.count("hbm_write") == 0);  // stays in the L2
  double expected = kFirstBlock + (count - 1) * 128 / machine.chip.simt.gm_bytes_per_cycle;
  CHECK(double(counters.cycles) >= expected);
  CHECK(double(counters.cycles) <= expected + 10);
}

TEST_CASE("atomics on one address take turns at the home's L2, in shared memory they are cheap") {
  machine::Machine machine = simple();
  LaunchScript launch{.machine = machine, .code = {red()}, .threads = 1024};
  // 32 warps, 32 lanes each, one counter.
  launch.blocks = {
      std::vector<WarpScript>(32, WarpScript().run(0, 1).access(AccessKind::gm_atomic, 5, 1, 0, 32, 128, 1).end())};
  uint64_t gm = launch.replay().cycles - kFirstBlock;
  CHECK(double(gm) >= 1024 * machine.chip.simt.gm_atomic_cycles);
  CHECK(double(gm) <= 1024 * machine.chip.simt.gm_atomic_cycles + machine.chip.simt.dcache_miss_cycles + 50);

  isa::Instruction ub = red();
  isa::field::Atom::set_space(ub, isa::Space::Ub);
  launch.code = {ub, ub};
  launch.blocks = {std::vector<WarpScript>(
      32, WarpScript().run(0, 2).ub(AccessKind::ub_atomic, 32).ub(AccessKind::ub_atomic, 32).end())};
  CHECK(launch.replay().cycles - kFirstBlock < gm / 20);
}

TEST_CASE("remote memory adds the path's latency and shows on the link") {
  machine::Machine machine = simple({}, "cloudmatrix-384");
  LaunchScript launch{.machine = machine, .code = load_and_use(), .members = {0, 1}, .first_block = {0, 1}};
  auto cycles_to = [&](uint16_t home) {
    launch.members = {0, home ? home : uint16_t(1)};
    launch.blocks = {{WarpScript().run(0, 2).access(AccessKind::gm_load, 100, 1, home).end()}, {WarpScript().end()}};
    return launch.replay();
  };
  LaunchCounters local = cycles_to(0);
  CHECK(local.links.empty());
  for (uint16_t home : {1, 2, 16, 100}) {
    LaunchCounters remote = cycles_to(home);
    Expected<machine::Path> path = machine::path(machine, 0, home);
    double moved = 128 / (path->read_bytes_per_second / 1e9);
    CHECK(double(remote.cycles) >= double(local.cycles) + path->latency_ns + moved - 1);
    CHECK(double(remote.cycles) <= double(local.cycles) + path->latency_ns + moved + 3);
    REQUIRE(remote.links.size() == 1);
    CHECK(remote.links[0].bytes == 128);
    CHECK(remote.links[0].name == std::string(path->level) + ": " + std::to_string(home) + " -> 0");
    CHECK(remote.bytes.at("remote_read") == 128);
  }
}

TEST_CASE("spilled registers stay in the data cache") {
  machine::Machine machine = simple();
  LaunchScript launch{.machine = machine,
                      .code = {store(1, isa::Space::Local), load(2, isa::Space::Local), add(3, 2, 2)}};
  const uint64_t line = uint64_t{1} << 43;
  launch.blocks = {
      {WarpScript().run(0, 3).access(AccessKind::local_store, line).access(AccessKind::local_load, line).end()}};
  LaunchCounters counters = launch.replay();
  CHECK(counters.bytes.count("l2_read") == 0);
  CHECK(counters.bytes.count("l2_write") == 0);
  CHECK(counters.cycles < kFirstBlock + uint64_t(machine.chip.simt.dcache_hit_cycles) + 6);
}

TEST_CASE("copies follow alpha + bytes / beta") {
  machine::Machine machine = machine_with({}, "cloudmatrix-384");
  const uint64_t bytes = 1 << 20;
  const machine::Host& host = machine.chip.host;
  CHECK(copy_seconds(machine, {kHostHome, 3}, bytes) ==
        doctest::Approx(host.link_latency_ns * 1e-9 + double(bytes) / host.to_device_bytes_per_second));
  CHECK(copy_seconds(machine, {3, kHostHome}, bytes) ==
        doctest::Approx(host.link_latency_ns * 1e-9 + double(bytes) / host.from_device_bytes_per_second));
  Expected<machine::Path> path = machine::path(machine, 0, 40);
  CHECK(copy_seconds(machine, {0, 40}, bytes) == doctest::Approx(path->latency_seconds() + path->copy_setup_ns * 1e-9 +
                                                                 double(bytes) / path->write_bytes_per_second));
  CHECK(copy_seconds(machine, {0, 40, true}, bytes) ==
        doctest::Approx(path->latency_seconds() + path->copy_setup_ns * 1e-9 +
                        double(bytes) / path->copy_read_bytes_per_second));
  CHECK(copy_seconds(machine, {2, 2}, bytes) > 2 * double(bytes) / machine.chip.hbm.peak_bytes_per_second);
}
