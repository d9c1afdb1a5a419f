// The build that a command line asks for: one translation per source, then the goal's last step.
#pragma once

#include "runtime/tools/phxcc/command_line.h"
#include "runtime/tools/phxcc/installation.h"

namespace phx::phxcc {

// Returns the exit status for the shell: 0, the status of the tool that failed, or 1. Every failure has been reported
// on stderr in one line that names the source and the step.
int build(const CommandLine& line, const Installation& installation);

}  // namespace phx::phxcc
