// The JSON report and the trace, from what telemetry collected. docs/report.md documents both.
#pragma once

#include <phalanx/hal/driver.h>

#include <string>

#include "runtime/src/report/telemetry_log.h"

namespace phx::rt {

inline constexpr int kReportVersion = 1;

struct ReportFacts {
  hal::MachineFacts machine;
  std::string driver, visible, placement;
  uint32_t devices = 0, packages = 0;
  double host_seconds = 0;    // real time since the runtime was opened
  hal::SimTime host_end = 0;  // latest logical host clock
  double clock_hz = 0;
};

std::string report_json(const ReportFacts& facts, const TelemetryLog::Contents& log);

// Chrome's trace event format, which Perfetto opens: one process per device, one thread per track.
std::string trace_json(const TelemetryLog::Contents& log);

// Says so on stderr if it cannot.
void write_file(const std::string& path, const std::string& text, const char* what);

}  // namespace phx::rt
