#include <doctest/doctest.h>

#include "tests/hal_cts/subject.h"

using namespace phx::hal;

namespace {

CommandBuffer call(std::function<void(SimTime)> function) {
  CommandBuffer commands;
  commands.host_call(std::move(function));
  return commands;
}

}  // namespace

TEST_CASE("submissions of one queue start in order") {
  cts::Bench bench(1);
  for (EngineKind kind : {EngineKind::compute, EngineKind::copy, EngineKind::collective}) {
    auto queue = *bench.group->create_queue(kind);
    CHECK(queue->kind() == kind);
    auto gate = bench.group->create_semaphore(), done = bench.group->create_semaphore();
    std::vector<int> order;
    REQUIRE(queue->submit(bench.submission(call([&](SimTime) { order.push_back(1); }), {{gate, 1}}, {{done, 1}})).ok());
    REQUIRE(queue->submit(bench.submission(call([&](SimTime) { order.push_back(2); }), {}, {{done, 2}})).ok());
    CHECK(done->wait(1, 0.01).status().code() == Code::deadline);
    REQUIRE(gate->signal(1, 0).ok());
    REQUIRE(done->wait(2, 60).ok());
    CHECK(order == std::vector<int>{1, 2});
  }
}

TEST_CASE("a wait may be submitted before its signal, and carries its time") {
  cts::Bench bench(1);
  auto first = *bench.group->create_queue(EngineKind::compute), second = *bench.group->create_queue(EngineKind::copy);
  auto a = bench.group->create_semaphore(), b = bench.group->create_semaphore();
  SimTime seen = 0;
  REQUIRE(second->submit(bench.submission(call([&](SimTime now) { seen = now; }), {{a, 1}}, {{b, 1}})).ok());
  Submission late = bench.submission(CommandBuffer(), {}, {{a, 1}});
  late.issued = 123'456'789;
  REQUIRE(first->submit(std::move(late)).ok());
  REQUIRE(b->wait(1, 60).ok());
  CHECK(*a->time_of(1) >= 123'456'789);
  CHECK(seen >= *a->time_of(1));
}

TEST_CASE("a barrier orders, an empty submission passes time on") {
  cts::Bench bench(1);
  auto buffer = *bench.group->allocate({4096, 256, Placement::on(0), "b"});
  CommandBuffer commands;
  SimTime before = 0, after = 0;
  commands.host_call([&](SimTime now) { before = now; });
  commands.barrier();
  commands.fill({MemoryRef::in(buffer), Region::bytes(4096), {}, 1});
  commands.barrier();
  commands.host_call([&](SimTime now) { after = now; });
  REQUIRE(bench.run(EngineKind::copy, std::move(commands)).ok());
  CHECK(after > before);
}

TEST_CASE("a failed wait fails the signals") {
  cts::Bench bench(1);
  auto queue = *bench.group->create_queue(EngineKind::compute);
  auto a = bench.group->create_semaphore(), b = bench.group->create_semaphore();
  bool ran = false;
  REQUIRE(queue->submit(bench.submission(call([&](SimTime) { ran = true; }), {{a, 1}}, {{b, 1}})).ok());
  a->fail(Status(Code::device_fault, "because"));
  CHECK(b->wait(1, 60).status().message() == "because");
  CHECK(!ran);
}

TEST_CASE("a malformed submission is refused at once and signals nothing") {
  cts::Bench bench(1);
  auto queue = *bench.group->create_queue(EngineKind::copy);
  auto buffer = *bench.group->allocate({64, 256, Placement::on(0), "b"});
  auto done = bench.group->create_semaphore();
  CommandBuffer commands;
  commands.fill({MemoryRef::in(buffer), Region::bytes(65), {}, 1});
  CHECK(queue->submit(bench.submission(std::move(commands), {}, {{done, 1}})).code() == Code::invalid_argument);
  CHECK(*done->value() == 0);
  CHECK(queue->submit(bench.submission(CommandBuffer(), {}, {{done, 1}})).ok());
  CHECK(done->wait(1, 60).ok());
}

TEST_CASE("destroying a queue cancels what has not started") {
  cts::Bench bench(1);
  auto never = bench.group->create_semaphore(), done = bench.group->create_semaphore();
  {
    auto queue = *bench.group->create_queue(EngineKind::compute);
    REQUIRE(queue->submit(bench.submission(CommandBuffer(), {{never, 1}}, {{done, 1}})).ok());
  }
  CHECK(done->wait(1, 60).status().code() == Code::cancelled);
}
