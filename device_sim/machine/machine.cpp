#include "device_sim/machine/machine.h"

#include <algorithm>
#include <bit>

#include "device_sim/machine/catalog.h"
#include "device_sim/machine/layer.h"

namespace phx::machine {
namespace {

using Values = std::map<std::string, Placed, std::less<>>;

struct Merged {
  std::string title;
  Values values;
};

// A file over its bases: the base's numbers first, the file's own replace them.
Expected<Merged> merge(const File& file, std::vector<std::string>& chain) {
  Expected<Layer> layer = read_layer(file.text, file.file);
  if (!layer) return layer.diagnostic();
  Merged merged;
  if (!layer->base.empty()) {
    auto refuse = [&](std::string why) {
      return error_at(file.file, layer->base_line, std::move(why), layer->base_column);
    };
    Expected<File> base = open(layer->base, file.file);
    if (!base) return refuse("base '" + layer->base + "': " + base.diagnostic().str());
    chain.push_back(file.file);
    if (std::find(chain.begin(), chain.end(), base->file) != chain.end()) {
      return refuse("base '" + layer->base + "' leads back to this file");
    }
    Expected<Merged> below = merge(*base, chain);
    if (!below) return below.diagnostic();
    merged = std::move(*below);
  }
  if (!layer->title.empty()) merged.title = layer->title;
  for (auto& [path, placed] : layer->values) merged.values.insert_or_assign(path, std::move(placed));
  return merged;
}

// What one key's range cannot say. Objections are placed at the number that is most likely the wrong one.
class Consistency {
 public:
  Consistency(const Machine& machine, const Values& values) : m_(machine), values_(values) {}

  Outcome check() {
    const Simt& simt = m_.chip.simt;
    const Buffers& b = m_.chip.buffers;
    power_of_two("memory.l2.line", m_.chip.l2.line_bytes);
    require("memory.l2.size", m_.chip.l2.size_bytes % (m_.chip.l2.line_bytes * m_.chip.l2.ways) == 0,
            "must be a multiple of memory.l2.line x memory.l2.ways");
    require("simt.dcache.size", simt.dcache_bytes % (simt.dcache_line_bytes * simt.dcache_ways) == 0,
            "must be a multiple of simt.dcache.line x simt.dcache.ways");
    require("memory.hbm.size", m_.chip.hbm.size_bytes % m_.chip.page_bytes == 0, "must be a multiple of memory.page");
    require("buffers.ub_reserved", b.ub_reserved_bytes < b.ub_bytes, "must be less than buffers.ub");
    require("simt.shared", simt.shared_bytes <= b.ub_usable_bytes(),
            "must fit into buffers.ub less buffers.ub_reserved");
    require("simt.shared_per_block", simt.shared_bytes_per_block <= simt.shared_bytes, "must not exceed simt.shared");
    require("simt.max_threads_per_block", simt.max_threads_per_block % simt.warp_size == 0,
            "must be a multiple of simt.warp_size");
    require("simt.max_warps", simt.max_warps * simt.warp_size >= simt.max_threads_per_block,
            "must hold one block of simt.max_threads_per_block");
    require("simt.register_file", simt.register_file_bytes >= 64 * simt.max_threads_per_block,
            "must give 16 registers to each thread of one block of simt.max_threads_per_block");
    require("simt.dcache.least", simt.dcache_least_bytes <= simt.dcache_bytes, "must not exceed simt.dcache.size");
    require("power.idle", m_.chip.power.idle_watts <= m_.chip.power.tdp_watts, "must not exceed power.tdp");
    default_class("timing.vector.default.head", m_.chip.vector.timing.contains("default"));
    default_class("timing.scalar.default.latency", m_.chip.scalar.timing.contains("default"));
    default_class("timing.simt.default.latency", m_.chip.simt.timing.contains("default"));
    for (const auto& [path, placed] : values_) whole_class(path, placed);
    int64_t devices = 1;
    for (const Level& level : m_.system.levels) whole_level(level, devices);
    return std::move(outcome_);
  }

 private:
  void refuse(std::string_view path, std::string message) {
    if (!outcome_) return;
    auto found = values_.find(path);
    outcome_ =
        found == values_.end() ? error_at(m_.file, 0, std::move(message)) : found->second.objection(std::move(message));
  }
  void require(std::string_view path, bool holds, std::string_view rule) {
    if (holds) return;
    auto found = values_.find(path);
    std::string got = found == values_.end() ? "" : ", got " + found->second.quantity.written;
    refuse(path, "'" + std::string(path) + "' " + std::string(rule) + got);
  }
  void power_of_two(std::string_view path, int64_t value) {
    require(path, std::has_single_bit(static_cast<uint64_t>(value)), "must be a power of two");
  }
  void default_class(std::string_view path, bool present) {
    if (!present)
      refuse({}, "missing key '" + std::string(path) + "': timing classes without a row of their own use 'default'");
  }
  // A timing class needs all of its fields.
  void whole_class(const std::string& path, const Placed& placed) {
    std::string_view pattern = placed.match.key->path;
    size_t star = pattern.find('*');
    if (star == std::string_view::npos) return;
    for (const Key& key : keys()) {
      if (!key.path.starts_with(pattern.substr(0, star + 1))) continue;
      std::string sibling =
          std::string(key.path.substr(0, star)) + placed.match.star + std::string(key.path.substr(star + 1));
      if (!values_.contains(sibling)) refuse(path, "'" + path + "' needs '" + sibling + "' beside it");
    }
  }
  void whole_level(const Level& level, int64_t& devices) {
    std::string prefix = "system." + std::string(level.name) + ".";
    if (level.members > 1) {
      for (std::string_view field : {"latency", "read", "write", "port", "link"})
        if (!values_.contains(prefix + std::string(field)))
          refuse(prefix + "members", "a level with more than one member needs '" + prefix + std::string(field) + "'");
    }
    devices *= level.members;
    require(prefix + "members", devices <= (1 << 20), "makes more than 1048576 devices in all");
    devices = std::min<int64_t>(devices, 1 << 20);
  }

  const Machine& m_;
  const Values& values_;
  Outcome outcome_;
};

Expected<Machine> build(const File& file, std::span<const std::string> overrides) {
  std::vector<std::string> chain;
  Expected<Merged> merged = merge(file, chain);
  if (!merged) return merged.diagnostic();
  for (const std::string& assignment : overrides) {
    Expected<Placed> placed = read_override(assignment);
    if (!placed) return placed.diagnostic();
    std::string path = placed->quantity.path;
    merged->values.insert_or_assign(path, std::move(*placed));
  }

  Machine machine;
  machine.name = file.name;
  machine.file = file.file;
  machine.title = merged->title.empty() ? file.name : merged->title;
  for (const Key& key : keys()) {
    if (key.optional || merged->values.contains(key.path)) continue;
    return error_at(file.file, 0,
                    "missing key '" + std::string(key.path) + "' (" + std::string(key.meaning) +
                        "): add it, or a base that has it");
  }
  for (const auto& [path, placed] : merged->values) {
    const Quantity& q = placed.quantity;
    std::optional<std::string> objection = is_word(placed.match.key->dimension)
                                               ? store(placed.match, path, q.word, machine)
                                               : store(placed.match, path, q.value, machine);
    if (objection) return placed.objection(*objection);
    machine.quantities.push_back(q);
  }
  std::erase_if(machine.chip.cube.macs_per_cycle, [](const auto& type) { return type.second == 0; });
  if (Outcome outcome = Consistency(machine, merged->values).check(); !outcome) return outcome.diagnostic();
  return machine;
}

}  // namespace

Expected<Machine> load(std::string_view name_or_path, std::span<const std::string> overrides) {
  Expected<File> file = open(name_or_path);
  if (!file) return file.diagnostic();
  return build(*file, overrides);
}

Expected<Machine> parse(std::string_view text, std::string_view file, std::span<const std::string> overrides) {
  size_t slash = file.rfind('/');
  std::string name(slash == std::string_view::npos ? file : file.substr(slash + 1));
  if (name.ends_with(".toml")) name.resize(name.size() - 5);
  return build({name, std::string(file), std::string(text)}, overrides);
}

std::vector<MachineInfo> list() {
  std::vector<MachineInfo> machines;
  for (const File& file : every_file()) {
    Expected<Layer> layer = read_layer(file.text, file.file);
    if (layer)
      machines.push_back({file.name, layer->title, layer->aliases, file.file});
    else
      machines.push_back({file.name, "unreadable: " + layer.diagnostic().str(), {}, file.file});
  }
  return machines;
}

const Quantity* find(const Machine& machine, std::string_view path) {
  auto found = std::lower_bound(machine.quantities.begin(), machine.quantities.end(), path,
                                [](const Quantity& q, std::string_view p) { return q.path < p; });
  return found != machine.quantities.end() && found->path == path ? &*found : nullptr;
}

}  // namespace phx::machine
