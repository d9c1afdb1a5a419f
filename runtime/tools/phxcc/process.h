// Running another program and waiting for it.
#pragma once

#include <string>
#include <vector>

#include "device_sim/diagnostic/diagnostic.h"

namespace phx::phxcc {

// Starts argv[0] (searched in PATH unless it holds a slash) with this process's environment and streams, waits, and
// returns its exit status; a program ended by a signal returns 128 + the signal, as a shell tells it.
Expected<int> run_process(const std::vector<std::string>& argv);

// The command as a shell would read it back.
std::string quoted(const std::vector<std::string>& argv);

}  // namespace phx::phxcc
