// DMA into the buffers of a cube core: GM to L1 (contiguous and ND to NZ), L1 to L0A, L0B and the bias table.
#include "device_sim/core/execution.h"

namespace phx::sim {

Handler matrix_load_handler(const isa::Instruction&) { return nullptr; }

}  // namespace phx::sim
