#include "device_sim/timing/instruction_costs.h"

#include <algorithm>

#include "device_sim/isa/fields.h"
#include "device_sim/isa/operands.h"
#include "device_sim/isa/table.h"

namespace phx::sim::timing {
namespace {

std::string_view group_name(isa::TypeGroup group) {
  switch (group) {
    case isa::TypeGroup::i32:
      return "i32";
    case isa::TypeGroup::i64:
      return "i64";
    case isa::TypeGroup::f16:
      return "f16";
    case isa::TypeGroup::f32:
      return "f32";
    case isa::TypeGroup::f64:
      return "f64";
    case isa::TypeGroup::none:
      break;
  }
  return {};
}

// A conversion costs what the wider of its two types costs.
isa::TypeGroup timing_group(const isa::Instruction& instruction, const isa::RowInfo& row) {
  isa::TypeGroup group = isa::info(instruction.type).group;
  if (row.layout != isa::Layout::Convert) return group;
  isa::TypeGroup from = isa::info(isa::field::Convert::get_from(instruction)).group;
  auto rank = [](isa::TypeGroup g) { return g == isa::TypeGroup::f64 ? 2 : g == isa::TypeGroup::i64 ? 1 : 0; };
  return rank(from) > rank(group) ? from : group;
}

unsigned scoreboard_slot(isa::Operand operand) {
  unsigned index = isa::operand::index(operand);
  if (isa::operand::is_r(operand)) return index;
  if (isa::operand::is_s(operand)) return isa::kLaneRegisters + index;
  return isa::kLaneRegisters + isa::kScalarRegisters + index;
}

void add_slots(Cost& cost, const isa::Instruction& instruction) {
  auto add = [&](const isa::Slot& slot) {
    if (slot.kind == isa::OperandClass::None || slot.kind == isa::OperandClass::L) return;
    isa::Operand value = slot.value;
    if (!isa::operand::is_r(value) && !isa::operand::is_s(value) && !isa::operand::is_p(value)) return;
    unsigned first = scoreboard_slot(value), count = std::max(1u, isa::registers(slot));
    for (unsigned i = 0; i < count && cost.hazards < cost.slots.size() && first + i < kScoreboardSlots; ++i) {
      cost.slots[cost.hazards++] = static_cast<uint8_t>(first + i);
      if (slot.written) ++cost.written;
    }
  };
  std::array<isa::Slot, 4> slots = isa::slots(instruction);
  for (const isa::Slot& slot : slots)
    if (slot.written) add(slot);
  for (const isa::Slot& slot : slots)
    if (!slot.written) add(slot);
}

// Numbers the slots that the program names from 0 on: a scoreboard is then a few cache lines instead of kilobytes.
void renumber_slots(CostTable& table) {
  std::array<bool, kScoreboardSlots> used{};
  for (const Cost& cost : table.costs)
    for (unsigned i = 0; i < cost.hazards; ++i) used[cost.slots[i]] = true;
  std::array<uint8_t, kScoreboardSlots> number{};
  for (unsigned slot = 0; slot < kScoreboardSlots; ++slot)
    if (used[slot]) number[slot] = static_cast<uint8_t>(table.slots++);
  for (Cost& cost : table.costs)
    for (unsigned i = 0; i < cost.hazards; ++i) cost.slots[i] = number[cost.slots[i]];
}

uint8_t flags_of(const isa::Instruction& instruction, const isa::RowInfo& row) {
  uint8_t flags = 0;
  if (row.effects & isa::E_CONTROL || row.family == isa::Family::control) flags |= kControl;
  if (row.op == isa::Opcode::Fence) flags |= kFence;
  if (row.core == isa::Core::tile || row.core == isa::Core::aic || row.core == isa::Core::aiv) flags |= kTile;
  if (row.family == isa::Family::mem) {
    bool atomic = row.effects & isa::E_ATOMIC;
    isa::Space space = atomic ? isa::field::Atom::get_space(instruction) : isa::field::Mem::get_space(instruction);
    if (space != isa::Space::Param) {
      flags |= kMemory;
      if (row.op == isa::Opcode::Ld || row.op == isa::Opcode::Atom) flags |= kResult;
      if (atomic) {
        flags |= kBypass;
        if (row.op == isa::Opcode::Atom || isa::info(instruction.type).bits > 32) flags |= kSerial;
      } else {
        isa::CachePolicy policy = isa::field::Mem::get_policy(instruction);
        if (policy == isa::CachePolicy::Global || policy == isa::CachePolicy::Volatile) flags |= kBypass;
      }
    }
  }
  return flags;
}

}  // namespace

CostTable cost_table(const machine::Machine& machine, std::span<const isa::Instruction> code, bool simt) {
  const auto& timing = simt ? machine.chip.simt.timing : machine.chip.scalar.timing;
  CostTable table;
  table.costs.resize(code.size());
  table.busy_before.resize(code.size() + 1);
  for (size_t i = 0; i < code.size(); ++i) {
    const isa::Instruction& instruction = code[i];
    Cost& cost = table.costs[i];
    if (const isa::RowInfo* row = isa::row(instruction.op)) {
      std::string_view fn;
      if (row->layout == isa::Layout::Math) {
        unsigned code = isa::field::Math::get_fn(instruction);
        for (const isa::MathFunction& function : isa::math_functions())
          if (function.code == code) fn = function.name;
      }
      const machine::ClassTiming& numbers =
          machine::timing_of(timing, row->timing, fn, group_name(timing_group(instruction, *row)));
      cost.latency = static_cast<int32_t>(std::max<Ticks>(1, ticks_of_cycles(numbers.latency_cycles)));
      cost.interval = static_cast<int32_t>(std::max<Ticks>(1, ticks_of_cycles(numbers.interval_cycles)));
      auto known = std::find(table.unit_names.begin(), table.unit_names.end(), row->timing);
      if (known == table.unit_names.end()) known = table.unit_names.insert(known, std::string(row->timing));
      cost.unit = static_cast<uint8_t>(std::min<size_t>(known - table.unit_names.begin(), kMaxUnits - 1));
      cost.flags = flags_of(instruction, *row);
      add_slots(cost, instruction);
    }
    table.busy_before[i + 1] = table.busy_before[i] + static_cast<uint64_t>(cost.interval);
  }
  renumber_slots(table);
  return table;
}

}  // namespace phx::sim::timing
