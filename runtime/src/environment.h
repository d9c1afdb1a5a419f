// Settings: what the PHX_ environment variables, or the options of phxRuntimeOpen, ask of a runtime.
//
// settings.def lists every setting once. A value that is not understood is an error that names the variable and what
// it may hold; a PHX_ variable that nobody knows is a warning, because it is nearly always a typing mistake.
#pragma once

#include <phalanx/hal/status.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace phx::rt {

enum class Visibility { flat, supernode };

// Where the pages of an allocation lie on a supernode: page k on member k mod n, or n equal runs of pages. Kernels
// split into runs of blocks find most of what they touch at home in blocked memory if block and data follow the same
// order.
enum class Spread { interleaved, blocked };

struct Settings {
  std::string driver = "sim";
  Visibility visible = Visibility::flat;
  Spread placement = Spread::interleaved;
  std::string report, trace;  // file names; empty: not asked for
  // Passed on to the driver under the same keys, if set.
  std::map<std::string, std::string> driver_options;
  std::vector<std::string> warnings;
};

// `given` maps setting names ("machine") to values and wins over `environment`, whose entries are "NAME=value".
hal::StatusOr<Settings> read_settings(const std::map<std::string, std::string>& given, const char* const* environment);

}  // namespace phx::rt
