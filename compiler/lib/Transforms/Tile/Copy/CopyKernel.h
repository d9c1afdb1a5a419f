// Emits the body of a copy kernel: loops over tasks that the cores share, each a tile through the unified buffer.
#pragma once

#include "lib/Transforms/Tile/Copy/CopyPlan.h"

namespace phx::compiler {

class CopyKernel {
 public:
  // `grid` cores run the kernel.
  CopyKernel(mlir::OpBuilder& builder, mlir::Location location, int64_t grid);

  void copy(const CopyPlan& plan, mlir::Value source, mlir::Value result);
  // The plan's box of the result holds one value.
  void fillBox(CopyPlan plan, mlir::Value result, mlir::TypedAttr value);
  // The first `elements` of the buffer; `tile` elements at a time.
  void fill(mlir::Value result, int64_t elements, int64_t tile, mlir::TypedAttr value);
  // Pairs of 32-bit words that are not alike.
  void fillPairs(mlir::Value result, int64_t words, int64_t tile, int32_t low, int32_t high);

 private:
  struct Extent {
    mlir::Value start, size;  // first element, number of elements
  };
  mlir::Value index(int64_t value);
  mlir::Value advance(mlir::Value place, mlir::Value count, int64_t stride);
  // Number of the tile with `tile` elements each, to its place in the dimension.
  Extent extent(mlir::Value number, int64_t size, int64_t tile);
  mlir::Value empty(mlir::Type element, int64_t rows, int64_t columns, int64_t buffers = 1);
  mlir::Value vector(llvm::StringRef inst, mlir::ValueRange ins, mlir::Value value, mlir::Value rows,
                     mlir::Value columns, mlir::Value outs);
  mlir::Value load(mlir::Value gm, mlir::Value offset, mlir::Value rows, mlir::Value columns, mlir::Value pitch,
                   mlir::Value outs);
  // Byte offsets in the loaded tile of the elements of a gathered one.
  mlir::Value gatherTable(const CopyPlan& plan, int64_t bytes, int64_t loaded_columns);
  void task(const CopyPlan& plan, mlir::Value number, mlir::Value source, mlir::Value result, mlir::Value table);
  // for task = own number; task < tasks; task += cores. Successive calls start with successive cores.
  void forTasks(int64_t tasks, llvm::function_ref<void(mlir::Value)> body);
  void fillWith(mlir::Value result, int64_t elements, mlir::Value tile);

  mlir::OpBuilder& builder_;
  mlir::Location location_;
  int64_t grid_, dealt_ = 0;
  mlir::Value core_;
};

}  // namespace phx::compiler
