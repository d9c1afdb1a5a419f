// From the bitcode of one CUDA source to the bundle that its host object embeds.
#pragma once

#include <string>

#include "device_sim/diagnostic/diagnostic.h"
#include "runtime/tools/phxcc/command_line.h"

namespace phx::phxcc {

struct DeviceFiles {
  std::string bitcode;     // in: what the device front end wrote
  std::string bundle;      // out: the embedded container
  std::string executable;  // out, empty = not wanted: the SIMT executable by itself, for readelf and phx objdump
};

// Compiles the device code and writes the files. Warnings, and with -res-usage one line per kernel, go to stderr.
Outcome build_device_code(const DeviceFiles& files, const CommandLine& line);

}  // namespace phx::phxcc
