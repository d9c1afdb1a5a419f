// Where a kernel stands under the machine's roofs: what it computed and moved, and which peak bounds it.
#pragma once

#include <map>
#include <string>

#include "runtime/src/report/telemetry_log.h"

namespace phx::rt {

struct Roofline {
  double flops = 0;                    // floating-point (and, on the cube, integer) operations
  double hbm_bytes = 0, l2_bytes = 0;  // both ways
  double intensity = 0;                // flops / hbm_bytes; 0 without traffic
  double flops_per_second = 0;
  double peak_flops_per_second = 0;  // of the unit that needs longest for its part, on the devices of the launches
  std::string unit;                  // that unit: "cube_f16", "vector_fp32", "simt_fp32"; empty without operations
  // What takes longest at its peak: the unit, "hbm", "l2_read", "l2_write", or "launch" where the launch overhead takes
  // longer than all of them; and that time's share of the kernel's. "latency" if the share is below a tenth.
  std::string bound;
  double share = 0;
};

Roofline roofline(const KernelTotals& totals, double clock_hz, const std::map<std::string, double>& peaks);

}  // namespace phx::rt
