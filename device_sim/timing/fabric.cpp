#include "device_sim/timing/fabric.h"

namespace phx::sim::timing {

const Fabric::Way& Fabric::way(uint16_t from, uint16_t to) {
  auto [place, fresh] = ways_.try_emplace(uint32_t{from} << 16 | to);
  if (fresh) {
    int64_t a = from, b = to;
    const auto& levels = machine_.system.levels;
    unsigned level = 0;
    for (; level + 1 < levels.size(); ++level) {
      a /= levels[level].members;
      b /= levels[level].members;
      if (a == b) break;
    }
    place->second = {level, ticks_of_ns(levels[level].latency_ns, machine_.chip.clock_hz)};
  }
  return place->second;
}

Ticks Fabric::carry(uint16_t from, DeviceMemory& source, uint16_t to, DeviceMemory& target, bool read, Ticks at,
                    uint64_t bytes) {
  unsigned level = way(from, to).level;
  Link& link = links_[uint32_t{from} << 16 | to];
  if (!link.known) {
    const machine::Level& numbers = machine_.system.levels[level];
    auto rated = [&](double rate) {
      return Server::per_second(rate > 0 ? rate : machine_.chip.hbm.bytes_per_second(), machine_.chip.clock_hz);
    };
    link.reads = rated(numbers.read_bytes_per_second);
    link.writes = rated(numbers.write_bytes_per_second);
    link.known = true;
  }
  link.bytes += bytes;
  Server& server = read ? link.reads : link.writes;
  const Ticks begin = trace ? server.start(at) : at;
  Ticks done = server.serve(at, bytes);
  if (trace) note(from, to, read, begin, done, bytes);
  done = std::max(done, source.port_out[level].serve(at, bytes));
  return std::max(done, target.port_in[level].serve(at, bytes));
}

void Fabric::note(uint16_t from, uint16_t to, bool read, Ticks begin, Ticks end, uint64_t bytes) {
  const std::string name = std::string(machine_.system.levels[way(from, to).level].name) + ": " + std::to_string(from) +
                           " -> " + std::to_string(to) + (read ? " reads" : " writes");
  const TraceSink::Argument argument{"bytes", static_cast<double>(bytes)};
  trace->span(trace->lane(trace->process("links", TraceSink::kLinks), name), read ? "read" : "write",
              static_cast<double>(begin) * us_per_tick, static_cast<double>(end - begin) * us_per_tick, {&argument, 1},
              TraceSink::Importance::detail);
}

std::vector<Fabric::Activity> Fabric::activity() const {
  std::vector<Activity> all;
  for (const auto& [pair, link] : links_) {
    auto from = static_cast<uint16_t>(pair >> 16), to = static_cast<uint16_t>(pair);
    const Way& way = ways_.at(pair);
    all.push_back({from, to, std::string(machine_.system.levels[way.level].name), link.bytes,
                   link.reads.busy() + link.writes.busy()});
  }
  return all;
}

}  // namespace phx::sim::timing
