// Happens-before between the threads of blocks.
#include "device_sim/check/thread_order.h"

#include <doctest/doctest.h>

using namespace phx::sim;

TEST_CASE("a barrier orders all threads of the block") {
  ThreadOrder order(128);
  order.start(0);
  const uint32_t before = order.now();
  CHECK(order.knows(5, 5, before));
  CHECK(!order.knows(5, 70, before));
  order.barrier();
  CHECK(order.knows(5, 70, before));
  CHECK(!order.knows(5, 70, order.now()));
}

TEST_CASE("a sync of lanes orders those lanes, and what they knew goes on") {
  ThreadOrder order(64);
  order.start(0);
  const uint32_t first = order.now();
  order.gather(0, 0x3);
  CHECK(order.knows(0, 1, first));
  CHECK(!order.knows(0, 2, first));
  CHECK(!order.knows(2, 1, first));
  order.gather(0, 0x6);
  CHECK(order.knows(2, 0, first));  // by lane 1
  CHECK(!order.knows(0, 2, first));
  CHECK(!order.knows(32, 0, first));
}

TEST_CASE("a flag carries what was known at the fence, not what came after") {
  ThreadOrder writer(64), reader(64);
  writer.start(0);
  reader.start(1);
  const uint32_t before = writer.now();
  CHECK(writer.fenced(3) == nullptr);
  writer.fence(0, 1u << 3, true);
  const uint32_t after = writer.now();
  reader.acquire(40, writer.fenced(3));
  CHECK(knows(reader.others(1), 0, 0, before));
  CHECK(!knows(reader.others(1), 0, 0, after));
  CHECK(!knows(reader.others(1), 0, 1, before));  // the other warp was not known
  CHECK(!knows(reader.others(0), 0, 0, before));
  reader.barrier();
  CHECK(knows(reader.others(0), 0, 0, before));
}

TEST_CASE("a barrier before the fence publishes the whole block, one after it the fence of everybody") {
  ThreadOrder order(64);
  order.start(7);
  const uint32_t first = order.now();
  order.barrier();
  order.fence(1, 1, true);
  CHECK(knows(order.fenced(32), 7, 0, first));
  order.start(7);
  const uint32_t before = order.now();
  order.fence(0, 1, true);
  CHECK(order.fenced(32) == nullptr);
  order.barrier();
  CHECK(knows(order.fenced(32), 7, 0, before));
}

TEST_CASE("a fence of the block's scope is for the block") {
  ThreadOrder order(64), other(32);
  order.start(0);
  other.start(1);
  const uint32_t before = order.now();
  order.fence(0, 1, false);
  other.acquire(0, order.fenced(0));
  CHECK(!knows(other.others(0), 0, 0, before));
  order.acquire(32, order.fenced(0));
  CHECK(order.knows(32, 0, before));
}
