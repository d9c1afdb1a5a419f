// The same events give the same counters, however they are cut into rounds.

#include <tuple>

#include "tests/unit/timing/event_streams.h"

using namespace phx;
using namespace phx::sim;
using namespace phx::sim::test;

namespace {

auto everything(const LaunchCounters& c) {
  std::vector<std::tuple<uint32_t, uint64_t, uint64_t, uint64_t>> lines;
  for (const auto& line : c.lines) lines.emplace_back(line.word, line.issues, line.lanes, line.stall_cycles);
  std::vector<std::tuple<std::string, uint64_t, uint64_t>> links;
  for (const auto& link : c.links) links.emplace_back(link.name, link.bytes, link.busy_cycles);
  return std::tuple(c.cycles, c.overhead_cycles, c.pipe_busy_cycles, c.stall_cycles, c.bytes, c.events, lines, links);
}

// Blocks of warps that compute, load, store, take barriers and atomics, at random but valid.
LaunchScript random_launch(unsigned seed) {
  std::mt19937 random(seed);
  LaunchScript launch{.machine = machine_with({}, "cloudmatrix-384")};
  launch.machine.chip.aiv = 3;
  launch.code = {add(1, 2, 3), add(2, 1, 1), load(3), add(4, 3, 1), store(4), load(5, isa::Space::Ub),
                 add(6, 5, 3), bar(),        atom(7), red()};
  const unsigned warps = 1 + random() % 8, blocks = 4 + random() % 20;
  launch.threads = warps * 32;
  launch.blocks_per_core = 1 + random() % 3;
  launch.members = {0, 1};
  launch.first_block = {0, blocks / 2};
  launch.blocks.resize(blocks);
  launch.arrivals.resize(blocks);
  const unsigned phases = 1 + random() % 4;
  std::vector<std::pair<unsigned, unsigned>> pending;
  uint32_t last = OrderedRecord::kNone;
  for (auto& block : launch.blocks) block.resize(warps);
  for (unsigned phase = 0; phase < phases; ++phase) {
    for (unsigned b = 0; b < blocks; ++b)
      for (unsigned w = 0; w < warps; ++w) {
        WarpScript& warp = launch.blocks[b][w];
        auto line = [&] { return uint64_t(random() % 4096); };
        auto home = [&] { return uint16_t(random() % 4 == 0 ? 1 - (b >= blocks / 2) : b >= blocks / 2); };
        for (unsigned i = random() % 5; i > 0; --i) {
          warp.run(0, 3).access(AccessKind::gm_load, line(), 1 + random() % 8, home());
          warp.run(3, 4)
              .access(AccessKind::gm_store, line(), 1 + random() % 4, home())
              .ub(AccessKind::ub_load, 1 + random() % 4);
        }
        if (random() % 8 == 0) {  // in order of (phase, block, warp), as the functional engine serves them
          warp.run(8, 1).access(AccessKind::gm_atomic, 7, 1, 0, 1, 4, 1).ordered(uint32_t(launch.ordered.size()));
          launch.ordered.push_back({.producer = last});
          last = uint32_t(launch.ordered.size() - 1);
        }
        if (random() % 4 == 0) warp.run(9, 1).access(AccessKind::gm_atomic, line(), 2, home(), 4, 128);
      }
    for (unsigned b = 0; b < blocks; ++b) {
      for (WarpScript& warp : launch.blocks[b]) warp.run(7, 1).arrive(phase).barrier(phase);
      launch.arrivals[b].push_back(warps);
    }
  }
  for (auto& block : launch.blocks)
    for (WarpScript& warp : block) warp.run(0, 2).end();
  return launch;
}

}  // namespace

TEST_CASE("counters do not depend on how events are cut into rounds") {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    LaunchScript launch = random_launch(seed);
    // One resident set is enough for the ordered chain: all blocks fit.
    launch.machine.chip.aiv = 24;
    LaunchCounters whole = launch.replay();
    CHECK(whole.events.count("unresolved_waits") == 0);
    CHECK(everything(whole) == everything(launch.replay()));
    for (unsigned cut = 1; cut <= 4; ++cut) {
      CAPTURE(seed);
      CAPTURE(cut);
      CHECK(everything(whole) == everything(launch.replay(cut)));
    }
  }
}

TEST_CASE("the same holds when blocks wait for slots") {
  for (unsigned seed = 100; seed <= 150; ++seed) {
    LaunchScript launch = random_launch(seed);
    for (OrderedRecord& record : launch.ordered) record.producer = OrderedRecord::kNone;
    LaunchCounters whole = launch.replay();
    CHECK(whole.events.count("unresolved_waits") == 0);
    for (unsigned cut = 1; cut <= 4; ++cut) {
      CAPTURE(seed);
      CAPTURE(cut);
      CHECK(everything(whole) == everything(launch.replay(cut)));
    }
  }
}

TEST_CASE("a launch that ends early leaves no wait behind") {
  LaunchScript launch = random_launch(3);
  launch.arrivals.assign(launch.blocks.size(), {});  // as after a fault: barriers that nobody releases
  LaunchCounters counters = launch.replay();
  CHECK(counters.events.at("unresolved_waits") > 0);
}
