#include "device_sim/machine/keys.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

namespace phx::machine {
namespace {

constexpr Unit kNone[] = {{"", 1}};
constexpr Unit kBytes[] = {{"B", 1},      {"KB", 1e3},      {"MB", 1e6},         {"GB", 1e9},           {"TB", 1e12},
                           {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}, {"TiB", 1099511627776}};
constexpr Unit kFrequency[] = {{"Hz", 1}, {"kHz", 1e3}, {"MHz", 1e6}, {"GHz", 1e9}};
constexpr Unit kCycles[] = {{"cycle", 1}};
constexpr Unit kTime[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
constexpr Unit kBandwidth[] = {{"B/s", 1},     {"MB/s", 1e6},      {"GB/s", 1e9},
                               {"TB/s", 1e12}, {"MiB/s", 1048576}, {"GiB/s", 1073741824}};
constexpr Unit kCycleRate[] = {{"B/cycle", 1}};
constexpr Unit kMacRate[] = {{"MAC/cycle", 1}};
constexpr Unit kIssueRate[] = {{"inst/cycle", 1}};
constexpr Unit kRatio[] = {{"", 1}, {"%", 0.01}};
constexpr Unit kPower[] = {{"W", 1}, {"kW", 1e3}};
constexpr Unit kEnergy[] = {{"pJ", 1}, {"nJ", 1e3}};
constexpr Unit kByteEnergy[] = {{"pJ/B", 1}};

constexpr Key kKeys[] = {
#define KEY(path, dimension, member, least, most, meaning) \
  {path,                                                   \
   Dimension::dimension,                                   \
   [](Machine& m, const std::string& star) -> Slot { return &(member); },    \
   least,                                                  \
   most,                                                   \
   false,                                                  \
   meaning},
#define OPTIONAL_KEY(path, dimension, member, least, most, meaning) \
  {path,                                                            \
   Dimension::dimension,                                            \
   [](Machine& m, const std::string& star) -> Slot { return &(member); },             \
   least,                                                           \
   most,                                                            \
   true,                                                            \
   meaning},
#include "device_sim/machine/keys.def"
};

// Splits around the one '*' of a key path: "timing.simt.*.latency" -> "timing.simt." and ".latency".
struct Pattern {
  std::string_view before, after;
  bool wild;
};
Pattern pattern(const Key& key) {
  size_t at = key.path.find('*');
  if (at == std::string_view::npos) return {key.path, {}, false};
  return {key.path.substr(0, at), key.path.substr(at + 1), true};
}

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::span<const Key> keys() { return kKeys; }

std::span<const Unit> units(Dimension dimension) {
  switch (dimension) {
    case Dimension::Count:
      return kNone;
    case Dimension::Bytes:
      return kBytes;
    case Dimension::Frequency:
      return kFrequency;
    case Dimension::Cycles:
      return kCycles;
    case Dimension::Time:
      return kTime;
    case Dimension::Bandwidth:
      return kBandwidth;
    case Dimension::CycleRate:
      return kCycleRate;
    case Dimension::MacRate:
      return kMacRate;
    case Dimension::IssueRate:
      return kIssueRate;
    case Dimension::Ratio:
      return kRatio;
    case Dimension::Power:
      return kPower;
    case Dimension::Energy:
      return kEnergy;
    case Dimension::ByteEnergy:
      return kByteEnergy;
    case Dimension::Kind:
    case Dimension::Word:
      return {};
  }
  return {};
}

bool is_word(Dimension dimension) { return dimension == Dimension::Kind || dimension == Dimension::Word; }

std::string expected_units(Dimension dimension) {
  std::string list;
  for (const Unit& unit : units(dimension)) {
    if (!list.empty()) list += ", ";
    list += unit.name.empty() ? "no unit" : std::string(unit.name);
  }
  return list.empty() ? "no unit" : list;
}

std::optional<Match> match_key(std::string_view path) {
  for (const Key& key : kKeys) {
    Pattern p = pattern(key);
    if (!p.wild) {
      if (path == p.before) return Match{&key, {}};
      continue;
    }
    if (path.size() <= p.before.size() + p.after.size() || !path.starts_with(p.before) || !path.ends_with(p.after))
      continue;
    std::string_view star = path.substr(p.before.size(), path.size() - p.before.size() - p.after.size());
    return Match{&key, std::string(star)};
  }
  return std::nullopt;
}

bool is_section(std::string_view path) {
  for (const Key& key : kKeys) {
    Pattern p = pattern(key);
    if (p.before.size() > path.size() && p.before.starts_with(path) && p.before[path.size()] == '.') return true;
    // Inside a wild section: "timing.simt.math.f32".
    if (p.wild && p.after.starts_with('.') && path.size() > p.before.size() && path.starts_with(p.before)) return true;
  }
  return false;
}

std::string nearest_key(std::string_view path) {
  std::string best;
  size_t best_distance = std::max<size_t>(3, path.size() / 4);
  for (const Key& key : kKeys) {
    if (size_t distance = edit_distance(path, key.path); distance < best_distance) {
      best_distance = distance;
      best = key.path;
    }
  }
  return best;
}

std::string shortest(double value) {
  char digits[64];
  bool plain = value == 0 || (std::fabs(value) >= 1e-4 && std::fabs(value) < 1e15);
  auto [end, status] = plain ? std::to_chars(digits, digits + sizeof digits, value, std::chars_format::fixed)
                             : std::to_chars(digits, digits + sizeof digits, value);
  return std::string(digits, end);
}

std::optional<std::string> store(const Match& match, std::string_view path, double value, Machine& machine) {
  const Key& key = *match.key;
  std::string unit(units(key.dimension).front().name);
  std::string space = unit.empty() ? "" : " ";
  if (!(value >= key.least && value <= key.most)) {  // also refuses NaN
    return "'" + std::string(path) + "' must be between " + shortest(key.least) + " and " + shortest(key.most) + space +
           unit + ", got " + shortest(value) + space + unit;
  }
  Slot slot = key.slot(machine, match.star);
  if (auto** whole = std::get_if<int64_t*>(&slot)) {
    if (value != std::floor(value)) {
      return "'" + std::string(path) + "' must be a whole number" + (unit.empty() ? "" : " of " + unit) + ", got " +
             shortest(value);
    }
    **whole = static_cast<int64_t>(value);
  } else {
    **std::get_if<double*>(&slot) = value;
  }
  return std::nullopt;
}

std::optional<std::string> store(const Match& match, std::string_view path, std::string_view word, Machine& machine) {
  Slot slot = match.key->slot(machine, match.star);
  if (auto** kind = std::get_if<SimtKind*>(&slot)) {
    for (SimtKind candidate : {SimtKind::None, SimtKind::Native, SimtKind::Virtual}) {
      if (word == name_of(candidate)) {
        **kind = candidate;
        return std::nullopt;
      }
    }
    return "'" + std::string(path) + "' must be one of none, native, virtual, got '" + std::string(word) + "'";
  }
  if (word.empty()) return "'" + std::string(path) + "' must not be empty";
  **std::get_if<std::string*>(&slot) = word;
  return std::nullopt;
}

}  // namespace phx::machine
