// Buffers of the sim driver: allocations and registered host ranges of the System's address space.
#pragma once

#include "hal/drivers/sim/machine_state.h"

namespace phx::hal::sim {

StatusOr<std::shared_ptr<Buffer>> allocate(std::shared_ptr<MachineState> machine, const Group& group,
                                           const BufferSpec& spec);
StatusOr<std::shared_ptr<Buffer>> import_host(std::shared_ptr<MachineState> machine, void* memory, uint64_t size,
                                              const std::string& label);

// A buffer somebody else frees: a variable of an executable, kept alive by `owner`.
std::shared_ptr<Buffer> borrow(Address address, uint64_t size, Placement placement, std::string label,
                               std::shared_ptr<const void> owner);

}  // namespace phx::hal::sim
