#include <doctest/doctest.h>

#include <cstring>

#include "tests/hal_cts/subject.h"

using namespace phx::hal;

namespace {

bool overlap(const Buffer& a, const Buffer& b) {
  return a.address() < b.address() + b.size() && b.address() < a.address() + a.size();
}

}  // namespace

TEST_CASE("buffers have distinct, aligned addresses that are not the host's") {
  cts::Bench bench(2);
  std::vector<std::shared_ptr<Buffer>> buffers;
  for (uint64_t size : {1, 255, 4096, 1 << 20}) {
    auto buffer = bench.group->allocate({size, 512, Placement::on(buffers.size() % 2), "b"});
    REQUIRE(buffer.ok());
    CHECK((*buffer)->address() % 512 == 0);
    CHECK((*buffer)->size() == size);
    for (const auto& other : buffers) CHECK(!overlap(**buffer, *other));
    buffers.push_back(*buffer);
  }
}

TEST_CASE("freed memory comes back, its addresses do not at once") {
  cts::Bench bench(1);
  int64_t free = *bench.group->device(0).integer("memory.free");
  auto buffer = *bench.group->allocate({1 << 20, 256, Placement::on(0), "b"});
  Address address = buffer->address();
  CHECK(*bench.group->device(0).integer("memory.free") <= free - (1 << 20));
  buffer.reset();
  CHECK(*bench.group->device(0).integer("memory.free") == free);
  buffer = *bench.group->allocate({1 << 20, 256, Placement::on(0), "b"});
  CHECK(buffer->address() != address);
}

TEST_CASE("asking for too much or nonsense is refused") {
  cts::Bench bench(2);
  auto size = static_cast<uint64_t>(*bench.group->device(0).integer("memory.size"));
  CHECK(bench.group->allocate({size + 1, 256, Placement::on(0), "b"}).status().code() == Code::out_of_memory);
  CHECK(bench.group->allocate({0, 256, Placement::on(0), "b"}).status().code() == Code::invalid_argument);
  CHECK(bench.group->allocate({64, 3, Placement::on(0), "b"}).status().code() == Code::invalid_argument);
  CHECK(bench.group->allocate({64, 256, Placement::on(2), "b"}).status().code() == Code::invalid_argument);
}

TEST_CASE("every placement holds data written through any of its addresses") {
  cts::Bench bench(4);
  auto page = static_cast<uint64_t>(*bench.group->device(0).integer("memory.page"));
  for (Placement placement :
       {Placement::on(3), Placement::blocked(), Placement::interleaved(), Placement::replicated()}) {
    uint64_t count = 6 * page / 4 + 5;
    auto buffer = bench.group->allocate({count * 4, 256, placement, "b"});
    REQUIRE_MESSAGE(buffer.ok(), buffer.status().str());
    std::vector<uint32_t> values(count);
    for (uint64_t i = 0; i < count; ++i) values[i] = static_cast<uint32_t>(i * 2654435761u);
    CommandBuffer commands;
    commands.copy({MemoryRef::in(*buffer), MemoryRef::on_host(values.data()), Region::bytes(count * 4)});
    REQUIRE(bench.run(EngineKind::copy, std::move(commands)).ok());
    if (bench.driver->executes()) CHECK(bench.read(*buffer, count) == values);
  }
}

TEST_CASE("copies between devices, pitched copies, fills") {
  cts::Bench bench(2);
  auto a = *bench.group->allocate({4096, 256, Placement::on(0), "a"});
  auto b = *bench.group->allocate({4096, 256, Placement::on(1), "b"});
  CommandBuffer commands;
  commands.fill({MemoryRef::in(a), Region::bytes(4096), {std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}}, 4});
  commands.fill({MemoryRef::in(b), Region::bytes(4096), {}, 1});
  commands.barrier();
  commands.copy({MemoryRef::in(b, 4), MemoryRef::in(a), {8, 3, 1, 32, 0, 16, 0}});
  REQUIRE(bench.run(EngineKind::copy, std::move(commands)).ok());
  if (!bench.driver->executes()) return;
  auto values = bench.read(b, 24);
  std::vector<uint32_t> expected(24, 0);
  for (int row = 0; row < 3; ++row) expected[row * 8 + 1] = expected[row * 8 + 2] = 0x04030201;
  CHECK(values == expected);
}

TEST_CASE("a staged source is the command's own") {
  cts::Bench bench(1);
  auto buffer = *bench.group->allocate({16, 256, Placement::on(0), "b"});
  std::vector<std::byte> bytes(16, std::byte{7});
  CommandBuffer commands;
  commands.copy({MemoryRef::in(buffer), MemoryRef::staged(std::move(bytes)), Region::bytes(16)});
  REQUIRE(bench.run(EngineKind::copy, std::move(commands)).ok());
  if (bench.driver->executes()) CHECK(bench.read(buffer, 1)[0] == 0x07070707);
}

TEST_CASE("a recorded buffer is replayed on other memory") {
  cts::Bench bench(1);
  auto commands = std::make_shared<CommandBuffer>();
  commands->fill({MemoryRef::in_slot(0, 8), Region::bytes(8), {std::byte{9}}, 1});
  auto queue = *bench.group->create_queue(EngineKind::copy);
  auto done = bench.group->create_semaphore();
  std::vector<std::shared_ptr<Buffer>> buffers;
  for (uint64_t i = 0; i < 3; ++i) {
    buffers.push_back(*bench.group->allocate({64, 256, Placement::on(0), "b"}));
    Submission submission;
    submission.commands = commands;
    submission.bindings = {{buffers.back(), i * 16}};
    submission.signals = {{done, i + 1}};
    REQUIRE(queue->submit(std::move(submission)).ok());
  }
  REQUIRE(done->wait(3, 60).ok());
  if (!bench.driver->executes()) return;
  for (uint64_t i = 0; i < 3; ++i) CHECK(bench.read(buffers[i], 16)[(i * 16 + 8) / 4] == 0x09090909);
}

TEST_CASE("imported host memory keeps its address and may be imported once") {
  cts::Bench bench(1);
  std::vector<uint32_t> memory(4096, 5);
  auto buffer = bench.group->import_host(memory.data(), memory.size() * 4, "host");
  REQUIRE(buffer.ok());
  CHECK((*buffer)->address() == reinterpret_cast<uint64_t>(memory.data()));
  CHECK(bench.group->import_host(memory.data() + 8, 64, "again").status().code() == Code::invalid_argument);
  CommandBuffer commands;
  commands.fill({MemoryRef::in(*buffer, 4), Region::bytes(4), {std::byte{1}}, 1});
  REQUIRE(bench.run(EngineKind::copy, std::move(commands)).ok());
  if (bench.driver->executes()) {
    CHECK(memory[0] == 5);
    CHECK(memory[1] == 0x01010101);
  }
  buffer->reset();
  CHECK(bench.group->import_host(memory.data(), 64, "again").ok());
}
