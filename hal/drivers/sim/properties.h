// What a machine description answers to the keys of property.def.
#pragma once

#include <phalanx/hal/device.h>
#include <phalanx/hal/topology.h>

#include <map>

#include "device_sim/machine/machine.h"

namespace phx::hal::sim {

using PropertyTable = std::map<std::string, PropertyValue, std::less<>>;

// Everything but what depends on the device or on the moment ("package", "memory.free").
PropertyTable property_table(const machine::Machine& machine);

// The levels of a machine as HAL levels. Levels that exist only in name are left out.
StatusOr<Topology> topology_of(const machine::Machine& machine, unsigned devices);

}  // namespace phx::hal::sim
