#include <thread>

#include "tests/unit/runtime/fixture.h"

using namespace phx;

namespace {

constexpr double kMicrosecond = 1e-6;

}  // namespace

TEST_CASE("events measure simulated time, and repeat exactly") {
  double first = 0;
  for (int run = 0; run < 2; ++run) {
    NullRuntime bench;
    void* memory = bench.allocate(64);
    rt::Stream* stream = bench.stream();
    rt::Event *start = bench.event(), *stop = bench.event();
    double seconds = 0;
    CHECK(bench.runtime->elapsed(start, stop, &seconds).code == phxErrorInvalidResourceHandle);
    REQUIRE(bench.runtime->record(start, stream).ok());
    for (int i = 0; i < 5; ++i) bench.work(stream, memory);
    REQUIRE(bench.runtime->record(stop, stream).ok());
    CHECK(bench.runtime->elapsed(start, stop, &seconds).code == phxErrorNotReady);
    REQUIRE(bench.runtime->synchronize(stop).ok());
    REQUIRE(bench.runtime->elapsed(start, stop, &seconds).ok());
    CHECK(seconds >= 5 * kMicrosecond);
    CHECK(seconds < 10 * kMicrosecond);
    if (run == 0) first = seconds;
    CHECK(seconds == first);
  }
}

TEST_CASE("polling ends, after the same number of polls every time") {
  int first = 0;
  for (int run = 0; run < 2; ++run) {
    NullRuntime bench;
    void* memory = bench.allocate(64);
    rt::Stream* stream = bench.stream();
    for (int i = 0; i < 50; ++i) bench.work(stream, memory);
    int polls = 0;
    while (bench.runtime->query(stream).code == phxErrorNotReady) ++polls;
    CHECK(bench.runtime->query(stream).ok());
    if (run == 0) first = polls;
    CHECK(polls == first);
  }
}

TEST_CASE("nothing runs before somebody needs it") {
  NullRuntime bench;
  rt::Stream* stream = bench.stream();
  int ran = 0;
  REQUIRE(bench.runtime->host_function(stream, [&] { ++ran; }).ok());
  CHECK(ran == 0);
  REQUIRE(bench.runtime->synchronize(stream).ok());
  CHECK(ran == 1);
}

TEST_CASE("streams overlap, the legacy default stream joins the blocking ones") {
  NullRuntime bench;
  void* memory = bench.allocate(64);
  rt::Stream *a = bench.stream(), *b = bench.stream(), *free = bench.stream(false);
  std::vector<char> order;
  auto note = [&](rt::Stream* on, char name) {
    REQUIRE(bench.runtime->host_function(on, [&order, name] { order.push_back(name); }).ok());
  };
  rt::Event *a_done = bench.event(), *legacy_done = bench.event(), *free_done = bench.event(), *b_done = bench.event();
  for (int i = 0; i < 20; ++i) bench.work(a, memory);
  note(a, 'a');
  REQUIRE(bench.runtime->record(a_done, a).ok());
  bench.work(free, memory);
  REQUIRE(bench.runtime->record(free_done, free).ok());
  bench.work(bench.legacy(), memory);
  note(bench.legacy(), 'l');
  REQUIRE(bench.runtime->record(legacy_done, bench.legacy()).ok());
  bench.work(b, memory);
  note(b, 'b');
  REQUIRE(bench.runtime->record(b_done, b).ok());
  REQUIRE(bench.runtime->synchronize(*bench.device).ok());
  CHECK(order == std::vector<char>{'a', 'l', 'b'});
  double seconds = 0;
  REQUIRE(bench.runtime->elapsed(a_done, legacy_done, &seconds).ok());
  CHECK(seconds > 0);
  REQUIRE(bench.runtime->elapsed(legacy_done, b_done, &seconds).ok());
  CHECK(seconds > 0);
  REQUIRE(bench.runtime->elapsed(legacy_done, free_done, &seconds).ok());
  CHECK(seconds < 0);  // did not wait for the default stream
}

TEST_CASE("a stream waits for an event of another, recorded by a thread whose clock is ahead") {
  NullRuntime bench;
  void* memory = bench.allocate(64);
  rt::Stream *producer = bench.stream(false), *consumer = bench.stream(false);
  rt::Event* ready = bench.event();
  std::vector<int> order;
  std::thread([&] {
    for (int i = 0; i < 100; ++i) bench.work(producer, memory);
    REQUIRE(bench.runtime->host_function(producer, [&] { order.push_back(1); }).ok());
    REQUIRE(bench.runtime->record(ready, producer).ok());
  }).join();
  REQUIRE(bench.runtime->wait_event(consumer, ready).ok());
  REQUIRE(bench.runtime->host_function(consumer, [&] { order.push_back(2); }).ok());
  REQUIRE(bench.runtime->synchronize(consumer).ok());
  CHECK(order == std::vector<int>{1, 2});
}

TEST_CASE("a thread whose clock is behind adds to the end of a stream") {
  NullRuntime bench;
  void* memory = bench.allocate(64);
  rt::Stream* stream = bench.stream(false);
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) bench.work(stream, memory);
  REQUIRE(bench.runtime->host_function(stream, [&] { order.push_back(1); }).ok());
  std::thread([&] {
    REQUIRE(bench.runtime->host_function(stream, [&] { order.push_back(2); }).ok());
    REQUIRE(bench.runtime->synchronize(stream).ok());
  }).join();
  CHECK(order == std::vector<int>{1, 2});
}

TEST_CASE("a host function must not wait") {
  NullRuntime bench;
  rt::Stream* stream = bench.stream();
  rt::Result inside;
  REQUIRE(bench.runtime->host_function(stream, [&] { inside = bench.runtime->synchronize(*bench.device); }).ok());
  REQUIRE(bench.runtime->synchronize(stream).ok());
  CHECK(inside.code == rt::kErrorNotPermitted);
}

TEST_CASE("stale handles are errors") {
  NullRuntime bench;
  rt::Stream* stream = bench.stream();
  rt::Event* event = bench.event();
  CHECK(bench.runtime->destroy_stream(stream).ok());
  CHECK(bench.runtime->destroy_stream(stream).code == phxErrorInvalidResourceHandle);
  rt::Stream* resolved = nullptr;
  CHECK(bench.runtime->resolve_stream(*bench.device, stream, false, &resolved).code == phxErrorInvalidResourceHandle);
  CHECK(bench.runtime->destroy_event(event).ok());
  CHECK(bench.runtime->query(event).code == phxErrorInvalidResourceHandle);
}

TEST_CASE("destroying a stream completes what is in it") {
  NullRuntime bench;
  rt::Stream* stream = bench.stream();
  bool ran = false;
  REQUIRE(bench.runtime->host_function(stream, [&] { ran = true; }).ok());
  REQUIRE(bench.runtime->destroy_stream(stream).ok());
  CHECK(ran);
}

TEST_CASE("many threads at once") {
  NullRuntime bench;
  void* memory = bench.allocate(64);
  std::vector<std::thread> threads;
  std::atomic<int> ran = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      rt::Stream* stream = nullptr;
      REQUIRE(bench.runtime->create_stream(*bench.device, true, 0, &stream).ok());
      for (int i = 0; i < 100; ++i) {
        bench.work(stream, memory);
        REQUIRE(bench.runtime->host_function(stream, [&] { ++ran; }).ok());
        if (i % 10 == 0) REQUIRE(bench.runtime->synchronize(stream).ok());
      }
      REQUIRE(bench.runtime->destroy_stream(stream).ok());
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(ran == 400);
}
