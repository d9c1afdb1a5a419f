#include <doctest/doctest.h>
#include <phalanx/hal/topology.h>

using namespace phx::hal;

namespace {

Topology supernode(uint32_t count) {
  std::vector<Level> levels;
  levels.push_back({"package", 2, {"SIO", 500'000, 540e9, 540e9, 540e9, 1}});
  levels.push_back({"node", 16, {"UB", 1'000'000, 196e9, 196e9, 196e9, 2}});
  levels.push_back({"supernode", 768, {"UB", 2'000'000, 196e9, 190e9, 196e9, 4}});
  auto topology = Topology::create(std::move(levels), count);
  REQUIRE(topology.ok());
  return *topology;
}

}  // namespace

TEST_CASE("a path is decided by the outermost level it crosses") {
  Topology topology = supernode(768);
  CHECK(topology.path(5, 5).level == nullptr);
  CHECK(topology.path(5, 5).hops == 0);
  CHECK(topology.path(0, 1).level->name == "package");
  CHECK(topology.path(1, 2).level->name == "node");
  CHECK(topology.path(15, 16).level->name == "supernode");
  CHECK(topology.path(0, 767).latency == 2'000'000);
  CHECK(topology.path(767, 0).write_bandwidth == 190e9);
}

TEST_CASE("a slice keeps its place in the machine") {
  Topology topology = supernode(768);
  auto odd = topology.slice(15, 2);
  REQUIRE(odd.ok());
  CHECK(odd->size() == 2);
  CHECK(odd->path(0, 1).level->name == "supernode");
  CHECK(odd->unit_count(0) == 2);
  auto dies = topology.slice(14, 2);
  CHECK(dies->path(0, 1).level->name == "package");
  CHECK(dies->unit_count(0) == 1);
  CHECK(dies->slice(1, 1)->unit_of(0, 0) == 7);
  CHECK(topology.slice(767, 2).status().code() == Code::invalid_argument);
  CHECK(topology.slice(0, 0).status().code() == Code::invalid_argument);
  CHECK(topology.slice(0xffffffff, 2).status().code() == Code::invalid_argument);
}

TEST_CASE("levels that do not nest are refused") {
  std::vector<Level> levels;
  levels.push_back({"package", 2, {}});
  levels.push_back({"node", 3, {}});
  CHECK(Topology::create(levels, 3).status().code() == Code::invalid_argument);
  CHECK(Topology::create({}, 2).status().code() == Code::invalid_argument);
  CHECK(Topology::create({}, 1).ok());
  CHECK(Topology::create({}, 0).status().code() == Code::invalid_argument);
}
