// Which values of a kernel are the same in every active lane.
//
// Works on structured control flow (scf) over the LLVM dialect, before the lowering to visa. A value is divergent if it
// comes from a divergent source (thread index, lane id, atomics, local memory, shuffles, unknown calls), is computed
// from a divergent value, or leaves a region that lanes take differently. A value inside such a region is judged among
// the lanes that are there: scalar registers belong to a split of the warp, so that is exact.
#pragma once

#include "llvm/ADT/DenseSet.h"
#include "mlir/IR/Operation.h"
#include "mlir/IR/Value.h"

namespace phx::compiler {

class Uniformity {
 public:
  explicit Uniformity(mlir::Operation* kernel);

  bool divergent(mlir::Value value) const { return divergent_.contains(value); }

 private:
  void visit(mlir::Region& region);
  void visit(mlir::Operation* op);
  void mark(mlir::Value value) { changed_ |= divergent_.insert(value).second; }

  llvm::DenseSet<mlir::Value> divergent_;
  bool changed_ = false;
};

// Address space (of the LLVM dialect) that an access through the pointer really goes to: looks through casts and
// offsets to an alloca or a by-value kernel argument, which have generic pointers in the input.
unsigned accessedSpace(mlir::Value pointer);

// Numbers of LLVM's address spaces for CUDA.
namespace space {
inline constexpr unsigned kGeneric = 0, kGlobal = 1, kShared = 3, kConstant = 4, kLocal = 5, kParam = 101;
}

}  // namespace phx::compiler
