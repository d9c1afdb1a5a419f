#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include "device_sim/machine/machine.h"

using namespace phx;
using namespace phx::machine;

namespace {
Machine loaded(std::string_view name, std::vector<std::string> overrides = {}) {
  Expected<Machine> machine = load(name, overrides);
  INFO((machine ? std::string() : machine.diagnostic().str()));
  REQUIRE(machine.ok());
  return *machine;
}
}  // namespace

TEST_CASE("the shipped machines load and are told apart by their digests") {
  std::set<std::string> digests;
  for (const char* name :
       {"ascend-910a", "ascend-910d", "ascend-920", "ascend-960", "ascend-910b1", "ascend-910b2", "ascend-910b3",
        "ascend-910b4", "ascend-910c", "ascend-950dt", "ascend-950pr", "cloudmatrix-384"}) {
    Machine m = loaded(name);
    CHECK(m.name == name);
    CHECK_FALSE(m.title.empty());
    CHECK(digests.insert(digest(m)).second);
    for (const Quantity& q : m.quantities) {
      CHECK_FALSE(q.source.empty());
      CHECK_FALSE(q.origin.empty());
    }
  }
  CHECK(digest(loaded("ascend-910b1")) == digest(loaded("ascend-910b")));
  CHECK(loaded("ascend-910b").name == "ascend-910b1");
}

TEST_CASE("numbers arrive in the schema's units") {
  Machine m = loaded("ascend-910b1");
  CHECK(m.chip.name == "Ascend 910B1");
  CHECK(m.chip.aic == 24);
  CHECK(m.chip.aiv == 48);
  CHECK(m.chip.clock_hz == 1.85e9);
  CHECK(m.chip.buffers.ub_bytes == 192 * 1024);
  CHECK(m.chip.l2.size_bytes == 201326592);
  CHECK(m.chip.hbm.size_bytes == 68719476736);
  CHECK(m.chip.hbm.peak_bytes_per_second == 1.6e12);
  CHECK(m.chip.dma.request_cycles == 2.0);
  CHECK(m.chip.cube.macs_per_cycle.at("f16") == 4096);
  CHECK(m.chip.launch.base_ns == 400);
  CHECK(m.chip.simt.kind == SimtKind::Virtual);
  CHECK(m.chip.simt.warp_size == 32);
  CHECK(m.chip.vector.timing.at("vadd").slope_cycles == 2);
  Machine a5 = loaded("ascend-950pr");
  CHECK(a5.chip.name == "Ascend 950PR");
  CHECK(loaded("cloudmatrix-384").chip.name == "Ascend 910C");
  CHECK(a5.chip.simt.kind == SimtKind::Native);
  CHECK(a5.chip.buffers.ub_usable_bytes() == 248 * 1024);
  CHECK(a5.chip.dcache_bytes(0) == 128 * 1024);
  CHECK(a5.chip.dcache_bytes(150 * 1024) == 98 * 1024);
  CHECK(a5.chip.dcache_bytes(216 * 1024) == 32 * 1024);
}

TEST_CASE("projected machines say so, and a type with rate 0 is not supported") {
  for (const char* name : {"ascend-910d", "ascend-920", "ascend-960"}) {
    Machine m = loaded(name);
    CHECK(find(m, "chip.name")->tag == Tag::Projected);
    CHECK(m.title.find("projected") != std::string::npos);
  }
  auto tera = [](const Machine& m, const char* type) {  // of one package, cubes alone
    const double packages = double(m.system.devices()) / double(m.system.packages());
    return 2e-12 * packages * double(m.chip.aic) * m.chip.cube.macs_per_cycle.at(type) * m.chip.clock_hz;
  };
  CHECK(tera(loaded("ascend-920"), "bf16") > 900);
  CHECK(tera(loaded("ascend-960"), "e4m3") == doctest::Approx(2000).epsilon(0.05));
  Machine first = loaded("ascend-910a");
  CHECK(tera(first, "f16") == doctest::Approx(262).epsilon(0.01));
  CHECK_FALSE(first.chip.cube.macs_per_cycle.contains("bf16"));
}

TEST_CASE("every number keeps its evidence") {
  Machine m = loaded("ascend-910c");
  const Quantity* clock = find(m, "chip.clock");
  REQUIRE(clock);
  CHECK(clock->value == 1.8e9);
  CHECK(clock->written == "1.8 GHz");
  CHECK(clock->tag == Tag::Vendor);
  CHECK(clock->source.find("platform_config") != std::string::npos);
  CHECK(clock->origin.find("ascend-910c.toml:") != std::string::npos);
  const Quantity* inherited = find(m, "chip.aic");
  REQUIRE(inherited);
  CHECK(inherited->origin.find("ascend-910b1.toml:") != std::string::npos);
  CHECK(find(m, "chip.nothing") == nullptr);
  const std::string_view chip[] = {"chip.", "buffers.l"};
  CHECK(weakest_tag(m, chip) == Tag::Vendor);
  CHECK(weakest_tag(m) == Tag::Guessed);
}

TEST_CASE("timing classes fall back from the special to the general") {
  Machine m = loaded("ascend-910b1");
  const auto& table = m.chip.simt.timing;
  CHECK(timing_of(table, "math", "exp", "f32").latency_cycles == table.at("math.exp.f32").latency_cycles);
  CHECK(timing_of(table, "math", "tgamma", "f64").latency_cycles == table.at("math.f64").latency_cycles);
  CHECK(timing_of(table, "math", "tgamma", "f32").latency_cycles == table.at("math").latency_cycles);
  CHECK(timing_of(table, "no_such_class").latency_cycles == table.at("default").latency_cycles);
}

TEST_CASE("overrides change one number and are marked as such") {
  Machine m = loaded("cloudmatrix-384", {"chip.clock=1.5GHz", "memory.hbm.bandwidth = 2 TB/s", "simt.kind=native"});
  CHECK(m.chip.clock_hz == 1.5e9);
  CHECK(m.chip.hbm.peak_bytes_per_second == 2e12);
  CHECK(m.chip.simt.kind == SimtKind::Native);
  CHECK(find(m, "chip.clock")->tag == Tag::Projected);
  CHECK(find(m, "chip.clock")->origin == "override");
  CHECK(digest(m) != digest(loaded("cloudmatrix-384")));
  CHECK(digest(loaded("cloudmatrix-384", {"chip.clock=1800MHz"})) == digest(loaded("cloudmatrix-384")));
}

TEST_CASE("topology: counts and paths") {
  Machine server = loaded("ascend-910b1");
  CHECK(server.system.devices() == 8);
  CHECK(server.system.packages() == 8);
  Machine m = loaded("cloudmatrix-384");
  CHECK(m.system.devices() == 768);
  CHECK(m.system.packages() == 384);
  auto level = [&](int64_t a, int64_t b) { return std::string(path(m, a, b)->level); };
  CHECK(level(5, 5) == "device");
  CHECK(level(0, 1) == "package");
  CHECK(level(1, 2) == "node");
  CHECK(level(0, 15) == "node");
  CHECK(level(15, 16) == "rack");
  CHECK(level(63, 64) == "supernode");
  CHECK(level(767, 0) == "supernode");
  Expected<Path> near = path(m, 0, 1), far = path(m, 0, 767);
  CHECK(near->latency_seconds() == doctest::Approx(0.2e-6));
  CHECK(near->read_bytes_per_second == 210e9);
  CHECK(far->latency_ns > near->latency_ns);
  CHECK(far->hops == 2);
  CHECK(path(m, 0, 768).diagnostic().str() == "device 768 does not exist: cloudmatrix-384 has devices 0 to 767");
  CHECK(path(m, 3, 3)->read_bytes_per_second == doctest::Approx(1.6e12 * 0.99));
}

TEST_CASE("machines are found by path, in PHX_MACHINE_PATH and by alias") {
  namespace fs = std::filesystem;
  fs::path directory = fs::temp_directory_path() / "phx_machine_description_test";
  fs::create_directories(directory);
  std::ofstream(directory / "half.toml")
      << "title = \"half a die\"\nbase = \"ascend-910b1\"\naliases = [\"small\"]\n[chip]\n"
         "aic = { v = 12, tag = \"projected\", src = \"test\" }\n";
  std::ofstream(directory / "quarter.toml")
      << "base = \"half\"\n[chip]\naiv = { v = 12, tag = \"projected\", src = \"test\" }\n";
  Machine by_path = loaded((directory / "quarter.toml").string());
  CHECK(by_path.name == "quarter");
  CHECK(by_path.title == "half a die");
  CHECK(by_path.chip.aic == 12);
  CHECK(by_path.chip.aiv == 12);
  CHECK_FALSE(load("half").ok());
  setenv("PHX_MACHINE_PATH", directory.c_str(), 1);
  CHECK(loaded("half").chip.aic == 12);
  CHECK(loaded("small").name == "half");
  size_t named = 0;
  for (const MachineInfo& info : list()) named += info.name == "half" || info.name == "cloudmatrix-384";
  CHECK(named == 2);
  unsetenv("PHX_MACHINE_PATH");
  fs::remove_all(directory);
}

TEST_CASE("text and JSON show every number with its evidence") {
  Machine m = loaded("ascend-910b1");
  std::string json = to_json(m), text = to_text(m);
  for (const Quantity& q : m.quantities) {
    CHECK(json.find("\"" + q.path + "\": {\"v\": ") != std::string::npos);
    CHECK(text.find(q.path) != std::string::npos);
  }
  CHECK(json.find("\"digest\": \"" + digest(m) + "\"") != std::string::npos);
  CHECK(json.find("\"chip.clock\": {\"v\": 1850000000, \"unit\": \"Hz\", \"tag\": \"vendor\"") != std::string::npos);
  CHECK(text.find("SIMT as a virtual extension") != std::string::npos);
}
