// The cube and its way out: mmad, fixpipe.
#include "device_sim/core/execution.h"

namespace phx::sim {

Handler cube_handler(const isa::Instruction&) { return nullptr; }

}  // namespace phx::sim
