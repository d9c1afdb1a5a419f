// The report for a terminal: what `phx prof` prints.
#pragma once

#include <string>
#include <string_view>

namespace phx::rt {

struct ProfileTextOptions {
  unsigned kernels = 12;  // most that are shown, by time
  unsigned lines = 15;    // most source lines, by cycles
};

// Empty if the text is no report.
std::string profile_text(std::string_view report_json, const ProfileTextOptions& options = {});

}  // namespace phx::rt
