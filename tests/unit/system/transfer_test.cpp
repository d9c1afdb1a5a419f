// Copies and fills: bytes, times, and faults at their ends.
#include "tests/unit/system/rig.h"

using phx::sim::FaultKind;
using phx::sim::System;
using phx::sim::SystemOptions;
using phx::sim::test::Rig;

TEST_CASE("bytes move and take time; longer copies take longer") {
  SystemOptions options;
  options.devices = 2;
  Rig rig("", options);
  const uint64_t bytes = 1 << 20;
  const uint64_t a = rig.buffer(bytes, "a"), b = rig.buffer(bytes, "b", 1);
  std::vector<uint32_t> in(bytes / 4);
  for (uint32_t i = 0; i < in.size(); ++i) in[i] = i * 2654435761u;
  const System::Transfer small = rig.system->write(a, in.data(), 4096), large = rig.system->write(a, in.data(), bytes);
  CHECK(small.seconds > 0);
  CHECK(large.seconds > small.seconds);
  CHECK(rig.system->copy(b, a, bytes).seconds > 0);
  CHECK(rig.read<uint32_t>(b, in.size()) == in);
  CHECK(rig.system->fill(b + 2, 0xbeef, 2, 6).seconds > 0);
  const auto filled = rig.read<uint16_t>(b, 5);
  CHECK(filled[0] == static_cast<uint16_t>(in[0]));
  for (int i = 1; i < 4; ++i) CHECK(filled[i] == 0xbeef);
  CHECK(filled[4] == static_cast<uint16_t>(in[2]));
  CHECK(rig.system->write(0, nullptr, 0).seconds == 0);
}

TEST_CASE("transfers fault at the address that is wrong") {
  Rig rig;
  std::vector<std::byte> host(4096);
  const uint64_t a = rig.buffer(1000, "a"), b = rig.buffer(1000, "b");

  const auto past = rig.system->write(a, host.data(), 1001);
  REQUIRE(past.fault);
  CHECK(past.fault->kind == FaultKind::out_of_bounds);
  CHECK(past.fault->is_store);
  CHECK(past.fault->address == a);
  CHECK(past.fault->bytes == 1001);
  CHECK(past.fault->detail == "a copy of 1001 bytes");

  const auto inside = rig.system->read(host.data(), a + 996, 8);
  REQUIRE(inside.fault);
  CHECK(inside.fault->kind == FaultKind::out_of_bounds);
  CHECK(!inside.fault->is_store);
  CHECK(inside.fault->nearest.find("4 bytes before the end of a (1000 bytes at 0x") == 0);

  const auto target = rig.system->copy(b + 8, a, 1000);
  REQUIRE(target.fault);
  CHECK(target.fault->is_store);
  CHECK(target.fault->address == b + 8);

  const auto pointer = rig.system->fill(reinterpret_cast<uint64_t>(host.data()), 0, 1, 16);
  REQUIRE(pointer.fault);
  CHECK(pointer.fault->kind == FaultKind::host_pointer);

  REQUIRE(rig.system->memory().free(a).ok());
  const auto freed = rig.system->read(host.data(), a, 16);
  REQUIRE(freed.fault);
  CHECK(freed.fault->kind == FaultKind::use_after_free);
}
