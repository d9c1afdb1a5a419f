#include <doctest/doctest.h>
#include <phalanx/hal/instance.h>

#include <phalanx/hal/drivers/null.h>

using namespace phx::hal;

TEST_CASE("an instance opens drivers by name and refuses what it does not know") {
  Instance instance;
  REQUIRE(instance.add(null::driver_kind()).ok());
  CHECK(instance.add(null::driver_kind()).code() == Code::invalid_argument);
  CHECK(instance.open("nul", {}).status().message() == "no driver named 'nul'; there are: null");
  CHECK(instance.open("null", {{"device", "2"}}).status().message() ==
        "driver 'null' has no option 'device'; it has: devices, memory");
  CHECK(instance.open("null", {{"devices", "-1"}}).status().code() == Code::invalid_argument);
  auto driver = instance.open("null", {{"devices", "3"}});
  REQUIRE(driver.ok());
  CHECK((*driver)->device_count() == 3);
}

TEST_CASE("two drivers share nothing and outlive the instance") {
  std::shared_ptr<Driver> one, two;
  {
    Instance instance;
    REQUIRE(instance.add(null::driver_kind()).ok());
    one = *instance.open("null", {});
    two = *instance.open("null", {});
  }
  auto group = one->devices();
  auto buffer = group->allocate({1 << 20, 256, Placement::on(0), "a"});
  REQUIRE(buffer.ok());
  CHECK(*group->device(0).integer("memory.free") == (1 << 30) - (1 << 20));
  CHECK(*two->devices()->device(0).integer("memory.free") == 1 << 30);
}
