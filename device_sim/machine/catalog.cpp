#include "device_sim/machine/catalog.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>

#include "device_sim/machine/layer.h"

namespace phx::machine {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> read_file(const fs::path& path) {
  std::error_code failed;
  if (!fs::is_regular_file(path, failed)) return std::nullopt;
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

// PHX_MACHINE_PATH, then share/phalanx/machines of the prefix this code was installed into.
std::vector<fs::path> directories() {
  std::vector<fs::path> found;
  if (const char* list = std::getenv("PHX_MACHINE_PATH")) {
    std::string_view rest = list;
    while (!rest.empty()) {
      size_t colon = std::min(rest.find(':'), rest.size());
      if (colon) found.emplace_back(rest.substr(0, colon));
      rest.remove_prefix(std::min(colon + 1, rest.size()));
    }
  }
  Dl_info here;
  if (dladdr(reinterpret_cast<const void*>(&directories), &here) && here.dli_fname) {
    std::error_code failed;
    fs::path binary = fs::weakly_canonical(here.dli_fname, failed);
    if (!failed) {
      for (fs::path up = binary.parent_path(); up.has_relative_path() && found.size() < 64; up = up.parent_path()) {
        fs::path candidate = up.parent_path() / "share/phalanx/machines";
        if (fs::is_directory(candidate, failed)) {
          found.push_back(candidate);
          break;
        }
      }
    }
  }
  return found;
}

bool is_path(std::string_view name) { return name.find('/') != std::string_view::npos || name.ends_with(".toml"); }

std::optional<File> by_name(const std::string& name) {
  for (const fs::path& directory : directories()) {
    fs::path path = directory / (name + ".toml");
    if (auto text = read_file(path)) return File{name, path.string(), std::move(*text)};
  }
  for (unsigned i = 0; i < kEmbeddedCount; ++i)
    if (kEmbedded[i].name == name) return File{name, "<built-in>/" + name + ".toml", std::string(kEmbedded[i].text)};
  return std::nullopt;
}

}  // namespace

std::vector<File> every_file() {
  std::map<std::string, File> files;
  for (const fs::path& directory : directories()) {
    std::error_code failed;
    for (fs::directory_iterator entry(directory, failed), end; !failed && entry != end; entry.increment(failed)) {
      if (entry->path().extension() != ".toml") continue;
      std::string name = entry->path().stem().string();
      if (files.contains(name)) continue;
      if (auto text = read_file(entry->path())) files[name] = {name, entry->path().string(), std::move(*text)};
    }
  }
  for (unsigned i = 0; i < kEmbeddedCount; ++i) {
    std::string name(kEmbedded[i].name);
    files.try_emplace(name, File{name, "<built-in>/" + name + ".toml", std::string(kEmbedded[i].text)});
  }
  std::vector<File> sorted;
  for (auto& [name, file] : files) sorted.push_back(std::move(file));
  return sorted;
}

Expected<File> open(std::string_view name_or_path, std::string_view beside) {
  const std::string name(name_or_path);
  if (is_path(name)) {
    fs::path path = name;
    if (path.is_relative() && !beside.empty()) path = fs::path(beside).parent_path() / path;
    if (auto text = read_file(path)) return File{path.stem().string(), path.string(), std::move(*text)};
    return error("cannot read machine file '" + path.string() + "'");
  }
  if (!beside.empty()) {
    fs::path sibling = fs::path(beside).parent_path() / (name + ".toml");
    if (auto text = read_file(sibling)) return File{name, sibling.string(), std::move(*text)};
  }
  if (auto file = by_name(name)) return std::move(*file);

  std::string known;
  for (File& file : every_file()) {
    Expected<Layer> layer = read_layer(file.text, file.file);
    if (layer)
      for (const std::string& alias : layer->aliases)
        if (alias == name) return std::move(file);
    known += (known.empty() ? "" : ", ") + file.name;
  }
  return error("unknown machine '" + name + "'; known machines: " + known + "; or give the path of a .toml file");
}

}  // namespace phx::machine
