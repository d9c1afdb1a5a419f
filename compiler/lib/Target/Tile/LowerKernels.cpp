// Phase isa: kernel functions with planned buffers and flags -> visa.kernel in stage 1.
#include "lib/Target/Tile/ScalarLowering.h"
#include "lib/Target/Tile/TileExpansion.h"
#include "lib/Transforms/Phases.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

namespace phx::compiler {

namespace {

// Addresses and configuration words are computed once, as far out as they can be.
void tidyScalars(mlir::OpPassManager& passes) {
  passes.addPass(mlir::createCanonicalizerPass());
  passes.addPass(mlir::createCSEPass());
  passes.addPass(mlir::createLoopInvariantCodeMotionPass());
  passes.addPass(mlir::createCanonicalizerPass());
  passes.addPass(mlir::createCSEPass());
}

// `run` with the first complaint of MLIR as an error, if it fails.
template <class F>
Outcome complained(mlir::MLIRContext* context, const char* what, F&& run) {
  std::string complaint;
  mlir::ScopedDiagnosticHandler handler(context, [&](mlir::Diagnostic& diagnostic) {
    if (complaint.empty()) complaint = diagnostic.str();
    return mlir::success();
  });
  if (mlir::succeeded(run())) return {};
  return error(std::string("internal error: ") + what + ": " + complaint);
}

}  // namespace

Outcome lowerKernels(mlir::ModuleOp module, const machine::Machine&) {
  llvm::SmallVector<mlir::func::FuncOp> kernels;
  for (auto function : module.getOps<mlir::func::FuncOp>())
    if (npu::isKernel(function)) kernels.push_back(function);
  mlir::PassManager tidy(module.getContext(), mlir::func::FuncOp::getOperationName());
  tidyScalars(tidy);
  for (mlir::func::FuncOp function : kernels) {
    if (!function.getBody().hasOneBlock())
      return errorAt(function.getLoc(), "kernel '" + function.getName().str() + "' is not structured");
    if (auto ok = TileExpansion(function).run(); !ok) return ok;
    auto ok =
        complained(module.getContext(), "scalar code of a kernel does not verify", [&] { return tidy.run(function); });
    if (!ok) return ok;
    auto kernel = ScalarLowering(function).run();
    if (!kernel) return kernel.diagnostic();
    function.erase();
  }
  mlir::PassManager clean(module.getContext());
  clean.nest<visa::KernelOp>().addPass(mlir::createCSEPass());
  return complained(module.getContext(), "visa does not verify", [&] { return clean.run(module); });
}

}  // namespace phx::compiler
