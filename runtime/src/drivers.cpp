#include "runtime/src/drivers.h"

#include "hal/drivers/null/null_driver.h"
#include "hal/drivers/sim/sim_driver.h"

namespace phx::rt {

hal::Instance instance_with_all_drivers() {
  hal::Instance instance;
  (void)instance.add(hal::sim::driver_kind());
  (void)instance.add(hal::null::driver_kind());
  return instance;
}

}  // namespace phx::rt
