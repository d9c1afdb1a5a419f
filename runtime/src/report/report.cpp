#include "runtime/src/report/report.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "runtime/src/report/msprof.h"
#include "runtime/src/report/roofline.h"

namespace phx::rt {
namespace {

using Json = nlohmann::ordered_json;

// Counts are whole numbers however they were summed.
Json whole(const std::map<std::string, double>& totals) {
  Json object = Json::object();
  for (const auto& [name, value] : totals) {
    if (value >= 0 && value < 9e15 && value == static_cast<double>(static_cast<uint64_t>(value)))
      object[name] = static_cast<uint64_t>(value);
    else
      object[name] = value;
  }
  return object;
}

Json position(const KernelTotals& totals, const Roofline& at) {
  if (!totals.timed) return nullptr;
  return {{"flops", at.flops},
          {"hbm_bytes", at.hbm_bytes},
          {"l2_bytes", at.l2_bytes},
          {"intensity", at.intensity},
          {"flops_per_second", at.flops_per_second},
          {"unit", at.unit},
          {"peak_flops_per_second", at.peak_flops_per_second},
          {"bound", at.bound},
          {"share", at.share}};
}

Json kernels(const ReportFacts& facts, const TelemetryLog::Contents& log) {
  Json list = Json::array();
  std::map<std::string, double> peaks;
  for (const hal::Amount& peak : facts.machine.peaks) peaks[peak.name] = peak.value;
  for (const auto& [key, totals] : log.kernels) {
    Json kernel;
    kernel["name"] = key.name;
    kernel["source"] = key.source;
    kernel["core"] = totals.core;
    kernel["launches"] = totals.launches;
    kernel["blocks"] = totals.largest_grid;
    kernel["threads_per_block"] = totals.threads_per_block;
    kernel["cycles"] = totals.timed ? Json(totals.cycles) : Json(nullptr);
    kernel["seconds"] = totals.timed ? Json(hal::seconds(totals.time)) : Json(nullptr);
    kernel["busy"] = whole(totals.busy);
    kernel["busy_most"] = whole(totals.busy_most);
    kernel["instructions"] = whole(totals.instructions);
    kernel["bytes"] = whole(totals.bytes);
    kernel["stalls"] = whole(totals.stalls);
    kernel["counters"] = whole(totals.counters);
    kernel["energy"] = totals.energy;
    kernel["reused"] = totals.reused;
    kernel["peak_bytes"] = whole(totals.peak_bytes);
    kernel["msprof"] = msprof_columns(totals, facts.clock_hz, peaks);
    kernel["roofline"] = position(totals, roofline(totals, facts.clock_hz, peaks));
    Json lines = Json::array();
    for (const auto& [place, line] : totals.lines)
      lines.push_back({{"source", place.first + ":" + std::to_string(place.second)},
                       {"function", line.function},
                       {"issues", line.issues},
                       {"lanes", line.lanes},
                       {"stall_cycles", line.stall_cycles},
                       {"busy", whole(line.busy)},
                       {"stalls", whole(line.stalls)}});
    kernel["lines"] = std::move(lines);
    kernel["host_seconds"] = static_cast<double>(totals.host_nanoseconds) * 1e-9;
    list.push_back(std::move(kernel));
  }
  return list;
}

Json transfers(const TelemetryLog::Contents& log) {
  Json list = Json::array();
  for (const auto& [key, totals] : log.transfers) {
    Json transfer;
    transfer["kind"] = key.first;
    transfer["name"] = key.second;
    transfer["count"] = totals.count;
    transfer["bytes"] = totals.bytes;
    transfer["seconds"] = hal::seconds(totals.time);
    list.push_back(std::move(transfer));
  }
  return list;
}

Json links(const TelemetryLog::Contents& log) {
  Json list = Json::array();
  for (const hal::LinkRecord& record : log.links) {
    Json link;
    link["name"] = record.name;
    link["level"] = record.level;
    link["bytes"] = record.bytes;
    link["transfers"] = record.transfers;
    link["busy_seconds"] = record.busy_seconds;
    link["bandwidth"] = record.bandwidth;
    link["latency_seconds"] = hal::seconds(record.latency);
    list.push_back(std::move(link));
  }
  return list;
}

Json memory(const TelemetryLog::Contents& log) {
  Json list = Json::array();
  for (const hal::MemoryRecord& record : log.memory)
    list.push_back({{"device", record.device},
                    {"peak_bytes", record.peak},
                    {"bytes_at_end", record.used},
                    {"capacity_bytes", record.capacity}});
  return list;
}

// By time, so that it does not matter in which order the host brought them about.
Json timeline(const TelemetryLog::Contents& log, bool timed) {
  if (!timed) return nullptr;
  std::vector<Moment> moments = log.moments;
  std::sort(moments.begin(), moments.end(), [](const Moment& a, const Moment& b) {
    return std::tie(a.start, a.device, a.track, a.name, a.end) < std::tie(b.start, b.device, b.track, b.name, b.end);
  });
  Json events = Json::array();
  for (const Moment& moment : moments)
    events.push_back({{"device", moment.device},
                      {"devices", moment.devices},
                      {"track", moment.track},
                      {"name", moment.name},
                      {"start_seconds", hal::seconds(moment.start)},
                      {"seconds", hal::seconds(moment.end - moment.start)}});
  return {{"left_out", log.moments_left_out}, {"events", std::move(events)}};
}

Json faults(const TelemetryLog::Contents& log) {
  Json list = Json::array();
  for (const hal::FaultRecord& record : log.faults) {
    Json fault;
    fault["kind"] = fault_name(record.kind);
    fault["message"] = record.message;
    fault["kernel"] = record.kernel;
    fault["source"] = record.file.empty() ? "" : record.file + ":" + std::to_string(record.line);
    fault["device"] = record.device;
    if (record.block) fault["block"] = {record.block->x, record.block->y, record.block->z};
    if (record.thread) fault["thread"] = {record.thread->x, record.thread->y, record.thread->z};
    if (record.address) fault["address"] = *record.address;
    fault["nearest"] = record.nearest_buffer;
    list.push_back(std::move(fault));
  }
  return list;
}

// What kernels and transfers did, and idle power of every open device from the first moment to the last.
Json energy(const ReportFacts& facts, const TelemetryLog::Contents& log) {
  std::map<std::string, double> parts;
  auto add = [&](const std::map<std::string, double>& more) {
    for (const auto& [part, joules] : more)
      if (part != "idle") parts[part] += joules;  // a kernel's own share of the idle power is in the whole
  };
  for (const auto& [key, totals] : log.kernels) add(totals.energy);
  for (const auto& [key, totals] : log.transfers) add(totals.energy);
  const double seconds = hal::seconds(std::max(log.last, facts.host_end));
  parts["idle"] = facts.machine.idle_watts * facts.devices * seconds;
  double joules = 0;
  for (const auto& [part, amount] : parts) joules += amount;
  return {{"joules", joules}, {"mean_watts", seconds > 0 ? joules / seconds : 0}, {"parts", parts}};
}

}  // namespace

std::string report_json(const ReportFacts& facts, const TelemetryLog::Contents& log) {
  bool timed = facts.machine.mode != "functional";
  Json report;
  report["version"] = kReportVersion;
  report["machine"] = facts.machine.name;
  report["driver"] = facts.driver;
  report["devices"] = facts.devices;
  report["packages"] = facts.packages;
  report["devices_of_machine"] = facts.machine.devices_total;
  report["visible"] = facts.visible;
  report["placement"] = facts.placement;
  report["mode"] = facts.machine.mode;
  report["clock_hz"] = facts.clock_hz;
  report["simulated_seconds"] = timed ? Json(hal::seconds(std::max(log.last, facts.host_end))) : Json(nullptr);
  report["host_seconds"] = facts.host_seconds;
  report["kernels"] = kernels(facts, log);
  report["transfers"] = transfers(log);
  report["links"] = links(log);
  report["memory"] = memory(log);
  report["timeline"] = timeline(log, timed);
  char digest[17];
  std::snprintf(digest, sizeof digest, "%016llx", static_cast<unsigned long long>(log.results_digest));
  report["results_digest"] = digest;
  report["energy"] = timed ? energy(facts, log) : Json(nullptr);
  report["energy_joules"] = timed ? report["energy"]["joules"] : Json(nullptr);
  report["weakest_source"] = facts.machine.weakest_source;
  Json peaks = Json::object();
  for (const hal::Amount& peak : facts.machine.peaks) peaks[peak.name] = peak.value;
  report["machine_peaks"] = std::move(peaks);
  report["faults"] = faults(log);
  Json warnings = Json::array();
  for (const std::string& warning : facts.machine.warnings) warnings.push_back(warning);
  for (const std::string& warning : log.warnings) warnings.push_back(warning);
  report["warnings"] = std::move(warnings);
  Json numbers = Json::array();
  for (const hal::MachineNumber& number : facts.machine.numbers)
    numbers.push_back({{"key", number.key}, {"value", number.value}, {"tag", number.tag}, {"from", number.source}});
  report["machine_numbers"] = std::move(numbers);
  return report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string trace_json(const TelemetryLog::Contents& log) {
  std::map<std::string, int> threads;
  Json events = Json::array();
  auto thread_of = [&](const std::string& track) {
    auto [entry, is_new] = threads.try_emplace(track, static_cast<int>(threads.size()) + 1);
    if (is_new)
      events.push_back(
          {{"ph", "M"}, {"pid", 1}, {"tid", entry->second}, {"name", "thread_name"}, {"args", {{"name", track}}}});
    return entry->second;
  };
  auto microseconds = [](hal::SimTime time) { return static_cast<double>(time) / hal::kPicosecondsPerMicrosecond; };
  events.push_back({{"ph", "M"}, {"pid", 1}, {"name", "process_name"}, {"args", {{"name", "simulated machine"}}}});
  for (const hal::KernelRecord& record : log.launches) {
    for (hal::DeviceOrdinal device : record.devices) {
      Json args = {{"grid", {record.grid.x, record.grid.y, record.grid.z}},
                   {"block", {record.block.x, record.block.y, record.block.z}},
                   {"stream", record.label}};
      if (record.cycles) args["cycles"] = *record.cycles;
      events.push_back({{"ph", "X"},
                        {"pid", 1},
                        {"tid", thread_of("device " + std::to_string(device) + "/kernels")},
                        {"name", record.kernel},
                        {"cat", "kernel"},
                        {"ts", microseconds(record.start)},
                        {"dur", microseconds(record.end - record.start)},
                        {"args", std::move(args)}});
    }
  }
  for (const hal::SpanRecord& record : log.spans) {
    Json event = {{"ph", "X"},
                  {"pid", 1},
                  {"tid", thread_of(record.track)},
                  {"name", record.name},
                  {"cat", record.category},
                  {"ts", microseconds(record.start)},
                  {"dur", microseconds(record.end - record.start)}};
    if (record.bytes) event["args"] = {{"bytes", record.bytes}, {"stream", record.label}};
    events.push_back(std::move(event));
  }
  for (const hal::CounterRecord& record : log.counters)
    events.push_back({{"ph", "C"},
                      {"pid", 1},
                      {"name", record.track + " " + record.name},
                      {"ts", microseconds(record.when)},
                      {"args", {{record.name, record.value}}}});
  Json trace = {{"displayTimeUnit", "ns"}, {"traceEvents", std::move(events)}};
  return trace.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

void write_file(const std::string& path, const std::string& text, const char* what) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  bool written = file && std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (file && std::fclose(file) != 0) written = false;
  if (!written)
    std::fprintf(stderr, "phalanx: error: the %s cannot be written to '%s': %s\n", what, path.c_str(),
                 std::strerror(errno));
}

}  // namespace phx::rt
