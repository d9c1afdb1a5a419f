// Happens-before between the pipes of a core.
#include "device_sim/check/pipe_order.h"

#include <doctest/doctest.h>

#include <random>

using phx::sim::PipeOrder;
using phx::sim::rows_meet;
using Range = PipeOrder::Range;

namespace {
constexpr unsigned kS = 0, kV = 1, kM = 2, kMte1 = 3, kMte2 = 4, kMte3 = 5;
constexpr unsigned kUb = 0, kL1 = 1;
constexpr Range kTile{0, 1024, 1, 0};
}  // namespace

TEST_CASE("a flag orders, its absence is found once for each pair of instructions") {
  PipeOrder order;
  order.access(kMte2, 1, kUb, 0, kTile, true);
  order.set(kMte2, kV, 0);
  order.wait(kMte2, kV, 0);
  order.access(kV, 2, kUb, 0, kTile, false);
  CHECK(order.findings().empty());
  order.access(kMte2, 3, kUb, 0, kTile, true);  // may overwrite what V reads
  order.access(kMte2, 3, kUb, 0, kTile, true);
  REQUIRE(order.findings().size() == 1);
  const PipeOrder::Finding& found = order.findings()[0];
  CHECK(found.earlier == 2);
  CHECK(found.later == 3);
  CHECK(found.earlier_pipe == kV);
  CHECK(found.later_pipe == kMte2);
  CHECK(!found.earlier_writes);
  CHECK(found.later_writes);
  CHECK(found.from == 0);
  CHECK(found.to == 1024);
}

TEST_CASE("reads of two pipes need no order, nor do two accesses of one pipe, nor other bytes, buffers and regions") {
  PipeOrder order;
  order.access(kMte2, 1, kL1, 0, kTile, true);
  order.access(kMte2, 2, kL1, 0, kTile, true);
  order.access(kMte1, 3, kL1, 0, {1024, 64, 1, 0}, false);
  order.access(kMte1, 4, kUb, 0, kTile, false);
  order.access(kMte1, 5, kL1, 7, kTile, false);
  order.access(kS, 6, kUb, 0, kTile, false);
  CHECK(order.findings().empty());
}

TEST_CASE("order is passed on through other pipes, and from the moment of the set only") {
  PipeOrder order;
  order.access(kMte2, 1, kUb, 0, kTile, true);
  order.set(kMte2, kV, 3);
  order.access(kMte2, 2, kUb, 0, {4096, 64, 1, 0}, true);  // after the set
  order.wait(kMte2, kV, 3);
  order.set(kV, kMte3, 0);
  order.wait(kV, kMte3, 0);
  order.access(kMte3, 3, kUb, 0, kTile, false);
  CHECK(order.findings().empty());
  order.access(kMte3, 4, kUb, 0, {4096, 64, 1, 0}, false);
  REQUIRE(order.findings().size() == 1);
  CHECK(order.findings()[0].earlier == 2);
}

TEST_CASE("a barrier of all pipes orders everything, a cross-core flag what was known to the ones that were raised") {
  PipeOrder order;
  order.access(kMte2, 1, kUb, 0, kTile, true);
  order.barrier();
  order.access(kV, 2, kUb, 0, kTile, true);
  CHECK(order.findings().empty());
  order.access(kMte3, 3, 6, 64, kTile, true);
  order.cross_set(kMte3);
  order.cross_wait(kMte2);
  order.access(kMte2, 4, 6, 64, kTile, false);
  CHECK(order.findings().empty());
  order.access(kMte3, 5, 6, 64, kTile, true);
  order.access(kV, 6, 6, 64, kTile, true);
  CHECK(order.findings().size() == 3);  // 4 -> 5, 4 -> 6, 5 -> 6, which stands for 3 -> 6
}

TEST_CASE("an old access that nothing ordered is found however much came between") {
  PipeOrder order;
  order.access(kMte2, 1, kL1, 0, kTile, true);
  for (unsigned i = 0; i < 10000; ++i) order.access(kMte2, 2, kL1, 0, {4096 + 64 * (i % 100), 64, 1, 0}, true);
  order.access(kM, 3, kL1, 0, {512, 8, 1, 0}, false);
  REQUIRE(order.findings().size() == 1);
  CHECK(order.findings()[0].earlier == 1);
}

TEST_CASE("rows meet where they have a byte in common") {
  CHECK(!rows_meet({0, 32, 4, 64}, {32, 32, 4, 64}));
  CHECK(rows_meet({0, 33, 4, 64}, {32, 32, 4, 64}));
  CHECK(rows_meet({0, 32, 4, 0}, {16, 8, 1, 0}));
  std::mt19937 random(1);
  for (unsigned i = 0; i < 20000; ++i) {
    auto some = [&] {
      const uint64_t bytes = 1 + random() % 6, rows = 1 + random() % 4;
      return Range{random() % 20, bytes, rows, random() % 3 == 0 ? 0 : bytes + random() % 8};
    };
    const Range x = some(), y = some();
    bool meet = false;
    for (uint64_t r = 0; r < x.rows; ++r)
      for (uint64_t s = 0; s < y.rows; ++s) {
        const uint64_t a = x.address + r * x.pitch, b = y.address + s * y.pitch;
        meet |= a < b + y.bytes && b < a + x.bytes;
      }
    CHECK(rows_meet(x, y) == meet);
  }
}
