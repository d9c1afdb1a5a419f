// The columns of msprof for one kernel, from the sums that a driver reports. docs/report.md has every formula.
#pragma once

#include <map>
#include <string>

#include "runtime/src/report/telemetry_log.h"

namespace phx::rt {

// By column name, as msprof spells it: "aic_mac_ratio", "aicore_time(us)", "aiv_vec_fp16_ratio", … Only columns that
// the kernel has: a kernel of vector cores has no aic_ columns. Empty without a timing model. `peaks`: of the machine.
std::map<std::string, double> msprof_columns(const KernelTotals& totals, double clock_hz,
                                             const std::map<std::string, double>& peaks);

}  // namespace phx::rt
