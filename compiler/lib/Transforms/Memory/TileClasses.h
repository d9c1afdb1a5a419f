// Sets of tile values that share something: their memory space (phase place), their buffer (phase buffer).
#pragma once

#include <utility>

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Value.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"

namespace phx::compiler {

// Union-find over values; numbers are given in the order of first mention, so that results do not depend on pointers.
class TileClasses {
 public:
  unsigned of(mlir::Value value) {
    auto [place, fresh] = number_.try_emplace(value, static_cast<unsigned>(parent_.size()));
    if (fresh) parent_.push_back(place->second);
    unsigned root = place->second;
    while (parent_[root] != root) root = parent_[root] = parent_[parent_[root]];
    return root;
  }
  void join(mlir::Value a, mlir::Value b) {
    unsigned x = of(a), y = of(b);
    if (x != y) parent_[std::max(x, y)] = std::min(x, y);
  }
  bool joined(mlir::Value a, mlir::Value b) { return of(a) == of(b); }

 private:
  llvm::DenseMap<mlir::Value, unsigned> number_;
  llvm::SmallVector<unsigned> parent_;
};

inline bool isTile(mlir::Value value) { return llvm::isa<mlir::RankedTensorType>(value.getType()); }

// Calls tie(from, to) for every pair of tile values of which the second continues the first: outs and result, a loop's
// initial, carried, yielded and final value, the values of an if.
template <class Tie>
void forEachTie(mlir::Operation* op, Tie tie) {
  if (auto loop = llvm::dyn_cast<mlir::scf::ForOp>(op)) {
    for (unsigned i = 0; i < loop.getNumRegionIterArgs(); ++i) {
      mlir::Value carried = loop.getRegionIterArg(i);
      if (!isTile(carried)) continue;
      tie(loop.getInitArgs()[i], carried);
      tie(loop.getYieldedValues()[i], carried);
      tie(carried, loop.getResult(i));
    }
  } else if (auto branch = llvm::dyn_cast<mlir::scf::IfOp>(op)) {
    for (unsigned i = 0; i < branch.getNumResults(); ++i)
      if (isTile(branch.getResult(i))) {
        tie(branch.thenYield().getResults()[i], branch.getResult(i));
        tie(branch.elseYield().getResults()[i], branch.getResult(i));
      }
  } else if (auto destination = llvm::dyn_cast<mlir::DestinationStyleOpInterface>(op)) {
    for (mlir::OpResult result : op->getResults()) tie(destination.getTiedOpOperand(result)->get(), result);
  }
}

}  // namespace phx::compiler
