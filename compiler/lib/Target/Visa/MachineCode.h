// A kernel between the two stages of visa: flat blocks of instructions on virtual registers.
//
// Registers may be written more than once (values that meet after an if or go round a loop). Lane registers, scalar
// registers and predicates all follow the ordinary control flow of one lane: every lane has its own lane registers,
// every split of a warp its own scalar file, and a scalar that lives across a join is never written inside the region.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "device_sim/diagnostic/diagnostic.h"
#include "device_sim/isa/isa.h"
#include "lib/Dialect/Visa/Visa.h"
#include "llvm/ADT/SmallVector.h"

namespace phx::compiler {

enum class File : uint8_t { lane, scalar, predicate };

struct VirtualRegister {
  File file;
  uint8_t words = 1;  // consecutive lane registers: 1 or 2
  int bundle = -1;    // group of registers that must be consecutive, or -1
  uint8_t place = 0;  // index in the bundle
  bool keep = false;  // created by spilling: never spilled again
  int physical = -1;  // after allocation
};

// One mention of a register. Slots: 0 dst, 1 a, 2 b, 3 c; `element` counts the values of a vector in the slot.
struct Mention {
  int reg;
  uint8_t slot;
  uint8_t element = 0;
  bool read = false, write = false;
  uint8_t word = 0;  // the slot names word `word` of the register: parts of a pair
};

struct MachineInstruction {
  isa::Instruction code;  // operand bytes hold zero, ones and imm; register bytes are filled in after allocation
  llvm::SmallVector<Mention, 4> mentions;
  mlir::FlatSymbolRefAttr symbol;
  mlir::Location location;
  bool move = false;  // copies a whole register of the same file: may be coalesced
  int target = -1;    // block of the label, for jmp, bra and fork
};

struct MachineBlock {
  std::vector<MachineInstruction> instructions;  // ends with jmp, exit, bra (else falls through), fork or falls through
  unsigned depth = 0;                            // of loops around it
};

struct MachineCode {
  std::vector<MachineBlock> blocks;  // in order of emission
  std::vector<VirtualRegister> registers;
  std::vector<llvm::SmallVector<int, 4>> bundles;
  uint64_t localBytes = 0;
  uint32_t regions = 0;          // fork/join pairs
  uint32_t spilled = 0;          // registers that went elsewhere or are made again at each use
  uint32_t toLocal = 0;          // of them, lane registers that went to local memory
  unsigned used[3] = {0, 0, 0};  // physical registers used, by File

  int add(File file, unsigned words = 1) {
    registers.push_back({file, static_cast<uint8_t>(words)});
    return static_cast<int>(registers.size()) - 1;
  }
  llvm::SmallVector<int, 2> successors(int block) const;
};

// Flattens a stage 1 kernel. Fails if divergent regions nest deeper than the ISA has region ids.
Expected<MachineCode> flatten(visa::KernelOp kernel);

struct RegisterLimits {
  unsigned lane = isa::kLaneRegisters, scalar = isa::kScalarRegisters, predicate = isa::kPredicates;
};

// Gives every register a place, spilling where there are too few, and removes copies that became idle. Fails only if a
// single instruction needs more registers than the limits allow.
Outcome allocateRegisters(MachineCode& code, const RegisterLimits& limits);

// Removes jumps to jumps and blocks that do nothing.
void tidyControlFlow(MachineCode& code);

// Replaces the kernel's body by stage 2 operations.
void writeStage2(const MachineCode& code, visa::KernelOp kernel);

}  // namespace phx::compiler
