// Config: how a driver is told what to be, as string keys and string values.
//
// The HAL knows no machine files and no simulator options, so a driver's configuration is text: the driver declares
// its keys (OptionInfo) and refuses every other one by name, with the keys it knows in the message.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace phx::hal {

using Config = std::map<std::string, std::string>;

// One key a driver understands. `values` is shown to people: "timed|functional|timing-only", "a positive integer".
struct OptionInfo {
  std::string key;
  std::string values;
  std::string default_value;
  std::string meaning;  // one line
};

}  // namespace phx::hal
