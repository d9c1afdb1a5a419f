// For builds without the simulator's core: accepted mutants are not executed, and the summary says so.
#include "tests/fuzz/execute.h"

namespace phx::fuzz {
Ending execute(const image::Executable&) { return Ending::not_run; }
const std::map<std::string, std::string>& without_meaning() {
  static const std::map<std::string, std::string> none;
  return none;
}
}  // namespace phx::fuzz
