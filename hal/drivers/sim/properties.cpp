#include "hal/drivers/sim/properties.h"

#include <cmath>

#include "device_sim/memory/address_space.h"

namespace phx::hal::sim {
namespace {

int64_t picoseconds(double ns) { return std::llround(ns * 1e3); }

}  // namespace

PropertyTable property_table(const machine::Machine& machine) {
  const machine::Chip& chip = machine.chip;
  const machine::Simt& simt = chip.simt;
  const machine::Host& host = chip.host;
  return {
      {"name", chip.name + " (virtual)"},
      {"architecture", machine.name},
      {"source.weakest", std::string(machine::name_of(machine::weakest_tag(machine)))},
      {"simt.native", int64_t{simt.kind == machine::SimtKind::Native}},
      {"cores", chip.aiv},
      {"cores.cube", chip.aic},
      {"clock", chip.clock_hz},
      {"grid.extent", simt.max_grid_dim},
      {"thread.registers", simt.max_registers_per_thread},
      {"warp", simt.warp_size},
      {"block.threads", simt.max_threads_per_block},
      {"block.registers", simt.register_file_bytes / 4},
      {"block.shared", simt.shared_bytes_per_block},
      {"core.threads", simt.max_warps * simt.warp_size},
      {"core.blocks", simt.max_blocks},
      {"core.registers", simt.register_file_bytes / 4},
      {"core.shared", simt.shared_bytes},
      {"memory.size", chip.hbm.size_bytes},
      {"memory.bandwidth", chip.hbm.peak_bytes_per_second},
      {"memory.page", static_cast<int64_t>(phx::sim::kPageBytes)},
      {"l2.size", chip.l2.size_bytes},
      {"engines.copy", int64_t{2}},  // one each way
      {"host.to_device", host.to_device_bytes_per_second},
      {"host.from_device", host.from_device_bytes_per_second},
      {"host.cost.launch", picoseconds(host.launch_ns)},
      {"host.cost.copy", picoseconds(host.memcpy_ns)},
      {"host.cost.fill", picoseconds(host.memset_ns)},
      {"host.cost.allocate", picoseconds(host.malloc_ns)},
      {"host.cost.free", picoseconds(host.free_ns)},
      {"host.cost.wait", picoseconds(host.sync_ns)},
      {"host.cost.query", picoseconds(host.query_ns)},
      {"host.cost.event", picoseconds(host.event_ns)},
      {"host.cost.stream", picoseconds(host.stream_ns)},
      {"host.cost.load", picoseconds(host.module_load_ns)},
      {"host.cost.call", picoseconds(host.other_ns)},
  };
}

StatusOr<Topology> topology_of(const machine::Machine& machine, unsigned devices) {
  std::vector<Level> levels;
  int64_t below = 1;
  for (const machine::Level& level : machine.system.levels) {
    below *= level.members;
    bool package = level.name == "package";  // always kept: reports count packages
    if (level.members == 1 && !package) continue;
    Link link{level.link,
              static_cast<SimTime>(picoseconds(level.latency_ns)),
              level.read_bytes_per_second,
              level.write_bytes_per_second,
              level.port_bytes_per_second,
              static_cast<uint32_t>(level.hops)};
    levels.push_back({std::string(level.name), static_cast<uint32_t>(below), std::move(link)});
  }
  return Topology::create(std::move(levels), devices);
}

}  // namespace phx::hal::sim
