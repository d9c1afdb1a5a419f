// The description as text: for people, for programs, as a digest, and the schema as a page.
#include <algorithm>
#include <cstdio>

#include "device_sim/machine/keys.h"
#include "device_sim/machine/machine.h"

namespace phx::machine {
namespace {

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", c);
      out += escape;
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string padded(std::string text, size_t width) {
  text.resize(std::max(text.size() + 1, width), ' ');
  return text;
}

}  // namespace

std::string_view name_of(Tag tag) {
  switch (tag) {
    case Tag::Published:
      return "published";
    case Tag::Vendor:
      return "vendor";
    case Tag::Measured:
      return "measured";
    case Tag::Fitted:
      return "fitted";
    case Tag::Projected:
      return "projected";
    case Tag::Guessed:
      return "guessed";
  }
  return "guessed";
}

std::string_view name_of(SimtKind kind) {
  switch (kind) {
    case SimtKind::None:
      return "none";
    case SimtKind::Native:
      return "native";
    case SimtKind::Virtual:
      return "virtual";
  }
  return "none";
}

std::string digest(const Machine& machine) {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a over "path=value\n" in path order
  auto mix = [&](std::string_view text) {
    for (unsigned char c : text) hash = (hash ^ c) * 0x100000001b3;
  };
  for (const Quantity& q : machine.quantities) {
    mix(q.path);
    mix("=");
    mix(q.word.empty() ? shortest(q.value) : q.word);
    mix("\n");
  }
  char hex[17];
  std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(hash));
  return hex;
}

Tag weakest_tag(const Machine& machine, std::span<const std::string_view> prefixes) {
  Tag weakest = Tag::Published;
  for (const Quantity& q : machine.quantities) {
    bool counts = prefixes.empty() || std::any_of(prefixes.begin(), prefixes.end(),
                                                  [&](std::string_view p) { return q.path.starts_with(p); });
    if (counts) weakest = std::max(weakest, q.tag);
  }
  return weakest;
}

std::string to_json(const Machine& m) {
  std::string out = "{\n";
  out += "  \"name\": " + json_string(m.name) + ",\n";
  out += "  \"title\": " + json_string(m.title) + ",\n";
  out += "  \"file\": " + json_string(m.file) + ",\n";
  out += "  \"digest\": " + json_string(digest(m)) + ",\n";
  out += "  \"devices\": " + std::to_string(m.system.devices()) + ",\n";
  out += "  \"packages\": " + std::to_string(m.system.packages()) + ",\n";
  out += "  \"simt\": " + json_string(name_of(m.chip.simt.kind)) + ",\n";
  out += "  \"weakest_tag\": " + json_string(name_of(weakest_tag(m))) + ",\n";
  out += "  \"values\": {";
  const char* separator = "\n";
  for (const Quantity& q : m.quantities) {
    out += separator;
    out += "    " + json_string(q.path) + ": {\"v\": " + (q.word.empty() ? shortest(q.value) : json_string(q.word)) +
           ", \"unit\": " + json_string(q.unit) + ", \"tag\": " + json_string(name_of(q.tag)) +
           ", \"src\": " + json_string(q.source) + ", \"origin\": " + json_string(q.origin) + "}";
    separator = ",\n";
  }
  return out + "\n  }\n}\n";
}

std::string to_text(const Machine& m) {
  std::string out = m.name + ": " + m.title + "\n";
  out += "file " + m.file + ", digest " + digest(m) + "\n";
  out += std::to_string(m.system.devices()) + " devices in " + std::to_string(m.system.packages()) +
         " packages; SIMT " +
         std::string(m.chip.simt.kind == SimtKind::Virtual ? "as a virtual extension (not in the real chip)"
                                                           : name_of(m.chip.simt.kind)) +
         "; weakest evidence: " + std::string(name_of(weakest_tag(m))) + "\n";
  std::string section;
  for (const Quantity& q : m.quantities) {
    std::string head = q.path.substr(0, q.path.find('.'));
    if (head != section) out += "\n" + (section = head) + "\n";
    out +=
        "  " + padded(q.path, 36) + padded(q.written, 16) + padded(std::string(name_of(q.tag)), 11) + q.source + "\n";
  }
  return out;
}

std::string schema_markdown() {
  std::string out =
      "# Machine files: every key\n\n"
      "<!-- Generated from device_sim/machine/keys.def: PHX_UPDATE_DOCS=1 ctest -R machine_schema rewrites this page. "
      "-->\n\n"
      "A machine file is TOML. At its top: `title` (one line), `base` (a machine or file to inherit every number "
      "from),\n"
      "`aliases` (other names), and `[sources]` (citations by id). Everything else is a number with its evidence:\n\n"
      "```toml\n[chip]\nclock = { v = 1.85, unit = \"GHz\", tag = \"vendor\", src = \"@ini\" }\n```\n\n"
      "`tag` is one of `published` (vendor document or paper), `vendor` (file shipped by the vendor), `measured`, "
      "`fitted`\n"
      "(chosen so that a model meets measurements), `projected` (for hardware or a feature that does not exist) and "
      "`guessed`.\n"
      "`src` is a citation; `@id`, with or without more text after it, cites an entry of `[sources]`. `*` stands for a "
      "free name.\n"
      "Keys marked *optional* may be missing; all others must be in the file or in a base of it. A timing class needs "
      "all of its\n"
      "fields, each timing table needs a class `default`, and a `system` level with more than one member needs all of\n"
      "`latency`, `read`, `write`, `port` and `link`.\n\n"
      "Overrides take the same keys, `chip.clock=1.5GHz`, and are tagged `projected`.\n";
  std::string section;
  for (const Key& key : keys()) {
    std::string head(key.path.substr(0, key.path.find('.')));
    if (head != section) {
      section = head;
      out += "\n## " + section + "\n\n| key | units | range | meaning |\n|---|---|---|---|\n";
    }
    std::string range = key.dimension == Dimension::Kind   ? "native, virtual, none"
                        : key.dimension == Dimension::Word ? "a word"
                                                           : shortest(key.least) + " … " + shortest(key.most);
    out += "| `" + std::string(key.path) + "` | " + (is_word(key.dimension) ? "–" : expected_units(key.dimension)) +
           " | " + range + " | " + std::string(key.meaning) + (key.optional ? " *(optional)*" : "") + " |\n";
  }
  return out;
}

}  // namespace phx::machine
