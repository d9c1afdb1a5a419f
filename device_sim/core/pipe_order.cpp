// The order between pipes of a tile program: which accesses no flag or barrier orders.
#include "device_sim/core/execution.h"

namespace phx::sim {

bool in_order(const Decoded*, Frame*, unsigned, uint64_t, uint64_t, uint64_t, uint64_t, bool) { return true; }

void order_set(const Decoded*, Frame*, unsigned) {}
void order_wait(const Decoded*, Frame*, unsigned) {}
void order_barrier(const Decoded*, Frame*) {}

}  // namespace phx::sim
