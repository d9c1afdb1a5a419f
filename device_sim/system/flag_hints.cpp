#include "device_sim/system/flag_hints.h"

#include <algorithm>

namespace phx::sim {
namespace {

// "set_flag.mte2.v at model.mlir:16 (word 57)": lines of compiled programs have many.
std::string name_of(const Program& program, uint32_t index) {
  constexpr const char* kPipes[] = {"s", "v", "m", "mte1", "mte2", "mte3", "fix", "all"};
  const isa::Instruction& i = program.code()[index];
  std::string text = program.place(index);
  if (i.op == isa::Opcode::Bar) return text + " (word " + std::to_string(program.word_of(index)) + ")";
  std::string pipes = std::string(".") + kPipes[isa::bits(i.mod, 0, 3)];
  if (i.op != isa::Opcode::PipeBarrier) pipes += std::string(".") + kPipes[isa::bits(i.mod, 3, 3)];
  return text.insert(std::min(text.find(' '), text.size()), pipes) + " (word " +
         std::to_string(program.word_of(index)) + ")";
}

}  // namespace

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
    if (!tell(group.front())) continue;
    uint64_t executed = 0;
    for (const auto& [pair, count] : counts_)
      if (std::find(group.begin(), group.end(), pair.second) != group.end()) executed += count.executed;
    std::string names;
    for (uint32_t instruction : group) names += (names.empty() ? "" : ", ") + name_of(program, instruction);
    const bool bar = program.code()[group.front()].op == isa::Opcode::Bar;
    hints.push_back("redundant: " + names +
                    (bar                 ? " separates no two accesses that other barriers do not separate"
                     : group.size() == 1 ? " orders nothing that other flags do not order"
                                         : " order nothing that other flags do not order") +
                    ", in all of " + std::to_string(executed) + " executions");
  }
  return hints;
}

}  // namespace phx::sim
