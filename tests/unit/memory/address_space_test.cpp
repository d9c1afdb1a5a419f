#include <doctest/doctest.h>

#include <cstring>
#include <vector>

#include "device_sim/isa/isa.h"
#include "device_sim/memory/address_space.h"

using namespace phx;
using namespace phx::sim;

namespace {
constexpr uint16_t kAll[] = {0, 1, 2, 3};
constexpr uint16_t kFirst[] = {0};
}  // namespace

TEST_CASE("allocations lie on pages of the device range with a gap in between, and read as zero") {
  AddressSpace memory(4, 1 << 30);
  const uint64_t a = *memory.allocate(100, Placement::on, kFirst, "a"),
                 b = *memory.allocate(kPageBytes, Placement::on, kFirst, "b");
  CHECK((a & isa::kWindowMask) == isa::kGmBase);
  CHECK(a % kPageBytes == 0);
  CHECK(b == a + 2 * kPageBytes);
  REQUIRE(memory.translate(a, 100));
  CHECK(*memory.translate(a + 99, 1) == std::byte{0});
  CHECK(!memory.translate(a, 101));
  CHECK(!memory.translate(a + 100, 1));
  CHECK(!memory.translate(a + kPageBytes, 1));
  CHECK(!memory.translate(a - 1, 1));
  CHECK(memory.find(a + 99)->name == "a");
  CHECK(memory.find(a + kPageBytes) == nullptr);
  CHECK(memory.nearest(a + kPageBytes + 1000)->name == "b");
  CHECK(memory.nearest(a + 200)->name == "a");
  CHECK(memory.used(0) == 2 * kPageBytes);
}

TEST_CASE("freed buffers are remembered and their addresses never come back") {
  AddressSpace memory(1, 1 << 20);
  const uint64_t a = *memory.allocate(10, Placement::on, kFirst, "a");
  const uint64_t before = memory.generation();
  CHECK(memory.free(a).ok());
  CHECK(memory.generation() != before);
  CHECK(memory.used(0) == 0);
  CHECK(memory.find(a)->freed);
  CHECK(!memory.translate(a, 1));
  CHECK(memory.free(a).diagnostic().message == "second free of a");
  CHECK(memory.free(a + 3).diagnostic().message == "second free of a");
  CHECK(memory.free(1234).diagnostic().message == "free of an address that is no allocation");
  CHECK(*memory.allocate(10, Placement::on, kFirst, "b") != a);
}

TEST_CASE("homes by placement") {
  AddressSpace memory(4, 1 << 30);
  const uint64_t bytes = 8 * kPageBytes;
  const uint64_t blocked = *memory.allocate(bytes, Placement::blocked, kAll, "blocked");
  const uint64_t interleaved = *memory.allocate(bytes, Placement::interleaved, kAll, "interleaved");
  const uint64_t replicated = *memory.allocate(bytes, Placement::replicated, kAll, "replicated");
  for (unsigned page = 0; page < 8; ++page) {
    CHECK(memory.find(blocked)->home(blocked + page * kPageBytes, 9) == page / 2);
    CHECK(memory.find(interleaved)->home(interleaved + page * kPageBytes + 5, 9) == page % 4);
    CHECK(memory.find(replicated)->home(replicated + page * kPageBytes, 3) == 3);
  }
  CHECK(memory.find(replicated)->read_only);
  CHECK(memory.used(2) == (2 + 2 + 8) * kPageBytes);
}

TEST_CASE("what does not fit is refused with the numbers") {
  AddressSpace memory(2, 4 * kPageBytes);
  CHECK(memory.allocate(0, Placement::on, kFirst, "nothing").diagnostic().message ==
        "nothing: an allocation of 0 bytes; expected at least 1");
  auto big = memory.allocate(5 * kPageBytes, Placement::on, kFirst, "big");
  REQUIRE(!big);
  CHECK(big.diagnostic().message == "big: 327680 bytes do not fit device 0, which has 262144 of 262144 bytes free");
  CHECK(!memory.allocate(10, Placement::on, kAll, "elsewhere"));
}

TEST_CASE("terabytes cost nothing until they are touched") {
  AddressSpace memory(4, uint64_t{1} << 44);
  auto a = memory.allocate(uint64_t{1} << 42, Placement::interleaved, kAll, "huge");
  REQUIRE(a);
  const uint64_t far = *a + (uint64_t{1} << 42) - 8;
  const uint64_t value = 42;
  std::memcpy(memory.translate(far, 8), &value, 8);
  CHECK(memory.find(far)->name == "huge");
  CHECK(memory.free(*a).ok());
}

TEST_CASE("host memory is found once registered") {
  AddressSpace memory(1, 1 << 20);
  std::vector<std::byte> host(4096);
  const auto address = reinterpret_cast<uint64_t>(host.data());
  CHECK(!memory.find(address));
  CHECK(memory.register_host(host.data(), host.size(), "pinned").ok());
  CHECK(memory.translate(address + 100, 8) == host.data() + 100);
  CHECK(!memory.translate(address + 4090, 8));
  CHECK(memory.find(address)->home(address, 0) == kHostHome);
  CHECK(!memory.register_host(host.data() + 10, 10, "again").ok());
  CHECK(memory.unregister_host(host.data()).ok());
  CHECK(!memory.find(address));
  CHECK(!memory.unregister_host(host.data()).ok());
}
