// Whether the time of a tile program can depend on data that it loads: the condition for running it without data.
//
// Loaded data are the results of `ld` from any space but `param`. They may be computed with, stored, and used as the
// single value of a vector instruction, but must not reach what decides time: the predicate of a branch, an address, a
// size or configuration of a tile instruction, the id of an event, the length of a sleep.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "device_sim/isa/isa.h"

namespace phx::sim {

struct DataDependence {
  uint32_t load = 0;  // index of the instruction that loaded
  uint32_t use = 0;   // index of the first one, in code order, whose time may depend on it
};

// Follows the code from `entry` over all paths, whatever their predicates; targets of label rows are indices (as in
// Program::code()). A value that comes from several loads is put down to one of them, always the same.
std::optional<DataDependence> data_dependence(std::span<const isa::Instruction> code, uint32_t entry);

}  // namespace phx::sim
