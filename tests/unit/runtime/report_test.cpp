#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "runtime/src/report/report.h"
#include "tests/unit/runtime/fixture.h"

using namespace phx;

namespace {

rt::TelemetryLog::Contents sample() {
  rt::TelemetryLog log(true);
  for (int launch = 0; launch < 3; ++launch) {
    hal::KernelRecord record;
    record.kernel = "add(int*)";
    record.file = "a.cu";
    record.line = 7;
    record.devices = {0, 1};
    record.grid = {10, 2, 1};
    record.block = {64, 1, 1};
    record.start = 1'000'000 * static_cast<hal::SimTime>(launch);
    record.end = record.start + 500'000;
    record.cycles = 900;
    record.busy = {{"v", 100}};
    record.bytes = {{"hbm_read", 4096}};
    record.lines = {{"a.cu", 8, 5, 160, 12, "add", {{"v", 7}}, {{"memory", 12}}}};
    record.core = "simt";
    record.profile = {{"aiv_cores", 2},
                      {"aiv_total_cycles", 1000},
                      {"aiv_simt_fops", 4096},
                      {"read_cache_hit", 3},
                      {"read_cache_miss", 1}};
    record.peak_bytes = {{"ub", launch == 1 ? 512.0 : 256.0}};
    log.kernel(record);
  }
  log.link({"UB", "node", 1024, 2, 1e-6, 196e9, 1'000'000});
  log.memory({0, 1 << 20, 0, 4096});
  log.warning("once");
  log.warning("once");
  return log.contents();
}

}  // namespace

TEST_CASE("the report sums up launches by kernel and source") {
  rt::ReportFacts facts;
  facts.machine = {"m", "timed", 16, "guessed", {}};
  facts.devices = 2;
  facts.packages = 1;
  auto report = nlohmann::json::parse(rt::report_json(facts, sample()));
  CHECK(report["version"] == rt::kReportVersion);
  for (const char* key : {"machine", "devices", "packages", "mode", "simulated_seconds", "host_seconds", "kernels",
                          "links", "energy_joules", "weakest_source", "warnings"})
    CHECK(report.contains(key));
  CHECK(report["simulated_seconds"] == 2.5e-6);
  REQUIRE(report["kernels"].size() == 1);
  auto kernel = report["kernels"][0];
  CHECK(kernel["name"] == "add(int*)");
  CHECK(kernel["source"] == "a.cu:7");
  CHECK(kernel["launches"] == 3);
  CHECK(kernel["cycles"] == 2700);
  CHECK(kernel["busy"]["v"] == 300);
  CHECK(kernel["bytes"]["hbm_read"] == 3 * 4096);
  CHECK(kernel["lines"][0]["stall_cycles"] == 36);
  CHECK(kernel["lines"][0]["busy"]["v"] == 21);
  CHECK(kernel["lines"][0]["stalls"]["memory"] == 36);
  CHECK(kernel["lines"][0]["function"] == "add");
  CHECK(kernel["peak_bytes"]["ub"] == 512);  // the most of all launches, not their sum
  CHECK(report["memory"][0]["peak_bytes"] == 4096);
  CHECK(report["timeline"]["events"].size() == 3);
  CHECK(report["timeline"]["events"][1]["devices"] == 2);
  CHECK(report["links"][0]["bytes"] == 1024);
  CHECK(report["warnings"].size() == 1);
}

TEST_CASE("columns of msprof and the place under the roofs follow from the sums") {
  rt::ReportFacts facts;
  facts.machine.name = "m";
  facts.machine.mode = "timed";
  facts.machine.peaks = {{"aiv", 4}, {"simt_issue", 2}, {"simt_fp32", 1e11}, {"hbm", 1e10}, {"l2_read", 1e12}};
  facts.clock_hz = 1e9;
  auto kernel = nlohmann::json::parse(rt::report_json(facts, sample()))["kernels"][0];
  const nlohmann::json& columns = kernel["msprof"];
  CHECK(columns["aiv_total_cycles"] == 3000);
  CHECK(columns["aiv_time(us)"].get<double>() == doctest::Approx(0.5));  // 3000 cycles on 6 cores at 1 GHz
  CHECK(columns["aiv_vec_fops"] == 3 * 4096);
  CHECK(columns["aiv_read_hit_rate(%)"] == 75);
  CHECK(!columns.contains("aicore_time(us)"));
  // Two devices for 3 x 0.5 us: 12288 operations need 61 ns at their peak, 12288 bytes of device memory 614 ns.
  CHECK(kernel["roofline"]["unit"] == "simt_fp32");
  CHECK(kernel["roofline"]["bound"] == "hbm");
  CHECK(kernel["roofline"]["share"].get<double>() == doctest::Approx(12288 / 2e10 / 1.5e-6));
  CHECK(kernel["roofline"]["intensity"] == 1);
  CHECK(kernel["roofline"]["peak_flops_per_second"] == 2e11);
}

TEST_CASE("docs/report.md explains every key") {
  std::ifstream file(PHX_REPORT_PAGE);
  std::string page{std::istreambuf_iterator<char>(file), {}};
  REQUIRE(!page.empty());
  rt::ReportFacts facts;
  facts.machine = {"m", "timed", 16, "guessed", {}};
  auto report = nlohmann::json::parse(rt::report_json(facts, sample()));
  auto explained = [&](const nlohmann::json& object) {
    for (const auto& [key, value] : object.items()) {
      CAPTURE(key);
      CHECK(page.find("`" + key) != std::string::npos);
    }
  };
  explained(report);
  explained(report["kernels"][0]);
  explained(report["kernels"][0]["lines"][0]);
  explained(report["links"][0]);
  explained(report["memory"][0]);
  explained(report["timeline"]);
  explained(report["timeline"]["events"][0]);
  explained(report["kernels"][0]["roofline"]);
  for (const char* name : {
#define PHX_SETTING(name, destination, values, meaning) #name,
#include "runtime/src/settings.def"
       }) {
    std::string variable = "PHX_";
    for (const char* c = name; *c; ++c) variable += static_cast<char>(*c - 32);
    CAPTURE(variable);
    CHECK(page.find("`" + variable + "`") != std::string::npos);
  }
}

TEST_CASE("without a timing model times are null, not nominal") {
  rt::ReportFacts facts;
  facts.machine = {"m", "functional", 1, "guessed", {}};
  rt::TelemetryLog log(false);
  hal::KernelRecord record;
  record.kernel = "k";
  record.end = 1'000'000;
  log.kernel(record);
  auto report = nlohmann::json::parse(rt::report_json(facts, log.contents()));
  CHECK(report["simulated_seconds"].is_null());
  CHECK(report["kernels"][0]["cycles"].is_null());
  CHECK(report["kernels"][0]["seconds"].is_null());
  CHECK(report["energy_joules"].is_null());
}

TEST_CASE("the trace has one event per launch and device") {
  auto trace = nlohmann::json::parse(rt::trace_json(sample()));
  int slices = 0;
  for (const auto& event : trace["traceEvents"]) slices += event["ph"] == "X";
  CHECK(slices == 6);
}

TEST_CASE("a fault's message says what, where, who and next to what") {
  hal::FaultRecord fault;
  fault.kind = hal::FaultKind::out_of_bounds;
  fault.message = "out of bounds: the access leaves its buffer";
  fault.function = "helper(int*)";
  fault.kernel = "add(int*)";
  fault.file = "a.cu";
  fault.line = 9;
  fault.inlined_at = {"a.cu:20 in main_part"};
  fault.device = 3;
  fault.block = hal::Extent{1, 2, 0};
  fault.thread = hal::Extent{31, 0, 0};
  fault.address = 0x0d00000000010000;
  fault.access_bytes = 4;
  fault.is_store = true;
  fault.nearest_buffer = "12 bytes past the end of 'allocation #1'";
  CHECK(rt::fault_text(fault) ==
        "phalanx: device fault: out of bounds: the access leaves its buffer\n"
        "  kernel:   add(int*)\n"
        "  source:   a.cu:9 in helper(int*)\n"
        "            inlined at a.cu:20 in main_part\n"
        "  where:    thread (31, 0, 0) of block (1, 2, 0), device 3\n"
        "  address:  0xd00000000010000 (store of 4 bytes)\n"
        "  nearest:  12 bytes past the end of 'allocation #1'\n");
}

TEST_CASE("reports of equal runs differ only in host_ keys") {
  std::string reports[2];
  for (std::string& report : reports) {
    NullRuntime bench;
    const char image[] = "kernel k 8\n";
    rt::Module module{"m", {}, {}};
    module.bytes.resize(sizeof image - 1);
    std::memcpy(module.bytes.data(), image, module.bytes.size());
    rt::KernelRef kernel;
    REQUIRE(bench.runtime->kernel(*bench.device, module, "k", &kernel).ok());
    REQUIRE(bench.runtime->launch(bench.legacy(), kernel, {{4, 1, 1}, {64, 1, 1}, 0, false}, std::vector<std::byte>(8))
                .ok());
    REQUIRE(bench.runtime->synchronize(*bench.device).ok());
    auto parsed = nlohmann::json::parse(bench.runtime->report());
    CHECK(parsed["kernels"][0]["launches"] == 1);
    parsed.erase("host_seconds");
    for (auto& entry : parsed["kernels"]) entry.erase("host_seconds");
    report = parsed.dump();
    bench.runtime->unload(module);
  }
  CHECK(reports[0] == reports[1]);
}
