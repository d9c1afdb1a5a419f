// Which index values are never negative, so that divisions by powers of two are shifts.
#pragma once

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "mlir/IR/Value.h"

namespace phx::compiler {

// Index arithmetic is taken not to overflow. Values carried round a loop are non-negative if they begin so and each
// turn keeps them so.
class NonNegative {
 public:
  bool operator()(mlir::Value value);

 private:
  bool decide(mlir::Value value);
  llvm::DenseMap<mlir::Value, bool> known_;
  llvm::DenseSet<mlir::Value> assumed_;  // values that are being decided
};

}  // namespace phx::compiler
