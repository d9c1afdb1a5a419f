// The rest of the table as data: modifier fields, their values, limits. Rows are in isa.h; this is what generic readers
// of the table (assembler, disassembler, documentation and ODS generator, tests) walk over.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "device_sim/isa/isa.h"

namespace phx::isa {

// How the value of a field is written and checked.
enum class FieldKind : uint8_t { Enumeration, Type, Int, Bool, InAddress, MathFn };

struct FieldInfo {
  Layout layout;
  std::string_view name;
  unsigned low, width;  // mod bits [low, low + width)
  FieldKind kind;
  std::string_view enumeration;  // PHX_ENUM group, for Enumeration; else the name of the kind
  bool required;                 // assembly must write it; an optional one is left out when it is 0
};

struct EnumValue {
  std::string_view enumeration;
  std::string_view enumerator;  // in C++
  std::string_view name;        // in assembly
  unsigned code;
};

struct FieldLimit {
  Layout layout;
  std::string_view field;
  unsigned first, last;  // values
  uint32_t types;        // bits of the Type codes they go with
};

struct MathFunction {
  std::string_view name;
  unsigned code, arity;
};

std::span<const Layout> layouts();
// Fields of a layout in the order of the assembly text.
std::span<const FieldInfo> fields(Layout layout);
// Values of a PHX_ENUM group in order of their codes.
std::span<const EnumValue> values(std::string_view enumeration);
std::span<const FieldLimit> limits();
std::span<const TypeInfo> types();
std::span<const MathFunction> math_functions();

std::string_view name(Layout layout);
std::string_view name(Family family);
std::string_view name(Pipe pipe);
std::string_view name(Core core);
std::string_view name(OperandClass operand_class);
std::string_view name(TypeGroup group);
// C++ enumerator of the opcode ("MulHi").
std::string_view enumerator(Opcode op);

// The row with this mnemonic; nullptr if there is none.
const RowInfo* row_named(std::string_view mnemonic);

inline unsigned value_of(const FieldInfo& field, uint16_t mod) { return bits(mod, field.low, field.width); }
// Text of a field value without the leading dot; empty if the value has no name (it is then illegal). Int fields give
// "k7", Bool fields their own name. InAddress fields have no text of their own.
std::string value_name(const FieldInfo& field, unsigned value);
// Can the field hold the value at all? (Limits that depend on the type are checked by legality.h.)
bool value_exists(const FieldInfo& field, unsigned value);

}  // namespace phx::isa
