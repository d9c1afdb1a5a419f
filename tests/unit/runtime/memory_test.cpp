#include "tests/unit/runtime/fixture.h"

using namespace phx;
using rt::Direction;

namespace {

rt::Result copy(NullRuntime& bench, void* to, const void* from, uint64_t size, Direction direction) {
  return bench.runtime->copy(bench.legacy(), to, from, hal::Region::bytes(size), direction, true);
}

}  // namespace

TEST_CASE("a copy stays inside its allocations and goes where it says") {
  NullRuntime bench;
  char* device = static_cast<char*>(bench.allocate(1024));
  char host[2048];
  CHECK(copy(bench, device, host, 1024, Direction::host_to_device).ok());
  CHECK(copy(bench, device + 512, host, 512, Direction::host_to_device).ok());
  CHECK(copy(bench, device + 512, host, 513, Direction::host_to_device).code == phxErrorInvalidValue);
  CHECK(copy(bench, device, host, 1024, Direction::device_to_host).code == phxErrorInvalidValue);
  CHECK(copy(bench, host, device, 1024, Direction::device_to_host).ok());
  CHECK(copy(bench, host, device, 1024, Direction::any).ok());
  CHECK(copy(bench, host, host + 1024, 1024, Direction::host_to_host).ok());
  CHECK(copy(bench, device, host, 0, Direction::host_to_device).ok());
  CHECK(copy(bench, nullptr, host, 16, Direction::host_to_device).code == phxErrorInvalidValue);
}

TEST_CASE("freed and foreign pointers are refused") {
  NullRuntime bench;
  char* device = static_cast<char*>(bench.allocate(1024));
  char host[16];
  CHECK(bench.runtime->free(device + 4).code == phxErrorInvalidValue);
  CHECK(bench.runtime->free(host).code == phxErrorInvalidValue);
  CHECK(bench.runtime->free(nullptr).ok());
  CHECK(bench.runtime->free(device).ok());
  CHECK(bench.runtime->free(device).code == phxErrorInvalidValue);
  CHECK(copy(bench, device, host, 16, Direction::any).code == phxErrorInvalidValue);
}

TEST_CASE("running out of memory is an error, and freeing helps") {
  NullRuntime bench({{"devices", "1"}});
  void *a = nullptr, *b = nullptr;
  CHECK(bench.runtime->allocate(*bench.device, 1 << 30, &a).ok());
  CHECK(bench.runtime->allocate(*bench.device, 1, &b).code == phxErrorMemoryAllocation);
  CHECK(bench.runtime->free(a).ok());
  CHECK(bench.runtime->allocate(*bench.device, 1, &b).ok());
}

TEST_CASE("pinned and managed memory are host memory with a name") {
  NullRuntime bench;
  void *pinned = nullptr, *managed = nullptr;
  REQUIRE(bench.runtime->allocate_host(*bench.device, 100, rt::MemoryKind::pinned, 1, &pinned).ok());
  REQUIRE(bench.runtime->allocate_host(*bench.device, 100, rt::MemoryKind::managed, 1, &managed).ok());
  static_cast<char*>(pinned)[99] = 1;
  CHECK(bench.runtime->lookup(pinned)->kind == rt::MemoryKind::pinned);
  CHECK(bench.runtime->lookup(static_cast<char*>(managed) + 99)->kind == rt::MemoryKind::managed);
  CHECK(!bench.runtime->lookup(static_cast<char*>(managed) + 100));
  CHECK(copy(bench, managed, pinned, 100, Direction::host_to_device).ok());
  CHECK(bench.runtime->free(pinned).ok());
  CHECK(bench.runtime->free(managed).ok());
}

TEST_CASE("host memory is registered once") {
  NullRuntime bench;
  std::vector<char> memory(4096);
  CHECK(bench.runtime->register_host(*bench.device, memory.data(), 4096, 0).ok());
  CHECK(bench.runtime->register_host(*bench.device, memory.data(), 4096, 0).code ==
        phxErrorHostMemoryAlreadyRegistered);
  CHECK(bench.runtime->unregister_host(memory.data()).ok());
  CHECK(bench.runtime->unregister_host(memory.data()).code == phxErrorHostMemoryNotRegistered);
}

TEST_CASE("memory freed in a stream is gone for the program at once, for the device later") {
  NullRuntime bench;
  void* memory = bench.allocate(1024);
  rt::Stream* stream = bench.stream();
  bench.work(stream, memory);
  CHECK(bench.runtime->free_async(memory, stream).ok());
  CHECK(!bench.runtime->lookup(memory));
  CHECK(*bench.device->integer("memory.free") == (1 << 30) - 1024);
  CHECK(bench.runtime->synchronize(stream).ok());
  CHECK(*bench.device->integer("memory.free") == 1 << 30);
}

TEST_CASE("reset frees everything on the device") {
  NullRuntime bench;
  void* memory = bench.allocate(1024);
  rt::Stream* stream = bench.stream();
  CHECK(bench.runtime->reset(*bench.device).ok());
  CHECK(!bench.runtime->lookup(memory));
  CHECK(*bench.device->integer("memory.free") == 1 << 30);
  rt::Stream* resolved = nullptr;
  CHECK(bench.runtime->resolve_stream(*bench.device, stream, false, &resolved).code == phxErrorInvalidResourceHandle);
}
