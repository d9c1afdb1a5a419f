// The drivers that come with the SDK, ready to be opened by name.
#pragma once

#include <phalanx/hal/instance.h>

namespace phx::rt {

hal::Instance instance_with_all_drivers();

}  // namespace phx::rt
