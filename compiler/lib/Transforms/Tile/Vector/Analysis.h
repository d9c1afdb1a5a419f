// Reads a vector group: which dimensions its iteration space really has, and what is computed over them.
#pragma once

#include "device_sim/diagnostic/diagnostic.h"
#include "lib/Dialect/Npu/Npu.h"
#include "lib/Transforms/Tile/Vector/Expression.h"

namespace phx::compiler::vector {

struct GroupProgram {
  Program program;
  std::vector<unsigned> inputs;  // the group's input behind each input of the program
};

// The group as a Program. Dimensions of size 1 are left out, neighbours that every tensor has or lacks alike become
// one. Outputs are the group's results in order. The error names the operation that is not supported.
Expected<GroupProgram> analyse(npu::GroupOp group);
// The same with the dimensions of the group's domain as they are, one for one: for callers that cut the space
// themselves.
Expected<GroupProgram> analyseUncollapsed(npu::GroupOp group);

}  // namespace phx::compiler::vector
