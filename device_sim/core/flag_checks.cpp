// What is wrong with the flags of a tile program apart from the data they protect: waits that nothing ends and events
// that stay set.
#include <optional>

#include "device_sim/core/execution.h"
#include "device_sim/isa/fields.h"

namespace phx::sim {
namespace {

using isa::Opcode;

constexpr const char* kPipes[8] = {"s", "v", "m", "mte1", "mte2", "mte3", "fix", "all"};

struct Event {
  unsigned from = 0, to = 0;
  uint64_t id = 0;
};
// The number of the event as far as the text says: nothing if it comes from a register.
std::optional<uint64_t> id_of(const isa::Instruction& i) {
  if (i.a == isa::operand::kImm) return isa::bits(i.mod, 6, 3) + i.ext;
  if (i.a == isa::operand::kZero) return isa::bits(i.mod, 6, 3);
  return std::nullopt;
}
bool names(const isa::Instruction& i, Opcode op, const Event& event) {
  return i.op == op && isa::bits(i.mod, 0, 3) == event.from && isa::bits(i.mod, 3, 3) == event.to &&
         id_of(i).value_or(event.id) == event.id;
}

}  // namespace

std::string name_of_flag(unsigned from, unsigned to, uint64_t id) {
  return "flag " + std::to_string(id) + " from pipe " + kPipes[from] + " to pipe " + kPipes[to];
}

std::string flag_wait_graph(const Machinery& m, uint32_t wait, unsigned from, unsigned to, uint64_t id) {
  const Program& program = *m.launch.program;
  const auto code = program.code();
  std::string text;
  uint32_t visited = 0;
  Event event{from, to, id};
  for (uint32_t at = wait;;) {
    const PipeFlags::Event& seen = m.flags.events[event.from][event.to][event.id];
    const std::string setter = kPipes[event.from], flag = "flag " + std::to_string(event.id);
    text += "\npipe " + std::string(kPipes[event.to]) + " waits for " + flag + " of pipe " + setter + ": " +
            program.place(at);
    visited |= 1u << event.to;
    if (seen.waited_by) text += "; what was set last was taken by " + program.place(seen.waited_by - 1);
    // The way to the end of the program that follows the code.
    uint32_t set = wait + 1, blocker = 0;
    Event before;
    for (; set < code.size() && code[set].op != Opcode::Exit; ++set) {
      if (names(code[set], Opcode::SetFlag, event)) break;
      if (blocker || code[set].op != Opcode::WaitFlag || isa::bits(code[set].mod, 3, 3) != event.from) continue;
      const auto id_there = id_of(code[set]);
      if (!id_there || *id_there >= 8) continue;
      const Event other{isa::bits(code[set].mod, 0, 3), event.from, *id_there};
      if (m.flags.events[other.from][other.to][other.id].set_by) continue;
      blocker = set;
      before = other;
    }
    if (set >= code.size() || code[set].op == Opcode::Exit)
      return text + "\npipe " + setter + " sets it nowhere from here to the end of the program";
    text += "\npipe " + setter + " sets it later: " + program.place(set);
    if (visited >> event.from & 1) return text + ", but waits itself: a cycle";
    if (!blocker) return text;
    text += ", but waits before that";
    at = blocker;
    event = before;
  }
}

std::vector<Finding> surplus_flags(const Machinery& m) {
  std::vector<Finding> found;
  if (m.kernel.core == image::CoreKind::simt || !m.launch.checks.synccheck) return found;
  const Program& program = *m.launch.program;
  for (unsigned from = 0; from < 8; ++from)
    for (unsigned to = 0; to < 8; ++to)
      for (unsigned id = 0; id < 8; ++id) {
        const PipeFlags::Event& event = m.flags.events[from][to][id];
        // Whoever sets an event before the loop that waits for it has one to spare at the end.
        if (!event.set_by || (event.waited_by && event.primed)) continue;
        Finding finding{.kind = FindingKind::surplus_flag, .earlier = event.set_by - 1, .later = event.set_by - 1};
        finding.space = from << 6 | to << 3 | id;
        finding.block = m.ctaid;
        finding.device = m.device;
        finding.text =
            name_of_flag(from, to, id) + ", set by " + program.place(event.set_by - 1) + ", is still set when " +
            name_of_program(m) + " ends: " +
            (event.waited_by ? "it was set once more than waited for, last by " + program.place(event.waited_by - 1)
                             : std::string("nothing waits for it"));
        found.push_back(std::move(finding));
      }
  return found;
}

}  // namespace phx::sim
