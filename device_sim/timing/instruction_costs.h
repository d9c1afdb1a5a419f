// What the machine says of each decoded instruction, looked up once per launch so that replay never touches a name.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "device_sim/isa/isa.h"
#include "device_sim/machine/machine.h"
#include "device_sim/timing/ticks.h"

namespace phx::sim::timing {

// Registers of one warp as scoreboard slots: r0..r127, s0..s63, p0..p15, as far as the program names them, in this
// order.
inline constexpr unsigned kScoreboardSlots = isa::kLaneRegisters + isa::kScalarRegisters + isa::kPredicates;

enum CostFlag : uint8_t {
  kMemory = 1,   // has an Access record
  kControl = 2,  // may leave the run: the next run pays the refetch if it does not follow on
  kBypass = 4,   // the data cache is not asked (cg, volatile, atomics)
  kFence = 8,    // waits for the warp's stores
  kTile = 16,    // goes to a pipe of a tile program: DMA, cube, FIX, vector instructions, flags, barriers
  kResult = 32,  // memory writes the destination
  kSerial = 64,  // an atomic with a result or of 64 bits: its lanes take turns on a line
};

struct Cost {
  int32_t latency = 0;   // ticks until the result can be used
  int32_t interval = 0;  // ticks before the scheduler's next instruction of the same class
  uint8_t unit = 0;      // timing class, as an index
  uint8_t flags = 0;     // CostFlag
  uint8_t hazards = 0;   // scoreboard slots that must be ready: sources, and the destination
  uint8_t written = 0;   // of which the first `written` are the destination
  std::array<uint8_t, 20> slots{};
};

inline constexpr unsigned kMaxUnits = 32;

struct CostTable {
  std::vector<Cost> costs;              // by decoded index
  unsigned slots = 0;                   // scoreboard slots that the program uses
  std::vector<uint64_t> busy_before;    // prefix sums of intervals, one more than instructions
  std::vector<std::string> unit_names;  // timing classes
};

// `simt`: the numbers of chip.simt.timing, else chip.scalar.timing. Classes without a row of their own take "default".
CostTable cost_table(const machine::Machine& machine, std::span<const isa::Instruction> code, bool simt);

}  // namespace phx::sim::timing
