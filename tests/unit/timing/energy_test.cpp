#include <doctest/doctest.h>

#include "device_sim/timing/energy.h"

using namespace phx;
using namespace phx::sim;

namespace {

machine::Machine loaded(const char* name) {
  Expected<machine::Machine> machine = machine::load(name);
  REQUIRE(machine.ok());
  return *machine;
}

double sum(const Energy& energy) {
  double joules = 0;
  for (const auto& [part, amount] : energy) joules += amount;
  return joules;
}

}  // namespace

TEST_CASE("the design load draws the design power") {
  for (const char* name :
       {"ascend-910a", "ascend-910b1", "ascend-910c", "ascend-950pr", "ascend-950dt", "ascend-960"}) {
    const machine::Machine machine = loaded(name);
    const machine::Chip& chip = machine.chip;
    const double seconds = 0.01, macs = chip.cube.macs_per_cycle.at("f16") * double(chip.aic) * chip.clock_hz * seconds;
    const auto operands = uint64_t(macs * 2 * (1.0 / 256 + 1.0 / 128));
    LaunchCounters counters;
    counters.cycles = uint64_t(chip.clock_hz * seconds);
    counters.pipe_instructions["s"] = 1;
    counters.events["macs.f16"] = uint64_t(macs);
    counters.bytes["l2_read"] = counters.bytes["gm->l1"] = counters.bytes["l1->l0a"] = operands;
    counters.bytes["hbm_read"] = uint64_t(chip.hbm.bytes_per_second() * seconds);
    INFO(std::string(name));
    CHECK(sum(energy_of(counters, 1, machine)) / seconds == doctest::Approx(chip.power.tdp_watts).epsilon(1e-3));
  }
}

TEST_CASE("a launch that does nothing draws idle power on every member") {
  const machine::Machine machine = loaded("cloudmatrix-384");
  LaunchCounters counters;
  counters.cycles = 1'800'000;  // a millisecond
  const Energy energy = energy_of(counters, 8, machine);
  CHECK(energy.size() == 1);
  CHECK(energy.at("idle") == doctest::Approx(8 * 1e-3 * machine.chip.power.idle_watts));
}

TEST_CASE("a narrower type costs less, a farther device more") {
  const machine::Machine machine = loaded("cloudmatrix-384");
  LaunchCounters halves, bytes;
  halves.events["macs.f16"] = bytes.events["macs.s8"] = 1'000'000'000;
  CHECK(energy_of(halves, 1, machine).at("cube") > 2 * energy_of(bytes, 1, machine).at("cube"));

  const double die = energy_of(CopyPath{0, 1}, 1 << 20, machine).at("link");
  const double node = energy_of(CopyPath{0, 2}, 1 << 20, machine).at("link");
  const double rack = energy_of(CopyPath{0, 16}, 1 << 20, machine).at("link");
  CHECK(die < node);
  CHECK(node < rack);
  CHECK_FALSE(energy_of(CopyPath{3, 3}, 1 << 20, machine).contains("link"));
}
