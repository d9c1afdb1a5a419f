// The options of the sim driver, from text to values.
#pragma once

#include <phalanx/hal/config.h>
#include <phalanx/hal/status.h>

#include <optional>
#include <vector>

#include "device_sim/system/system.h"

namespace phx::hal::sim {

struct Options {
  std::string machine = "cloudmatrix-384";
  std::vector<std::string> overrides;  // "chip.clock=1.5GHz"
  std::optional<unsigned> devices;     // nothing: all of the machine
  phx::sim::SystemOptions system;
  std::string trace;            // file; empty: none
  double watchdog_seconds = 0;  // host time of one launch; 0: no limit
};

std::vector<OptionInfo> option_table();
StatusOr<Options> read_options(const Config& config);

}  // namespace phx::hal::sim
