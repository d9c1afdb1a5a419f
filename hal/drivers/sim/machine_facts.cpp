#include "hal/drivers/sim/machine_facts.h"

#include <algorithm>

namespace phx::hal::sim {

std::vector<Amount> peaks_of(const machine::Machine& machine) {
  const machine::Chip& chip = machine.chip;
  const double cubes = static_cast<double>(chip.aic) * chip.clock_hz;
  const double vectors = static_cast<double>(chip.aiv) * chip.clock_hz;
  std::vector<Amount> peaks{{"aic", static_cast<double>(chip.aic)},
                            {"aiv", static_cast<double>(chip.aiv)},
                            {"hbm", chip.hbm.bytes_per_second()},
                            {"l2_read", chip.l2.read_bytes_per_second},
                            {"l2_write", chip.l2.write_bytes_per_second}};
  for (const auto& [type, macs] : chip.cube.macs_per_cycle) peaks.push_back({"cube_" + type, 2 * macs * cubes});
  const struct {
    const char *name, *group;
    double bytes;
  } kinds[] = {{"fp16", "f16", 2}, {"fp32", "f32", 4}};
  for (const auto& kind : kinds) {
    const double slope = machine::timing_of(chip.vector.timing, "vadd", {}, kind.group).slope_cycles;
    const double cycles = std::max(1.0, slope - chip.vector.conflict_cycles);
    peaks.push_back({std::string("vector_") + kind.name,
                     static_cast<double>(chip.vector.repeat_bytes) / kind.bytes / cycles * vectors});
  }
  if (chip.simt.kind != machine::SimtKind::None) {
    const double issue = static_cast<double>(chip.simt.schedulers) * chip.simt.issue_per_cycle;
    peaks.push_back({"simt_issue", issue});
    peaks.push_back({"simt_fp32", 2 * issue * static_cast<double>(chip.simt.warp_size) * vectors});
  }
  std::sort(peaks.begin(), peaks.end(), [](const Amount& a, const Amount& b) { return a.name < b.name; });
  return peaks;
}

std::vector<MachineNumber> numbers_of(const machine::Machine& machine) {
  std::vector<MachineNumber> numbers;
  for (const machine::Quantity& quantity : machine.quantities)
    numbers.push_back({quantity.path, quantity.written.empty() ? quantity.word : quantity.written,
                       std::string(machine::name_of(quantity.tag)), quantity.source});
  return numbers;
}

}  // namespace phx::hal::sim
