#include "device_sim/trace/trace.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <vector>

namespace phx::sim {
namespace {

// JSON text of a string; bytes that are not UTF-8 become the replacement character.
std::string quoted(std::string_view text) {
  return nlohmann::json(std::string(text)).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Nanosecond digits are enough for cycles at GHz, and always the same text for the same time.
std::string micros(double us) {
  char text[48];
  std::snprintf(text, sizeof text, "%.4f", us);
  return text;
}

std::string number(double value) {
  char text[48];
  std::snprintf(text, sizeof text, "%.15g", value);
  return std::strpbrk(text, "ni") ? "null" : text;  // JSON has no infinities
}

}  // namespace

struct TraceSink::State {
  std::mutex mutex;
  std::FILE* file = nullptr;
  std::string path;
  uint64_t limit = 0, written = 0, left_out = 0;
  uint64_t detail_limit = 0;  // the rest is for what is always written
  uint64_t details = 0;       // offered
  uint64_t keep_every = 1;
  uint64_t thin_at = 0;  // events at which keep_every doubles
  uint64_t flows = 0;
  bool failed = false;
  std::map<std::string, uint32_t, std::less<>> processes;
  std::vector<std::map<std::string, uint32_t, std::less<>>> threads;           // by process
  std::map<std::pair<uint32_t, std::string>, std::vector<double>> busy_until;  // of free_lane(), by process and name

  void put(const std::string& event) {
    if (std::fputs(written ? ",\n" : "\n", file) < 0 || std::fputs(event.c_str(), file) < 0) failed = true;
    ++written;
  }
  bool admits(Importance importance) {
    if (!file) return false;
    bool keep = written < limit;
    if (keep && importance == Importance::detail) {
      if (written >= thin_at) {
        keep_every *= 2;
        thin_at = written + std::max<uint64_t>(1, (detail_limit - std::min(written, detail_limit)) / 2);
      }
      keep = written < detail_limit && details++ % keep_every == 0;
    }
    left_out += !keep;
    return keep;
  }
};

TraceSink::TraceSink() : state_(std::make_unique<State>()) {}
TraceSink::~TraceSink() { (void)close(); }

Expected<std::unique_ptr<TraceSink>> TraceSink::open(const std::string& path, Options options) {
  std::unique_ptr<TraceSink> sink(new TraceSink);
  sink->state_->file = std::fopen(path.c_str(), "w");
  if (!sink->state_->file) return error_at(path, 0, std::string("cannot write the trace: ") + std::strerror(errno));
  sink->state_->path = path;
  sink->state_->limit = options.max_events;
  sink->state_->detail_limit = options.max_events - options.max_events / 8;
  sink->state_->thin_at = sink->state_->detail_limit / 2;
  std::fputs("{\"displayTimeUnit\": \"ns\", \"traceEvents\": [", sink->state_->file);
  return sink;
}

uint32_t TraceSink::process(std::string_view name, int order) {
  std::lock_guard lock(state_->mutex);
  auto [place, fresh] =
      state_->processes.try_emplace(std::string(name), static_cast<uint32_t>(state_->processes.size() + 1));
  if (fresh) {
    state_->threads.emplace_back();
    std::string pid = std::to_string(place->second);
    if (state_->file) {
      state_->put(R"({"ph":"M","pid":)" + pid + R"(,"name":"process_name","args":{"name":)" + quoted(name) + "}}");
      state_->put(R"({"ph":"M","pid":)" + pid + R"(,"name":"process_sort_index","args":{"sort_index":)" +
                  (order < 0 ? pid : std::to_string(order)) + "}}");
    }
  }
  return place->second;
}

TraceSink::Lane TraceSink::lane(uint32_t process, std::string_view name, int order) {
  std::lock_guard lock(state_->mutex);
  if (process == 0 || process > state_->threads.size()) return {};
  auto& threads = state_->threads[process - 1];
  auto [place, fresh] = threads.try_emplace(std::string(name), static_cast<uint32_t>(threads.size() + 1));
  if (fresh && state_->file) {
    std::string ids = R"("pid":)" + std::to_string(process) + R"(,"tid":)" + std::to_string(place->second);
    state_->put(R"({"ph":"M",)" + ids + R"(,"name":"thread_name","args":{"name":)" + quoted(name) + "}}");
    state_->put(R"({"ph":"M",)" + ids + R"(,"name":"thread_sort_index","args":{"sort_index":)" +
                (order < 0 ? std::to_string(place->second) : std::to_string(order)) + "}}");
  }
  return {process, place->second};
}

TraceSink::Lane TraceSink::free_lane(uint32_t process, std::string_view name, int order, double start_us,
                                     double end_us) {
  constexpr double kRounding = 1e-4;  // of the times in the file
  size_t number = 0;
  {
    std::lock_guard lock(state_->mutex);
    std::vector<double>& until = state_->busy_until[{process, std::string(name)}];
    while (number < until.size() && until[number] > start_us + kRounding) ++number;
    if (number == until.size()) until.push_back(0);
    until[number] = end_us;
  }
  if (number == 0) return lane(process, name, order);
  return lane(process, std::string(name) + " " + std::to_string(number + 1), order);
}

void TraceSink::span(Lane lane, std::string_view name, double start_us, double duration_us,
                     std::span<const Argument> arguments, Importance importance) {
  std::lock_guard lock(state_->mutex);
  if (!state_->admits(importance)) return;
  std::string event = R"({"ph":"X","pid":)" + std::to_string(lane.process) + R"(,"tid":)" +
                      std::to_string(lane.thread) + R"(,"ts":)" + micros(start_us) + R"(,"dur":)" +
                      micros(duration_us) + R"(,"name":)" + quoted(name);
  if (!arguments.empty()) {
    event += R"(,"args":{)";
    for (size_t i = 0; i < arguments.size(); ++i) {
      const Argument& argument = arguments[i];
      event += (i ? "," : "") + quoted(argument.name) + ":" +
               (argument.text.empty() ? number(argument.number) : quoted(argument.text));
    }
    event += "}";
  }
  state_->put(event + "}");
}

void TraceSink::counter(uint32_t process, std::string_view name, double at_us, double value) {
  std::lock_guard lock(state_->mutex);
  if (!state_->admits(Importance::detail)) return;
  state_->put(R"({"ph":"C","pid":)" + std::to_string(process) + R"(,"ts":)" + micros(at_us) + R"(,"name":)" +
              quoted(name) + R"(,"args":{"value":)" + number(value) + "}}");
}

void TraceSink::flow(std::string_view name, Lane from, double from_us, Lane to, double to_us) {
  std::lock_guard lock(state_->mutex);
  if (!state_->admits(Importance::detail)) return;
  std::string common = R"(,"cat":"flow","id":)" + std::to_string(++state_->flows) + R"(,"name":)" + quoted(name);
  auto end = [&](const char* kind, Lane lane, double at_us) {
    return std::string(R"({"ph":)") + kind + R"(,"pid":)" + std::to_string(lane.process) + R"(,"tid":)" +
           std::to_string(lane.thread) + R"(,"ts":)" + micros(at_us) + common + "}";
  };
  state_->put(end(R"("s")", from, from_us));
  state_->put(end(R"("f","bp":"e")", to, to_us));
}

Outcome TraceSink::close() {
  std::lock_guard lock(state_->mutex);
  if (!state_->file) return {};
  nlohmann::json other = {
      {"clock", "simulated microseconds"},
      {"max_events", state_->limit},
      {"events_left_out", state_->left_out},
      {"sampling",
       "detail spans, arrows and counters are thinned from 7/16 of max_events on and stop at 7/8; at the end of the "
       "trace one "
       "in " +
           std::to_string(state_->keep_every) + " was written"},
  };
  std::fputs(("\n], \"otherData\": " + other.dump() + "}\n").c_str(), state_->file);
  if (std::fclose(state_->file) != 0) state_->failed = true;
  state_->file = nullptr;
  if (state_->failed) return error_at(state_->path, 0, "the trace is incomplete: a write failed");
  return {};
}

}  // namespace phx::sim
