// phxcc: the CUDA compiler driver.
#include <cstdio>
#include <string>
#include <vector>

#include "runtime/tools/phxcc/build.h"
#include "runtime/tools/phxcc/command_line.h"
#include "runtime/tools/phxcc/installation.h"
#include "runtime/tools/phxcc/interruption.h"

int main(int argc, char** argv) {
  using namespace phx::phxcc;
  const auto line = parse_command_line(std::vector<std::string>(argv + 1, argv + argc));
  if (!line) {
    std::fprintf(stderr, "phxcc: error: %s\n", line.diagnostic().str().c_str());
    return 1;
  }
  if (line->goal == Goal::help) {
    std::fputs(usage().c_str(), stdout);
    return 0;
  }
  if (line->goal == Goal::version) {
    // The release line follows the form that build systems look for: the CUDA level whose interface is offered.
    std::printf("phxcc: Phalanx CUDA compiler driver %s\nCuda compilation tools, release 12.8, V12.8.0\n",
                PHXCC_VERSION);
    return 0;
  }
  const auto installation = find_installation();
  if (!installation) {
    std::fprintf(stderr, "phxcc: error: %s\n", installation.diagnostic().str().c_str());
    return 1;
  }
  handle_interruptions();
  return build(*line, *installation);
}
