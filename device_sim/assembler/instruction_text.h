// Parses one instruction as isa::disassemble() writes it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "device_sim/assembler/cursor.h"
#include "device_sim/isa/isa.h"

namespace phx::assembler {

// An operand that is known only when the whole file is read.
struct Reference {
  std::string name;
  uint64_t column = 0;
  int64_t addend = 0;
};

struct ParsedInstruction {
  isa::Instruction instruction;
  std::optional<Reference> label;   // its word index goes to the extension word
  std::optional<Reference> object;  // a relocation for the extension word
};

// Offset of a named parameter of the current kernel.
using ParameterLookup = std::function<std::optional<uint32_t>(std::string_view)>;

Expected<ParsedInstruction> parse_instruction(Cursor& cursor, const ParameterLookup& parameter);

// "@name", "@name + 8": after the '@' has been seen.
Expected<Reference> parse_object_reference(Cursor& cursor);

}  // namespace phx::assembler
