// The visa dialect: the virtual ISA as MLIR operations. See Visa.td.
#pragma once

#include "device_sim/isa/isa.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace phx::compiler::visa {

// What a source slot of visa.inst holds.
enum class Slot : int8_t { none, value, zero, ones, imm };

// The classes of a row's source slots in order: a, b, c, and before them dst where it is a source (tile rows).
llvm::SmallVector<isa::OperandClass, 4> sourceClasses(const isa::RowInfo& row);
// Letter of source slot `index` in messages and the number of its operand byte (0 dst, 1 a, 2 b, 3 c).
inline unsigned operandByte(const isa::RowInfo& row, unsigned index) {
  return row.dst == isa::OperandClass::S ? index : index + 1;
}

// Text of an instruction without operands ("ld.gm.v4.b32"), and back; field order as in the assembler.
std::string mnemonicOf(isa::Opcode opcode, isa::Type type, uint16_t mod);
// False if no row, field or type has the name. Address fields (scale, iu) are written as .x<scale> and .iu here.
bool parseMnemonic(llvm::StringRef text, isa::Opcode& opcode, isa::Type& type, uint16_t& mod);

// 32-bit lane registers that a value of an element type takes, without vectors.
inline unsigned wordsOf(isa::Type type) { return isa::info(type).bits > 32 ? 2 : 1; }

}  // namespace phx::compiler::visa

#include "VisaDialect.h.inc"
#define GET_TYPEDEF_CLASSES
#include "VisaTypes.h.inc"
#define GET_OP_CLASSES
#include "Visa.h.inc"
