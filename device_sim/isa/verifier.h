// The verifier with what it finds out on the way. isa::verify() of isa.h is the same with a plain answer.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "device_sim/isa/isa.h"

namespace phx::isa {

// Code decoded once, for many kernels that live in it. Every word belongs to exactly one instruction.
struct DecodedCode {
  std::vector<Instruction> instructions;
  std::vector<uint32_t> words;   // word index of each instruction
  std::vector<uint32_t> starts;  // per word: index of the instruction that starts there, or kNone

  static constexpr uint32_t kNone = 0xFFFF'FFFF;
};

// Decodes all of it, from word 0 to the end.
Expected<DecodedCode> decode_all(std::span<const uint64_t> code);

// What the code reachable from one entry uses.
struct CodeUse {
  unsigned lane_registers = 0, scalar_registers = 0, predicates = 0;  // highest register + 1
  bool clock = false, grid_barrier = false, dynamic_ub = false, service = false, local = false;
  uint64_t instructions = 0;  // reachable ones
};

// Checks the rules that isa::verify() names; `entry` is a word index.
Expected<CodeUse> analyze(const DecodedCode& code, uint32_t entry, const CodeLimits& limits);

}  // namespace phx::isa
