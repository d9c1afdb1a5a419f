// What reports say of a machine: its peaks, and every number of its description with its evidence.
#pragma once

#include <phalanx/hal/driver.h>

#include <vector>

#include "device_sim/machine/machine.h"

namespace phx::hal::sim {

// Of one device. The vector unit's peak is that of an addition whose sources share no bank group; SIMT's counts a fused
// multiply-add in every lane of every issue slot.
std::vector<Amount> peaks_of(const machine::Machine& machine);

std::vector<MachineNumber> numbers_of(const machine::Machine& machine);

}  // namespace phx::hal::sim
