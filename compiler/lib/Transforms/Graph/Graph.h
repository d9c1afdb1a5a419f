// Phase graph beside Phases.h's formGroups(): its checker, the reference lowering, and its passes for phx-opt.
#pragma once

#include "device_sim/diagnostic/diagnostic.h"

namespace mlir {
class ModuleOp;
}

namespace phx::compiler {

// Are @main and its groups in the form that npu.group (Npu.td) and docs/compiler.md describe?
Outcome verifyAfterGraph(mlir::ModuleOp module);

// The reference meaning of groups, to run a module on the host: npu.group becomes its body, npu.rearrange loops over
// elements. The result holds func, scf, tensor, linalg, arith and math operations only.
Outcome inlineGroups(mlir::ModuleOp module);

// phx-form-groups, phx-inline-groups.
void registerGraphPasses();

}  // namespace phx::compiler
