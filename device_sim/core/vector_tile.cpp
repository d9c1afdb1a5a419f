// Vector instructions on tiles in the unified buffer.
#include "device_sim/core/execution.h"

namespace phx::sim {

Handler vector_handler(const isa::Instruction&) { return nullptr; }

}  // namespace phx::sim
