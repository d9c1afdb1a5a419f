// What is kept of earlier accesses, and which pairs are in conflict.
#include "device_sim/check/access_history.h"

#include <doctest/doctest.h>

#include <string>

#include "device_sim/memory/footprint.h"

using namespace phx::sim;

namespace {

struct History {
  AccessHistory<4> history;
  bool ordered = false;
  std::string add(uint32_t who, char kind, uint32_t mask = 15, uint32_t value = 0) {
    Access now{.mask = mask, .who = who, .thread = who, .when = 1, .instruction = who};
    now.write = kind == 'w' || kind == 'a';
    now.ordered = kind == 'a' || kind == 'v';
    now.value = value;
    now.digested = kind == 'w' && value != 0;
    std::string met;
    history.add(
        9, now, [&](const Access& then) { return ordered || then.who == who; },
        [&](const Access& then, uint32_t) { met += std::to_string(then.who); });
    return met;
  }
};

}  // namespace

TEST_CASE("loads do not meet, stores meet both") {
  History h;
  CHECK(h.add(1, 'r') == "");
  CHECK(h.add(2, 'r') == "");
  CHECK(h.add(3, 'w') == "21");
  CHECK(h.add(4, 'r') == "3");
  CHECK(h.add(5, 'w') == "43");
}

TEST_CASE("what is ordered does not meet") {
  History h;
  h.add(1, 'w');
  h.ordered = true;
  CHECK(h.add(2, 'w') == "");
  CHECK(h.add(3, 'r') == "");
}

TEST_CASE("bytes are told apart") {
  History h;
  CHECK(h.add(1, 'w', 1) == "");
  CHECK(h.add(2, 'w', 2) == "");
  CHECK(h.add(3, 'w', 4) == "");
  CHECK(h.add(4, 'r', 3) == "21");
}

TEST_CASE("atomics meet plain accesses alone") {
  History h;
  CHECK(h.add(1, 'a') == "");
  CHECK(h.add(2, 'a') == "");
  CHECK(h.add(3, 'v') == "");
  CHECK(h.add(4, 'r') == "2");
  CHECK(h.add(5, 'a') == "4");
}

TEST_CASE("stores of one value do not meet") {
  History h;
  h.add(1, 'w', 15, 7);
  CHECK(h.add(2, 'w', 15, 7) == "");
  CHECK(h.add(3, 'w', 15, 8) == "2");
  CHECK(h.add(4, 'w', 3, 8) == "3");  // not the same bytes
}

TEST_CASE("of many loads the first and the latest are kept") {
  History h;
  for (uint32_t who = 1; who <= 5; ++who) h.add(who, 'r');
  CHECK(h.add(9, 'w') == "51");
}

TEST_CASE("footprints meet where one stores") {
  Footprint a, b;
  a.add(100, 9000, false, false, 1);
  b.add(50, 60, false, false, 2);
  CHECK(!a.meets(b));
  b.add(9050, 100, true, false, 3);
  const auto meeting = a.meets(b);
  REQUIRE(meeting);
  CHECK(meeting->address == 9050);
  CHECK(!meeting->mine_writes);
  CHECK(meeting->other_writes);
  CHECK(meeting->mine == 1);
  CHECK(meeting->other == 3);
  Footprint c, d;
  c.add(0, 4, true, true, 1);
  d.add(0, 4, true, true, 2);
  CHECK(!c.meets(d));
  d.add(2, 1, false, false, 3);
  REQUIRE(c.meets(d));
  CHECK(c.meets(d)->address == 2);
}
