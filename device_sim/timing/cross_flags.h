// Flags between cores: the k-th wait of a core ends after every core that raises the flag has done so k times.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <vector>

#include "device_sim/timing/ticks.h"

namespace phx::sim::timing {

class TileCore;

class CrossFlags {
 public:
  struct Key {  // who raises it
    uint32_t mode, id;
    bool cube;
    uint64_t group;  // 0 in mode 0
    auto operator<=>(const Key&) const = default;
  };
  void set(const Key& key, size_t round, Ticks at, TileCore* by, unsigned pipe) {
    std::vector<Round>& rounds = flags_[key];
    if (rounds.size() <= round) rounds.resize(round + 1);
    ++rounds[round].sets;
    if (at < rounds[round].last) return;
    rounds[round].last = at;
    rounds[round].by = {by, pipe};
  }
  // When that round of `raisers` cores is complete, or -1: not known yet.
  Ticks complete(const Key& key, size_t round, uint64_t raisers) {
    const std::vector<Round>& rounds = flags_[key];
    return rounds.size() > round && rounds[round].sets == raisers ? rounds[round].last : -1;
  }
  // Core and pipe that raised the flag last in a round that is complete: for traces.
  std::pair<TileCore*, unsigned> raiser(const Key& key, size_t round) { return flags_[key][round].by; }
  std::vector<TileCore*> waiting;

 private:
  struct Round {
    uint64_t sets = 0;
    Ticks last = 0;
    std::pair<TileCore*, unsigned> by{};
  };
  std::map<Key, std::vector<Round>> flags_;
};

}  // namespace phx::sim::timing
