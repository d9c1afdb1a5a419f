#include "device_sim/check/flag_use.h"

#include <algorithm>
#include <functional>
#include <set>

namespace phx::sim {

uint32_t FlagUse::execute(Pair pair) {
  const auto [found, fresh] = pairs_.try_emplace(pair, static_cast<uint32_t>(counts_.size()));
  if (fresh) {
    counts_.emplace_back();
    barriers_.push_back(pair.first == pair.second);
  }
  ++counts_[found->second].executed;
  return found->second;
}

void FlagUse::learn(unsigned pipe, unsigned of, uint64_t known, uint32_t pair, unsigned from, uint64_t set) {
  std::vector<Step>& steps = steps_[pipe][of];
  if (!steps.empty() && steps.back().known == known && steps.back().pair == pair) return;
  if (steps.size() >= kMostSteps) steps.erase(steps.begin(), steps.begin() + kMostSteps / 2);
  steps.push_back({known, ++now_, set, pair, from});
}

void FlagUse::need(unsigned pipe, unsigned of, uint64_t time) {
  for (uint64_t before = ~uint64_t{0}; complete_;) {
    const std::vector<Step>& steps = steps_[pipe][of];
    auto at = std::lower_bound(steps.begin(), steps.end(), time, [](const Step& s, uint64_t t) { return s.known < t; });
    const Step* step = nullptr;
    for (int i = 0; i < kMostChoices && at != steps.end() && at->when <= before; ++i, ++at) {
      if (!step || counts_[at->pair].used || (barriers_[step->pair] && !barriers_[at->pair])) step = &*at;
      if (counts_[step->pair].used) break;
    }
    if (!step) {  // it was too long ago
      complete_ = false;
      return;
    }
    counts_[step->pair].used = true;
    if (step->from == of || step->from == pipe) return;
    pipe = step->from;
    before = step->set;
  }
}

FlagUse::Counts FlagUse::take() {
  Counts counts;
  if (complete_)
    for (const auto& [pair, number] : pairs_) counts[pair] = counts_[number];
  return counts;
}

void FlagUse::clear() {
  for (auto& of_pipe : steps_)
    for (auto& steps : of_pipe) steps.clear();
  counts_.clear();
  barriers_.clear();
  now_ = 0;
  pairs_.clear();
  complete_ = true;
}

std::vector<std::vector<uint32_t>> unused_groups(const FlagUse::Counts& counts) {
  std::map<uint32_t, uint32_t> parent;
  std::function<uint32_t(uint32_t)> root = [&](uint32_t i) {
    const uint32_t p = parent.try_emplace(i, i).first->second;
    return p == i ? i : parent[i] = root(p);
  };
  for (const auto& [pair, count] : counts) {
    const uint32_t a = root(pair.first), b = root(pair.second);
    parent[std::max(a, b)] = std::min(a, b);
  }
  std::set<uint32_t> used;
  for (const auto& [pair, count] : counts)
    if (count.used || pair.first == FlagUse::kNobody || pair.second == FlagUse::kNobody) used.insert(root(pair.first));
  std::map<uint32_t, std::vector<uint32_t>> groups;
  for (const auto& entry : parent)
    if (!used.contains(root(entry.first))) groups[root(entry.first)].push_back(entry.first);
  std::vector<std::vector<uint32_t>> unused;
  for (auto& [first, group] : groups) unused.push_back(std::move(group));
  return unused;
}

}  // namespace phx::sim
