#include <doctest/doctest.h>
#include <phalanx/hal/instance.h>

#include <cstring>

#include <phalanx/hal/drivers/null.h>

using namespace phx::hal;

namespace {

struct Fixture {
  Fixture() {
    REQUIRE(instance.add(null::driver_kind()).ok());
    group.emplace(*(*instance.open("null", {{"devices", "2"}}))->devices());
    buffer = *group->allocate({1024, 256, Placement::on(0), "b"});
  }
  std::string refusal(auto record, Bindings bindings = {}) {
    CommandBuffer commands;
    record(commands);
    return validate(commands, bindings, 2).message();
  }
  Instance instance;
  std::optional<Group> group;
  std::shared_ptr<Buffer> buffer;
  char host[2048] = {};
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "copies stay inside their buffers") {
  auto copy = [&](uint64_t offset, uint64_t bytes) {
    return refusal([&](CommandBuffer& c) {
      c.copy({MemoryRef::in(buffer, offset), MemoryRef::on_host(host), Region::bytes(bytes)});
    });
  };
  CHECK(copy(0, 1024) == "");
  CHECK(copy(1024, 0) == "");
  CHECK(copy(1, 1024) == "copy destination of 1024 bytes at offset 1 leaves buffer 'b' of 1024 bytes");
  CHECK(copy(~0ull, 8) != "");
  CHECK(copy(8, ~0ull) != "");
}

TEST_CASE_FIXTURE(Fixture, "pitched regions are measured from their first to their last byte") {
  auto copy = [&](Region region) {
    return refusal([&](CommandBuffer& c) { c.copy({MemoryRef::in(buffer), MemoryRef::on_host(host), region}); });
  };
  CHECK(copy({64, 8, 2, 64, 512, 0, 0}) == "");
  CHECK(copy({64, 8, 2, 64, 520, 0, 0}) != "");
  CHECK(copy({64, 15, 1, 72, 0, 0, 0}) != "");
  CHECK(copy({64, 8, 1, 32, 0, 0, 0}) == "a row pitch is smaller than the row");
  CHECK(copy({64, 1ull << 60, 1, 64, 0, 0, 0}) == "a region overflows the address space");
}

TEST_CASE_FIXTURE(Fixture, "slots are bound by the submission") {
  auto use = [&](CommandBuffer& c) {
    c.fill({MemoryRef::in_slot(1, 512), Region::bytes(512), {}, 4});
    CHECK(c.slot_count() == 2);
  };
  CHECK(refusal(use) == "fill destination names slot 1, which is not bound");
  CHECK(refusal(use, {{}, {buffer, 0}}) == "");
  CHECK(refusal(use, {{}, {buffer, 8}}) != "");
}

TEST_CASE_FIXTURE(Fixture, "dispatches match their entry") {
  const char text[] = "kernel k 16\n";
  auto executable = *group->load(std::as_bytes(std::span(text, sizeof text - 1)), "e");
  auto dispatch = [&](uint32_t entry, Extent grid, size_t arguments, std::vector<ArgumentPatch> patches = {}) {
    return refusal([&](CommandBuffer& c) {
      Dispatch d;
      d.executable = executable;
      d.entry = entry;
      d.grid = grid;
      d.arguments.resize(arguments);
      d.patches = std::move(patches);
      c.dispatch(std::move(d));
    });
  };
  CHECK(dispatch(0, {1, 1, 1}, 16) == "");
  CHECK(dispatch(1, {1, 1, 1}, 16) != "");
  CHECK(dispatch(0, {0, 1, 1}, 16) == "kernel 'k' has an empty grid or block");
  CHECK(dispatch(0, {1, 1, 1}, 12) == "kernel 'k' takes 16 bytes of arguments, got 12");
  CHECK(dispatch(0, {1, 1, 1}, 16, {{8, MemoryRef::in(buffer)}}) == "");
  CHECK(dispatch(0, {1, 1, 1}, 16, {{9, MemoryRef::in(buffer)}}) != "");
}

TEST_CASE_FIXTURE(Fixture, "collectives name an end on every member") {
  Collective c;
  c.count = 128;
  c.sources = {MemoryRef::in(buffer), MemoryRef::in(buffer, 512)};
  c.destinations = c.sources;
  auto record = [&](CommandBuffer& commands) { commands.collective(c); };
  CHECK(refusal(record) == "");
  c.kind = Collective::Kind::all_gather;
  CHECK(refusal(record) != "");
  c.kind = Collective::Kind::all_reduce;
  c.sources.pop_back();
  CHECK(refusal(record) == "a collective over 2 members needs as many sources and destinations");
}
