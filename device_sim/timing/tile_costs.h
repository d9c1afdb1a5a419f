// What the machine says of the cube core's and vector core's instructions: their time on their pipe, from the numbers
// of an Access record. docs/timing.md has the formulas.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "device_sim/isa/isa.h"
#include "device_sim/machine/machine.h"
#include "device_sim/timing/ticks.h"

namespace phx::sim::timing {

struct MatrixShape {
  uint32_t m = 0, k = 0, n = 0;
  // Slot c of an mmad.
  static MatrixShape of(uint64_t configuration) {
    return {static_cast<uint32_t>(configuration & 0xfff), static_cast<uint32_t>(configuration >> 12 & 0xfff),
            static_cast<uint32_t>(configuration >> 24 & 0xfff)};
  }
  uint64_t macs() const { return uint64_t{m} * k * n; }
};

class TileCosts {
 public:
  TileCosts() = default;
  TileCosts(const machine::Machine& machine, std::span<const isa::Instruction> code);

  // l1_l0a, l1_l0b, l1_bt.
  Ticks load(isa::Opcode op, uint64_t bytes) const;
  // `idle`: the cube had nothing to do when the mmad came.
  Ticks multiply(isa::Type type, MatrixShape shape, bool idle) const;
  Ticks drain(uint64_t elements) const;
  // From the start of a fixpipe with `unit` until the next tile's mmad may start.
  Ticks release(uint64_t elements) const;
  // `places`: the shape word of a vec record (events.h).
  Ticks vector(uint32_t instruction, uint64_t repeats, uint64_t places) const;

 private:
  struct Vector {
    Ticks overhead = 0;  // head and tail
    Ticks slope = 0;     // a repeat
    Ticks apart = 0;     // a repeat of two sources that share no bank group
    // Row reductions: the instruction that folds a row of several repeats into one.
    Ticks fold_overhead = 0, fold_slope = 0, fold_apart = 0;
  };
  const machine::Chip* chip_ = nullptr;
  Ticks reduction(const Vector& cost, uint64_t repeats, uint64_t rows) const;
  uint64_t instructions(uint64_t repeats) const;  // that so many repeats take

  std::vector<Vector> vectors_;  // by decoded index
};

}  // namespace phx::sim::timing
