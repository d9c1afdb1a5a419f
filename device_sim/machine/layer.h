// One machine file read on its own, before inheritance (internal to this folder).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "device_sim/machine/keys.h"

namespace phx::machine {

struct Placed {
  Quantity quantity;
  Match match;
  std::string file;
  uint64_t line = 0, column = 0;

  Diagnostic objection(std::string message) const { return error_at(file, line, std::move(message), column); }
};

struct Layer {
  std::string title;
  std::string base;  // empty: none
  uint64_t base_line = 0, base_column = 0;
  std::vector<std::string> aliases;
  std::map<std::string, Placed, std::less<>> values;
};

// Every record is checked by itself: key, unit, tag, source, range.
Expected<Layer> read_layer(std::string_view text, std::string_view file);

// "key=value" from the command line or an API.
Expected<Placed> read_override(std::string_view assignment);

}  // namespace phx::machine
