#include "device_sim/isa/disassembly.h"
#include "device_sim/isa/fields.h"
#include "device_sim/isa/immediate.h"
#include "device_sim/isa/operands.h"
#include "device_sim/isa/table.h"

namespace phx::isa {
namespace {

std::string address_text(const Instruction& i) {
  std::string text;
  auto add = [&](const std::string& term) { text += (text.empty() ? "" : " + ") + term; };
  if (i.a != operand::kZero || i.b != operand::kZero || !i.has_ext) add(operand_text(i.a));
  if (i.b != operand::kZero) {
    std::string index = operand_text(i.b);
    if (field::Mem::get_iu(i)) index = "u(" + index + ")";
    if (unsigned scale = field::Mem::get_scale(i)) index += "*" + std::to_string(1u << scale);
    add(index);
  }
  if (i.has_ext) {
    int64_t offset = static_cast<int32_t>(i.ext);
    if (text.empty())
      text = std::to_string(offset);
    else
      text += (offset < 0 ? " - " : " + ") + std::to_string(offset < 0 ? -offset : offset);
  }
  return "[" + text + "]";
}

}  // namespace

std::string operand_text(Operand o) {
  if (operand::is_r(o)) return "r" + std::to_string(operand::index(o));
  if (operand::is_s(o)) return "s" + std::to_string(operand::index(o));
  if (operand::is_p(o)) return "p" + std::to_string(operand::index(o));
  if (o == operand::kZero) return "zero";
  if (o == operand::kOnes) return "ones";
  return "imm";
}

std::string mnemonic_text(const Instruction& i) {
  const RowInfo* found = row(i.op);
  if (!found) return "?";
  std::string text(found->mnemonic);
  for (const FieldInfo& field : fields(found->layout)) {
    unsigned value = value_of(field, i.mod);
    if (field.kind == FieldKind::InAddress || (!field.required && value == 0)) continue;
    text += "." + value_name(field, value);
  }
  if (i.type != Type::None) text += "." + std::string(info(i.type).name);
  return text;
}

Type immediate_type(const Instruction& i, const Slot& slot) {
  if (i.op == Opcode::Cvt && slot.name == 'a') return field::Convert::get_from(i);
  if (slot.kind == OperandClass::W) return Type::U32;
  return i.type == Type::None ? Type::U64 : i.type;
}

std::string disassemble(const Instruction& i, const std::string& extension) {
  const RowInfo* found = row(i.op);
  if (!found) return "?";
  std::string text;
  bool all_zero = found->dst == OperandClass::O;  // then the operands of a row with optional destination are left out
  for (const Slot& slot : slots(i)) all_zero &= slot.kind == OperandClass::None || slot.value == operand::kZero;
  if (all_zero) return mnemonic_text(i);
  for (const Slot& slot : slots(i)) {
    std::string operand;
    if (slot.kind == OperandClass::None) continue;
    if (slot.name == 'b' && has_address(*found)) continue;
    if (slot.name == 'a' && has_address(*found))
      operand = address_text(i);
    else if (slot.kind == OperandClass::L)
      operand = extension.empty() ? "L" + std::to_string(i.target()) : extension;
    else if (slot.value == operand::kImm)
      operand = extension.empty() ? immediate_text(i.ext, immediate_type(i, slot), slot.width) : extension;
    else
      operand = operand_text(slot.value);
    text += (text.empty() ? " " : ", ") + operand;
  }
  return mnemonic_text(i) + text;
}

std::string disassemble(const Instruction& i) { return disassemble(i, {}); }

}  // namespace phx::isa
