// The level of the host's instruction set that the interpreter's fast code uses. All levels give the same bits.
#pragma once

#include <cstdint>

namespace phx::sim {

enum class HostLevel : uint8_t { baseline, v3, v4 };  // x86-64-v3, x86-64-v4; other hosts have the baseline only

// The highest level that this host has; PHX_HOST_LEVEL=baseline or v3 asks for a lower one (tests do).
HostLevel host_level();

}  // namespace phx::sim
