// phx machine list | show NAME [--json] [--set key=value]...
#include <CLI/CLI.hpp>
#include <cstdio>

#include "device_sim/machine/machine.h"
#include "runtime/tools/phx/commands.h"

namespace phx::tools {
namespace {

int list() {
  for (const machine::MachineInfo& info : machine::list()) {
    std::string also;
    for (const std::string& alias : info.aliases) also += (also.empty() ? "  (also " : ", ") + alias;
    std::printf("%-20s %s%s%s\n", info.name.c_str(), info.title.c_str(), also.c_str(), also.empty() ? "" : ")");
  }
  return 0;
}

// A dozen lines: what one looks at before a run.
std::string summary(const machine::Machine& m) {
  const machine::Chip& chip = m.chip;
  char text[1024];
  const double f16 = chip.cube.macs_per_cycle.count("f16") ? chip.cube.macs_per_cycle.find("f16")->second : 0;
  std::snprintf(
      text, sizeof text,
      "%s: %s\n"
      "  devices       %lld in %lld packages\n"
      "  per device    %lld AIC + %lld AIV at %.2f GHz; cube peak %.0f TFLOPS f16\n"
      "  L2, HBM       %lld MiB; %lld GiB at %.2f TB/s, %.0f %% achievable\n"
      "  UB, L1        %lld KiB per AIV; %lld KiB per AIC\n"
      "  SIMT          %s; %lld warps of %lld lanes per AIV, %lld schedulers\n",
      m.name.c_str(), m.title.c_str(), static_cast<long long>(m.system.devices()),
      static_cast<long long>(m.system.packages()), static_cast<long long>(chip.aic), static_cast<long long>(chip.aiv),
      chip.clock_hz * 1e-9, f16 * 2 * static_cast<double>(chip.aic) * chip.clock_hz * 1e-12,
      static_cast<long long>(chip.l2.size_bytes >> 20), static_cast<long long>(chip.hbm.size_bytes >> 30),
      chip.hbm.peak_bytes_per_second * 1e-12, chip.hbm.achievable * 100,
      static_cast<long long>(chip.buffers.ub_bytes >> 10), static_cast<long long>(chip.buffers.l1_bytes >> 10),
      chip.simt.kind == machine::SimtKind::Virtual ? "virtual extension, not in the real chip"
                                                   : std::string(name_of(chip.simt.kind)).c_str(),
      static_cast<long long>(chip.simt.max_warps), static_cast<long long>(chip.simt.warp_size),
      static_cast<long long>(chip.simt.schedulers));
  std::string out = text;
  for (const machine::Level& level : m.system.levels) {
    if (level.members == 1) continue;
    std::snprintf(text, sizeof text, "  %-13s joins %lld, %s, %.2f us, read %.0f GB/s, write %.0f GB/s\n",
                  std::string(level.name).c_str(), static_cast<long long>(level.members), level.link.c_str(),
                  level.latency_ns * 1e-3, level.read_bytes_per_second * 1e-9, level.write_bytes_per_second * 1e-9);
    out += text;
  }
  return out;
}

int show(const std::string& name, const std::vector<std::string>& overrides, bool json, bool brief) {
  auto machine = machine::load(name, overrides);
  if (!machine) {
    std::fprintf(stderr, "phx: %s\n", machine.diagnostic().str().c_str());
    return 1;
  }
  std::fputs((json    ? machine::to_json(*machine)
              : brief ? summary(*machine)
                      : machine::to_text(*machine))
                 .c_str(),
             stdout);
  return 0;
}

struct ShowOptions {
  std::string name;
  std::vector<std::string> overrides;
  bool json = false, brief = false;
};

}  // namespace

void add_machine_command(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand("machine", "Describe the machines that can be simulated");
  command->require_subcommand(1);
  command->add_subcommand("list", "Names, titles and aliases")->callback([&status] { status = list(); });

  auto options = std::make_shared<ShowOptions>();
  CLI::App* show_command = command->add_subcommand("show", "Every number of a machine with its unit, tag and source");
  show_command->add_option("name", options->name, "Name, alias or .toml file")->required();
  show_command->add_option("--set", options->overrides, "key=value, for example chip.clock=1.5GHz; may be repeated");
  show_command->add_flag("--json", options->json, "As JSON");
  show_command->add_flag("--summary", options->brief, "A dozen lines instead of every number")->excludes("--json");
  show_command->callback(
      [&status, options] { status = show(options->name, options->overrides, options->json, options->brief); });
}

}  // namespace phx::tools
