#include "hal/drivers/sim/options.h"

#include <charconv>
#include <sstream>

namespace phx::hal::sim {
namespace {

// Checks that are always on, under any of these names; the others are asked for.
constexpr const char* kAlwaysOn[] = {"memcheck", "bounds", "alignment", "lifetime", "deadlock"};

Status bad(const std::string& key, const std::string& value, const std::string& expected) {
  return Status(Code::invalid_argument, "option '" + key + "' is '" + value + "'; expected " + expected);
}

std::optional<uint64_t> number(const std::string& text) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);)
    if (!part.empty()) parts.push_back(part);
  return parts;
}

Status read_checks(const std::string& value, phx::sim::Checks& checks) {
  for (const std::string& check : split(value, ',')) {
    const bool all = check == "all";
    bool known = all;
    auto take = [&](const char* name, bool& on, bool in_all = true) {
      if (check != name && !(all && in_all)) return;
      known = on = true;
    };
    take("initcheck", checks.initcheck);
    take("racecheck", checks.racecheck);
    take("synccheck", checks.synccheck);
    take("hints", checks.hints, false);
    for (const char* name : kAlwaysOn) known |= check == name;
    if (!known)
      return bad(
          "check", check,
          "a list of: memcheck, initcheck, racecheck, synccheck, all, hints (memcheck is always on, and so are its "
          "parts bounds, alignment, lifetime, deadlock)");
  }
  return {};
}

}  // namespace

std::vector<OptionInfo> option_table() {
  return {
      {"machine", "a machine name or file", "cloudmatrix-384", "the machine to simulate"},
      {"override", "key=value[;key=value...]", "", "numbers of the machine to change"},
      {"devices", "a positive integer, or 'all'", "1", "the first so many devices of the machine"},
      {"mode", "timed|functional|timing-only", "timed",
       "with the timing model; values alone; times of tile kernels alone, without data"},
      {"threads", "a positive integer", "all cores", "host threads; results do not depend on it"},
      {"shuffle", "a seed", "", "permutes host task order, for tests"},
      {"watchdog", "seconds ('30s') or warp instructions", std::to_string(phx::sim::kDefaultWatchdog),
       "when a kernel counts as hung"},
      {"check", "a list of: memcheck, initcheck, racecheck, synccheck, all, hints", "",
       "checks of device code; memcheck is always on"},
      {"trace", "a file name", "", "where to write a trace of simulated time"},
      {"reuse", "on|off", "on", "whether identical work is timed once; only host time depends on it"},
  };
}

StatusOr<Options> read_options(const Config& config) {
  Options options;
  options.devices = 1;
  for (const auto& [key, value] : config) {
    if (key == "machine") {
      options.machine = value;
    } else if (key == "override") {
      options.overrides = split(value, ';');
    } else if (key == "devices") {
      auto count = number(value);
      if (value == "all")
        options.devices.reset();
      else if (count && *count >= 1 && *count < 0xffff)
        options.devices = static_cast<unsigned>(*count);
      else
        return bad(key, value, "a positive integer, or 'all'");
    } else if (key == "mode") {
      if (value == "timed")
        options.system.mode = phx::sim::Mode::timed;
      else if (value == "functional")
        options.system.mode = phx::sim::Mode::functional;
      else if (value == "timing-only")
        options.system.mode = phx::sim::Mode::timing_only;
      else
        return bad(key, value, "timed, functional or timing-only");
    } else if (key == "threads") {
      auto count = number(value);
      if (!count || *count < 1 || *count > 1024) return bad(key, value, "a number from 1 to 1024");
      options.system.threads = static_cast<unsigned>(*count);
    } else if (key == "shuffle") {
      auto seed = number(value);
      if (!seed) return bad(key, value, "a non-negative integer");
      options.system.shuffle = *seed;
    } else if (key == "watchdog") {
      bool in_seconds = value.ends_with('s');
      auto limit = number(in_seconds ? value.substr(0, value.size() - 1) : value);
      if (!limit || *limit == 0) return bad(key, value, "seconds as in '30s', or a count of warp instructions");
      if (in_seconds)
        options.watchdog_seconds = static_cast<double>(*limit);
      else
        options.system.watchdog_instructions = *limit;
    } else if (key == "check") {
      if (Status status = read_checks(value, options.system.checks); !status) return status;
    } else if (key == "trace") {
      options.trace = value;
    } else if (key == "reuse") {
      if (value != "on" && value != "off") return bad(key, value, "on or off");
      options.system.reuse = value == "on";
    }
  }
  return options;
}

}  // namespace phx::hal::sim
