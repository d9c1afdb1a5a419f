// What each operand slot of an instruction means: its class, how many bits a value has, how many registers it names,
// whether it is read or written. The verifier, the disassembler, register allocation and hazard keys all ask here.
#pragma once

#include <array>

#include "device_sim/isa/isa.h"

namespace phx::isa {

struct Slot {
  char name;          // 'd', 'a', 'b', 'c' for dst, a, b, c
  OperandClass kind;  // None if the row does not use the slot
  Operand value;      // the operand byte
  unsigned width;     // bits of one value: 32 or 64; 1 for predicates; 0 for labels and unused slots
  unsigned count;     // consecutive values: 2 or 4 for vectors, 2 for the compare-and-swap pair, else 1
  bool written;       // destination; every other slot is a source
  bool operator==(const Slot&) const = default;
};

// Slots dst, a, b, c of a legal or illegal instruction; an unassigned opcode gives four unused slots.
std::array<Slot, 4> slots(const Instruction& instruction);

// Registers of its own file that a register operand covers, from index(value) on: pairs and vectors counted.
unsigned registers(const Slot& slot);

// The row has an address in a, b and the extension word (layouts Mem and Atom).
bool has_address(const RowInfo& row);
// The row has a label in the extension word.
bool has_label(const RowInfo& row);

}  // namespace phx::isa
