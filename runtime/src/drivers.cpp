#include "runtime/src/drivers.h"

#include "hal/drivers/null/null_driver.h"
#if PHX_HAS_SIM_DRIVER
#include "hal/drivers/sim/sim_driver.h"
#endif

namespace phx::rt {

hal::Instance instance_with_all_drivers() {
  hal::Instance instance;
#if PHX_HAS_SIM_DRIVER
  (void)instance.add(hal::sim::driver_kind());
#endif
  (void)instance.add(hal::null::driver_kind());
  return instance;
}

}  // namespace phx::rt
