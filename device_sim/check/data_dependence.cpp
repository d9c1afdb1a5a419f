#include "device_sim/check/data_dependence.h"

#include <array>
#include <vector>

#include "device_sim/isa/fields.h"
#include "device_sim/isa/operands.h"

namespace phx::sim {
namespace {

using isa::Opcode;

// By register (scalars, then predicates): 1 + index of the load that its value depends on, or 0.
constexpr unsigned kPredicateBase = isa::kScalarRegisters;
using Sources = std::array<uint32_t, isa::kScalarRegisters + isa::kPredicates>;

std::optional<unsigned> place_of(isa::Operand operand) {
  if (isa::operand::is_s(operand)) return isa::operand::index(operand);
  if (isa::operand::is_p(operand)) return kPredicateBase + isa::operand::index(operand);
  return std::nullopt;
}

// The slot holds a number that is computed with, not one that decides what is done.
bool is_plain_value(const isa::RowInfo& row, char slot) {
  switch (row.op) {
    case Opcode::Vadds:
    case Opcode::Vmuls:
    case Opcode::Vmaxs:
    case Opcode::Vmins:
    case Opcode::Vdup:
    case Opcode::Vci:
    case Opcode::Vcmps:
    case Opcode::Vsels:
      return slot == 'b';
    case Opcode::SetQuant:
      return slot == 'a';
    case Opcode::St:
      return slot == 'c';
    default:
      return row.family == isa::Family::alu;
  }
}

class Walk {
 public:
  Walk(std::span<const isa::Instruction> code, uint32_t entry)
      : code_(code), before_(code.size()), known_(code.size()) {
    for (uint32_t i = 0; i + 1 < code.size(); ++i)
      if (code[i].op == Opcode::Call) returns_.push_back(i + 1);
    reach(entry, {});
    while (!work_.empty()) {
      const uint32_t at = work_.back();
      work_.pop_back();
      pass(at);
    }
  }

  std::optional<DataDependence> first_use() const {
    for (uint32_t i = 0; i < code_.size(); ++i)
      if (known_[i])
        if (const uint32_t load = decisive_load(i)) return DataDependence{load - 1, i};
    return std::nullopt;
  }

 private:
  // Joins what is known on entry of an instruction. What is once put down to a load stays so: each entry changes once.
  void reach(uint32_t at, const Sources& sources) {
    if (at >= code_.size()) return;
    bool changed = !known_[at];
    known_[at] = true;
    for (size_t i = 0; i < sources.size(); ++i) {
      uint32_t& known = before_[at][i];
      if (sources[i] == 0 || known != 0) continue;
      known = sources[i];
      changed = true;
    }
    if (changed) work_.push_back(at);
  }

  void pass(uint32_t at) {
    const isa::Instruction& instruction = code_[at];
    const isa::RowInfo* row = isa::row(instruction.op);
    if (!row) return;
    Sources after = before_[at];
    uint32_t from = 0;
    for (const isa::Slot& slot : isa::slots(instruction))
      if (!slot.written && slot.kind != isa::OperandClass::None)
        if (auto place = place_of(slot.value); place && after[*place])
          from = from ? std::min(from, after[*place]) : after[*place];
    if (instruction.op == Opcode::Ld && isa::field::Mem::get_space(instruction) != isa::Space::Param) from = at + 1;
    for (const isa::Slot& slot : isa::slots(instruction))
      if (slot.written)
        if (auto place = place_of(slot.value))
          for (unsigned i = 0; i < isa::registers(slot) && *place + i < after.size(); ++i) after[*place + i] = from;

    switch (instruction.op) {
      case Opcode::Exit:
      case Opcode::Trap:
        return;
      case Opcode::Ret:
        for (uint32_t next : returns_) reach(next, after);
        return;
      case Opcode::Jmp:
        return reach(instruction.target(), after);
      case Opcode::Call:
        return reach(instruction.target(), after);
      case Opcode::Bra:
        reach(instruction.target(), after);
        break;
      default:
        break;
    }
    reach(at + 1, after);
  }

  // 1 + the load that decides what the instruction does, or 0.
  uint32_t decisive_load(uint32_t at) const {
    const isa::RowInfo* row = isa::row(code_[at].op);
    if (!row) return 0;
    for (const isa::Slot& slot : isa::slots(code_[at])) {
      if (slot.written || slot.kind == isa::OperandClass::None || is_plain_value(*row, slot.name)) continue;
      if (auto place = place_of(slot.value); place && before_[at][*place]) return before_[at][*place];
    }
    return 0;
  }

  std::span<const isa::Instruction> code_;
  std::vector<Sources> before_;
  std::vector<bool> known_;
  std::vector<uint32_t> work_, returns_;
};

}  // namespace

std::optional<DataDependence> data_dependence(std::span<const isa::Instruction> code, uint32_t entry) {
  return Walk(code, entry).first_use();
}

}  // namespace phx::sim
