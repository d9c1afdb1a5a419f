// phx: the user-facing tool of Phalanx.
#include <CLI/CLI.hpp>

#include "runtime/tools/phx/commands.h"

int main(int argc, char** argv) {
  CLI::App app{"Phalanx: a virtual Ascend-class accelerator"};
  app.require_subcommand(1);
  app.set_version_flag("--version", "phx " PHALANX_VERSION);
  int status = 0;
  phx::tools::add_machine_command(app, status);
  phx::tools::add_executable_commands(app, status);
  phx::tools::add_prof_command(app, status);
#if PHX_WITH_COMPILER
  phx::tools::add_compile_command(app, status);
  phx::tools::add_run_command(app, status);
  phx::tools::add_conformance_command(app, status);
  phx::tools::add_validate_command(app, status);
  phx::tools::add_calibrate_command(app, status);
#endif
  CLI11_PARSE(app, argc, argv);
  return status;
}
