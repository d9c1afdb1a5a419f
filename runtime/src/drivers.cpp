#include "runtime/src/drivers.h"

#include <phalanx/hal/drivers/null.h>
#include <phalanx/hal/drivers/sim.h>

namespace phx::rt {

hal::Instance instance_with_all_drivers() {
  hal::Instance instance;
  (void)instance.add(hal::sim::driver_kind());
  (void)instance.add(hal::null::driver_kind());
  return instance;
}

}  // namespace phx::rt
