// Phase schedule: every group gets the schedule of its kind, chosen from the machine's numbers, with the fields that
// the option names.
#include "lib/Transforms/Phases.h"
#include "lib/Transforms/Tile/Tile.h"
#include "mlir/IR/BuiltinOps.h"

namespace phx::compiler {

Outcome chooseSchedules(mlir::ModuleOp module, const machine::Machine& machine, const TileOptions& options) {
  auto fields = ScheduleFields::parse(options.schedule);
  if (!fields) return fields.diagnostic();
  Outcome outcome;
  module.walk([&](npu::GroupOp group) {
    if (!outcome) return;
    if (group.getKind() == npu::GroupKind::cube) outcome = scheduleCubeGroup(group, machine, *fields);
    if (group.getKind() == npu::GroupKind::vector) outcome = scheduleVectorGroup(group, machine, *fields);
  });
  return outcome;
}

}  // namespace phx::compiler
