#include "runtime/tools/validation/case_file.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <set>

#include "device_sim/diagnostic/toml.h"
#include "device_sim/machine/machine.h"
#include "runtime/tools/validation/expression.h"
#include "runtime/tools/validation/units.h"

namespace phx::validation {
namespace {

constexpr int64_t kLargestSize = int64_t{1} << 40;
constexpr size_t kMostCases = 100000;

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

std::string list_of(std::span<const char* const> names) {
  std::string list;
  for (const char* name : names) list += (list.empty() ? "" : ", ") + std::string(name);
  return list;
}

// One table of the file, read field by field. The first thing that is wrong is kept; finish() tells it, or names a key
// that nobody asked for.
class Fields {
 public:
  Fields(const toml::table& table, std::string path, const std::string& file, Fields* parent = nullptr)
      : table_(table), path_(std::move(path)), file_(file), parent_(parent) {}

  bool has(const char* key) const { return table_.contains(key); }

  // Text; empty if the key is absent.
  std::string text(const char* key) {
    const toml::node* node = value(key);
    if (!node) return {};
    if (!node->is_string() || node->as_string()->get().empty())
      return refuse(*node, key, "must be a non-empty string"), "";
    return node->as_string()->get();
  }
  std::string word(const char* key, std::span<const char* const> choices) {
    const std::string chosen = text(key);
    if (!chosen.empty() && std::none_of(choices.begin(), choices.end(), [&](const char* c) { return chosen == c; }))
      refuse(*value(key), key, "is " + quoted(chosen) + "; expected one of " + list_of(choices));
    return chosen;
  }
  bool flag(const char* key, bool otherwise) {
    const toml::node* node = value(key);
    if (!node) return otherwise;
    if (!node->is_boolean()) return refuse(*node, key, "must be true or false"), otherwise;
    return node->as_boolean()->get();
  }
  int64_t whole(const char* key, int64_t least, int64_t most, int64_t otherwise) {
    const toml::node* node = value(key);
    return node ? whole_of(*node, key, least, most) : otherwise;
  }
  double number(const char* key, double least) {
    const toml::node* node = value(key);
    if (!node) return 0;
    if (!node->is_number()) return refuse(*node, key, "must be a number"), 0;
    const double v = *node->value<double>();
    if (!(v >= least) || !std::isfinite(v)) return refuse(*node, key, "must be at least " + std::to_string(least)), 0;
    return v;
  }
  uint64_t byte_count(const char* key) {
    const toml::node* node = value(key);
    if (!node) return 0;
    if (node->is_string()) {
      const std::optional<double> bytes = bytes_of_text(node->as_string()->get());
      if (bytes && *bytes >= 1 && *bytes <= static_cast<double>(kLargestSize) && *bytes == std::floor(*bytes))
        return static_cast<uint64_t>(*bytes);
      refuse(*node, key, "is " + quoted(node->as_string()->get()) + "; expected bytes, as in 4096 or \"1 MiB\"");
      return 0;
    }
    return static_cast<uint64_t>(whole_of(*node, key, 1, kLargestSize));
  }
  std::vector<int64_t> wholes(const char* key, int64_t least, int64_t most) {
    const toml::node* node = value(key);
    if (!node) return {};
    std::vector<int64_t> list;
    if (const toml::array* array = node->as_array())
      for (const toml::node& item : *array) list.push_back(whole_of(item, key, least, most));
    else
      list.push_back(whole_of(*node, key, least, most));
    return list;
  }
  std::vector<std::string> texts(const char* key) {
    const toml::node* node = value(key);
    if (!node) return {};
    std::vector<std::string> list;
    auto add = [&](const toml::node& item) {
      if (!item.is_string()) return refuse(item, key, "must be a string or a list of strings");
      list.push_back(item.as_string()->get());
    };
    if (const toml::array* array = node->as_array())
      for (const toml::node& item : *array) add(item);
    else
      add(*node);
    return list;
  }
  std::string type(const char* key, const std::string& otherwise) {
    const std::string name = text(key);
    if (name.empty()) return otherwise;
    if (!bits_of_type(name)) refuse(*value(key), key, "is " + quoted(name) + ", which is no element type");
    return name;
  }
  const toml::table* table(const char* key) {
    const toml::node* node = raw(key);
    if (node && !node->is_table()) return refuse(*node, key, "must be a table"), nullptr;
    return node ? node->as_table() : nullptr;
  }
  const toml::array* array(const char* key) {
    const toml::node* node = raw(key);
    if (node && !node->is_array()) return refuse(*node, key, "must be a list"), nullptr;
    return node ? node->as_array() : nullptr;
  }

  void require(const char* key) {
    if (!has(key)) refuse_here(quoted(path_) + " needs " + quoted(key));
  }
  // A value and nothing else of a record { v = .., tag = .. }; the tag goes to `guessed`.
  const toml::node* value(const char* key) {
    const toml::node* node = raw(key);
    const toml::table* record = node ? node->as_table() : nullptr;
    if (!record) return node;
    const toml::node* v = record->get("v");
    if (!v) return refuse(*node, key, "must be a value or { v = .., tag = .. }"), nullptr;
    for (auto&& [field, content] : *record) {
      if (field.str() == "v") continue;
      if (field.str() != "tag") return refuse(content, key, "has an unknown field " + quoted(field.str())), nullptr;
      tag(content, key);
    }
    return v;
  }
  Evidence tag(const toml::node& content, const char* key) {
    const std::string word = content.is_string() ? content.as_string()->get() : "";
    if (word != "stated" && word != "guessed")
      return refuse(content, key, "has a tag that is neither stated nor guessed"), Evidence::guessed;
    if (word == "stated") return Evidence::stated;
    note_guess(key);
    return Evidence::guessed;
  }
  void note_guess(const std::string& key) {
    if (parent_) return parent_->note_guess(key);
    if (std::find(guessed.begin(), guessed.end(), key) == guessed.end()) guessed.push_back(key);
  }

  void refuse(const toml::node& where, std::string_view key, const std::string& why) {
    fail(error_at(file_, where.source().begin.line,
                  quoted(path_.empty() ? std::string(key) : path_ + "." + std::string(key)) + " " + why,
                  where.source().begin.column));
  }
  void refuse_here(std::string message) {
    fail(error_at(file_, table_.source().begin.line, std::move(message), table_.source().begin.column));
  }
  void fail(Diagnostic diagnostic) {
    if (parent_) return parent_->fail(std::move(diagnostic));
    if (outcome_) outcome_ = std::move(diagnostic);
  }
  // Keys nobody asked for are errors.
  void finish() {
    for (auto&& [key, node] : table_) {
      const std::string name(key.str());
      if (known_.contains(name)) continue;
      std::string list;
      for (const std::string& k : known_) list += (list.empty() ? "" : ", ") + k;
      const toml::source_position where = key.source().begin.line ? key.source().begin : table_.source().begin;
      fail(
          error_at(file_, where.line,
                   "unknown key " + quoted(name) + (path_.empty() ? "" : " in " + quoted(path_)) + "; expected " + list,
                   where.column));
      return;
    }
  }
  const Outcome& outcome() const { return outcome_; }
  const toml::table& source() const { return table_; }
  const std::string& path() const { return path_; }
  const std::string& file() const { return file_; }

  std::vector<std::string> guessed;

 private:
  const toml::node* raw(const char* key) {
    known_.insert(key);
    return table_.get(key);
  }
  int64_t whole_of(const toml::node& node, const char* key, int64_t least, int64_t most) {
    if (!node.is_integer()) return refuse(node, key, "must be a whole number"), least;
    const int64_t v = node.as_integer()->get();
    if (v < least || v > most) {
      refuse(
          node, key,
          "must be between " + std::to_string(least) + " and " + std::to_string(most) + ", got " + std::to_string(v));
      return least;
    }
    return v;
  }

  const toml::table& table_;
  std::string path_;
  const std::string& file_;
  Fields* parent_;
  std::set<std::string> known_;
  Outcome outcome_;
};

// What a file says for all of its cases.
struct Defaults {
  std::string family, machine;
  std::vector<std::string> overrides;
  std::map<std::string, std::string> sources;
};

// "@id" with or without more text cites an entry of [sources].
std::string citation(Fields& fields, const char* key, const std::map<std::string, std::string>& sources) {
  const std::string text = fields.text(key);
  if (text.empty() || text[0] != '@') return text;
  size_t end = 1;
  while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_')) ++end;
  auto found = sources.find(text.substr(1, end - 1));
  if (found == sources.end()) {
    fields.refuse(*fields.value(key), key, "cites " + quoted(text.substr(0, end)) + ", which is not in [sources]");
    return {};
  }
  return found->second + text.substr(end);
}

std::map<std::string, Operand> operands(Fields& fields, const std::vector<int64_t>& shape, const std::string& type) {
  std::map<std::string, Operand> all;
  const toml::table* given = fields.table("operands");
  if (!given) return all;
  for (auto&& [key, node] : *given) {
    const std::string name(key.str());
    if (!node.is_table()) {
      fields.refuse(node, "operands." + name, "must be a table { shape = [..], type = \"..\" }");
      continue;
    }
    Fields own(*node.as_table(), fields.path() + ".operands." + name, fields.file(), &fields);
    Operand operand{own.wholes("shape", 1, kLargestSize), own.type("type", type)};
    if (!own.has("shape")) operand.shape = shape;
    if (operand.shape.size() > shape.size())
      own.refuse_here(quoted(own.path()) + " has more dimensions than the result");
    for (size_t i = 0; i < operand.shape.size() && i < shape.size(); ++i) {
      const int64_t wanted = shape[shape.size() - 1 - i], got = operand.shape[operand.shape.size() - 1 - i];
      if (got != wanted && got != 1) own.refuse_here(quoted(own.path()) + " does not broadcast to the result");
    }
    own.finish();
    all[name] = std::move(operand);
  }
  return all;
}

void check_expression(Fields& fields, const char* key, const std::string& text) {
  if (auto parsed = parse_expression(text); !parsed)
    fields.refuse(*fields.value(key), key, ": " + parsed.diagnostic().message);
}

Gemm gemm(Fields& fields) {
  Gemm g;
  for (const char* key : {"m", "n", "k"}) fields.require(key);
  g.m = fields.whole("m", 1, kLargestSize, 1);
  g.n = fields.whole("n", 1, kLargestSize, 1);
  g.k = fields.whole("k", 1, kLargestSize, 1);
  g.batch = fields.whole("batch", 0, kLargestSize, 0);
  g.a = fields.type("a", "f16");
  g.b = fields.type("b", g.a);
  g.c = fields.type("c", is_float(g.a) ? "f32" : "s32");
  g.transpose_a = fields.flag("transpose_a", false);
  g.transpose_b = fields.flag("transpose_b", false);
  g.then = fields.text("then");
  if (!g.then.empty()) check_expression(fields, "then", g.then);
  std::vector<int64_t> shape{g.m, g.n};
  if (g.batch) shape.insert(shape.begin(), g.batch);
  g.operands = operands(fields, shape, "f32");
  return g;
}

Elementwise elementwise(Fields& fields) {
  Elementwise e;
  for (const char* key : {"shape", "type", "result"}) fields.require(key);
  e.shape = fields.wholes("shape", 1, kLargestSize);
  e.type = fields.type("type", "f32");
  e.results = fields.texts("result");
  for (const std::string& result : e.results) check_expression(fields, "result", result);
  if (fields.has("result") && e.results.empty()) fields.refuse_here(quoted(fields.path()) + " has no result");
  e.operands = operands(fields, e.shape, e.type);
  return e;
}

Reduction reduction(Fields& fields) {
  static constexpr const char* kOps[] = {"sum", "max", "min", "product"};
  Reduction r;
  for (const char* key : {"shape", "type", "axes"}) fields.require(key);
  r.shape = fields.wholes("shape", 1, kLargestSize);
  r.type = fields.type("type", "f32");
  if (fields.has("op")) r.op = fields.word("op", kOps);
  r.axes = fields.wholes("axes", 0, static_cast<int64_t>(r.shape.size()) - 1);
  std::sort(r.axes.begin(), r.axes.end());
  if (std::adjacent_find(r.axes.begin(), r.axes.end()) != r.axes.end())
    fields.refuse(*fields.value("axes"), "axes", "names an axis twice");
  if (fields.has("of")) check_expression(fields, "of", r.of = fields.text("of"));
  r.operands = operands(fields, r.shape, r.type);
  return r;
}

int64_t copy_end(Fields& fields, const char* key) {
  fields.require(key);
  const toml::node* node = fields.value(key);
  if (node && node->is_string()) {
    if (node->as_string()->get() != "host") fields.refuse(*node, key, "must be \"host\" or the number of a device");
    return -1;
  }
  return fields.whole(key, 0, 1 << 20, 0);
}

Copy copy(Fields& fields) {
  static constexpr const char* kOps[] = {"read", "write"};
  Copy c;
  c.from = copy_end(fields, "from");
  c.to = copy_end(fields, "to");
  fields.require("bytes");
  c.bytes = fields.byte_count("bytes");
  fields.require("op");
  c.read = fields.word("op", kOps) == "read";
  if (c.from < 0 && c.to < 0)
    fields.refuse_here(quoted(fields.path()) + " has the host on both sides; host code is free");
  return c;
}

Program program(Fields& fields, const std::string& file) {
  Program p;
  fields.require("file");
  p.file = fields.text("file");
  const size_t slash = file.rfind('/');
  if (!p.file.empty() && p.file[0] != '/' && slash != std::string::npos) p.file = file.substr(0, slash + 1) + p.file;
  if (const toml::table* shapes = fields.table("shapes")) {
    Fields own(*shapes, fields.path() + ".shapes", file, &fields);
    for (auto&& [key, node] : *shapes)
      p.shapes[std::string(key.str())] = own.wholes(std::string(key.str()).c_str(), 1, kLargestSize);
  }
  if (const toml::table* sizes = fields.table("dimensions")) {
    Fields own(*sizes, fields.path() + ".dimensions", file, &fields);
    for (auto&& [key, node] : *sizes)
      p.dimensions[std::string(key.str())] = own.whole(std::string(key.str()).c_str(), 1, kLargestSize, 1);
  }
  p.operations = fields.number("operations", 0);
  p.bytes = fields.number("bytes", 0);
  return p;
}

std::map<std::string, ScheduleField> schedule(Fields& fields) {
  std::map<std::string, ScheduleField> all;
  for (auto&& [key, node] : fields.source()) {
    const std::string name(key.str());
    const toml::table* record = node.as_table();
    const toml::node* tag = record ? record->get("tag") : nullptr;
    if (!tag || !record->get("v")) {
      fields.refuse(node, name, "must be { v = .., tag = \"stated\" or \"guessed\" }");
      continue;
    }
    ScheduleField field;
    field.tag = fields.tag(*tag, name.c_str());
    const toml::node* v = fields.value(name.c_str());
    if (!v) continue;
    if (v->is_boolean())
      field.value = v->as_boolean()->get() ? "1" : "0";
    else if (v->is_integer())
      field.value = std::to_string(v->as_integer()->get());
    else
      fields.refuse(*v, name, "must be a whole number, true or false");
    all[name] = std::move(field);
  }
  return all;
}

Published published(const toml::node& node, size_t index, Fields& parent, const Defaults& defaults, bool frozen) {
  Published p;
  const std::string path = "published[" + std::to_string(index) + "]";
  if (!node.is_table()) return parent.refuse(node, "published", "must be a list of tables"), p;
  Fields fields(*node.as_table(), path, parent.file(), &parent);
  static constexpr const char* kCores[] = {"mean", "busiest"};
  for (const char* key : {"quantity", "v", "unit", "src"}) fields.require(key);
  p.quantity = fields.word("quantity", quantities());
  p.busiest = fields.word("core", kCores) == "busiest";
  if (fields.has("core") && !is_busy(p.quantity) && p.quantity != "core_time")
    fields.refuse(*fields.value("core"), "core", "is for the busy times of pipes only");
  if (const toml::node* v = node.as_table()->get("v"); v && v->is_table()) fields.refuse(*v, "v", "must be a number");
  p.value = fields.number("v", 0);
  p.unit = fields.text("unit");
  if (fields.has("v") && !(p.value > 0)) fields.refuse(*fields.value("v"), "v", "must be above zero");
  if (fields.has("unit") && !unit_fits(p.quantity, p.unit))
    fields.refuse(*fields.value("unit"), "unit", "is " + quoted(p.unit) + "; expected one of " + units_of(p.quantity));
  p.source = citation(fields, "src", defaults.sources);
  p.frozen = fields.flag("frozen", frozen);
  p.excluded = fields.text("excluded");
  p.line = node.source().begin.line;
  fields.finish();
  return p;
}

// `sweep`: which of its values this case takes.
Expected<Case> read_case(const toml::table& table, const std::string& file, const Defaults& defaults) {
  Fields fields(table, "", file);
  Case c;
  c.file = file;
  c.line = table.source().begin.line;
  fields.require("id");
  c.id = fields.text("id");
  c.note = fields.text("note");
  c.family = fields.has("family") ? fields.text("family") : defaults.family;
  c.machine = fields.has("machine") ? fields.text("machine") : defaults.machine;
  c.overrides = defaults.overrides;
  for (std::string& one : fields.texts("override")) c.overrides.push_back(std::move(one));
  c.group = fields.text("group");
  c.before = fields.text("before");
  c.slow = fields.flag("slow", false);
  c.excluded = fields.text("excluded");
  const bool frozen = fields.flag("frozen", false);
  static constexpr const char* kStates[] = {"cold", "warm", "dirty"};
  const std::string state = fields.word("l2", kStates);
  c.l2 = state == "warm" ? CacheState::warm : state == "dirty" ? CacheState::dirty : CacheState::cold;
  if (fields.has("prologue")) {
    const std::string text = fields.text("prologue");
    const auto time = seconds_of_text(text);
    if (!time)
      fields.refuse(*fields.value("prologue"), "prologue",
                    "is " + quoted(text) + "; expected a time, as in \"3.5 us\"");
    c.prologue = time.value_or(0);
  }
  if (c.machine.empty()) fields.refuse_here("case " + quoted(c.id) + " names no machine, nor does the file");
  if (c.family.empty()) fields.refuse_here("case " + quoted(c.id) + " names no family, nor does the file");

  static constexpr const char* kWorkloads[] = {"gemm", "elementwise", "reduction", "copy", "program"};
  for (const char* kind : kWorkloads) {
    const toml::table* own = fields.table(kind);
    if (!own) continue;
    if (!c.workload_kind.empty()) fields.refuse_here("case " + quoted(c.id) + " has more than one workload");
    c.workload_kind = kind;
    Fields inside(*own, kind, file, &fields);
    if (c.workload_kind == "gemm") c.workload = gemm(inside);
    if (c.workload_kind == "elementwise") c.workload = elementwise(inside);
    if (c.workload_kind == "reduction") c.workload = reduction(inside);
    if (c.workload_kind == "copy") c.workload = copy(inside);
    if (c.workload_kind == "program") c.workload = program(inside, file);
    inside.finish();
  }
  if (c.workload_kind.empty() && c.excluded.empty())
    fields.refuse_here("case " + quoted(c.id) + " has no workload; expected one of " + list_of(kWorkloads));
  if (const toml::table* own = fields.table("schedule")) {
    Fields inside(*own, "schedule", file, &fields);
    c.schedule = schedule(inside);
  }
  if (const toml::array* list = fields.array("published"))
    for (size_t i = 0; i < list->size(); ++i)
      c.published.push_back(published(*list->get(i), i, fields, defaults, frozen));
  fields.finish();
  if (!fields.outcome()) return fields.outcome().diagnostic();
  c.guessed = std::move(fields.guessed);
  return c;
}

std::string text_of(const toml::node& value) {
  std::string text;
  if (value.is_string()) text = value.as_string()->get();
  if (value.is_integer()) text = std::to_string(value.as_integer()->get());
  if (value.is_boolean()) text = value.as_boolean()->get() ? "1" : "0";
  std::erase(text, ' ');
  return text;
}

// A case with `sweep = { field = "copy.bytes", values = [..] }` stands for one case a value; lists of published numbers
// give one number each.
Outcome unroll(const toml::table& table, const std::string& file, const Defaults& defaults, std::vector<Case>& all) {
  const toml::node* sweep = table.get("sweep");
  if (!sweep) {
    auto one = read_case(table, file, defaults);
    if (!one) return one.diagnostic();
    all.push_back(std::move(*one));
    return {};
  }
  auto refuse = [&](const toml::node& where, const std::string& why) {
    return error_at(file, where.source().begin.line, "'sweep' " + why, where.source().begin.column);
  };
  const toml::table* record = sweep->as_table();
  const toml::node* field = record ? record->get("field") : nullptr;
  const toml::node* values = record ? record->get("values") : nullptr;
  if (!field || !field->is_string() || !values || !values->is_array() || record->size() != 2)
    return refuse(*sweep, "must be { field = \"copy.bytes\", values = [..] }");
  const std::string path = field->as_string()->get();
  const size_t dot = path.find('.');
  const toml::node* section = dot == std::string::npos ? nullptr : table.get(path.substr(0, dot));
  if (!section || !section->is_table())
    return refuse(*field, "names " + quoted(path) + ", which is no field of the case");
  const toml::array& list = *values->as_array();
  if (list.size() > kMostCases) return refuse(*values, "has too many values");
  for (size_t i = 0; i < list.size(); ++i) {
    toml::table one = table;
    one.erase("sweep");
    toml::table& changed = *one.get(path.substr(0, dot))->as_table();
    const std::string key = path.substr(dot + 1);
    auto put = [&](toml::table& into, const std::string& name) {
      list.get(i)->visit([&](auto&& value) { into.insert_or_assign(name, value); });
    };
    toml::node* old = changed.get(key);
    if (old && old->is_table())
      put(*old->as_table(), "v");
    else
      put(changed, key);
    if (toml::node* id = one.get("id"); id && id->is_string())
      one.insert_or_assign("id", id->as_string()->get() + "/" + text_of(*list.get(i)));
    if (toml::node* numbers = one.get("published"); numbers && numbers->is_array())
      for (toml::node& number : *numbers->as_array()) {
        toml::table* entry = number.as_table();
        const toml::array* v = entry && entry->get("v") ? entry->get("v")->as_array() : nullptr;
        if (!v) continue;
        if (v->size() != list.size())
          return refuse(*entry->get("v"),
                        "has " + std::to_string(list.size()) + " values, this list " + std::to_string(v->size()));
        const toml::node* picked = v->get(i);
        if (!picked->is_number()) return refuse(*picked, "wants numbers here");
        const double number_of = *picked->value<double>();
        entry->insert_or_assign("v", number_of);
      }
    auto read = read_case(one, file, defaults);
    if (!read) {
      Diagnostic found = read.diagnostic();
      if (!found.line) found.line = table.source().begin.line;
      return found;
    }
    read->line = table.source().begin.line;
    all.push_back(std::move(*read));
  }
  return {};
}

}  // namespace

Expected<std::vector<Case>> parse_cases(std::string_view text, const std::string& file) {
  toml::parse_result parsed = toml::parse(text, file);
  if (!parsed) {
    const toml::parse_error& problem = parsed.error();
    return error_at(file, problem.source().begin.line, "not valid TOML: " + std::string(problem.description()),
                    problem.source().begin.column);
  }
  Fields fields(parsed.table(), "", file);
  Defaults defaults;
  fields.text("title");
  defaults.family = fields.text("family");
  defaults.machine = fields.text("machine");
  defaults.overrides = fields.texts("override");
  if (const toml::table* sources = fields.table("sources"))
    for (auto&& [key, value] : *sources) {
      if (!value.is_string()) fields.refuse(value, "sources." + std::string(key.str()), "must be a string");
      defaults.sources[std::string(key.str())] = value.value<std::string>().value_or("");
    }
  const toml::array* list = fields.array("case");
  fields.finish();
  if (!fields.outcome()) return fields.outcome().diagnostic();
  if (!list || list->empty()) return error_at(file, 0, "has no [[case]]");
  std::vector<Case> all;
  for (const toml::node& node : *list) {
    if (!node.is_table()) return error_at(file, node.source().begin.line, "'case' must be a list of tables: [[case]]");
    if (Outcome ok = unroll(*node.as_table(), file, defaults, all); !ok) return ok.diagnostic();
  }
  return all;
}

Expected<std::vector<Case>> read_cases(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string text;
  if (stream) text.assign(std::istreambuf_iterator<char>(stream), {});
  if (!stream || stream.bad()) return error_at(file, 0, "cannot be read");
  return parse_cases(text, file);
}

Expected<std::vector<Case>> read_case_files(const std::vector<std::string>& files) {
  std::vector<Case> all;
  std::map<std::string, const Case*> by_id;
  for (const std::string& file : files) {
    auto some = read_cases(file);
    if (!some) return some;
    for (Case& one : *some) all.push_back(std::move(one));
  }
  for (const Case& one : all)
    if (auto [place, fresh] = by_id.try_emplace(one.id, &one); !fresh)
      return one.objection("case " + quoted(one.id) + " is there already: " + place->second->file + ":" +
                           std::to_string(place->second->line));
  for (const Case& one : all)
    if (!one.before.empty() && !by_id.contains(one.before))
      return one.objection("case " + quoted(one.id) + " comes after " + quoted(one.before) +
                           ", which is no case of these files");
  return all;
}

}  // namespace phx::validation
