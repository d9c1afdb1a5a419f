// The phases of both pipelines as MLIR passes, for phx-opt and plugins. CompileCuda.cpp and CompileTensor.cpp run the
// same functions.
#pragma once

namespace mlir {
class DialectRegistry;
}

namespace phx::compiler {

// CUDA: phx-structure-control-flow, phx-lower-to-visa, phx-allocate-registers.
// Tensor: phx-form-groups, phx-inline-groups, phx-choose-schedules, phx-tile, phx-place, phx-buffer, phx-pipeline,
// phx-plan, phx-sync, phx-lower-kernels. Those that ask the machine have an option `machine`.
void registerPasses();
// Every dialect that the pipelines go through.
void registerDialects(mlir::DialectRegistry& registry);

}  // namespace phx::compiler
