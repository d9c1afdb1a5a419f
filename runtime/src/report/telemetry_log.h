// TelemetryLog: the sink a runtime gives to its driver. Sums up kernels and links for the report, keeps spans for the
// trace, prints each fault once.
#pragma once

#include <phalanx/hal/telemetry.h>

#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

namespace phx::rt {

// All launches of one kernel.
struct KernelTotals {
  uint64_t launches = 0, reused = 0;
  bool timed = true;  // every launch had cycles
  uint64_t cycles = 0;
  hal::SimTime time = 0;
  double energy_joules = 0;
  uint64_t host_nanoseconds = 0;
  std::map<std::string, double> busy, busy_most, instructions, bytes, stalls, counters, energy;
  std::string core;                          // "simt", "aic", "aiv", "mix"
  std::map<std::string, double> profile;     // sums that the columns of profilers are made of
  std::map<std::string, double> peak_bytes;  // by buffer of a core, of all launches
  hal::SimTime device_time = 0;              // time, once for every device of a launch
  struct Line {
    uint64_t issues = 0, lanes = 0, stall_cycles = 0;
    std::string function;
    std::map<std::string, double> busy, stalls;
  };
  std::map<std::pair<std::string, uint32_t>, Line> lines;  // by file and line
  uint64_t largest_grid = 0, threads_per_block = 0;        // blocks and threads of the largest launch
};

// All spans of one category and name: copies, fills, collectives.
struct SpanTotals {
  uint64_t count = 0, bytes = 0;
  hal::SimTime time = 0;
  std::map<std::string, double> energy;  // joules by part
};

// A launch or a transfer, for the short timeline of the report.
struct Moment {
  hal::DeviceOrdinal device = 0;
  uint32_t devices = 1;  // side by side from `device` on
  std::string track, name;
  hal::SimTime start = 0, end = 0;
  auto operator<=>(const Moment&) const = default;
};
inline constexpr size_t kMostMoments = 2000;

class TelemetryLog final : public hal::Telemetry {
 public:
  // Whoever hands faults to its caller in full has no need to print them.
  explicit TelemetryLog(bool keep_spans, bool print_faults = true)
      : keep_spans_(keep_spans), print_faults_(print_faults) {}

  void kernel(const hal::KernelRecord& record) override;
  void span(const hal::SpanRecord& record) override;
  void counter(const hal::CounterRecord& record) override;
  void link(const hal::LinkRecord& record) override;
  void memory(const hal::MemoryRecord& record) override;
  void fault(const hal::FaultRecord& record) override;
  void warning(const std::string& text) override;
  bool wants_spans() const override { return keep_spans_; }

  struct KernelKey {
    std::string name, source;
    auto operator<=>(const KernelKey&) const = default;
  };
  struct Contents {
    std::map<KernelKey, KernelTotals> kernels;
    std::map<std::pair<std::string, std::string>, SpanTotals> transfers;  // (category, name)
    std::vector<hal::KernelRecord> launches;                              // for the trace
    std::vector<hal::SpanRecord> spans;
    std::vector<hal::CounterRecord> counters;
    std::vector<hal::LinkRecord> links;
    std::vector<hal::MemoryRecord> memory;
    std::vector<Moment> moments;  // the first kMostMoments that were reported
    uint64_t moments_left_out = 0;
    std::vector<hal::FaultRecord> faults;
    std::vector<std::string> warnings;
    uint64_t results_digest = 0;  // of everything copied to the host
    hal::SimTime last = 0;        // the latest end of anything
  };
  // A copy, so that the driver may go on.
  Contents contents() const;
  // Faults recorded since the last call.
  std::vector<hal::FaultRecord> take_new_faults();
  void forget_totals();  // links and memory, before Driver::summarize() sends them anew

 private:
  void note(Moment&& moment);  // under the lock

  mutable std::mutex mutex_;
  bool keep_spans_;
  bool print_faults_ = true;
  Contents contents_;
  size_t faults_taken_ = 0;
};

// The message of a fault: several lines, the first says what and where.
std::string fault_text(const hal::FaultRecord& fault);

}  // namespace phx::rt
