#include <doctest/doctest.h>

#include "tests/hal_cts/subject.h"

using namespace phx::hal;

TEST_CASE("every device answers every required property with the promised type") {
  cts::Bench bench(2);
  for (uint32_t i = 0; i < bench.group->size(); ++i) {
    Device device = bench.group->device(i);
#define PHX_PROPERTY(key, type, unit, required, meaning) \
  {                                                      \
    auto value = device.type(key);                       \
    CAPTURE(key);                                        \
    if (required) CHECK(value.ok());                     \
  }
#include <phalanx/hal/property.def>
    CHECK(*device.integer("cores") >= 1);
    CHECK(*device.integer("host.cost.query") > 0);
    CHECK(device.integer("no.such.key").status().code() == Code::not_found);
    CHECK(device.integer("name").status().code() == Code::invalid_argument);
  }
}

TEST_CASE("a group is sliced into groups") {
  cts::Bench bench(4);
  auto half = bench.group->slice(2, 2);
  REQUIRE(half.ok());
  CHECK(half->size() == 2);
  CHECK(half->device(0).ordinal() == 2);
  auto one = half->slice(1, 1);
  CHECK(one->device(0).ordinal() == 3);
  CHECK(half->slice(1, 2).status().code() == Code::invalid_argument);
  CHECK(one->topology().size() == 1);
}

TEST_CASE("a group keeps its driver alive") {
  std::optional<Group> group;
  {
    cts::Bench bench(1);
    group = bench.group;
    bench.group.reset();
    bench.driver.reset();
    CHECK(group->device(0).integer("cores").ok());
    group.reset();
  }
}

TEST_CASE("facts name the machine, its mode and the weakest source") {
  cts::Bench bench(1);
  const MachineFacts& facts = bench.driver->facts();
  CHECK(!facts.name.empty());
  CHECK(!facts.mode.empty());
  CHECK(facts.devices_total >= 1);
  CHECK(!facts.weakest_source.empty());
}
