#include "runtime/src/report/telemetry_log.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace phx::rt {
namespace {

void add(std::map<std::string, double>& totals, const std::vector<hal::Amount>& amounts) {
  for (const hal::Amount& amount : amounts) totals[amount.name] += amount.value;
}

std::string source_of(const std::string& file, uint32_t line) {
  if (file.empty()) return {};
  return line ? file + ":" + std::to_string(line) : file;
}

std::string triple(const hal::Extent& at) {
  return "(" + std::to_string(at.x) + ", " + std::to_string(at.y) + ", " + std::to_string(at.z) + ")";
}

std::string hexadecimal(uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

}  // namespace

void TelemetryLog::kernel(const hal::KernelRecord& record) {
  std::lock_guard lock(mutex_);
  KernelTotals& totals = contents_.kernels[{record.kernel, source_of(record.file, record.line)}];
  ++totals.launches;
  totals.reused += record.reused ? 1 : 0;
  totals.timed = totals.timed && record.cycles.has_value();
  totals.cycles += record.cycles.value_or(0);
  totals.time += record.end - record.start;
  totals.energy_joules += record.energy_joules;
  totals.host_nanoseconds += record.host_nanoseconds;
  add(totals.busy, record.busy);
  add(totals.busy_most, record.busy_most);
  add(totals.instructions, record.instructions);
  add(totals.bytes, record.bytes);
  add(totals.stalls, record.stalls);
  add(totals.counters, record.counters);
  add(totals.energy, record.energy);
  totals.core = record.core;
  add(totals.profile, record.profile);
  for (const hal::Amount& amount : record.peak_bytes)
    totals.peak_bytes[amount.name] = std::max(totals.peak_bytes[amount.name], amount.value);
  totals.device_time += (record.end - record.start) * std::max<size_t>(1, record.devices.size());
  for (const hal::SourceLine& line : record.lines) {
    KernelTotals::Line& sum = totals.lines[{line.file, line.line}];
    if (sum.function.empty()) sum.function = line.function;
    add(sum.busy, line.busy);
    add(sum.stalls, line.stalls);
    sum.issues += line.issues;
    sum.lanes += line.lanes;
    sum.stall_cycles += line.stall_cycles;
  }
  if (record.grid.count() >= totals.largest_grid) {
    totals.largest_grid = record.grid.count();
    totals.threads_per_block = record.block.count();
  }
  contents_.last = std::max(contents_.last, record.end);
  note({record.devices.empty() ? 0 : record.devices.front(), static_cast<uint32_t>(record.devices.size()), "kernels",
        record.kernel, record.start, record.end});
  if (keep_spans_) contents_.launches.push_back(record);
}

void TelemetryLog::span(const hal::SpanRecord& record) {
  std::lock_guard lock(mutex_);
  if (record.category == "copy" || record.category == "fill" || record.category == "collective") {
    SpanTotals& totals = contents_.transfers[{record.category, record.name}];
    ++totals.count;
    totals.bytes += record.bytes;
    totals.time += record.end - record.start;
    add(totals.energy, record.energy);
  }
  // Copies arrive in the order in which they ran, which repeats.
  if (record.digest) contents_.results_digest = (contents_.results_digest ^ record.digest) * 0x9e3779b97f4a7c15ull + 1;
  contents_.last = std::max(contents_.last, record.end);
  if (const size_t slash = record.track.find('/'); slash != std::string::npos && record.track.starts_with("device "))
    note({static_cast<hal::DeviceOrdinal>(std::strtoul(record.track.c_str() + 7, nullptr, 10)), 1,
          record.track.substr(slash + 1), record.name, record.start, record.end});
  if (keep_spans_) contents_.spans.push_back(record);
}

void TelemetryLog::note(Moment&& moment) {
  if (contents_.moments.size() < kMostMoments)
    contents_.moments.push_back(std::move(moment));
  else
    ++contents_.moments_left_out;
}

void TelemetryLog::counter(const hal::CounterRecord& record) {
  std::lock_guard lock(mutex_);
  if (keep_spans_) contents_.counters.push_back(record);
}

void TelemetryLog::link(const hal::LinkRecord& record) {
  std::lock_guard lock(mutex_);
  contents_.links.push_back(record);
}

void TelemetryLog::memory(const hal::MemoryRecord& record) {
  std::lock_guard lock(mutex_);
  contents_.memory.push_back(record);
}

void TelemetryLog::warning(const std::string& text) {
  std::lock_guard lock(mutex_);
  if (std::find(contents_.warnings.begin(), contents_.warnings.end(), text) == contents_.warnings.end())
    contents_.warnings.push_back(text);
}

void TelemetryLog::fault(const hal::FaultRecord& record) {
  if (print_faults_) {
    std::fflush(stdout);
    std::fputs(fault_text(record).c_str(), stderr);
  }
  std::lock_guard lock(mutex_);
  contents_.faults.push_back(record);
}

TelemetryLog::Contents TelemetryLog::contents() const {
  std::lock_guard lock(mutex_);
  return contents_;
}

std::vector<hal::FaultRecord> TelemetryLog::take_new_faults() {
  std::lock_guard lock(mutex_);
  std::vector<hal::FaultRecord> fresh(contents_.faults.begin() + faults_taken_, contents_.faults.end());
  faults_taken_ = contents_.faults.size();
  return fresh;
}

void TelemetryLog::forget_totals() {
  std::lock_guard lock(mutex_);
  contents_.links.clear();
  contents_.memory.clear();
}

std::string fault_text(const hal::FaultRecord& fault) {
  std::string text = "phalanx: device fault: " + (fault.message.empty() ? fault_name(fault.kind) : fault.message);
  text += "\n  kernel:   " + (fault.kernel.empty() ? "(unknown)" : fault.kernel);
  if (!fault.file.empty()) text += "\n  source:   " + source_of(fault.file, fault.line);
  if (!fault.function.empty() && fault.function != fault.kernel) text += " in " + fault.function;
  for (const std::string& frame : fault.inlined_at) text += "\n            inlined at " + frame;
  text += "\n  where:    ";
  if (fault.thread) text += "thread " + triple(*fault.thread) + " of ";
  if (fault.block) text += "block " + triple(*fault.block) + ", ";
  text += "device " + std::to_string(fault.device);
  if (!fault.core.empty()) text += ", " + fault.core;
  if (fault.cycle) text += ", cycle " + std::to_string(*fault.cycle);
  if (fault.address) {
    text += "\n  address:  " + hexadecimal(*fault.address);
    if (fault.access_bytes)
      text += std::string(" (") + (fault.is_store ? "store" : "load") + " of " + std::to_string(fault.access_bytes) +
              " bytes)";
  }
  if (!fault.nearest_buffer.empty()) text += "\n  nearest:  " + fault.nearest_buffer;
  if (!fault.instruction.empty()) text += "\n  executed: " + fault.instruction;
  for (const std::string& note : fault.notes) {
    text += "\n  ";
    for (char c : note) text += c == '\n' ? std::string("\n  ") : std::string(1, c);
  }
  return text + "\n";
}

}  // namespace phx::rt
