// The subcommands of phx. Each adds itself to the application; its callback returns through `status`.
#pragma once

namespace CLI {
class App;
}

namespace phx::tools {

void add_machine_command(CLI::App& app, int& status);      // phx machine list | show
void add_executable_commands(CLI::App& app, int& status);  // phx as, phx objdump

}  // namespace phx::tools
