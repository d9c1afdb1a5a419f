#include "runtime/src/environment.h"

#include <algorithm>
#include <string_view>

namespace phx::rt {
namespace {

struct Setting {
  std::string_view name;
  bool for_driver;
  std::string_view values, meaning;
};

constexpr bool driver = true, runtime = false;
constexpr Setting kSettings[] = {
#define PHX_SETTING(name, destination, values, meaning) {#name, destination, values, meaning},
#include "runtime/src/settings.def"
};
// Variables of other parts of the SDK: not settings of a runtime, not mistakes either.
constexpr std::string_view kForeign[] = {"machine_path", "cache", "home", "build"};

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return out;
}

std::string known_names() {
  std::string names;
  for (const Setting& setting : kSettings) names += (names.empty() ? "" : ", ") + std::string(setting.name);
  return names;
}

}  // namespace

hal::StatusOr<Settings> read_settings(const std::map<std::string, std::string>& given, const char* const* environment) {
  Settings settings;
  std::map<std::string, std::string> values;
  for (; environment && *environment; ++environment) {
    std::string_view entry = *environment;
    size_t equals = entry.find('=');
    if (!entry.starts_with("PHX_") || equals == std::string_view::npos) continue;
    std::string name = lower(entry.substr(4, equals - 4));
    auto is = [&](const Setting& setting) { return setting.name == name; };
    if (std::any_of(std::begin(kSettings), std::end(kSettings), is))
      values[name] = std::string(entry.substr(equals + 1));
    else if (std::find(std::begin(kForeign), std::end(kForeign), name) == std::end(kForeign))
      settings.warnings.push_back("unknown variable " + std::string(entry.substr(0, equals)) +
                                  " is ignored; there are PHX_ + one of: " + known_names());
  }
  for (const auto& [name, value] : given) {
    auto is = [&](const Setting& setting) { return setting.name == name; };
    if (std::none_of(std::begin(kSettings), std::end(kSettings), is))
      return hal::Status(hal::Code::invalid_argument,
                         "there is no setting '" + name + "'; there are: " + known_names());
    values[name] = value;
  }
  for (const Setting& setting : kSettings) {
    auto found = values.find(std::string(setting.name));
    if (found == values.end() || found->second.empty()) continue;  // set to nothing means not set
    const std::string& value = found->second;
    if (setting.for_driver) {
      settings.driver_options[std::string(setting.name)] = value;
    } else if (setting.name == "visible") {
      if (value != "flat" && value != "supernode")
        return hal::Status(hal::Code::invalid_argument, "PHX_VISIBLE is '" + value + "'; it is flat or supernode");
      settings.visible = value == "flat" ? Visibility::flat : Visibility::supernode;
    } else if (setting.name == "placement") {
      if (value != "interleaved" && value != "blocked")
        return hal::Status(hal::Code::invalid_argument,
                           "PHX_PLACEMENT is '" + value + "'; it is interleaved or blocked");
      settings.placement = value == "interleaved" ? Spread::interleaved : Spread::blocked;
    } else if (setting.name == "report") {
      settings.report = value;
    } else if (setting.name == "trace") {
      settings.trace = value;
    } else if (setting.name == "driver") {
      settings.driver = value;
    }
  }
  return settings;
}

}  // namespace phx::rt
