// Quantities that may be published about a run, and their units.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace phx::validation {

// "time": of all launches one after the other, launch overhead included; of a copy, from its submission to its end.
// "overhead": the launch overhead in it. "core_time": mean over the cores used (or of the busiest), from the first
// instruction to the last. "power": mean of a run, idle power included.
// "rate": operations or bytes (the unit says which) over the time. "m_busy", ...: how long that pipe works.
std::span<const char* const> quantities();
bool is_busy(std::string_view quantity);
std::string pipe_of(std::string_view quantity);  // "mte2" of "mte2_busy"

bool unit_fits(std::string_view quantity, std::string_view unit);
std::string units_of(std::string_view quantity);
bool counts_operations(std::string_view unit);  // TFLOPS and the like; other rates count bytes

// What one of this unit is in seconds, or in operations or bytes per second. Cycles take the clock.
double factor_of(std::string_view unit, double clock_hz);

// "1 MiB", "512B", "4096".
std::optional<double> bytes_of_text(std::string_view text);
std::optional<double> seconds_of_text(std::string_view text);  // "3.5 us"

}  // namespace phx::validation
