// The phases of the tensor pipeline as functions, in the order of Phases.def. What the IR looks like after each one is
// in docs/compiler.md; verifyAfter() checks it. An Outcome that is not ok names the operation's source location.
#pragma once

#include <string>

#include "device_sim/diagnostic/diagnostic.h"
#include "device_sim/image/image.h"
#include "device_sim/machine/machine.h"

namespace mlir {
class ModuleOp;
class Operation;
class Location;
class MLIRContext;
}  // namespace mlir

namespace phx::compiler {

// The file and line of a location if it has them, else its name: "model.onnx:12 (Conv_3 (Conv))".
Diagnostic errorAt(mlir::Location location, const std::string& message);

// graph: linalg on tensors in @main -> npu.group operations, reshapes and constants.
Outcome formGroups(mlir::ModuleOp module, const machine::Machine& machine);

struct TileOptions {
  std::string schedule;  // replaces the matmul schedule: "base_m=128,split_k=2"; fields that are not named stay chosen
};
// Gives every cube group its schedule attribute (machine description, then options).
Outcome chooseSchedules(mlir::ModuleOp module, const machine::Machine& machine, const TileOptions& options);
// tile: groups -> kernel functions in value form and launches; @main on flat device buffers.
Outcome tileGroups(mlir::ModuleOp module, const machine::Machine& machine);
// place: every tile of a kernel gets its memory space.
Outcome placeTiles(mlir::ModuleOp module);
// buffer: value form -> buffer form.
Outcome bufferizeKernels(mlir::ModuleOp module);
// pipeline: buffers that are to have several copies get them, and slots rotate.
Outcome pipelineBuffers(mlir::ModuleOp module);
// plan: addresses of all tiles in their spaces, offsets of the intermediate tensors in one workspace.
Outcome planMemory(mlir::ModuleOp module, const machine::Machine& machine);
// sync: flags and barriers between pipes.
Outcome insertFlags(mlir::ModuleOp module, const machine::Machine& machine);
// isa: kernel functions -> visa.kernel in stage 1.
Outcome lowerKernels(mlir::ModuleOp module, const machine::Machine& machine);
// emit: registers, code, constants and the program that says which kernels run on which buffers.
Expected<image::Executable> emitProgram(mlir::ModuleOp module, const machine::Machine& machine);

// Is the module what the phase of this name (Phases.def) promises?
Outcome verifyAfter(const std::string& phase, mlir::ModuleOp module, const machine::Machine& machine);

}  // namespace phx::compiler
