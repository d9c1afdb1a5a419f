#include <doctest/doctest.h>

#include <cstring>

#include "tests/hal_cts/subject.h"

using namespace phx::hal;

namespace {

// Member i's source holds first(i), first(i) + 1, ...; destinations are `wide` times as long.
struct Ends {
  Ends(cts::Bench& bench, uint64_t source_count, uint64_t destination_count) {
    for (uint32_t member = 0; member < bench.group->size(); ++member) {
      std::vector<uint32_t> values(source_count);
      for (uint64_t i = 0; i < source_count; ++i) values[i] = first(member) + static_cast<uint32_t>(i);
      sources.push_back(*bench.group->allocate({source_count * 4, 256, Placement::on(member), "source"}));
      destinations.push_back(
          *bench.group->allocate({destination_count * 4, 256, Placement::on(member), "destination"}));
      CommandBuffer commands;
      commands.copy(
          {MemoryRef::in(sources.back()), MemoryRef::on_host(values.data()), Region::bytes(source_count * 4)});
      REQUIRE(bench.run(EngineKind::copy, std::move(commands)).ok());
    }
  }
  static uint32_t first(uint32_t member) { return 1000 * (member + 1); }
  Collective call(Collective::Kind kind, uint64_t count) const {
    Collective collective;
    collective.kind = kind;
    collective.type = ElementType::u32;
    collective.count = count;
    for (const auto& buffer : sources) collective.sources.push_back(MemoryRef::in(buffer));
    for (const auto& buffer : destinations) collective.destinations.push_back(MemoryRef::in(buffer));
    return collective;
  }
  std::vector<std::shared_ptr<Buffer>> sources, destinations;
};

Status run(cts::Bench& bench, Collective collective) {
  CommandBuffer commands;
  commands.collective(std::move(collective));
  return bench.run(EngineKind::collective, std::move(commands));
}

constexpr uint64_t kCount = 100;

}  // namespace

TEST_CASE("all_reduce gives every member the sum, the smallest, the largest") {
  cts::Bench bench(3);
  Ends ends(bench, kCount, kCount);
  struct {
    Collective::Reduction reduction;
    uint32_t expected;  // of element 7
  } cases[] = {
      {Collective::Reduction::sum, 6021}, {Collective::Reduction::min, 1007}, {Collective::Reduction::max, 3007}};
  for (auto [reduction, expected] : cases) {
    Collective collective = ends.call(Collective::Kind::all_reduce, kCount);
    collective.reduction = reduction;
    REQUIRE(run(bench, collective).ok());
    if (!bench.driver->executes()) continue;
    for (const auto& buffer : ends.destinations) CHECK(bench.read(buffer, kCount)[7] == expected);
  }
}

TEST_CASE("a collective may work in place") {
  cts::Bench bench(2);
  Ends ends(bench, kCount, kCount);
  ends.destinations = ends.sources;
  REQUIRE(run(bench, ends.call(Collective::Kind::all_reduce, kCount)).ok());
  if (!bench.driver->executes()) return;
  for (const auto& buffer : ends.sources) CHECK(bench.read(buffer, kCount)[1] == 3002);
}

TEST_CASE("reduce and broadcast have a root") {
  cts::Bench bench(3);
  Ends ends(bench, kCount, kCount);
  Collective reduce = ends.call(Collective::Kind::reduce, kCount);
  reduce.root = 2;
  REQUIRE(run(bench, reduce).ok());
  if (bench.driver->executes()) CHECK(bench.read(ends.destinations[2], kCount)[0] == 6000);
  Collective broadcast = ends.call(Collective::Kind::broadcast, kCount);
  broadcast.root = 1;
  REQUIRE(run(bench, broadcast).ok());
  if (bench.driver->executes())
    for (const auto& buffer : ends.destinations) CHECK(bench.read(buffer, kCount)[99] == 2099);
  broadcast.root = 3;
  CHECK(run(bench, broadcast).code() == Code::invalid_argument);
}

TEST_CASE("gather, scatter and exchange") {
  cts::Bench bench(2);
  Ends gather(bench, kCount, 2 * kCount), scatter(bench, 2 * kCount, kCount), exchange(bench, 2 * kCount, 2 * kCount);
  REQUIRE(run(bench, gather.call(Collective::Kind::all_gather, kCount)).ok());
  REQUIRE(run(bench, scatter.call(Collective::Kind::reduce_scatter, kCount)).ok());
  REQUIRE(run(bench, exchange.call(Collective::Kind::all_to_all, kCount)).ok());
  if (!bench.driver->executes()) return;
  auto gathered = bench.read(gather.destinations[0], 2 * kCount);
  CHECK(gathered[0] == 1000);
  CHECK(gathered[kCount] == 2000);
  CHECK(bench.read(scatter.destinations[1], kCount)[0] == 3000 + 2 * kCount);
  auto exchanged = bench.read(exchange.destinations[1], 2 * kCount);
  CHECK(exchanged[0] == 1000 + kCount);
  CHECK(exchanged[kCount] == 2000 + kCount);
}

TEST_CASE("a slice has collectives of its own") {
  cts::Bench bench(4);
  Ends ends(bench, kCount, kCount);
  Collective collective = ends.call(Collective::Kind::all_reduce, kCount);
  collective.sources = {collective.sources[1], collective.sources[2]};
  collective.destinations = {collective.destinations[1], collective.destinations[2]};
  Group middle = *bench.group->slice(1, 2);
  auto queue = *middle.create_queue(EngineKind::collective);
  auto done = middle.create_semaphore();
  CommandBuffer commands;
  commands.collective(collective);
  REQUIRE(queue->submit(bench.submission(std::move(commands), {}, {{done, 1}})).ok());
  REQUIRE(done->wait(1, 60).ok());
  if (bench.driver->executes()) CHECK(bench.read(ends.destinations[1], kCount)[0] == 5000);
}
