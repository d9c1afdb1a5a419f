// The only file that knows toml++. Its exceptions are compiled out; errors come back as values.
#include "device_sim/machine/layer.h"

#include <cctype>
#include <charconv>
#include <cmath>

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
// toml++ 3.3 asserts (and, with NDEBUG, assumes) things about its input that a damaged file violates, in places where
// the code after the assertion reports the error properly. Both are taken out.
#include <toml++/impl/preprocessor.h>
#undef TOML_ASSERT
#undef TOML_ASSERT_ASSUME
#define TOML_ASSERT(expr) static_assert(true)
#define TOML_ASSERT_ASSUME(expr) static_assert(true)
#include <toml++/toml.h>

namespace phx::machine {
namespace {

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

std::string unknown_key(std::string_view path) {
  std::string message = "unknown key " + quoted(path);
  std::string near = nearest_key(path);
  return message + (near.empty() ? "; docs/machine_schema.md lists the keys" : "; did you mean " + quoted(near) + "?");
}

const Unit* find_unit(Dimension dimension, std::string_view name) {
  for (const Unit& unit : units(dimension))
    if (unit.name == name) return &unit;
  return nullptr;
}

std::string wrong_unit(std::string_view path, Dimension dimension, std::string_view unit) {
  return quoted(path) + " has " + (unit.empty() ? "no unit" : "unit " + quoted(unit)) + "; expected " +
         expected_units(dimension);
}

// Fills the value of `placed`, whose path and match are set; the objection if it cannot be.
std::optional<std::string> set_number(Placed& placed, double written, std::string_view unit_name) {
  Quantity& q = placed.quantity;
  Dimension dimension = placed.match.key->dimension;
  const Unit* unit = find_unit(dimension, unit_name);
  if (!unit) return wrong_unit(q.path, dimension, unit_name);
  q.value = written * unit->factor;
  q.unit = units(dimension).front().name;
  q.written = shortest(written) + (unit_name.empty() || unit_name == "%" ? "" : " ") + std::string(unit_name);
  Machine scratch;
  return store(placed.match, q.path, q.value, scratch);
}

std::optional<std::string> set_word(Placed& placed, std::string_view word) {
  placed.quantity.word = placed.quantity.written = word;
  Machine scratch;
  return store(placed.match, placed.quantity.path, word, scratch);
}

class Reader {
 public:
  explicit Reader(std::string_view file) : file_(file) {}

  Expected<Layer> read(const toml::table& root) {
    if (const toml::node* node = root.get("sources")) {
      const toml::table* sources = node->as_table();
      if (!sources) return at(*node, "'sources' must be a table of citations");
      for (auto&& [key, value] : *sources) {
        if (!value.is_string()) return at(value, quoted("sources." + std::string(key.str())) + " must be a string");
        sources_[std::string(key.str())] = *value.value<std::string>();
      }
    }
    for (auto&& [key, value] : root) {
      std::string name(key.str());
      if (name == "sources") continue;
      Outcome outcome = name == "title"     ? text(name, value, layer_.title)
                        : name == "base"    ? text(name, value, layer_.base)
                        : name == "aliases" ? aliases(value)
                                            : node(name, value, key.source().begin);
      if (!outcome) return outcome.diagnostic();
    }
    if (const toml::node* base = root.get("base")) {
      layer_.base_line = base->source().begin.line;
      layer_.base_column = base->source().begin.column;
    }
    return std::move(layer_);
  }

 private:
  Diagnostic at(const toml::source_position& where, std::string message) const {
    return error_at(file_, where.line, std::move(message), where.column);
  }
  Diagnostic at(const toml::node& where, std::string message) const {
    return at(where.source().begin, std::move(message));
  }

  Outcome text(const std::string& name, const toml::node& value, std::string& out) {
    auto read = value.value<std::string>();
    if (!value.is_string() || read->empty()) return at(value, quoted(name) + " must be a non-empty string");
    out = *read;
    return {};
  }

  Outcome aliases(const toml::node& value) {
    const toml::array* list = value.as_array();
    if (!list) return at(value, "'aliases' must be a list of names");
    for (auto&& name : *list) {
      if (!name.is_string()) return at(name, "'aliases' must be a list of names");
      layer_.aliases.push_back(*name.value<std::string>());
    }
    return {};
  }

  // A record { v = .., .. } or a section of records.
  Outcome node(const std::string& path, const toml::node& value, const toml::source_position& key_place) {
    const toml::table* table = value.as_table();
    std::optional<Match> match = match_key(path);
    if (match) {
      const toml::node* v = table ? table->get("v") : nullptr;
      if (!v) return at(value, quoted(path) + " must be written as { v = .., unit = .., tag = .., src = .. }");
      return record(path, *match, *table, *v);
    }
    if (!table || !is_section(path)) return at(key_place, unknown_key(first_record(path, value)));
    for (auto&& [key, child] : *table) {
      if (Outcome outcome = node(path + "." + std::string(key.str()), child, key.source().begin); !outcome)
        return outcome;
    }
    return {};
  }

  // The path of the first record below an unknown section: says more than the section's own name.
  static std::string first_record(const std::string& path, const toml::node& value) {
    const toml::table* table = value.as_table();
    if (!table || table->empty() || table->contains("v")) return path;
    auto&& [key, child] = *table->begin();
    return first_record(path + "." + std::string(key.str()), child);
  }

  Outcome record(const std::string& path, const Match& match, const toml::table& table, const toml::node& v) {
    std::string unit, tag, src;
    for (auto&& [key, value] : table) {
      std::string_view field = key.str();
      if (field == "v") continue;
      std::string* slot = field == "unit" ? &unit : field == "tag" ? &tag : field == "src" ? &src : nullptr;
      if (!slot)
        return at(key.source().begin,
                  quoted(path) + " has an unknown field " + quoted(field) + "; expected v, unit, tag, src");
      if (!value.is_string()) return at(value, "field " + quoted(field) + " of " + quoted(path) + " must be a string");
      *slot = *value.value<std::string>();
    }

    Placed placed{{}, match, file_, v.source().begin.line, v.source().begin.column};
    Quantity& q = placed.quantity;
    q.path = path;
    q.origin = file_ + ":" + std::to_string(placed.line);
    if (tag.empty())
      return at(table,
                quoted(path) + " has no tag; expected published, vendor, measured, fitted, projected or guessed");
    std::optional<Tag> evidence;
    for (Tag candidate : {Tag::Published, Tag::Vendor, Tag::Measured, Tag::Fitted, Tag::Projected, Tag::Guessed})
      if (tag == name_of(candidate)) evidence = candidate;
    if (!evidence) {
      return at(*table.get("tag"), quoted(path) + " has tag " + quoted(tag) +
                                       "; expected published, vendor, measured, fitted, projected or guessed");
    }
    q.tag = *evidence;
    if (src.empty()) return at(table, quoted(path) + " has no src: say where the number comes from");
    Expected<std::string> source = citation(src, *table.get("src"));
    if (!source) return source.diagnostic();
    q.source = *source;

    std::optional<std::string> objection;
    if (is_word(match.key->dimension)) {
      if (!v.is_string()) return at(v, quoted(path) + " must be a string");
      if (!unit.empty()) return at(*table.get("unit"), wrong_unit(path, match.key->dimension, unit));
      objection = set_word(placed, *v.value<std::string>());
    } else {
      if (!v.is_number()) return at(v, quoted(path) + " must be a number");
      if (!find_unit(match.key->dimension, unit)) {
        const toml::node* place = table.get("unit");
        return at(place ? *place : v, wrong_unit(path, match.key->dimension, unit));
      }
      objection = set_number(placed, *v.value<double>(), unit);
    }
    if (objection) return placed.objection(*objection);
    layer_.values.insert_or_assign(path, std::move(placed));
    return {};
  }

  // "@id", with or without more text after it, cites an entry of [sources].
  Expected<std::string> citation(const std::string& src, const toml::node& place) {
    if (src[0] != '@') return src;
    size_t end = 1;
    while (end < src.size() && (std::isalnum(static_cast<unsigned char>(src[end])) || src[end] == '_')) ++end;
    std::string id = src.substr(1, end - 1);
    auto found = sources_.find(id);
    if (found == sources_.end()) return at(place, "source " + quoted("@" + id) + " is not in [sources] of this file");
    return found->second + src.substr(end);
  }

  std::string file_;
  Layer layer_;
  std::map<std::string, std::string> sources_;
};

}  // namespace

Expected<Layer> read_layer(std::string_view text, std::string_view file) {
  toml::parse_result parsed = toml::parse(text, file);
  if (!parsed) {
    const toml::parse_error& problem = parsed.error();
    return error_at(std::string(file), problem.source().begin.line,
                    "not valid TOML: " + std::string(problem.description()), problem.source().begin.column);
  }
  return Reader(file).read(parsed.table());
}

Expected<Placed> read_override(std::string_view assignment) {
  const std::string place = "override " + quoted(assignment);
  size_t equals = assignment.find('=');
  auto trim = [](std::string_view s) {
    while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
    while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
    return s;
  };
  if (equals == std::string_view::npos) return error_at(place, 0, "expected key=value, as in chip.clock=1.5GHz");
  std::string path(trim(assignment.substr(0, equals)));
  std::string_view value = trim(assignment.substr(equals + 1));
  std::optional<Match> match = match_key(path);
  if (!match) return error_at(place, 0, unknown_key(path));

  Placed placed{{}, *match, place, 0, 0};
  placed.quantity.path = path;
  placed.quantity.tag = Tag::Projected;
  placed.quantity.source = "set by the user";
  placed.quantity.origin = "override";
  std::optional<std::string> objection;
  if (is_word(match->key->dimension)) {
    objection = set_word(placed, value);
  } else {
    double number = 0;
    auto [end, status] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (status != std::errc()) return error_at(place, 0, quoted(path) + " must be a number, got " + quoted(value));
    objection = set_number(placed, number, trim(value.substr(end - value.data())));
  }
  if (objection) return placed.objection(*objection);
  return placed;
}

}  // namespace phx::machine
