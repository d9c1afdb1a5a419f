// What Ctrl-C and a polite kill do to phxcc: the temporary folder goes, then the process, with a shell's status.
#pragma once

#include <string>

namespace phx::phxcc {

// Blocks SIGINT, SIGTERM and SIGHUP in the calling thread and in all it starts later, and waits for them in a thread of
// its own. Call once, before other threads exist. Programs started by run_process receive the signals themselves.
void handle_interruptions();

// The folder to remove on an interruption; empty = none.
void remove_on_interruption(const std::string& folder);

}  // namespace phx::phxcc
