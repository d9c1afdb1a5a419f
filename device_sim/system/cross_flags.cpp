#include "device_sim/system/cross_flags.h"

#include <algorithm>

namespace phx::sim {
namespace {

constexpr const char* kPipes[] = {"s", "v", "m", "mte1", "mte2", "mte3", "fix"};
constexpr size_t kMostNames = 4, kMostLines = 16;

uint64_t times(const std::map<uint64_t, uint64_t>& by, uint64_t block) {
  auto found = by.find(block);
  return found == by.end() ? 0 : found->second;
}

std::string name_of(const OrderedState::CrossFlag& flag) {
  return "cross-core flag " + std::to_string(flag.id) + " (mode " + std::to_string(flag.mode) + ")";
}

std::string list(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kMostNames); ++i) text += (i ? ", " : "") + names[i];
  if (names.size() > kMostNames) text += " and " + std::to_string(names.size() - kMostNames) + " more";
  return text;
}

// All cores of one kind, or those of a group.
std::vector<uint64_t> of_kind(const CrossFlagCores& cores, bool cube, bool grouped, uint64_t group) {
  std::vector<uint64_t> found;
  const uint64_t aiv = cores.launch.group_aiv;
  const uint64_t first = grouped ? group * (1 + aiv) : 0, last = grouped ? first + 1 + aiv : cores.blocks;
  for (uint64_t block = first; block < last; ++block)
    if (aiv == 0 || (block % (1 + aiv) == 0) == cube) found.push_back(block);
  return found;
}

}  // namespace

std::vector<uint64_t> CrossFlagCores::raisers(const OrderedState::CrossFlag& flag) const {
  return of_kind(*this, flag.cube, flag.mode != 0, flag.group);
}
std::vector<uint64_t> CrossFlagCores::waiters(const OrderedState::CrossFlag& flag) const {
  return of_kind(*this, flag.mode == 2 ? !flag.cube : flag.cube, flag.mode != 0, flag.group);
}

std::string cross_wait_graph(const CrossFlagCores& cores, const OrderedState& state,
                             const std::map<uint64_t, Block::CrossWait>& waits,
                             std::function<CoreState(uint64_t block)> state_of) {
  const Program& program = *cores.launch.program;
  std::string text;
  std::map<uint64_t, uint64_t> next;  // a core that waits for a core that waits
  size_t lines = 0;
  for (const auto& [block, wait] : waits) {
    auto counts = state.cross_flags.find(wait.flag);
    std::vector<std::string> missing;
    for (uint64_t raiser : cores.raisers(wait.flag)) {
      if (counts != state.cross_flags.end() && times(counts->second.raised_by, raiser) > wait.round) continue;
      const bool waiting = waits.contains(raiser);
      if (waiting && !next.contains(block)) next[block] = raiser;
      missing.push_back(cores.name(raiser) + (waiting                                ? " waits"
                                              : state_of(raiser) == CoreState::ended ? " has ended"
                                                                                     : " does something else"));
    }
    if (++lines > kMostLines) continue;
    text += "\n" + cores.name(block) + ": pipe " + kPipes[wait.pipe] + " waits for " + name_of(wait.flag) + ", time " +
            std::to_string(wait.round + 1) + ", at " + program.place(wait.instruction) + "; not raised by " +
            list(missing);
  }
  if (lines > kMostLines) text += "\nand " + std::to_string(lines - kMostLines) + " more cores";
  // From any core the way ends or runs into a cycle.
  for (const auto& entry : next) {
    std::vector<uint64_t> way{entry.first};
    for (auto at = next.find(entry.first); at != next.end(); at = next.find(at->second)) {
      const auto seen = std::find(way.begin(), way.end(), at->second);
      if (seen == way.end()) {
        way.push_back(at->second);
        continue;
      }
      text += "\ncycle:";
      for (auto core = seen; core != way.end(); ++core)
        text += " " + cores.name(*core) + " -> (flag " + std::to_string(waits.at(*core).flag.id) + ")";
      return text + " " + cores.name(*seen);
    }
  }
  return text;
}

std::vector<SurplusCrossFlag> surplus_cross_flags(const CrossFlagCores& cores, const OrderedState& state) {
  std::vector<SurplusCrossFlag> found;
  for (const auto& [flag, counts] : state.cross_flags) {
    const uint64_t raised = counts.sets.size();
    std::vector<std::string> idle;
    uint64_t fewest = raised;
    for (uint64_t waiter : cores.waiters(flag))
      if (const uint64_t waited = times(counts.waited_by, waiter); waited < raised) {
        fewest = std::min(fewest, waited);
        idle.push_back(cores.name(waiter));
      }
    if (idle.empty()) continue;
    const auto code = cores.launch.program->code();
    const bool waited = std::any_of(code.begin(), code.end(), [&](const isa::Instruction& i) {
      return i.op == isa::Opcode::CrossWait && isa::bits(i.mod, 0, 2) == flag.mode && isa::bits(i.mod, 5, 4) == flag.id;
    });
    Finding finding{.kind = FindingKind::surplus_flag, .earlier = counts.raised_at, .later = counts.raised_at};
    finding.space = 512u + flag.mode * 16u + flag.id;
    finding.block = {static_cast<uint32_t>(flag.mode == 0 ? 0 : flag.group), 0, 0};
    finding.text = name_of(flag) + ", raised " + std::to_string(raised) + " times, last by " +
                   cores.launch.program->place(counts.raised_at) + ", is still up when the launch ends: " + list(idle) +
                   (idle.size() == 1 ? " waited for it " : " waited for it as few as ") + std::to_string(fewest) +
                   " times";
    if (std::none_of(found.begin(), found.end(), [&](const SurplusCrossFlag& f) { return f.finding.like(finding); }))
      found.push_back({std::move(finding), waited});
  }
  return found;
}

}  // namespace phx::sim
