// Whether a tile program does the same elsewhere: moving everything its pointers point to by one distance moves all its
// accesses of device memory by that distance and changes nothing else. The condition for taking the time of a launch
// from one with other buffers.
//
// Pointers (pointer parameters and addresses of the program's own objects) may be copied, stored, and have numbers
// added and subtracted; their difference is a number. Nothing else may be computed from them but the address of an
// access.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "device_sim/isa/isa.h"

namespace phx::sim {

// What a parameter load of [offset, offset + bytes) gives.
enum class ParameterPart : uint8_t { number, pointer, mixed };

struct PointerSources {
  std::function<ParameterPart(uint64_t offset, uint64_t bytes)> parameter;
  std::function<bool(uint32_t index)> object;  // the instruction's extension word is an address of an object
};

// Follows the code from `entry` over all paths; targets of label rows are indices. Supposes that what the program loads
// from memory reaches no address (data_dependence.h).
bool movable_addresses(std::span<const isa::Instruction> code, uint32_t entry, const PointerSources& sources);

}  // namespace phx::sim
