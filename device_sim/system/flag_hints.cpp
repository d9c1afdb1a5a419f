#include "device_sim/system/flag_hints.h"

#include <algorithm>

namespace phx::sim {

void FlagHints::add(const FlagUse::Counts& counts) {
  for (const auto& [pair, count] : counts) {
    FlagUse::Count& total = counts_[pair];
    total.executed += count.executed;
    total.used |= count.used;
  }
}

void FlagHints::add(const FlagHints& more) {
  add(more.counts_);
  complete_ &= more.complete_;
}

std::vector<std::string> FlagHints::untold(const Program& program) {
  std::vector<std::string> hints;
  if (!complete_) return hints;
  for (const std::vector<uint32_t>& group : unused_groups(counts_)) {
    if (told_.size() >= kMost) break;
    if (!told_.insert(group.front()).second) continue;
    uint64_t executed = 0;
    for (const auto& [pair, count] : counts_)
      if (std::find(group.begin(), group.end(), pair.second) != group.end()) executed += count.executed;
    std::string names;
    for (uint32_t instruction : group) names += (names.empty() ? "" : ", ") + program.place(instruction);
    hints.push_back("redundant: " + names + (group.size() == 1 ? " orders" : " order") +
                    " nothing that other flags do not order, in all of " + std::to_string(executed) + " executions");
  }
  return hints;
}

}  // namespace phx::sim
