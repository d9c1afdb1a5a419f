#include "device_sim/isa/verifier.h"

#include <bit>
#include <map>
#include <tuple>
#include <unordered_map>

#include "device_sim/isa/disassembly.h"
#include "device_sim/isa/fields.h"
#include "device_sim/isa/operands.h"

namespace phx::isa {
namespace {

using Mask = uint64_t;  // one bit per scalar register

// Open regions at an instruction: a list from the innermost outwards, shared between instructions.
struct RegionList {
  uint32_t parent = 0;  // index of the enclosing list; entry 0 is "no region open"
  unsigned region = 0;
  uint32_t join = 0;             // instruction
  Mask open = 0;                 // ids of this region and the enclosing ones
  Mask protected_registers = 0;  // scalar registers that are live after one of the joins
};

// One reachable instruction.
struct Node {
  uint32_t instruction;
  uint32_t function;
  uint32_t regions;
  Mask uses = 0, defines = 0;
  uint32_t callee = 0;  // for calls
  uint32_t successors[2] = {};
  uint8_t successor_count = 0;
};

struct Function {
  uint32_t entry = 0;                    // instruction
  uint32_t first = 0;                    // node of the entry
  std::vector<uint32_t> calls, returns;  // nodes that call it; its own `ret` nodes
  Mask always_defines = ~Mask{0};        // on every path to a return
  Mask may_write = 0;                    // itself or through calls
  Mask needs = 0;                        // live on entry because of itself and its callees
  Mask live_after = 0;                   // live at the return of some call
};

class Analysis {
 public:
  Analysis(const DecodedCode& code, const CodeLimits& limits) : code_(code), limits_(limits) {}

  Expected<CodeUse> run(uint32_t entry) {
    if (entry >= code_.starts.size() || code_.starts[entry] == DecodedCode::kNone)
      return error_at_offset(".text", uint64_t{entry} * 8, "the entry is not the start of an instruction");
    regions_.push_back({});
    function_at(code_.starts[entry]);
    for (uint32_t f = 0; f < functions_.size(); ++f)
      if (Outcome walked = walk(f); !walked) return walked.diagnostic();
    if (regions_.size() > 1)
      if (Outcome kept = check_protected_registers(); !kept) return kept.diagnostic();
    use_.instructions = nodes_.size();
    return use_;
  }

 private:
  Diagnostic fail(uint32_t instruction, const std::string& message) const {
    return error_at_offset(".text", uint64_t{code_.words[instruction]} * 8,
                           "`" + disassemble(code_.instructions[instruction]) + "`: " + message);
  }

  uint32_t function_at(uint32_t entry) {
    auto [found, added] = function_of_entry_.try_emplace(entry, static_cast<uint32_t>(functions_.size()));
    if (added) functions_.emplace_back().entry = entry;
    return found->second;
  }

  uint32_t open_region(uint32_t parent, unsigned region, uint32_t join) {
    auto [found, added] =
        region_lists_.try_emplace(std::tuple(parent, region, join), static_cast<uint32_t>(regions_.size()));
    if (added) regions_.push_back({parent, region, join, regions_[parent].open | Mask{1} << region});
    return found->second;
  }

  // Follows control through one function. Calls are stepped over; their targets become functions of their own.
  Outcome walk(uint32_t f) {
    std::vector<uint32_t> work;  // nodes whose successors are still to be found
    auto visit = [&](uint32_t instruction, uint32_t regions, uint32_t& node) -> Outcome {
      auto [found, added] = node_of_.try_emplace(instruction, static_cast<uint32_t>(nodes_.size()));
      node = found->second;
      if (!added) {
        const Node& known = nodes_[node];
        if (known.function != f)
          return fail(instruction, "is reached from two functions; only calls may enter a function");
        if (known.regions != regions)
          return fail(instruction, "is reached with different open regions (" + region_names(known.regions) + " and " +
                                       region_names(regions) + ")");
        return {};
      }
      nodes_.push_back({instruction, f, regions});
      work.push_back(node);
      return check_operands(nodes_.back());
    };

    if (Outcome entered = visit(functions_[f].entry, 0, functions_[f].first); !entered) return entered;
    while (!work.empty()) {
      uint32_t node = work.back();
      work.pop_back();
      uint32_t instruction = nodes_[node].instruction, regions = nodes_[node].regions;
      const Instruction& i = code_.instructions[instruction];

      uint32_t target = DecodedCode::kNone;
      if (has_label(*row(i.op))) {
        if (i.target() >= code_.starts.size() || code_.starts[i.target()] == DecodedCode::kNone)
          return fail(instruction, "the target is not the start of an instruction");
        target = code_.starts[i.target()];
      }
      bool falls_through = true, jumps = false;
      uint32_t after = regions;  // open regions where control goes next
      switch (i.op) {
        case Opcode::Exit:
        case Opcode::Trap:
          falls_through = false;
          break;
        case Opcode::Ret:
          if (f == 0) return fail(instruction, "the kernel itself has no caller to return to; it ends with exit");
          if (regions) return fail(instruction, "returns with " + region_names(regions) + " open");
          functions_[f].returns.push_back(node);
          falls_through = false;
          break;
        case Opcode::Jmp:
          falls_through = false;
          jumps = true;
          break;
        case Opcode::Bra:
          jumps = true;
          break;
        case Opcode::Call: {
          uint32_t callee = function_at(target);
          nodes_[node].callee = callee;
          functions_[callee].calls.push_back(node);
          break;
        }
        case Opcode::Fork: {
          unsigned region = field::Region::get_k(i);
          const Instruction& join = code_.instructions[target];
          if (join.op != Opcode::Join || field::Region::get_k(join) != region)
            return fail(instruction, "the target is not the join of region " + std::to_string(region));
          if (regions_[regions].open >> region & 1)
            return fail(instruction, "region " + std::to_string(region) + " is already open");
          after = open_region(regions, region, target);
          break;
        }
        case Opcode::Join: {
          const RegionList& top = regions_[regions];
          if (!regions || top.region != field::Region::get_k(i) || top.join != instruction)
            return fail(instruction, "does not close the innermost open region (" + region_names(regions) + ")");
          after = top.parent;
          break;
        }
        default:
          break;
      }
      auto follow = [&](uint32_t next) -> Outcome {
        uint32_t successor = 0;
        if (Outcome visited = visit(next, after, successor); !visited) return visited;
        nodes_[node].successors[nodes_[node].successor_count++] = successor;
        return {};
      };
      if (falls_through) {
        if (instruction + 1 >= code_.instructions.size())
          return fail(instruction, "control falls off the end of the code");
        if (Outcome followed = follow(instruction + 1); !followed) return followed;
      }
      if (jumps)
        if (Outcome followed = follow(target); !followed) return followed;
    }
    return {};
  }

  std::string region_names(uint32_t regions) const {
    if (!regions) return "none";
    std::string names;
    for (; regions; regions = regions_[regions].parent)
      names = "k" + std::to_string(regions_[regions].region) + (names.empty() ? "" : " ") + names;
    return names;
  }

  // What decode() cannot know: the core and the register counts of this kernel. Fills in uses and defines.
  Outcome check_operands(Node& node) {
    const Instruction& i = code_.instructions[node.instruction];
    const RowInfo& r = *row(i.op);
    bool right_core = r.core == Core::any ||
                      (limits_.simt ? r.core == Core::simt : r.core == Core::tile || r.core == limits_.tile_core);
    if (!right_core)
      return fail(node.instruction,
                  limits_.simt ? "exists in tile programs only" : "does not exist on this tile program's core");
    for (const Slot& slot : slots(i)) {
      if (slot.kind == OperandClass::None || slot.kind == OperandClass::L) continue;
      unsigned end = operand::index(slot.value) + registers(slot);
      unsigned declared = 0, *used = nullptr;
      if (operand::is_r(slot.value)) {
        if (!limits_.simt) return fail(node.instruction, "tile programs have no lane registers");
        declared = limits_.lane_registers, used = &use_.lane_registers;
      } else if (operand::is_s(slot.value)) {
        declared = limits_.scalar_registers, used = &use_.scalar_registers;
        Mask mask = (registers(slot) >= 64 ? ~Mask{0} : (Mask{1} << registers(slot)) - 1) << operand::index(slot.value);
        (slot.written ? node.defines : node.uses) |= mask;
      } else if (operand::is_p(slot.value)) {
        declared = limits_.predicates, used = &use_.predicates;
      } else {
        continue;
      }
      if (end > declared)
        return fail(node.instruction, "register " + std::to_string(end - 1) + " of the file of " +
                                          operand_text(slot.value) + " is used, but the kernel declares " +
                                          std::to_string(declared));
      *used = std::max(*used, end);
    }
    if (has_address(r) && field::Mem::get_space(i) == Space::Local) {
      use_.local = true;
      if (limits_.simt && i.op == Opcode::Ld && operand::is_s(i.dst))
        return fail(node.instruction, "local memory belongs to lanes and cannot be loaded into a scalar register");
    }
    if (i.op == Opcode::Rdsr) {
      SpecialReg sr = field::Special::get_sr(i);
      use_.clock |= sr == SpecialReg::Clock || sr == SpecialReg::Clock64 || sr == SpecialReg::GlobalTimer;
      use_.dynamic_ub |= sr == SpecialReg::UbDynamic;
      if (!limits_.simt && sr <= SpecialReg::LaneId) return fail(node.instruction, "tile programs have no lanes");
    }
    use_.grid_barrier |= i.op == Opcode::Bar && field::Barrier::get_kind(i) == BarrierKind::Grid;
    use_.service |= i.op == Opcode::Svc;
    return {};
  }

  bool is_call(const Node& node) const { return code_.instructions[node.instruction].op == Opcode::Call; }
  bool is_return(const Node& node) const { return code_.instructions[node.instruction].op == Opcode::Ret; }

  // --- Scalar registers that a join must find unchanged

  Outcome check_protected_registers() {
    find_predecessors();
    find_always_defined();
    find_written();
    std::vector<Mask> live(nodes_.size(), 0);
    solve_liveness(live, false);
    for (Function& function : functions_) function.needs = live[function.first];
    solve_liveness(live, true);

    for (size_t n = 1; n < regions_.size(); ++n) {
      RegionList& regions = regions_[n];
      auto join = node_of_.find(regions.join);
      regions.protected_registers =
          regions_[regions.parent].protected_registers | (join == node_of_.end() ? Mask{0} : live[join->second]);
    }
    for (const Node& node : nodes_) {
      Mask written = node.defines | (is_call(node) ? functions_[node.callee].may_write : 0);
      Mask lost = written & regions_[node.regions].protected_registers;
      if (!lost) continue;
      return fail(node.instruction, "scalar register s" + std::to_string(std::countr_zero(lost)) +
                                        " is written inside " + region_names(node.regions) +
                                        ", but is live after the join");
    }
    return {};
  }

  void find_predecessors() {
    predecessor_begin_.assign(nodes_.size() + 1, 0);
    for (const Node& node : nodes_)
      for (unsigned s = 0; s < node.successor_count; ++s) ++predecessor_begin_[node.successors[s] + 1];
    for (size_t n = 0; n < nodes_.size(); ++n) predecessor_begin_[n + 1] += predecessor_begin_[n];
    predecessors_.resize(predecessor_begin_.back());
    std::vector<uint32_t> next(predecessor_begin_.begin(), predecessor_begin_.end() - 1);
    for (uint32_t n = 0; n < nodes_.size(); ++n)
      for (unsigned s = 0; s < nodes_[n].successor_count; ++s) predecessors_[next[nodes_[n].successors[s]]++] = n;
  }

  // A list of nodes to look at again, each at most once at a time.
  class Worklist {
   public:
    explicit Worklist(size_t size) : queued_(size, false) {}
    void push(uint32_t node) {
      if (queued_[node]) return;
      queued_[node] = true;
      nodes_.push_back(node);
    }
    bool pop(uint32_t& node) {
      if (nodes_.empty()) return false;
      node = nodes_.back();
      nodes_.pop_back();
      queued_[node] = false;
      return true;
    }

   private:
    std::vector<bool> queued_;
    std::vector<uint32_t> nodes_;
  };

  // Forward, greatest solution: registers written on every path from the function's entry to its returns.
  void find_always_defined() {
    std::vector<Mask> before(nodes_.size(), ~Mask{0});
    Worklist work(nodes_.size());
    for (const Function& function : functions_) {
      before[function.first] = 0;
      work.push(function.first);
    }
    for (uint32_t n; work.pop(n);) {
      const Node& node = nodes_[n];
      if (is_return(node)) {
        Function& function = functions_[node.function];
        Mask narrowed = function.always_defines & before[n];
        if (narrowed == function.always_defines) continue;
        function.always_defines = narrowed;
        for (uint32_t call : function.calls) work.push(call);
        continue;
      }
      Mask after = before[n] | node.defines | (is_call(node) ? functions_[node.callee].always_defines : 0);
      for (unsigned s = 0; s < node.successor_count; ++s) {
        uint32_t successor = node.successors[s];
        Mask narrowed = before[successor] & after;
        if (narrowed == before[successor]) continue;
        before[successor] = narrowed;
        work.push(successor);
      }
    }
  }
  // Least solution over the call graph.
  void find_written() {
    for (const Node& node : nodes_) functions_[node.function].may_write |= node.defines;
    Worklist work(functions_.size());
    for (uint32_t f = 0; f < functions_.size(); ++f) work.push(f);
    for (uint32_t f; work.pop(f);)
      for (uint32_t call : functions_[f].calls) {
        Function& caller = functions_[nodes_[call].function];
        Mask widened = caller.may_write | functions_[f].may_write;
        if (widened == caller.may_write) continue;
        caller.may_write = widened;
        work.push(nodes_[call].function);
      }
  }

  // Backward, least solution. First without what callers need after a return (this gives each function's own needs),
  // then with it, the needs being fixed: so one call site's registers do not leak into another's.
  void solve_liveness(std::vector<Mask>& live, bool across_returns) {
    Worklist work(nodes_.size());
    for (uint32_t n = 0; n < nodes_.size(); ++n) work.push(n);
    for (uint32_t n; work.pop(n);) {
      const Node& node = nodes_[n];
      Mask after = 0;
      for (unsigned s = 0; s < node.successor_count; ++s) after |= live[node.successors[s]];
      if (is_return(node) && across_returns) after = functions_[node.function].live_after;
      Mask before = node.uses | (after & ~node.defines);
      if (is_call(node)) {
        Function& callee = functions_[node.callee];
        before = (after & ~callee.always_defines) | (across_returns ? callee.needs : live[callee.first]);
        if (across_returns && (after & ~callee.live_after)) {
          callee.live_after |= after;
          for (uint32_t back : callee.returns) work.push(back);
        }
      }
      if (!(before & ~live[n])) continue;
      live[n] |= before;
      for (uint32_t p = predecessor_begin_[n]; p < predecessor_begin_[n + 1]; ++p) work.push(predecessors_[p]);
      if (n == functions_[node.function].first && !across_returns)
        for (uint32_t call : functions_[node.function].calls) work.push(call);
    }
  }

  const DecodedCode& code_;
  const CodeLimits& limits_;
  CodeUse use_;
  std::vector<Function> functions_;
  std::unordered_map<uint32_t, uint32_t> function_of_entry_;
  std::vector<Node> nodes_;
  std::unordered_map<uint32_t, uint32_t> node_of_;
  std::vector<RegionList> regions_;
  std::map<std::tuple<uint32_t, unsigned, uint32_t>, uint32_t> region_lists_;
  std::vector<uint32_t> predecessor_begin_, predecessors_;
};

}  // namespace

Expected<DecodedCode> decode_all(std::span<const uint64_t> code) {
  if (code.size() >= DecodedCode::kNone) return error_at_offset(".text", 0, "the code is larger than 32 GiB");
  DecodedCode result;
  result.starts.assign(code.size(), DecodedCode::kNone);
  for (uint32_t word = 0; word < code.size();) {
    auto instruction = decode(code, word);
    if (!instruction) return instruction.diagnostic();
    result.starts[word] = static_cast<uint32_t>(result.instructions.size());
    result.words.push_back(word);
    word += instruction->words();
    result.instructions.push_back(*instruction);
  }
  return result;
}

Expected<CodeUse> analyze(const DecodedCode& code, uint32_t entry, const CodeLimits& limits) {
  return Analysis(code, limits).run(entry);
}

Outcome verify(std::span<const uint64_t> code, uint32_t entry, const CodeLimits& limits) {
  auto decoded = decode_all(code);
  if (!decoded) return decoded.diagnostic();
  auto use = analyze(*decoded, entry, limits);
  if (!use) return use.diagnostic();
  return {};
}

}  // namespace phx::isa
