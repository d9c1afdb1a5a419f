// A group being put together: loop nests over one iteration space, the domain.
//
// Loop nests meet although their loops differ: a tensor of [F, H*W] read as [1, F, H, W] has the same elements in the
// same order. The domain is therefore kept as the common refinement of all members' loops, and each loop is a run of
// its dimensions. When the group is built, dimensions that every tensor has side by side are merged again.
#pragma once

#include "lib/Transforms/Graph/View.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace phx::compiler::graph {

class GroupPlan {
 public:
  using Dims = llvm::SmallVector<unsigned, 6>;  // of the domain

  // A contraction, an elementwise nest or a reduction.
  explicit GroupPlan(mlir::linalg::GenericOp first);

  // Adds a nest, if its loops are the domain or the part of it that reductions leave, and every tensor that passes
  // between members is seen alike by both. False leaves the plan as it was.
  bool add(mlir::linalg::GenericOp op);

  bool contains(mlir::Operation* op) const;
  llvm::SmallVector<mlir::linalg::GenericOp> members() const;  // in program order
  // Results of members that others read, in order.
  llvm::SmallVector<mlir::Value> results() const;
  llvm::SmallVector<mlir::Value> externalInputs() const;  // roots, each once
  bool hasContraction() const { return contraction_; }
  // A reduction of dimensions that are no suffix of the domain ends a group.
  bool closed() const { return closed_; }
  // Elements of one row of the longest reduced suffix; 0 without reductions.
  int64_t rowLength() const;
  // Members' results and inputs that have the innermost dimension of the domain.
  int64_t longTensors() const;

  // Replaces the members by one npu.group at the place of the last one. `name` is for reports.
  npu::GroupOp build(llvm::StringRef name, mlir::Location location) const;

 private:
  struct Member {
    mlir::linalg::GenericOp op;
    llvm::SmallVector<Dims> loops;  // empty: the depth of a contraction
  };

  bool align(mlir::linalg::GenericOp op);
  bool split(size_t dim, int64_t outer);
  bool consistent() const;
  bool wholeOrigins(const Dims& dims) const;
  bool isRead(mlir::linalg::GenericOp op) const;
  Dims dimsOf(const Member& member, mlir::AffineMap map) const;
  Dims longer(const Dims& dims) const;  // without those of size 1
  Dims reducedDims(const Member& member) const;
  const Member* producerOf(mlir::Value value) const;
  llvm::SmallVector<unsigned> merged(llvm::SmallVectorImpl<int64_t>& sizes) const;

  Sizes sizes_;
  Dims origin_;  // of a contraction: which of b, m, n each dimension is part of
  llvm::SmallVector<Member> members_;
  bool contraction_ = false, closed_ = false;
};

}  // namespace phx::compiler::graph
