// A pass as a plugin of phx-opt: docs/add_a_pass.md walks through it.
#include "lib/Dialect/Npu/Npu.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

namespace {

using namespace phx::compiler;

// Fixpipe waits for the whole tile: no mmad and no fixpipe has the unit flag.
struct SerialFixpipe : mlir::PassWrapper<SerialFixpipe, mlir::OperationPass<mlir::func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SerialFixpipe)
  llvm::StringRef getArgument() const final { return "serial-fixpipe"; }
  llvm::StringRef getDescription() const final { return "Take the unit flags of matrix products away"; }
  void runOnOperation() override {
    if (!npu::isKernel(getOperation())) return;
    getOperation().walk([](mlir::Operation* op) {
      if (auto mmad = llvm::dyn_cast<npu::MmadOp>(op)) mmad.getUnitMutable().clear();
      if (auto fixpipe = llvm::dyn_cast<npu::FixpipeOp>(op)) fixpipe.removeUnitAttr();
    });
  }
};

}  // namespace

extern "C" LLVM_ATTRIBUTE_WEAK mlir::PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "serial-fixpipe", "1", [] { mlir::PassRegistration<SerialFixpipe>(); }};
}
