#include "device_sim/isa/operands.h"

#include "device_sim/isa/fields.h"

namespace phx::isa {
namespace {

// Bits of a value in a slot of this class, before the exceptions of single rows.
unsigned width_of(OperandClass kind, Type type) {
  switch (kind) {
    case OperandClass::None:
    case OperandClass::L:
      return 0;
    case OperandClass::P:
    case OperandClass::Q:
      return 1;
    case OperandClass::W:
    case OperandClass::I:
    case OperandClass::O:
      return 32;
    case OperandClass::A:
    case OperandClass::S:
      return 64;
    case OperandClass::D:
    case OperandClass::V:
    case OperandClass::R:
    case OperandClass::X:
      return info(type).bits > 32 ? 64 : 32;
  }
  return 0;
}

}  // namespace

bool has_address(const RowInfo& row) { return row.layout == Layout::Mem || row.layout == Layout::Atom; }

bool has_label(const RowInfo& row) { return row.dst == OperandClass::L; }

std::array<Slot, 4> slots(const Instruction& i) {
  const RowInfo* r = row(i.op);
  if (!r) return {};
  auto slot = [&](char name, OperandClass kind, Operand value) {
    bool written = name == 'd' && (kind == OperandClass::D || kind == OperandClass::R || kind == OperandClass::P ||
                                   kind == OperandClass::O);
    return Slot{name, kind, value, width_of(kind, i.type), 1, written};
  };
  std::array<Slot, 4> result = {slot('d', r->dst, i.dst), slot('a', r->a, i.a), slot('b', r->b, i.b),
                                slot('c', r->c, i.c)};
  auto& [dst, a, b, c] = result;
  switch (i.op) {
    case Opcode::Cvt:
      a.width = width_of(OperandClass::V, field::Convert::get_from(i));
      break;
    case Opcode::Match:
      dst.width = 32;
      break;
    case Opcode::Svc:
      a.width = b.width = 64;
      dst.width = field::Service::get_fn(i) == ServiceFn::Malloc ? 64 : 32;
      break;
    case Opcode::Ld:
      dst.count = 1u << static_cast<unsigned>(field::Mem::get_vec(i));
      break;
    case Opcode::St:
      c.count = 1u << static_cast<unsigned>(field::Mem::get_vec(i));
      break;
    case Opcode::Atom:
    case Opcode::Red:
      if (field::Atom::get_fn(i) == AtomicFn::Cas) c.count = 2;
      break;
    default:
      break;
  }
  return result;
}

unsigned registers(const Slot& slot) {
  if (operand::is_r(slot.value)) return slot.count * (slot.width > 32 ? 2 : 1);
  return slot.count;
}

}  // namespace phx::isa
