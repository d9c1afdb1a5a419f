#include <doctest/doctest.h>

#include <thread>

#include "tests/hal_cts/subject.h"

using namespace phx::hal;

TEST_CASE("a timeline only grows and remembers when") {
  cts::Bench bench(1);
  auto semaphore = bench.group->create_semaphore(3);
  CHECK(*semaphore->value() == 3);
  CHECK(semaphore->signal(3, 10).code() == Code::failed_precondition);
  CHECK(semaphore->signal(5, 10).ok());
  CHECK(semaphore->signal(7, 30).ok());
  CHECK(*semaphore->value() == 7);
  CHECK(*semaphore->time_of(4) == 10);
  CHECK(*semaphore->time_of(5) == 10);
  CHECK(*semaphore->time_of(6) == 30);
  CHECK(semaphore->time_of(8).status().code() == Code::not_found);
  CHECK(semaphore->signal(9, 20).ok());
  CHECK(*semaphore->time_of(9) == 30);  // time does not go back
  semaphore->forget(7);
  CHECK(*semaphore->time_of(7) == 30);
  CHECK(*semaphore->wait(9) == 30);
}

TEST_CASE("a failure stays, and what was reached before it stays reached") {
  cts::Bench bench(1);
  auto semaphore = bench.group->create_semaphore();
  CHECK(semaphore->signal(1, 5).ok());
  semaphore->fail(Status(Code::cancelled, "first"));
  semaphore->fail(Status(Code::internal, "second"));
  CHECK(*semaphore->wait(1) == 5);
  CHECK(semaphore->wait(2).status().message() == "first");
  CHECK(semaphore->signal(2, 9).code() == Code::cancelled);
}

TEST_CASE("a host wait ends by deadline, by a signal from another thread, by a failure") {
  cts::Bench bench(1);
  auto semaphore = bench.group->create_semaphore();
  CHECK(semaphore->wait(1, 0.01).status().code() == Code::deadline);
  std::thread signaller([&] { (void)semaphore->signal(1, 77); });
  CHECK(*semaphore->wait(1, 60) == 77);
  signaller.join();
  std::thread failer([&] { semaphore->fail(Status(Code::cancelled, "stop")); });
  CHECK(semaphore->wait(2, 60).status().code() == Code::cancelled);
  failer.join();
}
