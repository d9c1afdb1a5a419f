// The table of keys as data (internal to this folder): keys.def, dimensions and their units.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "device_sim/machine/machine.h"

namespace phx::machine {

enum class Dimension : uint8_t {
  Count,
  Bytes,
  Frequency,
  Cycles,
  Time,
  Bandwidth,
  CycleRate,
  MacRate,
  IssueRate,
  Ratio,
  Power,
  Energy,
  ByteEnergy,
  Kind,
  Word
};

struct Unit {
  std::string_view name;
  double factor;  // value in the schema's unit = written value * factor
};

// Units accepted for a dimension; the first is the schema's own. Empty for words.
std::span<const Unit> units(Dimension dimension);
bool is_word(Dimension dimension);
std::string expected_units(Dimension dimension);  // "Hz, kHz, MHz, GHz" or "no unit"

using Slot = std::variant<int64_t*, double*, SimtKind*, std::string*>;

struct Key {
  std::string_view path;  // may hold one '*'
  Dimension dimension;
  Slot (*slot)(Machine& m, const std::string& star);
  double least, most;
  bool optional;
  std::string_view meaning;
};

std::span<const Key> keys();

struct Match {
  const Key* key;
  std::string star;  // what the '*' stood for
};
std::optional<Match> match_key(std::string_view path);
bool is_section(std::string_view path);          // some key lies below this path
std::string nearest_key(std::string_view path);  // for "did you mean"; empty if nothing is close

std::string shortest(double value);  // shortest decimal that reads back as the same double

// Checks a value in the schema's unit and stores it; the text of the objection if it is impossible.
std::optional<std::string> store(const Match& match, std::string_view path, double value, Machine& machine);
std::optional<std::string> store(const Match& match, std::string_view path, std::string_view word, Machine& machine);

}  // namespace phx::machine
