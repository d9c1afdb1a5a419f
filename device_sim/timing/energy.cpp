#include "device_sim/timing/energy.h"

#include <algorithm>

#include "device_sim/isa/table.h"

namespace phx::sim {
namespace {

constexpr double kJoule = 1e-12;  // of a pJ

double amount(const std::map<std::string, uint64_t>& amounts, const std::string& name) {
  auto found = amounts.find(name);
  return found == amounts.end() ? 0 : static_cast<double>(found->second);
}

double mac_energy(const machine::Power& power, const std::string& type) {
  auto found = power.mac_pj.find(type);
  if (found == power.mac_pj.end()) found = power.mac_pj.find("f16");
  return found == power.mac_pj.end() ? 0 : found->second;
}

}  // namespace

double on_chip_scale(const machine::Machine& machine) {
  const machine::Chip& chip = machine.chip;
  const machine::Power& power = chip.power;
  auto rate = chip.cube.macs_per_cycle.find("f16");
  const double macs = rate == chip.cube.macs_per_cycle.end() ? 0 : rate->second;
  // 2 bytes a value: a multiply-accumulate of a 128 x 256 tile needs 1/256 of a value of A and 1/128 of one of B.
  const double bytes = macs * 2 * (1.0 / 256 + 1.0 / 128);
  const double cube = macs * mac_energy(power, "f16") +
                      bytes * (power.l2_pj_per_byte + 2 * power.l1_pj_per_byte + power.l0_pj_per_byte);
  const double on_chip = cube * kJoule * chip.clock_hz * static_cast<double>(chip.aic);
  const double memory = chip.hbm.bytes_per_second() * power.hbm_pj_per_byte * kJoule;
  return on_chip > 0 ? std::max(0.0, power.tdp_watts - power.idle_watts - memory) / on_chip : 0;
}

Energy energy_of(const LaunchCounters& counters, size_t members, const machine::Machine& machine) {
  const machine::Power& power = machine.chip.power;
  auto bytes = [&](const char* path) { return amount(counters.bytes, path); };
  auto events = [&](const char* event) { return amount(counters.events, event); };
  double cube = 0;
  for (const auto& [name, count] : counters.events)
    if (name.starts_with("macs.")) cube += static_cast<double>(count) * mac_energy(power, name.substr(5));

  const double repeats = events("vector_repeats");
  // A repeat reads two sources and writes one result, more or less.
  const double vector =
      repeats * (power.vector_pj + 3 * static_cast<double>(machine.chip.vector.repeat_bytes) * power.ub_pj_per_byte);
  const double to_l0 = bytes("l1->l0a") + bytes("l1->l0b") + bytes("l1->bt");
  const double mte = power.l1_pj_per_byte * (bytes("gm->l1") + to_l0 + bytes("l0c->l1")) +
                     power.l0_pj_per_byte * to_l0 + power.ub_pj_per_byte * (bytes("gm->ub") + bytes("ub->gm"));
  const double fixpipe = power.l0c_pj_per_byte * (bytes("l0c->gm") + bytes("l0c->l1"));
  // Tile programs count what the scalar unit issues as one lane.
  const double warps = events("warp_instructions"), lanes = events("lane_instructions");
  const bool tile = counters.pipe_instructions.contains("s");
  const double simt =
      tile ? 0 : lanes * power.simt_lane_pj + power.ub_pj_per_byte * (bytes("ub") + bytes("dcache_hit"));

  const double scale = on_chip_scale(machine) * kJoule;
  Energy energy{{"cube", cube * scale},
                {"vector", vector * scale},
                {"mte", mte * scale},
                {"fixpipe", fixpipe * scale},
                {"simt", simt * scale},
                {"scalar", warps * power.scalar_pj * scale},
                {"l2", (bytes("l2_read") + bytes("l2_write")) * power.l2_pj_per_byte * scale},
                {"hbm", (bytes("hbm_read") + bytes("hbm_write")) * power.hbm_pj_per_byte * kJoule},
                {"host_link", (bytes("host_read") + bytes("host_write")) * power.host_link_pj_per_byte * kJoule}};
  for (const LaunchCounters::Link& link : counters.links)
    for (const machine::Level& level : machine.system.levels)
      if (link.name.starts_with(level.name))
        energy["link"] += static_cast<double>(link.bytes) * level.pj_per_byte * kJoule;
  energy["idle"] =
      static_cast<double>(counters.cycles) / machine.chip.clock_hz * static_cast<double>(members) * power.idle_watts;
  std::erase_if(energy, [](const auto& part) { return part.second <= 0; });
  return energy;
}

Energy energy_of(CopyPath path, uint64_t bytes, const machine::Machine& machine) {
  const machine::Power& power = machine.chip.power;
  const double size = static_cast<double>(bytes) * kJoule;
  const bool from_host = path.from == kHostHome, to_host = path.to == kHostHome;
  Energy energy;
  energy["hbm"] = size * power.hbm_pj_per_byte * (static_cast<double>(!from_host) + static_cast<double>(!to_host));
  if (from_host || to_host) {
    energy["host_link"] = size * power.host_link_pj_per_byte;
  } else if (path.from != path.to) {
    if (Expected<machine::Path> way = machine::path(machine, path.from, path.to))
      energy["link"] = size * way->pj_per_byte;
  }
  std::erase_if(energy, [](const auto& part) { return part.second <= 0; });
  return energy;
}

}  // namespace phx::sim
