#include <doctest/doctest.h>

#include "hal/drivers/sim/engines.h"

using phx::hal::sim::Engines;
using phx::hal::sim::Lane;

namespace {

const std::vector<uint16_t> kFirst = {0}, kSecond = {1}, kBoth = {0, 1};

}  // namespace

TEST_CASE("small kernels run side by side, a full device makes the next one wait") {
  Engines engines(1, {4, 4});
  CHECK(engines.cores_free(kFirst, {2}, 10) == 10);
  engines.take_cores(kFirst, {2}, 10, 100);
  CHECK(engines.cores_free(kFirst, {2}, 20) == 20);  // the other two
  engines.take_cores(kFirst, {2}, 20, 60);
  CHECK(engines.cores_free(kFirst, {1}, 30) == 60);
  CHECK(engines.cores_free(kFirst, {3}, 30) == 100);
  CHECK(engines.cores_free(kFirst, {1000}, 30) == 100);  // more blocks than cores: all of them
}

TEST_CASE("a kernel takes the cores that became free last") {
  Engines engines(1, {2, 2});
  engines.take_cores(kFirst, {1}, 0, 50);
  engines.take_cores(kFirst, {1}, 60, 90);  // both are free at 60
  CHECK(engines.cores_free(kFirst, {1}, 0) == 0);
}

TEST_CASE("cube cores and vector cores are apart, a mix takes both") {
  Engines engines(1, {4, 2});
  engines.take_cores(kFirst, {0, 2}, 0, 50);
  CHECK(engines.cores_free(kFirst, {4, 0}, 0) == 0);
  CHECK(engines.cores_free(kFirst, {0, 1}, 0) == 50);
  CHECK(engines.cores_free(kFirst, {2, 1}, 0) == 50);
}

TEST_CASE("a group waits for its slowest member") {
  Engines engines(2, {2, 2});
  engines.take_cores(kSecond, {2}, 0, 70);
  CHECK(engines.cores_free(kFirst, {2}, 5) == 5);
  CHECK(engines.cores_free(kBoth, {1}, 5) == 70);
}

TEST_CASE("copy engines work one way each") {
  Engines engines(2, {1, 1});
  engines.take_lane(kFirst, Lane::to_device, 40);
  CHECK(engines.lane_free(kFirst, Lane::to_device, 0) == 40);
  CHECK(engines.lane_free(kFirst, Lane::from_device, 0) == 0);
  CHECK(engines.lane_free(kSecond, Lane::to_device, 0) == 0);
}
