// Which flags and barriers of a core some order needs (performance hints).
//
// For every pair of accesses that must be ordered there is a chain of flags by which the later pipe knows of the
// earlier access: the first flag or barrier that told it, the first one that told the pipe that set that flag, and so
// on. The flags on such chains are used. All others can be removed at the same time, since every pair keeps its chain.
// Of several flags that say the same one is taken that is in use anyway, else a flag before a barrier, else the first.
// Another choice of chains might leave more unused, so some redundant flags are not found.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace phx::sim {

class FlagUse {
 public:
  static constexpr unsigned kPipes = 7;
  static constexpr uint32_t kNobody = ~0u;

  // Instructions of a flag; of a barrier twice the same. kNobody: what is no instruction of its own.
  using Pair = std::pair<uint32_t, uint32_t>;
  struct Count {
    uint64_t executed = 0;
    bool used = false;
  };
  using Counts = std::map<Pair, Count>;

  // The pair was executed; the number names it below.
  uint32_t execute(Pair pair);
  // `pipe` knows `of` up to time `known`, no less than before, by a pair whose set knew it. `from`: the pipe that set
  // it, `set`: what now() said then.
  void learn(unsigned pipe, unsigned of, uint64_t known, uint32_t pair, unsigned from, uint64_t set);
  uint64_t now() const { return now_; }
  // Something of `pipe` must come after what `of` did at `time`, which is known to it.
  void need(unsigned pipe, unsigned of, uint64_t time);

  // Nothing if the program was too long to say.
  Counts take();
  bool complete() const { return complete_; }
  void clear();

 private:
  struct Step {
    uint64_t known, when, set;
    uint32_t pair;
    unsigned from;
  };
  static constexpr size_t kMostSteps = size_t{1} << 15;  // of a pair of pipes; the older half goes
  static constexpr int kMostChoices = 8;

  std::array<std::array<std::vector<Step>, kPipes>, kPipes> steps_;  // [pipe][of], ascending
  uint64_t now_ = 0;
  std::vector<Count> counts_;
  std::vector<bool> barriers_;  // by number
  std::map<Pair, uint32_t> pairs_;
  bool complete_ = true;
};

// Groups of instructions that only make sense together (a wait and all that set its event) of which no pair was used.
std::vector<std::vector<uint32_t>> unused_groups(const FlagUse::Counts& counts);

}  // namespace phx::sim
