#include "device_sim/timing/counters.h"

namespace phx::sim::timing {
namespace {
constexpr const char* kPipeNames[] = {"s", "v", "m", "mte1", "mte2", "mte3", "fix"};
}

void count(Replay& replay, std::span<const uint32_t> words, LaunchCounters& counters) {
  const Tally& tally = replay.tally;
  auto cycles = [](uint64_t ticks) { return whole_cycles(static_cast<Ticks>(ticks)); };
  for (size_t pipe = 0; pipe < tally.pipe_busy.size(); ++pipe)
    if (tally.pipe_busy[pipe]) counters.pipe_busy_cycles[kPipeNames[pipe]] = cycles(tally.pipe_busy[pipe]);
  for (size_t pipe = 0; pipe < tally.pipe_busy.size(); ++pipe) {
    if (tally.pipe_busy_most[pipe])
      counters.pipe_busy_most_cycles[kPipeNames[pipe]] = cycles(tally.pipe_busy_most[pipe]);
    if (tally.pipe_instructions[pipe]) counters.pipe_instructions[kPipeNames[pipe]] = tally.pipe_instructions[pipe];
  }
  for (unsigned reason = 0; reason < kStalls; ++reason)
    if (tally.stalls[reason]) counters.stall_cycles[kStallNames[reason]] = cycles(tally.stalls[reason]);

  auto put = [](std::map<std::string, uint64_t>& to, const char* name, uint64_t value) {
    if (value) to[name] = value;
  };
  put(counters.bytes, "l2_read", tally.memory.l2_read);
  put(counters.bytes, "l2_write", tally.memory.l2_write);
  put(counters.bytes, "hbm_read", tally.memory.hbm_read);
  put(counters.bytes, "hbm_write", tally.memory.hbm_write);
  put(counters.bytes, "dcache_hit", tally.cache_hit_bytes);
  put(counters.bytes, "ub", tally.ub_bytes);
  put(counters.bytes, "remote_read", tally.remote_read);
  put(counters.bytes, "remote_write", tally.remote_write);
  put(counters.bytes, "host_read", tally.host_read);
  put(counters.bytes, "host_write", tally.host_write);
  for (size_t path = 0; path < tally.path_bytes.size(); ++path)
    put(counters.bytes, kPathNames[path], tally.path_bytes[path]);
  put(counters.events, "macs", tally.macs);
  put(counters.events, "vector_repeats", tally.repeats);
  put(counters.events, "warp_instructions", tally.warp_instructions);
  put(counters.events, "lane_instructions", tally.lane_instructions);
  put(counters.events, "dcache_hits", tally.cache_hits);
  put(counters.events, "dcache_misses", tally.cache_misses);
  put(counters.events, "l2_hits", tally.memory.l2_hits);
  put(counters.events, "l2_misses", tally.memory.l2_misses);
  put(counters.events, "ub_conflict_cycles", cycles(tally.ub_conflict_ticks));
  put(counters.events, "barriers", tally.barriers);
  put(counters.events, "ordered_operations", tally.ordered);
  put(counters.events, "atomics", tally.atomics);
  put(counters.events, "blocks", tally.blocks);
  put(counters.events, "unresolved_waits", tally.unresolved);

  int64_t issues = 0, lanes = 0;
  for (size_t i = 0; i + 1 < replay.lines.size(); ++i) {
    issues += replay.lines[i].issues;
    lanes += replay.lines[i].lanes;
    if (issues == 0) continue;
    counters.lines.push_back({i < words.size() ? words[i] : static_cast<uint32_t>(i), static_cast<uint64_t>(issues),
                              static_cast<uint64_t>(lanes), cycles(replay.lines[i].stall)});
  }
  for (const Fabric::Activity& link : replay.fabric.activity())
    counters.links.push_back({link.level + ": " + std::to_string(link.from) + " -> " + std::to_string(link.to),
                              link.bytes, whole_cycles(link.busy)});
}

}  // namespace phx::sim::timing
