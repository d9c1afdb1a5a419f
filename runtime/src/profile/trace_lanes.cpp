#include "runtime/src/profile/trace_lanes.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

namespace phx::rt {
namespace {

using Json = nlohmann::json;

struct Span {
  size_t lane = 0;
  double start = 0, length = 0;
  size_t name = 0;
};
struct Flow {
  size_t from = 0, to = 0;
  double left = 0, arrived = 0;
};

class Reader {
 public:
  // One event a line, with a comma where another follows.
  void line(std::string_view text) {
    while (!text.empty() && (text.back() == ',' || text.back() == ' ' || text.back() == '\r')) text.remove_suffix(1);
    if (!text.starts_with("{\"ph\"")) return;
    const Json event = Json::parse(text, nullptr, false);
    if (event.is_discarded() || !event.contains("pid")) return;
    const std::string kind = event.value("ph", "");
    const auto process = event.value("pid", uint64_t{0}), thread = event.value("tid", uint64_t{0});
    if (kind == "M") {
      const std::string what = event.value("name", "");
      const std::string name = event.contains("args") ? event["args"].value("name", "") : "";
      if (what == "process_name") processes_[process] = name;
      if (what == "thread_name") names_of_lanes_[{process, thread}] = name;
      const int64_t index = event.contains("args") ? event["args"].value("sort_index", int64_t{0}) : 0;
      if (what == "process_sort_index") order_of_processes_[process] = index;
      if (what == "thread_sort_index") order_of_lanes_[{process, thread}] = index;
    } else if (kind == "X") {
      spans_.push_back({lane(process, thread), event.value("ts", 0.0), event.value("dur", 0.0),
                        name(event.value("name", std::string()))});
    } else if (kind == "s") {
      flows_[event.value("id", uint64_t{0})] = {lane(process, thread), 0, event.value("ts", 0.0), -1};
    } else if (kind == "f") {
      Flow& flow = flows_[event.value("id", uint64_t{0})];
      flow.to = lane(process, thread);
      flow.arrived = event.value("ts", 0.0);
    }
  }

  std::string text(size_t most) {
    if (spans_.empty()) return {};
    const size_t left_out = spans_.size() > most ? spans_.size() - most : 0;
    if (left_out) {
      std::stable_sort(spans_.begin(), spans_.end(), [](const Span& a, const Span& b) { return a.length > b.length; });
      spans_.resize(most);
    }
    // Lanes by process, in the order that the trace asks for; lanes without spans are not shown.
    using Rank = std::pair<int64_t, uint64_t>;
    std::map<Rank, std::map<Rank, size_t>> order;
    for (const auto& [place, number] : lanes_)
      order[{order_of_processes_[place.first], place.first}][{order_of_lanes_[place], place.second}] = number;
    std::vector<Json> spans(lanes_.size(), Json::array());
    for (const Span& span : spans_) spans[span.lane].push_back({rounded(span.start), rounded(span.length), span.name});
    std::vector<size_t> shown(lanes_.size());
    size_t next = 0;
    Json processes = Json::array();
    for (const auto& [process, threads] : order) {
      Json lanes = Json::array();
      for (const auto& [thread, number] : threads) {
        shown[number] = next++;
        lanes.push_back(
            {{"name", names_of_lanes_[{process.second, thread.second}]}, {"spans", std::move(spans[number])}});
      }
      processes.push_back({{"name", processes_[process.second]}, {"lanes", std::move(lanes)}});
    }
    Json flows = Json::array();
    for (const auto& [id, flow] : flows_)
      if (flow.arrived >= 0 && flows.size() < most)
        flows.push_back({shown[flow.from], rounded(flow.left), shown[flow.to], rounded(flow.arrived)});
    const Json all = {{"processes", std::move(processes)},
                      {"names", std::move(names_)},
                      {"flows", std::move(flows)},
                      {"left_out", left_out}};
    return all.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

 private:
  static double rounded(double us) { return std::round(us * 1e4) / 1e4; }
  size_t lane(uint64_t process, uint64_t thread) {
    return lanes_.try_emplace({process, thread}, lanes_.size()).first->second;
  }
  size_t name(const std::string& text) {
    auto [place, fresh] = numbers_.try_emplace(text, numbers_.size());
    if (fresh) names_.push_back(text);
    return place->second;
  }

  std::map<uint64_t, std::string> processes_;
  std::map<uint64_t, int64_t> order_of_processes_;
  std::map<std::pair<uint64_t, uint64_t>, int64_t> order_of_lanes_;
  std::map<std::pair<uint64_t, uint64_t>, std::string> names_of_lanes_;
  std::map<std::pair<uint64_t, uint64_t>, size_t> lanes_;
  std::map<std::string, size_t> numbers_;
  std::vector<std::string> names_;
  std::vector<Span> spans_;
  std::map<uint64_t, Flow> flows_;
};

}  // namespace

std::string trace_lanes(std::istream& trace, size_t most) {
  Reader reader;
  for (std::string line; std::getline(trace, line);) {
    // The first event may stand behind the opening of the array.
    const size_t open = line.find("\"traceEvents\"");
    reader.line(open == std::string::npos ? line : std::string_view(line).substr(line.find('[', open) + 1));
  }
  return reader.text(most);
}

}  // namespace phx::rt
