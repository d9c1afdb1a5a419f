// For builds without the simulator's core: accepted mutants are not executed, and the summary says so.
#include "tests/fuzz/execute.h"

namespace phx::fuzz {
Ending execute(const image::Executable&) { return Ending::not_run; }
}  // namespace phx::fuzz
