#include "device_sim/isa/legality.h"

#include <bit>

#include "device_sim/isa/fields.h"
#include "device_sim/isa/operands.h"
#include "device_sim/isa/table.h"
#include "device_sim/isa/type_sets.h"

namespace phx::isa {
namespace {

using operand::is_p;
using operand::is_r;
using operand::is_s;
using operand::kImm;
using operand::kOnes;
using operand::kZero;

std::string hex(uint64_t value) {
  char digits[24];
  std::snprintf(digits, sizeof digits, "0x%llx", static_cast<unsigned long long>(value));
  return digits;
}

std::string operand_name(Operand o) {
  if (is_r(o)) return "r" + std::to_string(operand::index(o));
  if (is_s(o)) return "s" + std::to_string(operand::index(o));
  if (is_p(o)) return "p" + std::to_string(operand::index(o));
  if (o == kZero) return "zero";
  if (o == kImm) return "imm";
  if (o == kOnes) return "ones";
  return "operand byte " + hex(o);
}

std::string slot_name(const Slot& slot) { return slot.name == 'd' ? "dst" : std::string(1, slot.name); }

bool admits(OperandClass kind, Operand o) {
  switch (kind) {
    case OperandClass::None:
    case OperandClass::L:
      return o == 0;
    case OperandClass::D:
      return is_r(o) || is_s(o);
    case OperandClass::V:
    case OperandClass::W:
      return is_r(o) || is_s(o) || o == kZero || o == kOnes || o == kImm;
    case OperandClass::P:
      return is_p(o);
    case OperandClass::Q:
      return is_p(o) || o == kZero || o == kOnes;
    case OperandClass::S:
      return is_s(o) || o == kZero || o == kImm;
    case OperandClass::R:
      return is_r(o);
    case OperandClass::X:
    case OperandClass::I:
    case OperandClass::A:
    case OperandClass::O:
      return is_r(o) || is_s(o) || o == kZero;
  }
  return false;
}

std::string_view expectation(OperandClass kind) {
  switch (kind) {
    case OperandClass::None:
    case OperandClass::L:
      return "an unused slot (0)";
    case OperandClass::D:
      return "r or s";
    case OperandClass::V:
    case OperandClass::W:
      return "r, s, zero, ones or imm";
    case OperandClass::P:
      return "p";
    case OperandClass::Q:
      return "p, zero or ones";
    case OperandClass::S:
      return "s, zero or imm";
    case OperandClass::R:
      return "r";
    case OperandClass::X:
    case OperandClass::I:
    case OperandClass::O:
      return "r, s or zero";
    case OperandClass::A:
      return "s, zero or an even r pair";
  }
  return {};
}

std::string check_type(const Instruction& i, const RowInfo& row) {
  if (static_cast<size_t>(i.type) >= types().size())
    return "type code " + std::to_string(static_cast<unsigned>(i.type)) + " is not assigned";
  if (row.types & type_bit(i.type)) return {};
  if (row.types == type_set::T_NONE) return "the row has no type field, but it is " + std::string(info(i.type).name);
  std::string expected;
  for (const TypeInfo& candidate : types())
    if (row.types & type_bit(candidate.type)) expected += (expected.empty() ? "" : ", ") + std::string(candidate.name);
  return "type " + std::string(info(i.type).name) + " is not one of the row's types: " + expected;
}

std::string check_fields(const Instruction& i, const RowInfo& row) {
  uint16_t used = 0;
  for (const FieldInfo& field : fields(row.layout)) {
    used |= static_cast<uint16_t>(((1u << field.width) - 1u) << field.low);
    unsigned value = value_of(field, i.mod);
    if (!value_exists(field, value))
      return "field " + std::string(field.name) + " has the unassigned value " + std::to_string(value);
  }
  if (i.mod & ~used) return "unused mod bits " + hex(i.mod & ~used) + " are not zero";
  for (const FieldLimit& limit : limits()) {
    if (limit.layout != row.layout || (limit.types & type_bit(i.type))) continue;
    for (const FieldInfo& field : fields(row.layout)) {
      unsigned value = value_of(field, i.mod);
      if (field.name == limit.field && value >= limit.first && value <= limit.last)
        return "field " + std::string(field.name) + " = " + value_name(field, value) + " does not go with type " +
               std::string(info(i.type).name);
    }
  }
  return {};
}

std::string check_operands(const Instruction& i) {
  unsigned immediates = 0;
  for (const Slot& slot : slots(i)) {
    if (!admits(slot.kind, slot.value))
      return slot_name(slot) + " is " + operand_name(slot.value) + ", expected " + std::string(expectation(slot.kind));
    if (slot.kind == OperandClass::None || slot.kind == OperandClass::L) continue;
    immediates += slot.value == kImm;
    if (is_r(slot.value)) {
      if (slot.width == 64 && operand::index(slot.value) % 2)
        return slot_name(slot) + " is the odd register " + operand_name(slot.value) +
               ", a 64-bit value needs an even pair";
      if (operand::index(slot.value) + registers(slot) > kLaneRegisters)
        return slot_name(slot) + " reaches past r" + std::to_string(kLaneRegisters - 1);
    } else if (is_s(slot.value) && operand::index(slot.value) + registers(slot) > kScalarRegisters) {
      return slot_name(slot) + " reaches past s" + std::to_string(kScalarRegisters - 1);
    }
  }
  if (immediates > 1) return "more than one operand is imm, but there is one extension word";
  return {};
}

std::string check_extension(const Instruction& i, const RowInfo& row) {
  const Slot* immediate = nullptr;
  auto all = slots(i);
  for (const Slot& slot : all)
    if (slot.kind != OperandClass::None && slot.value == kImm) immediate = &slot;
  bool label = has_label(row), address = has_address(row);
  if ((label || immediate) && !i.has_ext)
    return label ? "the label's extension word is missing" : "the immediate's extension word is missing";
  if (!i.has_ext) return i.ext ? "there is an extension value without an extension word" : "";
  if (!label && !immediate && !address) return "there is an extension word that nothing uses";
  bool narrow = label || address || immediate->width <= 32;
  if (narrow && i.ext >> 32) return "the upper half of the extension word is not zero: " + hex(i.ext);
  return {};
}

// A scalar destination means: executed once per split, so no source may differ from lane to lane.
std::string check_scalar_destination(const Instruction& i, const RowInfo& row) {
  if ((row.dst != OperandClass::D && row.dst != OperandClass::O) || !is_s(i.dst) || i.op == Opcode::First) return {};
  for (const Slot& slot : slots(i))
    if (slot.name != 'd' && slot.kind != OperandClass::None && is_r(slot.value))
      return slot_name(slot) + " is the lane register " + operand_name(slot.value) + ", but dst " +
             operand_name(i.dst) + " is scalar";
  return {};
}

std::string check_address(const Instruction& i, const RowInfo& row) {
  unsigned scale = field::Mem::get_scale(i);
  if (scale > 4) return "address scale 2^" + std::to_string(scale) + " is more than 2^4";
  if (i.b == kZero && (scale || field::Mem::get_iu(i))) return "the address has a scale or `iu` but no index";
  if (row.layout == Layout::Atom) {
    if (field::Atom::get_space(i) == Space::Param) return "atomics do not exist on param";
    if (field::Atom::get_fn(i) == AtomicFn::Cas && i.c == kZero) return "c of cas names two values and cannot be zero";
    return {};
  }
  Space space = field::Mem::get_space(i);
  CachePolicy policy = field::Mem::get_policy(i);
  if (i.op == Opcode::Lea && (policy != CachePolicy::Default || field::Mem::get_vec(i) != Vector::V1))
    return "lea has no vector length and no cache policy";
  if (i.op == Opcode::Lea && space == Space::Param) return "param has no addresses";
  if (i.op == Opcode::St && space == Space::Param) return "param is read only";
  if (i.op == Opcode::St && policy == CachePolicy::ReadOnly) return "a store cannot be `ro`";
  return {};
}

std::string check_barrier(const Instruction& i) {
  BarrierKind kind = field::Barrier::get_kind(i);
  bool reduces = kind == BarrierKind::Popc || kind == BarrierKind::RedAnd || kind == BarrierKind::RedOr;
  if (reduces && i.dst == kZero) return "a reducing barrier needs a destination";
  if (!reduces && i.dst != kZero) return "dst must be zero for a barrier without reduction";
  if (!reduces && i.a != kZero) return "a must be zero for a barrier without reduction";
  if (kind == BarrierKind::Grid && field::Barrier::get_id(i)) return "the grid barrier has no id";
  return {};
}

std::string check_service(const Instruction& i) {
  ServiceFn fn = field::Service::get_fn(i);
  if (fn == ServiceFn::Malloc && i.dst == kZero) return "svc.malloc needs a destination";
  if ((fn == ServiceFn::Assert || fn == ServiceFn::Free) && i.dst != kZero)
    return "dst must be zero, the service has no result";
  if (fn != ServiceFn::Printf && i.b != kZero) return "b must be zero, only printf has two arguments";
  return {};
}

std::string check_arity(unsigned function, unsigned arity) {
  const MathFunction& math = math_functions()[function];
  return math.arity == arity ? "" : std::string(math.name) + " has another number of arguments";
}

std::string check_fixpipe(const Instruction& i) {
  Type from = field::Fixpipe::get_from(i);
  bool to_l1 = field::Fixpipe::get_to(i) == FixTarget::FixL1;
  if (from != Type::F32 && from != Type::S32) return "accumulators are f32 or s32";
  if (from == Type::F32 && i.type == Type::S32) return "f32 accumulators do not become s32";
  if (i.type == Type::S8 && !field::Fixpipe::get_quant(i)) return "s8 results need `quant`";
  if (from == Type::S32 && i.type != Type::S32 && !field::Fixpipe::get_quant(i))
    return "s32 accumulators need `quant` to become another type";
  if (from == Type::S32 && i.type == Type::S32 && field::Fixpipe::get_quant(i)) return "s32 results have no `quant`";
  if (to_l1 && !field::Fixpipe::get_nz(i)) return "the layout in l1 is `nz`";
  if (to_l1 && field::Fixpipe::get_add(i)) return "`add` is for gm only";
  return {};
}

std::string check_row(const Instruction& i, const RowInfo& row) {
  if (has_address(row)) return check_address(i, row);
  switch (i.op) {
    case Opcode::Rdsr:
      if (field::Special::get_sr(i) <= SpecialReg::LaneId && !is_r(i.dst))
        return "the special register differs from lane to lane and needs a lane destination";
      return {};
    case Opcode::First:
      return is_s(i.dst) ? "" : "dst of first must be a scalar register";
    case Opcode::Math1:
    case Opcode::Math2:
      return check_arity(field::Math::get_fn(i), i.op == Opcode::Math1 ? 1 : 2);
    case Opcode::Vmath:
      if (field::VecMath::get_ablk(i) || field::VecMath::get_bblk(i)) return "only vmath2 has ablk and bblk";
      return check_arity(field::VecMath::get_fn(i), 1);
    case Opcode::Vmath2:
      return check_arity(field::VecMath::get_fn(i), 2);
    case Opcode::Vcmps:
      return field::VecCompare::get_ablk(i) || field::VecCompare::get_bblk(i) ? "only vcmp has ablk and bblk" : "";
    case Opcode::Fixpipe:
      return check_fixpipe(i);
    case Opcode::Bar:
      return check_barrier(i);
    case Opcode::Svc:
      return check_service(i);
    case Opcode::SetFlag:
    case Opcode::WaitFlag: {
      PipeField from = field::Flag::get_src(i), to = field::Flag::get_to(i);
      if (from == PipeField::PipeAll || to == PipeField::PipeAll) return "a flag joins two single pipes, not `all`";
      return from == to ? "a flag joins two different pipes" : "";
    }
    case Opcode::CrossSet:
    case Opcode::CrossWait:
      if (field::CrossFlag::get_mode(i) > 2) return "mode is 0, 1 or 2";
      if (field::CrossFlag::get_id(i) > 10) return "id is 0 to 10";
      return field::CrossFlag::get_pipe(i) == PipeField::PipeAll ? "the flag belongs to one pipe, not `all`" : "";
    default:
      return {};
  }
}

}  // namespace

std::string why_illegal(const Instruction& i) {
  const RowInfo* found = row(i.op);
  if (!found) return "opcode " + hex(static_cast<uint16_t>(i.op)) + " is not assigned";
  std::string why = check_type(i, *found);
  if (why.empty()) why = check_fields(i, *found);
  if (why.empty()) why = check_operands(i);
  if (why.empty()) why = check_extension(i, *found);
  if (why.empty()) why = check_scalar_destination(i, *found);
  if (why.empty()) why = check_row(i, *found);
  return why.empty() ? why : std::string(found->mnemonic) + ": " + why;
}

}  // namespace phx::isa
