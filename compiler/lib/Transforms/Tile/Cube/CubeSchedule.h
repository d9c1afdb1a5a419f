// How a matrix product is cut: the values of #npu.schedule as a plain structure, who chooses them and who checks them.
#pragma once

#include "lib/Dialect/Npu/Npu.h"
#include "lib/Transforms/Tile/Cube/Contraction.h"

namespace phx::compiler {

struct CubeSchedule {
#define PHX_CUBE_FIELD(name, Getter, otherwise, least, most) int64_t name = otherwise;
#include "lib/Transforms/Tile/Cube/CubeSchedule.def"

  static CubeSchedule of(npu::ScheduleAttr attribute);
  npu::ScheduleAttr attribute(mlir::MLIRContext* context) const;
  // Cores for one matrix of a batch.
  int64_t cores() const { return cores_m * cores_n * split_k; }
};

// Multiply-adds per cycle of one cube with operands of this type; nothing where the machine's cube lacks the type.
std::optional<double> cubeRate(mlir::Type element, const machine::Machine& machine);
// What the machine's rates and buffers suggest (docs/compiler.md has the estimate). `fields` are taken as
// they are and the others chosen to go with them; where nothing fits, checkSchedule() says why.
CubeSchedule chooseSchedule(const Contraction& contraction, const machine::Machine& machine,
                            const ScheduleFields& fields);
// How much of k one of `parts` parts takes: all take the same but the last, in whole fractals.
int64_t depthOfPart(const Contraction& contraction, int64_t parts);
// Does the machine's cube know the type, and does the schedule fit its buffers and the shape? Names the first thing
// that does not.
Outcome checkSchedule(const CubeSchedule& schedule, const Contraction& contraction, const machine::Machine& machine,
                      mlir::Location location);

}  // namespace phx::compiler
