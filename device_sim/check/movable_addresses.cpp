#include "device_sim/check/movable_addresses.h"

#include <algorithm>
#include <array>
#include <vector>

#include "device_sim/isa/fields.h"
#include "device_sim/isa/operands.h"

namespace phx::sim {
namespace {

using isa::Opcode;

// What a register holds, as far as pointers go; a join of paths takes the greater one unless they agree.
enum class Content : uint8_t { unknown, number, pointer, tangled };
constexpr unsigned kPredicateBase = isa::kScalarRegisters;
using Contents = std::array<Content, isa::kScalarRegisters + isa::kPredicates>;

Content join(Content a, Content b) {
  if (a == Content::unknown || a == b) return b;
  return b == Content::unknown ? a : Content::tangled;
}

bool in_device_memory(const isa::Instruction& instruction) {
  return isa::field::Mem::get_space(instruction) == isa::Space::Gm;
}
// The slot with the address of device memory, or 0.
char address_slot(const isa::Instruction& instruction) {
  switch (instruction.op) {
    case Opcode::Ld:
    case Opcode::St:
    case Opcode::Lea:
      return in_device_memory(instruction) ? 'a' : 0;
    case Opcode::DmaGmUb:
    case Opcode::DmaGmL1:
    case Opcode::DmaNd2Nz:
      return 'a';
    case Opcode::DmaUbGm:
      return 'd';
    case Opcode::Fixpipe:
      return isa::field::Fixpipe::get_to(instruction) == isa::FixTarget::FixGm ? 'd' : 0;
    default:
      return 0;
  }
}

class Walk {
 public:
  Walk(std::span<const isa::Instruction> code, uint32_t entry, const PointerSources& sources)
      : code_(code), sources_(sources), before_(code.size()), known_(code.size()) {
    for (uint32_t i = 0; i + 1 < code.size(); ++i)
      if (code[i].op == Opcode::Call) returns_.push_back(i + 1);
    Contents first;
    first.fill(Content::number);  // registers start at zero
    reach(entry, first);
    while (!work_.empty()) {
      const uint32_t at = work_.back();
      work_.pop_back();
      pass(at);
    }
  }

  bool clean() const {
    for (uint32_t at = 0; at < code_.size(); ++at)
      if (known_[at] && !used_well(at)) return false;
    return true;
  }

 private:
  void reach(uint32_t at, const Contents& contents) {
    if (at >= code_.size()) return;
    bool changed = !known_[at];
    known_[at] = true;
    for (size_t i = 0; i < contents.size(); ++i) {
      const Content joined = join(before_[at][i], contents[i]);
      changed |= joined != before_[at][i];
      before_[at][i] = joined;
    }
    if (changed) work_.push_back(at);
  }

  Content content(uint32_t at, isa::Operand operand) const {
    if (isa::operand::is_s(operand)) return before_[at][isa::operand::index(operand)];
    if (isa::operand::is_p(operand)) return before_[at][kPredicateBase + isa::operand::index(operand)];
    if (operand == isa::operand::kImm && sources_.object(at)) return Content::pointer;
    return Content::number;
  }

  Content result(uint32_t at) const {
    const isa::Instruction& instruction = code_[at];
    const Content a = content(at, instruction.a), b = content(at, instruction.b), c = content(at, instruction.c);
    const bool wide = isa::info(instruction.type).bits == 64;
    switch (instruction.op) {
      case Opcode::Mov:
        return wide || a == Content::number ? a : Content::tangled;
      case Opcode::Add:
        if (wide && a == Content::number) return b;
        if (wide && b == Content::number) return a;
        break;
      case Opcode::Sub:
        if (wide && b == Content::number) return a;
        if (wide && a == Content::pointer && b == Content::pointer) return Content::number;
        break;
      case Opcode::Mad:
      case Opcode::MadW:
        if (wide && a == Content::number && b == Content::number) return c;
        break;
      case Opcode::Sel:
        if (wide && c == Content::number && a == b) return a;
        break;
      case Opcode::Lea:
        if (in_device_memory(instruction) && b == Content::number) return a;
        break;
      case Opcode::Ld: {
        if (isa::field::Mem::get_space(instruction) != isa::Space::Param) return Content::number;
        if (instruction.a != isa::operand::kZero || instruction.b != isa::operand::kZero) return Content::tangled;
        const uint64_t values = uint64_t{1} << static_cast<unsigned>(isa::field::Mem::get_vec(instruction));
        const uint64_t offset = instruction.has_ext ? instruction.ext & 0xffffffff : 0;
        switch (sources_.parameter(offset, isa::info(instruction.type).bits / 8 * values)) {
          case ParameterPart::number:
            return Content::number;
          case ParameterPart::pointer:
            return Content::pointer;
          case ParameterPart::mixed:
            return Content::tangled;
        }
        break;
      }
      default:
        break;
    }
    Content all = Content::number;
    for (const isa::Slot& slot : isa::slots(instruction))
      if (!slot.written && slot.kind != isa::OperandClass::None && content(at, slot.value) != Content::number)
        all = Content::tangled;
    return all;
  }

  void pass(uint32_t at) {
    const isa::Instruction& instruction = code_[at];
    if (!isa::row(instruction.op)) return;
    Contents after = before_[at];
    const Content made = result(at);
    for (const isa::Slot& slot : isa::slots(instruction)) {
      if (!slot.written) continue;
      const bool scalar = isa::operand::is_s(slot.value);
      if (!scalar && !isa::operand::is_p(slot.value)) continue;
      const size_t first = isa::operand::index(slot.value) + (scalar ? 0 : kPredicateBase);
      for (size_t i = 0; i < isa::registers(slot) && first + i < after.size(); ++i) after[first + i] = made;
    }
    switch (instruction.op) {
      case Opcode::Exit:
      case Opcode::Trap:
        return;
      case Opcode::Ret:
        for (uint32_t next : returns_) reach(next, after);
        return;
      case Opcode::Jmp:
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

  // Arithmetic makes a value, which result() judges; every other use must be of a number, or an address of an access.
  bool used_well(uint32_t at) const {
    const isa::Instruction& instruction = code_[at];
    const isa::RowInfo* row = isa::row(instruction.op);
    if (!row || (row->family == isa::Family::alu && instruction.op != Opcode::Lea)) return true;
    const bool access = row->family != isa::Family::alu;
    if (access && (instruction.op == Opcode::Ld || instruction.op == Opcode::St) &&
        isa::field::Mem::get_space(instruction) == isa::Space::Generic)
      return false;
    const char address = address_slot(instruction);
    for (const isa::Slot& slot : isa::slots(instruction)) {
      if (slot.written || slot.kind == isa::OperandClass::None) continue;
      const Content held = content(at, slot.value);
      if (slot.name == address) {
        if (held != Content::pointer && access) return false;
      } else if (instruction.op == Opcode::St && slot.name == 'c') {
        continue;  // stored; nobody computes an address from what was loaded
      } else if (held != Content::number && access) {
        return false;
      }
    }
    return true;
  }

  std::span<const isa::Instruction> code_;
  const PointerSources& sources_;
  std::vector<Contents> before_;
  std::vector<bool> known_;
  std::vector<uint32_t> work_, returns_;
};

}  // namespace

bool movable_addresses(std::span<const isa::Instruction> code, uint32_t entry, const PointerSources& sources) {
  return Walk(code, entry, sources).clean();
}

}  // namespace phx::sim
