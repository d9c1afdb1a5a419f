// One launch of an assembled kernel on a small machine, run to its end block by block: the smallest host of the
// interpreter.
#pragma once

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

#include "device_sim/assembler/assembler.h"
#include "device_sim/core/block.h"
#include "device_sim/machine/machine.h"

namespace phx::sim::test {

inline const machine::Machine& test_machine() {
  static const machine::Machine machine = [] {
    auto loaded = machine::load("ascend-950pr");
    if (!loaded) FAIL(loaded.diagnostic().str());
    return *loaded;
  }();
  return machine;
}

struct Rig {
  AddressSpace memory{4, uint64_t{1} << 40};
  std::vector<uint16_t> members{0};
  std::shared_ptr<Program> program;
  LaunchContext launch;
  uint64_t budget = 10000;
  uint64_t round_limit = 100000;

  // Filled by run().
  std::optional<Fault> fault;
  std::vector<ServiceRecord> services;
  RoundEvents events;  // of all rounds, blocks appended
  Block::Statistics totals;
  uint64_t rounds = 0;

  explicit Rig(const std::string& assembly) {
    auto executable = assembler::assemble(assembly, "test.s");
    if (!executable) FAIL(executable.diagnostic().str());
    auto loaded = Program::load(std::move(*executable), memory, members, "test");
    if (!loaded) FAIL(loaded.diagnostic().str());
    program = *loaded;
    launch.program = program.get();
    launch.memory = &memory;
    launch.machine = &test_machine();
    launch.members = members;
    launch.watchdog_instructions = 10'000'000;
  }

  // Device memory holding the values.
  template <class T>
  uint64_t buffer(const std::vector<T>& values, const std::string& name = "buffer") {
    auto address = memory.allocate(values.size() * sizeof(T), Placement::on, members, name);
    if (!address) FAIL(address.diagnostic().str());
    std::memcpy(memory.translate(*address, values.size() * sizeof(T)), values.data(), values.size() * sizeof(T));
    return *address;
  }
  template <class T>
  std::vector<T> read(uint64_t address, size_t count) {
    std::vector<T> values(count);
    std::memcpy(values.data(), memory.translate(address, count * sizeof(T)), count * sizeof(T));
    return values;
  }

  // Each argument at a multiple of its size.
  template <class... Arguments>
  void arguments(Arguments... arguments) {
    launch.arguments.clear();
    auto put = [&](auto value) {
      const size_t at = (launch.arguments.size() + sizeof value - 1) / sizeof value * sizeof value;
      launch.arguments.resize(at + sizeof value);
      std::memcpy(&launch.arguments[at], &value, sizeof value);
    };
    (put(arguments), ...);
  }

  // Runs all blocks of the grid at once, in rounds, as the System does.
  void run() {
    fault.reset();
    std::vector<Block> blocks;
    OrderedState ordered;
    ordered.device_malloc = [&](uint64_t bytes) -> uint64_t {
      auto address = memory.allocate(bytes, Placement::on, members, "device malloc");
      return address ? *address : 0;
    };
    ordered.device_free = [&](uint64_t address) { return memory.free(address).ok(); };
    const uint64_t count = uint64_t{launch.grid[0]} * launch.grid[1] * launch.grid[2];
    for (uint64_t i = 0; i < count; ++i) blocks.emplace_back(launch, i, 0, static_cast<uint32_t>(i));
    uint32_t grid_generation = 0;
    for (rounds = 0; rounds < round_limit; ++rounds) {
      for (Block& block : blocks) block.run(budget);
      for (Block& block : blocks) block.serve(ordered);
      bool done = true, grid = true;
      for (Block& block : blocks) {
        for (ServiceRecord& record : block.take_services()) services.push_back(std::move(record));
        if (block.fault()) {
          fault = block.fault();
          return;
        }
        done &= block.status() == BlockStatus::finished;
        grid &= block.status() == BlockStatus::finished || block.status() == BlockStatus::grid_barrier;
      }
      if (grid && !done) {
        uint64_t arrivals = 0;
        for (Block& block : blocks) arrivals += block.release_grid_barrier(grid_generation);
        ++grid_generation;
        events.grid_arrivals.push_back(arrivals);
      }
      for (Block& block : blocks) events.blocks.push_back(block.take_events());
      events.ordered.insert(events.ordered.end(), ordered.records.begin(), ordered.records.end());
      ordered.records.clear();
      if (done) break;
    }
    totals = {};
    for (Block& block : blocks) {
      totals.warp_instructions += block.statistics().warp_instructions;
      totals.lane_instructions += block.statistics().lane_instructions;
      totals.divergent_branches += block.statistics().divergent_branches;
      totals.ordered_operations += block.statistics().ordered_operations;
    }
    CHECK(rounds < round_limit);
  }
  void run_well() {
    run();
    if (fault) FAIL(fault->str());
  }
};

}  // namespace phx::sim::test
