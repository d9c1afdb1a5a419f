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

int show(const std::string& name, const std::vector<std::string>& overrides, bool json) {
  auto machine = machine::load(name, overrides);
  if (!machine) {
    std::fprintf(stderr, "phx: %s\n", machine.diagnostic().str().c_str());
    return 1;
  }
  std::fputs((json ? machine::to_json(*machine) : machine::to_text(*machine)).c_str(), stdout);
  return 0;
}

struct ShowOptions {
  std::string name;
  std::vector<std::string> overrides;
  bool json = false;
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
  show_command->callback([&status, options] { status = show(options->name, options->overrides, options->json); });
}

}  // namespace phx::tools
