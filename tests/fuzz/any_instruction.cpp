#include "tests/fuzz/any_instruction.h"

#include <array>
#include <vector>

#include "device_sim/isa/legality.h"
#include "device_sim/isa/operands.h"
#include "device_sim/isa/table.h"
#include "device_sim/isa/type_sets.h"

namespace phx::fuzz {

using isa::Instruction;
using isa::OperandClass;
namespace operand = isa::operand;

isa::Operand any_operand(Random& random, OperandClass kind, const Files& files) {
  auto lane = [&] { return operand::r(static_cast<unsigned>(random.below(files.lane))); };
  auto even_lane = [&] { return operand::r(static_cast<unsigned>(random.below(files.lane)) & ~1u); };
  auto scalar = [&] { return operand::s(static_cast<unsigned>(random.below(files.scalar))); };
  auto predicate = [&] { return operand::p(static_cast<unsigned>(random.below(files.predicates))); };
  auto lane_or = [&](unsigned percent) { return random.chance(percent) ? even_lane() : lane(); };
  uint64_t choice = random.below(10);
  switch (kind) {
    case OperandClass::None:
    case OperandClass::L:
      return 0;
    case OperandClass::D:
      return choice < 6 ? lane_or(60) : scalar();
    case OperandClass::R:
      return lane_or(60);
    case OperandClass::V:
    case OperandClass::W:
      return choice < 4    ? lane_or(60)
             : choice < 7  ? scalar()
             : choice == 7 ? operand::kZero
             : choice == 8 ? operand::kOnes
                           : operand::kImm;
    case OperandClass::P:
      return predicate();
    case OperandClass::Q:
      return choice < 6 ? predicate() : choice < 8 ? operand::kZero : operand::kOnes;
    case OperandClass::S:
      return choice < 6 ? scalar() : choice < 8 ? operand::kZero : operand::kImm;
    case OperandClass::X:
    case OperandClass::I:
    case OperandClass::O:
      return choice < 4 ? lane_or(60) : choice < 7 ? scalar() : operand::kZero;
    case OperandClass::A:
      return choice < 3 ? even_lane() : choice < 8 ? scalar() : operand::kZero;
  }
  return 0;
}

std::optional<Instruction> with_operands(Random& random, Instruction i, const Files& files) {
  const isa::RowInfo& row = *isa::row(i.op);
  for (unsigned attempt = 0; attempt < 24; ++attempt) {
    i.dst = any_operand(random, row.dst, files);
    i.a = any_operand(random, row.a, files);
    i.b = any_operand(random, row.b, files);
    i.c = any_operand(random, row.c, files);
    i.ext = 0;
    i.has_ext = isa::has_label(row) || (isa::has_address(row) && random.chance(50));
    unsigned width = 32;
    for (const isa::Slot& slot : isa::slots(i))
      if (slot.kind != OperandClass::None && slot.value == operand::kImm) {
        i.has_ext = true;
        width = slot.width;
      }
    if (i.has_ext) {
      const uint64_t interesting[] = {0,
                                      1,
                                      2,
                                      0xFFFF'FFFF,
                                      0x8000'0000,
                                      0x7FFF'FFFF,
                                      ~uint64_t{0},
                                      uint64_t{1} << 63,
                                      random.next(),
                                      random.below(64)};
      i.ext = interesting[random.below(std::size(interesting))];
      if (width <= 32) i.ext &= 0xFFFF'FFFF;
    }
    if (isa::why_illegal(i).empty()) return i;
  }
  return std::nullopt;
}

uint16_t mod_mask(isa::Layout layout) {
  uint16_t mask = 0;
  for (const isa::FieldInfo& field : isa::fields(layout))
    mask |= static_cast<uint16_t>(((1u << field.width) - 1u) << field.low);
  return mask;
}

std::optional<Instruction> any_instruction(Random& random, const isa::RowInfo& row, const Files& files,
                                           unsigned tries) {
  std::vector<isa::Type> types;
  for (const isa::TypeInfo& type : isa::types())
    if (row.types & isa::type_bit(type.type)) types.push_back(type.type);
  for (unsigned attempt = 0; attempt < tries; ++attempt) {
    Instruction i;
    i.op = row.op;
    i.type = random.pick(types);
    for (const isa::FieldInfo& field : isa::fields(row.layout)) {
      unsigned value = static_cast<unsigned>(random.below(uint64_t{1} << field.width));
      for (unsigned redraw = 0; redraw < 8 && !isa::value_exists(field, value); ++redraw)
        value = static_cast<unsigned>(random.below(uint64_t{1} << field.width));
      if (!field.required && random.chance(50)) value = 0;
      i.mod |= static_cast<uint16_t>(value << field.low);
    }
    if (auto legal = with_operands(random, i, files)) return legal;
  }
  return std::nullopt;
}

}  // namespace phx::fuzz
