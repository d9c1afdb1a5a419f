// A report as text and as a page.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "runtime/src/profile/profile_html.h"
#include "runtime/src/profile/profile_text.h"
#include "runtime/src/profile/trace_lanes.h"

using namespace phx;

namespace {

nlohmann::json sample() {
  return {{"version", 1},
          {"machine", "m"},
          {"mode", "timed"},
          {"devices", 1},
          {"clock_hz", 1e9},
          {"simulated_seconds", 2e-6},
          {"kernels",
           {{{"name", "add</script>"},
             {"source", "a.cu:1"},
             {"core", "simt"},
             {"launches", 2},
             {"seconds", 1e-6},
             {"cycles", 1000},
             {"msprof", {{"aiv_vec_ratio", 0.25}}},
             {"roofline", {{"flops", 100.0}, {"flops_per_second", 1e8}, {"bound", "hbm"}, {"share", 0.5}}},
             {"bytes", {{"hbm_read", 2048}}},
             {"peak_bytes", {{"ub", 1024}}},
             {"lines",
              {{{"source", "a.cu:2"},
                {"function", "f"},
                {"busy", {{"v", 10}}},
                {"stalls", {{"memory", 30}, {"queue m", 1000}}}}}}}}},
          {"energy", {{"joules", 0.001}, {"mean_watts", 500}, {"parts", {{"hbm", 0.001}}}}},
          {"warnings", {"careful"}}};
}

// Names of the elements that a page opens and does not close, in order; a small reader of well-formed HTML.
std::vector<std::string> unclosed(const std::string& page) {
  std::vector<std::string> open;
  for (size_t at = 0; (at = page.find('<', at)) != std::string::npos;) {
    const bool closes = page[at + 1] == '/';
    size_t end = at + 1 + closes;
    std::string name;
    while (end < page.size() && std::isalnum(static_cast<unsigned char>(page[end]))) name += page[end++];
    at = page.find('>', at);
    if (name.empty() || name == "meta" || name == "input") continue;
    if (closes) {
      if (open.empty() || open.back() != name) return {"</" + name};
      open.pop_back();
    } else {
      open.push_back(name);
      if (name == "script" || name == "style") at = page.find("</" + name + ">", at);
    }
  }
  return open;
}

}  // namespace

TEST_CASE("the text has kernels, pipes, roofs, lines with causes, traffic and energy") {
  const std::string text = rt::profile_text(sample().dump());
  for (const char* part : {"m, 1 device, timed mode", "add</script>", "1000", "25.0", "hbm", "50.0%", "a.cu:2",
                           "memory 100%", "hbm_read 2 KiB", "ub 1 KiB", "500.0 W", "careful"}) {
    CAPTURE(part);
    CHECK(text.find(part) != std::string::npos);
  }
  CHECK(text.find("queue") == std::string::npos);
}

TEST_CASE("what is no report has no text") {
  CHECK(rt::profile_text("").empty());
  CHECK(rt::profile_text("[1, 2]").empty());
  CHECK(rt::profile_text("{\"kernels\": []}").empty());
  CHECK(!rt::profile_text("{\"kernels\": [], \"machine\": \"m\"}").empty());
}

TEST_CASE("the page holds the report, is well formed and loads nothing") {
  const std::string page = rt::profile_html(sample().dump());
  CHECK(unclosed(page).empty());
  CHECK(page.find("@PHX_") == std::string::npos);
  for (const char* outside : {"http://", "https://", "src=", "@import", "url("}) {
    CAPTURE(outside);
    const size_t found = page.find(outside);
    // The name space of SVG is a name, not an address that anybody asks.
    CHECK((found == std::string::npos || page.compare(found, 26, "http://www.w3.org/2000/svg") == 0));
  }
  const std::string begin = "<script type=\"application/json\" id=\"report\">";
  const size_t from = page.find(begin) + begin.size();
  const auto held = nlohmann::json::parse(page.substr(from, page.find("</script>", from) - from));
  CHECK(held == sample());  // the name that would end the element came through
  CHECK(rt::is_page_name("a.html"));
  CHECK(!rt::is_page_name("a.json"));
}

TEST_CASE("a trace becomes lanes in its order, the longest spans first in line") {
  std::istringstream trace(
      "{\"displayTimeUnit\": \"ns\", \"traceEvents\": [\n"
      "{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{\"name\":\"device 0\"}},\n"
      "{\"ph\":\"M\",\"pid\":1,\"tid\":1,\"name\":\"thread_name\",\"args\":{\"name\":\"AIC 0 M\"}},\n"
      "{\"ph\":\"M\",\"pid\":1,\"tid\":1,\"name\":\"thread_sort_index\",\"args\":{\"sort_index\":9}},\n"
      "{\"ph\":\"M\",\"pid\":1,\"tid\":2,\"name\":\"thread_name\",\"args\":{\"name\":\"kernels\"}},\n"
      "{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":1,\"dur\":2,\"name\":\"mmad\"},\n"
      "{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":4,\"dur\":0.5,\"name\":\"mmad\"},\n"
      "{\"ph\":\"X\",\"pid\":1,\"tid\":2,\"ts\":0,\"dur\":9,\"name\":\"gemm\"},\n"
      "{\"ph\":\"s\",\"pid\":1,\"tid\":2,\"ts\":1,\"cat\":\"flow\",\"id\":7,\"name\":\"flag\"},\n"
      "{\"ph\":\"f\",\"pid\":1,\"tid\":1,\"ts\":2,\"cat\":\"flow\",\"id\":7,\"name\":\"flag\"},\n"
      "{\"ph\":\"X\",\"pid\":1,\"ti");  // cut off
  const auto lanes = nlohmann::json::parse(rt::trace_lanes(trace, 2));
  REQUIRE(lanes["processes"].size() == 1);
  const auto& device = lanes["processes"][0];
  CHECK(device["name"] == "device 0");
  CHECK(device["lanes"][0]["name"] == "kernels");
  CHECK(device["lanes"][1]["name"] == "AIC 0 M");
  CHECK(device["lanes"][1]["spans"].size() == 1);
  CHECK(lanes["left_out"] == 1);
  CHECK(lanes["flows"] == nlohmann::json::parse("[[0, 1.0, 1, 2.0]]"));
  std::istringstream nothing("no trace");
  CHECK(rt::trace_lanes(nothing).empty());
}
