// Strided views: the algebra behind npu.rearrange.
//
// Slices, transpositions, windows and broadcasts are all the same thing here: a box of indices, each with a stride in
// the flattened row-major tensor that it reads. A view composed with the view that made its source is one view, so
// chains of movements cost one copy, and often none: a consumer that can read the source as it lies gets a reshape of
// it.
#pragma once

#include <optional>

#include "lib/Dialect/Npu/Npu.h"
#include "mlir/IR/AffineMap.h"

namespace phx::compiler::graph {

using Sizes = llvm::SmallVector<int64_t, 6>;

// The element at index (i, j, ..) of the box is element offset + i strides[0] + j strides[1] + .. of the flattened
// source. The sizes of the box are kept beside the view. Strides may be zero (broadcast) or negative.
struct View {
  mlir::Value source;
  int64_t offset = 0;
  Sizes strides;
};

// A view whose box is copied to the places that `target` says, in elements of the flattened result.
struct Box {
  View from;
  Sizes sizes;
  int64_t target_offset = 0;
  Sizes target_strides;
};

int64_t product(llvm::ArrayRef<int64_t> sizes);
Sizes rowMajor(llvm::ArrayRef<int64_t> sizes);
mlir::RankedTensorType typeOf(mlir::Value value);

bool isReshape(mlir::Operation* op);
// The tensor before all reshapes: the same elements in the same order.
mlir::Value rootOf(mlir::Value value);
// The one operation that reads the value, directly or behind reshapes; null if there is none or another one.
mlir::Operation* onlyReader(mlir::Value value);
// Reshapes the root of `value`; the number of elements stays.
mlir::Value reshapeTo(mlir::OpBuilder& builder, mlir::Location location, mlir::Value value,
                      llvm::ArrayRef<int64_t> shape);

// What an operand of a loop nest reads: the map's results index the tensor. nullopt: the map is not linear.
std::optional<View> viewOf(mlir::Value tensor, mlir::AffineMap map, size_t loops);
// Follows reshapes and rearrangements that are one view, as long as the composition is a view. Strides of loops of size
// 1 become 0.
View lookThrough(View view, llvm::ArrayRef<int64_t> sizes);
// The same for a box, whose dimensions are cut where that helps.
void lookThrough(Box& box);
// Does the view read its whole source, in row-major order?
bool isDense(const View& view, llvm::ArrayRef<int64_t> sizes);
// The tensor of shape `sizes` that the view reads: a reshape where it is dense, a folded constant, or npu.rearrange.
mlir::Value gather(mlir::OpBuilder& builder, mlir::Location location, const View& view, llvm::ArrayRef<int64_t> sizes);

// A tensor put together from boxes; `fill` (may be null) is the value of what no box covers. Boxes are simplified, and
// constants folded.
mlir::Value rearrange(mlir::OpBuilder& builder, mlir::Location location, mlir::RankedTensorType type,
                      llvm::ArrayRef<Box> boxes, mlir::Attribute fill = {});

// The one value of all elements: of a splat constant or of linalg.fill with a constant. Null if there is none.
mlir::TypedAttr splatOf(mlir::Value tensor);

}  // namespace phx::compiler::graph
