#include "device_sim/isa/operands.h"
#include "device_sim/isa/table.h"
#include "device_sim/isa/type_sets.h"
#include "device_sim/tools/isa_tables.h"

namespace phx::isagen {

std::string syntax(const isa::RowInfo& row) {
  std::string text(row.mnemonic);
  for (const isa::FieldInfo& field : isa::fields(row.layout)) {
    if (field.kind == isa::FieldKind::InAddress) continue;
    std::string part = "." + std::string(field.name) + (field.kind == isa::FieldKind::Int ? "<n>" : "");
    text += field.required ? part : "[" + part + "]";
  }
  if (row.types != isa::type_set::T_NONE) text += ".type";
  std::string operands;
  auto add = [&](std::string_view operand) { operands += (operands.empty() ? " " : ", ") + std::string(operand); };
  auto operand = [&](isa::OperandClass kind, std::string_view name) {
    if (kind == isa::OperandClass::L)
      add("label");
    else if (kind != isa::OperandClass::None)
      add(std::string(name) + ":" + std::string(isa::name(kind)));
  };
  operand(row.dst, "dst");
  if (isa::has_address(row)) {
    add("[a:A + b:I*scale + offset]");
  } else {
    operand(row.a, "a");
    operand(row.b, "b");
  }
  operand(row.c, "c");
  return text + operands;
}

std::string effect_names(uint16_t effects) {
  static constexpr std::pair<isa::Effect, std::string_view> names[] = {
      {isa::E_READ, "READ"},       {isa::E_WRITE, "WRITE"}, {isa::E_ATOMIC, "ATOMIC"},   {isa::E_SYNC, "SYNC"},
      {isa::E_CONTROL, "CONTROL"}, {isa::E_WARP, "WARP"},   {isa::E_SERVICE, "SERVICE"}, {isa::E_CLOCK, "CLOCK"}};
  std::string text;
  for (auto [effect, name] : names)
    if (effects & effect) text += (text.empty() ? "" : " ") + std::string(name);
  return text;
}

std::string type_names(uint32_t types, std::string_view separator) {
  std::string text;
  for (const isa::TypeInfo& type : isa::types())
    if ((types & isa::type_bit(type.type)) && type.type != isa::Type::None)
      text += (text.empty() ? "" : std::string(separator)) + std::string(type.name);
  return text;
}

}  // namespace phx::isagen
