// The body of phx-opt. The tool itself is runtime/tools/phx-opt, which brings the executor.
#pragma once

#include "phalanx/compiler/executor.h"

namespace phx::compiler {
int optMain(int argc, char** argv, Executor& executor);
}
