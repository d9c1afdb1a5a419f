// Which tiles of a kernel should lie in which half of the bank groups of the unified buffer.
//
// Bank groups take turns every `ub_bank_width` bytes, and a repeat touches as many neighbours as it has blocks. Two
// sources meet in no group when they lie half a period apart; then an instruction takes `vector.conflict` cycles less a
// repeat. Tiles get one of two colours so that the sources of as many instructions as possible differ, those in the
// innermost loops first.
#pragma once

#include <cstdint>
#include <optional>

#include "device_sim/machine/machine.h"
#include "lib/Dialect/Npu/Npu.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace phx::compiler {

struct BankPeriod {
  int64_t bytes = 0;  // after which the groups repeat; 0: the machine gains nothing, or has too few groups
  int64_t apart = 0;  // between the starts of two tiles that share no group
};
BankPeriod bankPeriod(const machine::Chip& chip);

// Of a kernel in buffer form.
class BankColours {
 public:
  explicit BankColours(mlir::func::FuncOp kernel);
  // 0 or 1; nullopt: the tile is never one of two sources.
  std::optional<int64_t> of(mlir::memref::AllocOp tile) const;

 private:
  struct Place {
    unsigned parent;
    bool differs;  // from the parent
  };
  std::pair<unsigned, bool> root(unsigned tile) const;  // and whether it differs from it

  llvm::DenseMap<mlir::Operation*, unsigned> numbers_;
  llvm::SmallVector<Place> places_;
};

}  // namespace phx::compiler
