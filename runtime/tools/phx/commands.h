// The subcommands of phx. Each adds itself to the application; its callback returns through `status`.
#pragma once

namespace CLI {
class App;
}

namespace phx::tools {

void add_machine_command(CLI::App& app, int& status);      // phx machine list | show
void add_executable_commands(CLI::App& app, int& status);  // phx as, phx objdump
void add_prof_command(CLI::App& app, int& status);         // phx prof
// Only where the compiler is built (PHX_WITH_COMPILER).
void add_compile_command(CLI::App& app, int& status);      // phx compile
void add_run_command(CLI::App& app, int& status);          // phx run
void add_conformance_command(CLI::App& app, int& status);  // phx conformance onnx
void add_validate_command(CLI::App& app, int& status);     // phx validate
void add_calibrate_command(CLI::App& app, int& status);    // phx calibrate

}  // namespace phx::tools
