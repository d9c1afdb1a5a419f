#include <doctest/doctest.h>

#include <cstring>

#include "tests/hal_cts/subject.h"

using namespace phx::hal;

TEST_CASE("an executable tells what it holds and refuses what is not one") {
  cts::Bench bench(2);
  auto executable = bench.executable();
  auto entry = executable->find(bench.subject.fill_kernel);
  REQUIRE(entry.ok());
  CHECK(executable->entries()[*entry].argument_bytes == 16);
  CHECK(executable->find("no such kernel").status().code() == Code::not_found);
  CHECK(executable->symbol("no such variable").status().code() == Code::not_found);
  auto occupancy = executable->occupancy(*entry, 128, 0);
  REQUIRE(occupancy.ok());
  CHECK(occupancy->blocks_per_core >= 1);
  CHECK(executable->occupancy(*entry, 1 << 20, 0).status().code() == Code::out_of_resources);
  CHECK(executable->occupancy(*entry, 32, 1 << 30).status().code() == Code::out_of_resources);
  std::vector<std::byte> noise(100, std::byte{'?'});
  CHECK(bench.group->load(noise, "noise").status().code() == Code::data_corrupt);
}

TEST_CASE("a grid is split over the members of its group") {
  for (uint32_t devices : {1, 2, 3}) {
    cts::Bench bench(devices);
    constexpr uint32_t kCount = 1000;
    auto buffer = *bench.group->allocate({kCount * 4, 256, Placement::interleaved(), "b"});
    CommandBuffer commands;
    commands.dispatch(bench.fill_dispatch(buffer, 100, kCount));
    Status status = bench.run(EngineKind::compute, std::move(commands));
    REQUIRE_MESSAGE(status.ok(), status.str());
    REQUIRE(bench.kernels.size() == 1);
    CHECK(bench.kernels[0].devices.size() == devices);
    CHECK(bench.kernels[0].end > bench.kernels[0].start);
    if (!bench.driver->executes()) continue;
    auto values = bench.read(buffer, kCount);
    for (uint32_t i = 0; i < kCount; ++i) REQUIRE(values[i] == 100 + i);
  }
}

TEST_CASE("argument patches write addresses at submission") {
  cts::Bench bench(1);
  auto right = *bench.group->allocate({256, 256, Placement::on(0), "right"});
  Dispatch dispatch = bench.fill_dispatch(right, 7, 64);
  std::memset(dispatch.arguments.data(), 0, 8);
  dispatch.patches.push_back({0, MemoryRef::in_slot(0)});
  auto commands = std::make_shared<CommandBuffer>();
  commands->dispatch(std::move(dispatch));
  Submission submission;
  submission.commands = commands;
  submission.bindings = {{right, 0}};
  auto done = bench.group->create_semaphore();
  submission.signals = {{done, 1}};
  auto queue = *bench.group->create_queue(EngineKind::compute);
  REQUIRE(queue->submit(std::move(submission)).ok());
  REQUIRE(done->wait(1, 60).ok());
  if (bench.driver->executes()) CHECK(bench.read(right, 64)[63] == 70);
}

TEST_CASE("variables of an executable are buffers") {
  cts::Bench bench(1);
  if (bench.subject.symbol.empty()) return;
  auto executable = bench.executable();
  auto symbol = executable->symbol(bench.subject.symbol);
  REQUIRE(symbol.ok());
  CHECK(symbol->size >= 4);
  CHECK(symbol->offset + symbol->size <= symbol->buffer->size());
}

TEST_CASE("a fault fails the submission, is recorded once, and leaves other queues alone") {
  cts::Bench bench(2);
  if (bench.subject.fault_kernel.empty()) return;
  auto buffer = *bench.group->allocate({256, 256, Placement::on(0), "victim"});
  Dispatch dispatch = bench.fill_dispatch(buffer, 1, 64);
  dispatch.entry = *dispatch.executable->find(bench.subject.fault_kernel);
  CommandBuffer commands;
  commands.dispatch(std::move(dispatch));
  auto first = *bench.group->slice(0, 1), second = *bench.group->slice(1, 1);
  auto queue = *first.create_queue(EngineKind::compute), other = *second.create_queue(EngineKind::compute);
  auto done = first.create_semaphore(), fine = second.create_semaphore();
  REQUIRE(queue->submit(bench.submission(std::move(commands), {}, {{done, 1}})).ok());
  CHECK(done->wait(1, 60).status().code() == Code::device_fault);
  REQUIRE(bench.faults.size() == 1);
  CHECK(bench.faults[0].kind == FaultKind::out_of_bounds);
  CHECK(!bench.faults[0].kernel.empty());
  CHECK(!bench.faults[0].message.empty());
  auto target = *bench.group->allocate({256, 256, Placement::on(1), "t"});
  CommandBuffer good;
  good.dispatch(bench.fill_dispatch(target, 1, 64));
  REQUIRE(other->submit(bench.submission(std::move(good), {}, {{fine, 1}})).ok());
  CHECK(fine->wait(1, 60).ok());
}
