// phx-opt: reads MLIR, runs passes (ours and MLIR's general ones), prints MLIR. The tool for tests and for looking at
// one phase.
#include "lib/Passes.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

int main(int argc, char** argv) {
  mlir::DialectRegistry registry;
  phx::compiler::registerDialects(registry);
  phx::compiler::registerPasses();
  mlir::registerTransformsPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "Phalanx optimiser driver\n", registry));
}
