// The phases from imported LLVM dialect to visa stage 2 as MLIR passes, for phx-opt and plugins. CompileCuda.cpp runs
// the same functions.
#pragma once

namespace mlir {
class DialectRegistry;
}

namespace phx::compiler {

// phx-structure-control-flow, phx-lower-to-visa, phx-allocate-registers.
void registerPasses();
// Every dialect that the CUDA pipeline goes through.
void registerDialects(mlir::DialectRegistry& registry);

}  // namespace phx::compiler
