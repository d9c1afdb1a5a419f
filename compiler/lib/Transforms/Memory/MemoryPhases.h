// The middle phases of the tensor pipeline (place, buffer, pipeline, plan, sync; Phases.h has their functions): what a
// module must look like after each, and the passes phx-opt runs them with.
#pragma once

#include "device_sim/diagnostic/diagnostic.h"
#include "device_sim/machine/machine.h"

namespace mlir {
class ModuleOp;
}

namespace phx::compiler {

// After place: every tile of a kernel is a 2-D static tensor with a space that its kind of core has and its users can
// reach.
Outcome verifyPlaced(mlir::ModuleOp module);
// After buffer and after pipeline: no tensors in kernels; every tile is a memref.alloc with a space (or an npu.slot of
// one) that does not leave the region it is allocated in.
Outcome verifyBuffered(mlir::ModuleOp module);
// After plan: every tile has an aligned address and lies inside its buffer; tiles that share bytes are not alive
// together. The intermediate buffers of @main have offsets with the same property.
Outcome verifyPlanned(mlir::ModuleOp module, const machine::Machine& machine);

// How far verifySynced looks.
struct OrderCheckLimits {
  unsigned traces = 320;     // ways through a kernel: all of them if they are fewer, else a fixed sample
  unsigned steps = 40000;    // operations of one trace; a longer one is cut off there
  unsigned total = 2000000;  // operations of all traces of a kernel; later ones are left out
};
// After sync: kernels are run symbolically, every loop 0 to 3 times and every if both ways. On each way every wait
// finds its flag set, no flag is set twice or left set, and accesses to the same bytes from two pipes are ordered by
// flags or barriers.
Outcome verifySynced(mlir::ModuleOp module, const machine::Machine& machine, OrderCheckLimits limits = {});

// phx-place, phx-buffer, phx-pipeline, phx-plan, phx-sync, each followed by its verifier.
void registerMemoryPasses();

}  // namespace phx::compiler
