// Runs an accepted executable under a step limit. What it computes does not matter; that it ends with a result, a refusal or
// a fault, and without touching memory that is not its own, does.
#pragma once

#include <array>
#include <cstdint>

#include "device_sim/image/image.h"

namespace phx::fuzz {

enum class Ending : uint8_t { finished, faulted, refused, not_run };
inline constexpr std::array<const char*, 4> kEndingNames = {"finished", "faulted", "refused", "not run"};

// Launches every kernel once.
Ending execute(const image::Executable& executable);

}  // namespace phx::fuzz
