#include <phalanx/hal/topology.h>

namespace phx::hal {

StatusOr<Topology> Topology::create(std::vector<Level> levels, uint32_t count) {
  if (count == 0) return Status(Code::invalid_argument, "a topology needs at least one device");
  uint32_t below = 1;
  for (const Level& level : levels) {
    if (level.devices_per_unit == 0 || level.devices_per_unit % below != 0)
      return Status(Code::invalid_argument,
                    "level '" + level.name + "' holds " + std::to_string(level.devices_per_unit) +
                        " devices per unit, which is not a multiple of the " + std::to_string(below) + " below it");
    below = level.devices_per_unit;
  }
  if (count > 1 && (levels.empty() || below < count))
    return Status(Code::invalid_argument, std::to_string(count) +
                                              " devices do not fit into the topmost level, which holds " +
                                              std::to_string(levels.empty() ? 1 : below));
  return Topology(std::make_shared<const std::vector<Level>>(std::move(levels)), 0, count);
}

Path Topology::path(uint32_t from, uint32_t to) const {
  if (from == to) return {};
  uint32_t crossed = 0;
  while (unit_of(from, crossed) != unit_of(to, crossed)) ++crossed;
  const Level& level = (*levels_)[crossed];
  return {&level, level.link.hops, level.link.latency, level.link.read_bandwidth, level.link.write_bandwidth};
}

uint32_t Topology::unit_of(uint32_t position, uint32_t level) const {
  return (first_ + position) / (*levels_)[level].devices_per_unit;
}

uint32_t Topology::unit_count(uint32_t level) const {
  if (level >= levels_->size()) return 1;
  return unit_of(count_ - 1, level) - unit_of(0, level) + 1;
}

StatusOr<Topology> Topology::slice(uint32_t first, uint32_t count) const {
  if (count == 0 || first >= count_ || count > count_ - first)
    return Status(Code::invalid_argument, "slice of " + std::to_string(count) + " from " + std::to_string(first) +
                                              " does not lie in a group of " + std::to_string(count_));
  return Topology(levels_, first_ + first, count);
}

}  // namespace phx::hal
