#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "device_sim/trace/trace.h"

using namespace phx;
using namespace phx::sim;

namespace {
std::string scratch(const char* name) { return (std::filesystem::temp_directory_path() / name).string(); }
nlohmann::json parsed(const std::string& path) {
  std::ifstream file(path);
  return nlohmann::json::parse(file);
}
}  // namespace

TEST_CASE("a trace is JSON with lanes, spans, counters and arrows") {
  std::string path = scratch("phx_trace_test.json");
  {
    Expected<std::unique_ptr<TraceSink>> opened = TraceSink::open(path);
    REQUIRE(opened.ok());
    TraceSink& trace = **opened;
    uint32_t device = trace.process("device 0"), host = trace.process("host");
    CHECK(device != host);
    CHECK(trace.process("device 0") == device);
    TraceSink::Lane core = trace.lane(device, "core 3"), api = trace.lane(host, "main \"thread\"");
    CHECK(trace.lane(device, "core 3").thread == core.thread);
    TraceSink::Argument arguments[] = {{"blocks", 12}, {"kernel", 0, "saxpy<\xff>"}};
    trace.span(core, "saxpy", 1.5, 2.25, arguments);
    trace.counter(device, "hbm bytes", 2, 4096);
    trace.flow("launch", api, 0.5, core, 1.5);
    CHECK(trace.close().ok());
    CHECK(trace.close().ok());
    trace.span(core, "late", 9, 1);  // ignored
  }
  nlohmann::json trace = parsed(path);
  std::map<std::string, unsigned> kinds;
  for (const auto& event : trace["traceEvents"]) {
    std::string kind = event["ph"];
    ++kinds[kind];
    if (kind == "X") {
      CHECK(event["name"] == "saxpy");
      CHECK(event["ts"] == doctest::Approx(1.5));
      CHECK(event["dur"] == doctest::Approx(2.25));
      CHECK(event["args"]["blocks"] == 12);
    }
    if (kind == "C") CHECK(event["args"]["value"] == 4096);
  }
  CHECK(kinds == std::map<std::string, unsigned>{{"M", 8}, {"X", 1}, {"C", 1}, {"s", 1}, {"f", 1}});
  CHECK(trace["otherData"]["events_left_out"] == 0);
  std::filesystem::remove(path);
}

TEST_CASE("spans that overlap get lanes of their own, and lanes an order") {
  std::string path = scratch("phx_trace_lanes.json");
  {
    Expected<std::unique_ptr<TraceSink>> opened = TraceSink::open(path);
    REQUIRE(opened.ok());
    TraceSink& trace = **opened;
    const uint32_t device = trace.process("device 3", TraceSink::kDevices + 3);
    const TraceSink::Lane first = trace.free_lane(device, "kernels", TraceSink::kKernels, 0, 10);
    const TraceSink::Lane beside = trace.free_lane(device, "kernels", TraceSink::kKernels, 5, 12);
    CHECK(beside.thread != first.thread);
    CHECK(trace.free_lane(device, "kernels", TraceSink::kKernels, 10, 20).thread == first.thread);
    CHECK(trace.free_lane(device, "kernels", TraceSink::kKernels, 12, 20).thread == beside.thread);
  }
  std::map<std::string, int> orders;
  std::map<int, std::string> names;
  const nlohmann::json trace = parsed(path);
  for (const auto& event : trace["traceEvents"]) {
    if (event["name"] == "thread_name") names[event["tid"]] = event["args"]["name"];
    if (event["name"] == "thread_sort_index") orders[names[event["tid"]]] = event["args"]["sort_index"];
    if (event["name"] == "process_sort_index") CHECK(event["args"]["sort_index"] == 4);
  }
  CHECK(orders == std::map<std::string, int>{{"kernels", 0}, {"kernels 2", 0}});
  std::filesystem::remove(path);
}

TEST_CASE("a trace is bounded and says how it was thinned") {
  std::string path = scratch("phx_trace_bounded.json");
  {
    Expected<std::unique_ptr<TraceSink>> opened = TraceSink::open(path, {.max_events = 1000});
    REQUIRE(opened.ok());
    TraceSink& trace = **opened;
    TraceSink::Lane lane = trace.lane(trace.process("device 0"), "core 0");
    for (unsigned i = 0; i < 100000; ++i) trace.span(lane, "block", i, 1, {}, TraceSink::Importance::detail);
    trace.span(lane, "kernel", 0, 100000);
  }
  nlohmann::json trace = parsed(path);
  CHECK(trace["traceEvents"].size() <= 1000);
  CHECK(trace["traceEvents"].size() > 500);
  CHECK(trace["traceEvents"].back()["name"] == "kernel");  // thinning leaves room for what matters
  CHECK(trace["otherData"]["events_left_out"].get<uint64_t>() > 90000);
  std::filesystem::remove(path);
}

TEST_CASE("a trace that cannot be written says so") {
  Expected<std::unique_ptr<TraceSink>> opened = TraceSink::open("/nonexistent/trace.json");
  REQUIRE(!opened.ok());
  CHECK(opened.diagnostic().str().find("cannot write the trace") != std::string::npos);
}
