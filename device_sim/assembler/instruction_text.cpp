#include "device_sim/assembler/instruction_text.h"

#include <charconv>
#include <vector>

#include "device_sim/isa/disassembly.h"
#include "device_sim/isa/fields.h"
#include "device_sim/isa/immediate.h"
#include "device_sim/isa/legality.h"
#include "device_sim/isa/operands.h"
#include "device_sim/isa/table.h"
#include "device_sim/isa/type_sets.h"

namespace phx::assembler {
namespace {

using isa::FieldInfo;
using isa::FieldKind;
using isa::Instruction;
using isa::Operand;
using isa::OperandClass;
using isa::RowInfo;
using isa::Slot;

class Parser {
 public:
  Parser(Cursor& cursor, const ParameterLookup& parameter) : cursor_(cursor), parameter_(parameter) {}

  Expected<ParsedInstruction> run() {
    uint64_t start = cursor_.column();
    if (Outcome parsed = parse_mnemonic(); !parsed) return parsed.diagnostic();
    if (Outcome parsed = parse_operands(); !parsed) return parsed.diagnostic();
    if (Outcome ended = cursor_.expect_end(); !ended) return ended.diagnostic();
    if (std::string why = isa::why_illegal(instruction()); !why.empty()) return cursor_.fail_at(start, why);
    return std::move(result_);
  }

 private:
  Instruction& instruction() { return result_.instruction; }

  // --- mnemonic.field.field.type

  Outcome parse_mnemonic() {
    column_ = cursor_.column();
    rest_ = cursor_.word();
    std::string_view mnemonic = rest_.substr(0, rest_.find('.'));
    if (mnemonic.empty()) return cursor_.fail_at(column_, "expected an instruction, a label or a directive");
    row_ = isa::row_named(mnemonic);
    if (!row_) {
      std::vector<std::string_view> mnemonics;
      for (const RowInfo& candidate : isa::rows()) mnemonics.push_back(candidate.mnemonic);
      return cursor_.fail_at(column_,
                             "unknown instruction '" + std::string(mnemonic) + "'" + suggestion(mnemonic, mnemonics));
    }
    take(mnemonic.size());
    instruction().op = row_->op;
    for (const FieldInfo& field : isa::fields(row_->layout))
      if (Outcome parsed = parse_field(field); !parsed) return parsed;
    if (Outcome parsed = parse_type(); !parsed) return parsed;
    if (!rest_.empty())
      return cursor_.fail_at(column_, "'" + std::string(rest_) + "' does not belong to " + std::string(row_->mnemonic));
    return {};
  }

  void take(size_t characters) {
    rest_.remove_prefix(characters);
    column_ += characters;
  }

  // Length of ".name" if the rest of the mnemonic starts with it, else 0.
  size_t match(std::string_view name) const {
    if (name.empty() || rest_.size() < name.size() + 1 || rest_[0] != '.' || rest_.substr(1, name.size()) != name)
      return 0;
    size_t end = name.size() + 1;
    return end == rest_.size() || rest_[end] == '.' ? end : 0;
  }

  // The piece up to the next dot, for errors.
  std::string_view piece() const {
    std::string_view after = rest_.substr(rest_.empty() ? 0 : 1);
    return after.substr(0, after.find('.'));
  }

  Outcome parse_field(const FieldInfo& field) {
    if (field.kind == FieldKind::InAddress) return {};
    std::vector<std::string> names;
    size_t length = 0;
    unsigned value = 0;
    if (field.kind == FieldKind::Int) {
      std::string_view digits = piece();
      if (digits.starts_with(field.name)) {
        digits.remove_prefix(field.name.size());
        auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        bool whole = !digits.empty() && end == digits.data() + digits.size();
        if (whole && (code != std::errc() || !isa::value_exists(field, value)))
          return cursor_.fail_at(column_ + 1, "'" + std::string(piece()) + "' is too large, the field has " +
                                                  std::to_string(field.width) + " bits");
        if (whole) length = piece().size() + 1;
      }
      names.push_back(std::string(field.name) + "<number>");
    } else {
      for (unsigned v = field.kind == FieldKind::Bool ? 1 : 0; v < (1u << field.width); ++v) {
        std::string name = isa::value_name(field, v);
        if (name.empty()) continue;
        if (size_t matched = match(name); matched > length) {
          length = matched;
          value = v;
        }
        names.push_back(std::move(name));
      }
    }
    if (length) {
      instruction().mod |= static_cast<uint16_t>(value << field.low);
      take(length);
      return {};
    }
    if (!field.required) return {};
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
    return cursor_.fail_at(column_, "after " + std::string(row_->mnemonic) + " expected ." + std::string(field.name) +
                                        " (" + list + ")" + got_piece(names));
  }

  template <class Names>
  std::string got_piece(const Names& names) const {
    if (rest_.empty()) return "";
    return ", got '" + std::string(piece()) + "'" + suggestion(piece(), names);
  }

  Outcome parse_type() {
    if (row_->types == isa::type_set::T_NONE) return {};
    std::vector<std::string_view> names;
    std::string list;
    for (const isa::TypeInfo& type : isa::types()) {
      if (!(row_->types & isa::type_bit(type.type)) || type.type == isa::Type::None) continue;
      if (size_t matched = match(type.name)) {
        instruction().type = type.type;
        take(matched);
        return {};
      }
      names.push_back(type.name);
      list += (list.empty() ? "" : ", ") + std::string(type.name);
    }
    return cursor_.fail_at(column_,
                           "expected a type of " + std::string(row_->mnemonic) + " (" + list + ")" + got_piece(names));
  }

  // --- operands

  Outcome parse_operands() {
    bool address = isa::has_address(*row_), first = true;
    // Rows with an optional destination may be written without any operand: all of them are zero.
    bool none = row_->dst == OperandClass::O && cursor_.at_end();
    for (const Slot& slot : isa::slots(instruction())) {
      if (slot.kind == OperandClass::None || (address && slot.name == 'b')) continue;
      Operand& to = slot.name == 'd'   ? instruction().dst
                    : slot.name == 'a' ? instruction().a
                    : slot.name == 'b' ? instruction().b
                                       : instruction().c;
      if (none) {
        to = isa::operand::kZero;
        continue;
      }
      if (!first && !cursor_.accept(',')) return cursor_.expected("','");
      first = false;
      Outcome parsed = address && slot.name == 'a'    ? parse_address()
                       : slot.kind == OperandClass::L ? parse_label()
                                                      : parse_operand(slot, to);
      if (!parsed) return parsed;
    }
    return {};
  }

  Outcome parse_label() {
    uint64_t column = cursor_.column();
    auto name = cursor_.name();
    if (!name) return cursor_.fail_at(column, "expected a label");
    result_.label = Reference{*name, column};
    instruction().has_ext = true;
    return {};
  }

  // r5, s0, p3, zero, ones. nullopt: the word is none of them.
  Expected<std::optional<Operand>> register_named(std::string_view word, uint64_t column) {
    if (word == "zero") return std::optional(isa::operand::kZero);
    if (word == "ones") return std::optional(isa::operand::kOnes);
    if (word.size() < 2 || (word[0] != 'r' && word[0] != 's' && word[0] != 'p')) return std::optional<Operand>();
    unsigned index = 0;
    auto [end, code] = std::from_chars(word.data() + 1, word.data() + word.size(), index);
    if (end != word.data() + word.size()) return std::optional<Operand>();
    unsigned count = word[0] == 'r' ? isa::kLaneRegisters : word[0] == 's' ? isa::kScalarRegisters : isa::kPredicates;
    if (code != std::errc() || index >= count)
      return cursor_.fail_at(column, "there is no register " + std::string(word) + "; the file has " + word[0] +
                                         "0 to " + word[0] + std::to_string(count - 1));
    return std::optional(word[0] == 'r'   ? isa::operand::r(index)
                         : word[0] == 's' ? isa::operand::s(index)
                                          : isa::operand::p(index));
  }

  Outcome set_immediate(uint64_t value, uint64_t column, Operand& to) {
    if (instruction().has_ext) return cursor_.fail_at(column, "an instruction has room for one immediate only");
    instruction().has_ext = true;
    instruction().ext = value;
    to = isa::operand::kImm;
    return {};
  }

  Outcome parse_operand(const Slot& slot, Operand& to) {
    uint64_t column = cursor_.column();
    if (cursor_.accept('@')) {
      auto object = parse_object_reference(cursor_);
      if (!object) return object.diagnostic();
      if (slot.width != 64)
        return cursor_.fail_at(column, "an address has 64 bits, but the operand has " + std::to_string(slot.width));
      result_.object = *object;
      return set_immediate(0, column, to);
    }
    auto found = register_named(cursor_.peek_word(), column);
    if (!found) return found.diagnostic();
    if (found->has_value()) {
      cursor_.word();
      to = **found;
      return {};
    }
    std::string_view number = cursor_.number();
    if (number.empty()) return cursor_.expected("an operand (register, zero, ones, number or @object)");
    auto value = isa::parse_immediate(number, isa::immediate_type(instruction(), slot), slot.width);
    if (!value) return cursor_.fail_at(column, value.diagnostic().message);
    return set_immediate(*value, column, to);
  }

  // "u(": a parameter may be called u as well.
  bool accept_zero_extension() {
    Cursor ahead = cursor_;
    if (!ahead.accept_word("u") || !ahead.accept('(')) return false;
    cursor_ = ahead;
    return true;
  }

  // [base + index*scale + offset] with any part left out; a parameter's name is an offset.
  Outcome parse_address() {
    if (!cursor_.accept('[')) return cursor_.expected("an address in brackets");
    Instruction& i = instruction();
    i.a = i.b = isa::operand::kZero;
    bool has_base = false, has_index = false, negative = cursor_.accept('-'), has_offset = false;
    int64_t offset = 0;
    do {
      uint64_t column = cursor_.column();
      std::string_view word = cursor_.peek_word();
      bool zero_extended = accept_zero_extension();
      if (zero_extended) word = cursor_.peek_word();
      auto found = register_named(word, column);
      if (!found) return found.diagnostic();
      if (found->has_value()) {
        cursor_.word();
        if (negative) return cursor_.fail_at(column, "only the offset of an address can be negative");
        if (zero_extended && !cursor_.accept(')')) return cursor_.expected("')'");
        unsigned scale = 0;
        bool scaled = cursor_.accept('*');
        if (scaled) {
          auto factor = cursor_.integer(16);
          if (!factor) return factor.diagnostic();
          while ((1u << scale) < *factor) ++scale;
          if ((1u << scale) != *factor) return cursor_.fail_at(column, "the scale of an index is 1, 2, 4, 8 or 16");
        }
        bool is_index = has_base || scaled || zero_extended;
        if (is_index && has_index) return cursor_.fail_at(column, "an address has one base and one index");
        (is_index ? i.b : i.a) = **found;
        (is_index ? has_index : has_base) = true;
        if (is_index) {
          isa::field::Mem::set_scale(i, scale);
          isa::field::Mem::set_iu(i, zero_extended);
        }
      } else {
        if (zero_extended) return cursor_.expected("a register");
        auto parameter =
            isa::field::Mem::get_space(i) == isa::Space::Param && parameter_ ? parameter_(word) : std::nullopt;
        int64_t term = 0;
        if (parameter) {
          cursor_.word();
          term = *parameter;
        } else {
          auto value = cursor_.integer(uint64_t{1} << 32);
          if (!value)
            return cursor_.fail_at(column, "expected a register, a number" +
                                               std::string(parameter_ ? " or a parameter of the kernel" : "") +
                                               " in the address");
          term = static_cast<int64_t>(*value);
        }
        offset += negative ? -term : term;
        if (offset > INT32_MAX || offset < INT32_MIN)
          return cursor_.fail_at(column, "the offset of an address has 32 bits");
        has_offset = true;
      }
      negative = false;
      if (cursor_.accept('-'))
        negative = true;
      else if (!cursor_.accept('+'))
        break;
    } while (true);
    if (!cursor_.accept(']')) return cursor_.expected("']', '+' or '-'");
    i.has_ext = has_offset;
    i.ext = static_cast<uint32_t>(offset);
    return {};
  }

  Cursor& cursor_;
  const ParameterLookup& parameter_;
  const RowInfo* row_ = nullptr;
  std::string_view rest_;  // of the mnemonic
  uint64_t column_ = 0;    // of rest_
  ParsedInstruction result_;
};

}  // namespace

Expected<Reference> parse_object_reference(Cursor& cursor) {
  Reference reference;
  reference.column = cursor.column();
  auto name = cursor.name();
  if (!name) return name.diagnostic();
  reference.name = *name;
  if (cursor.accept('+')) {
    auto addend = cursor.integer(INT64_MAX);
    if (!addend) return addend.diagnostic();
    reference.addend = static_cast<int64_t>(*addend);
  }
  return reference;
}

Expected<ParsedInstruction> parse_instruction(Cursor& cursor, const ParameterLookup& parameter) {
  return Parser(cursor, parameter).run();
}

}  // namespace phx::assembler
