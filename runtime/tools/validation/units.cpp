#include "runtime/tools/validation/units.h"

#include <charconv>

namespace phx::validation {
namespace {

constexpr const char* kQuantities[] = {"time",   "overhead",  "core_time", "rate",      "s_busy",   "v_busy",
                                       "m_busy", "mte1_busy", "mte2_busy", "mte3_busy", "fix_busy", "power"};

struct Unit {
  const char* name;
  double factor;  // cycles: 0
};
constexpr Unit kTimes[] = {{"us", 1e-6}, {"ns", 1e-9}, {"ms", 1e-3}, {"s", 1}, {"cycle", 0}};
constexpr Unit kOperationRates[] = {{"TFLOPS", 1e12}, {"TOPS", 1e12}, {"GFLOPS", 1e9}, {"GOPS", 1e9}, {"PFLOPS", 1e15}};
constexpr Unit kPowers[] = {{"W", 1}, {"kW", 1e3}};
constexpr Unit kByteRates[] = {{"GB/s", 1e9}, {"TB/s", 1e12}, {"MB/s", 1e6}, {"GiB/s", 1073741824.0}};
constexpr Unit kBytes[] = {{"", 1},      {"B", 1},          {"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0},
                           {"KB", 1000}, {"MB", 1000000.0}, {"GB", 1e9}};

const Unit* find(std::span<const Unit> units, std::string_view name) {
  for (const Unit& unit : units)
    if (name == unit.name) return &unit;
  return nullptr;
}

void list(std::span<const Unit> units, std::string& text) {
  for (const Unit& unit : units) text += (text.empty() ? "" : ", ") + std::string(unit.name);
}

}  // namespace

std::span<const char* const> quantities() { return kQuantities; }
bool is_busy(std::string_view quantity) { return quantity.ends_with("_busy"); }
std::string pipe_of(std::string_view quantity) { return std::string(quantity.substr(0, quantity.find('_'))); }
bool counts_operations(std::string_view unit) { return find(kOperationRates, unit) != nullptr; }

bool unit_fits(std::string_view quantity, std::string_view unit) {
  if (quantity == "power") return find(kPowers, unit) != nullptr;
  if (quantity != "rate") return find(kTimes, unit) != nullptr;
  return find(kOperationRates, unit) || find(kByteRates, unit);
}

std::string units_of(std::string_view quantity) {
  std::string text;
  if (quantity == "power") return list(kPowers, text), text;
  if (quantity != "rate") return list(kTimes, text), text;
  list(kOperationRates, text);
  list(kByteRates, text);
  return text;
}

double factor_of(std::string_view unit, double clock_hz) {
  for (std::span<const Unit> units : {std::span<const Unit>(kTimes), std::span<const Unit>(kOperationRates),
                                      std::span<const Unit>(kByteRates), std::span<const Unit>(kPowers)})
    if (const Unit* found = find(units, unit)) return found->factor == 0 ? 1 / clock_hz : found->factor;
  return 1;
}

namespace {

std::optional<double> with_unit(std::string_view text, std::span<const Unit> units) {
  double number = 0;
  auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (bad != std::errc()) return std::nullopt;
  std::string_view unit = text.substr(static_cast<size_t>(end - text.data()));
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  const Unit* found = find(units, unit);
  if (!found) return std::nullopt;
  return number * found->factor;
}

}  // namespace

std::optional<double> bytes_of_text(std::string_view text) { return with_unit(text, kBytes); }

std::optional<double> seconds_of_text(std::string_view text) {
  const std::optional<double> seconds =
      with_unit(text, std::span<const Unit>(kTimes).first(4));  // cycles are no seconds
  return seconds && *seconds >= 0 ? seconds : std::nullopt;
}

}  // namespace phx::validation
