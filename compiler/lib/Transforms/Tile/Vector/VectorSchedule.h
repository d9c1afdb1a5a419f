// How a vector group is cut, as plain numbers: the fields of #npu.vector_schedule, of which 0 leaves one open.
#pragma once

#include "lib/Dialect/Npu/Npu.h"
#include "lib/Transforms/Tile/Vector/Expression.h"

namespace phx::compiler::vector {

struct VectorSchedule {
  int64_t block = 0;          // bytes of the largest operand's tile; 0: what is estimated to be the fastest
  int64_t buffers = 2;        // copies of what is loaded and stored
  int64_t cores = 0;          // 0: as many as are worth starting
  int64_t l2_bypass = 0;      // what is loaded (1), or loaded and stored (2), once does not stay in the L2
  bool conflict_free = true;  // sources of one instruction in different bank groups

  static VectorSchedule of(npu::GroupOp group);  // the defaults where the group has no attribute
  npu::VectorScheduleAttr attribute(mlir::MLIRContext* context) const {
    return npu::VectorScheduleAttr::get(context, block, buffers, cores, l2_bypass, conflict_free);
  }
};

// Bytes of an element of the largest input or output.
int64_t operandBytes(const Program& program);

}  // namespace phx::compiler::vector
