// The HAL from an installed package: opens the simulator, moves bytes into a buffer spread over a group and back.
#include <phalanx/hal/drivers/sim.h>
#include <phalanx/hal/instance.h>

#include <cstdio>

int main() {
  using namespace phx::hal;
  Instance instance;
  if (!instance.add(sim::driver_kind())) return 1;
  auto driver = instance.open("sim", {{"machine", "ascend-910c"}, {"devices", "2"}});
  if (!driver) return std::fprintf(stderr, "%s\n", driver.status().str().c_str()), 1;
  auto group = (*driver)->devices();
  if (!group) return 1;
  auto wrong = instance.open("sim", {{"machine", "ascend-910c"}, {"devices", "3"}});
  std::printf("%u devices in %u packages; 3 devices: %s\n", group->size(), group->topology().unit_count(0),
              wrong ? "accepted" : wrong.status().str().c_str());
  return group->size() == 2 && group->topology().unit_count(0) == 1 && !wrong ? 0 : 1;
}
