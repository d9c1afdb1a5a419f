#include <doctest/doctest.h>

#include <cstring>

#include "tests/hal_cts/subject.h"

using namespace phx::hal;

namespace cts {

Bench::Bench(uint32_t devices) : subject(cts::subject(devices)) {
  REQUIRE(instance.add(subject.kind).ok());
  auto opened = instance.open(subject.kind.name, subject.config, this);
  REQUIRE_MESSAGE(opened.ok(), opened.status().str());
  driver = *opened;
  group.emplace(*driver->devices());
  REQUIRE(group->size() == devices);
}

Submission Bench::submission(CommandBuffer commands, std::vector<Point> waits, std::vector<Point> signals) {
  Submission submission;
  submission.commands = std::make_shared<const CommandBuffer>(std::move(commands));
  submission.waits = std::move(waits);
  submission.signals = std::move(signals);
  return submission;
}

Status Bench::run(EngineKind kind, CommandBuffer commands) {
  auto queue = group->create_queue(kind);
  if (!queue) return queue.status();
  auto done = group->create_semaphore();
  if (Status status = (*queue)->submit(submission(std::move(commands), {}, {{done, 1}})); !status) return status;
  return done->wait(1, 60).status();
}

std::vector<uint32_t> Bench::read(const std::shared_ptr<Buffer>& buffer, uint64_t count) {
  std::vector<uint32_t> values(count);
  CommandBuffer commands;
  commands.copy({MemoryRef::on_host(values.data()), MemoryRef::in(buffer), Region::bytes(count * 4)});
  REQUIRE(run(EngineKind::copy, std::move(commands)).ok());
  return values;
}

std::shared_ptr<Executable> Bench::executable() {
  auto loaded = group->load(subject.executable, "cts");
  REQUIRE_MESSAGE(loaded.ok(), loaded.status().str());
  return *loaded;
}

Dispatch Bench::fill_dispatch(const std::shared_ptr<Buffer>& buffer, uint32_t value, uint32_t count) {
  Dispatch dispatch;
  dispatch.executable = executable();
  auto entry = dispatch.executable->find(subject.fill_kernel);
  REQUIRE_MESSAGE(entry.ok(), entry.status().str());
  dispatch.entry = *entry;
  dispatch.block = {64, 1, 1};
  dispatch.grid = {(count + 63) / 64, 1, 1};
  dispatch.arguments.resize(16);
  uint64_t address = buffer->address();
  std::memcpy(&dispatch.arguments[0], &address, 8);
  std::memcpy(&dispatch.arguments[8], &value, 4);
  std::memcpy(&dispatch.arguments[12], &count, 4);
  return dispatch;
}

}  // namespace cts
