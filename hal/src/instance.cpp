#include <phalanx/hal/instance.h>

#include <algorithm>

namespace phx::hal {
namespace {

std::string joined(const auto& items, auto name_of) {
  std::string list;
  for (const auto& item : items) list += (list.empty() ? "" : ", ") + name_of(item);
  return list;
}

}  // namespace

Status Instance::add(DriverKind kind) {
  auto same = [&](const DriverKind& other) { return other.name == kind.name; };
  if (std::any_of(kinds_.begin(), kinds_.end(), same))
    return Status(Code::invalid_argument, "there is already a driver named '" + kind.name + "'");
  kinds_.push_back(std::move(kind));
  return {};
}

StatusOr<std::shared_ptr<Driver>> Instance::open(std::string_view name, const Config& config, Telemetry* sink) const {
  auto kind = std::find_if(kinds_.begin(), kinds_.end(), [&](const DriverKind& k) { return k.name == name; });
  if (kind == kinds_.end())
    return Status(Code::not_found, "no driver named '" + std::string(name) +
                                       "'; there are: " + joined(kinds_, [](const DriverKind& k) { return k.name; }));
  for (const auto& [key, value] : config) {
    auto known = [&](const OptionInfo& option) { return option.key == key; };
    if (std::none_of(kind->options.begin(), kind->options.end(), known))
      return Status(Code::invalid_argument,
                    "driver '" + kind->name + "' has no option '" + key +
                        "'; it has: " + joined(kind->options, [](const OptionInfo& option) { return option.key; }));
  }
  return kind->open(config, sink);
}

}  // namespace phx::hal
