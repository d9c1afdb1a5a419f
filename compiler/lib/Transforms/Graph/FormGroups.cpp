// Phase graph: its steps in order, and the passes that run it.
#include "device_sim/machine/machine.h"
#include "lib/Transforms/Graph/Graph.h"
#include "lib/Transforms/Graph/Steps.h"
#include "lib/Transforms/Graph/View.h"
#include "lib/Transforms/Phases.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassRegistry.h"

namespace phx::compiler {

Outcome formGroups(mlir::ModuleOp module, const machine::Machine& machine) {
  if (auto ok = graph::checkModule(module); !ok) return ok;
  module.getContext()
      ->loadDialect<npu::NpuDialect, mlir::arith::ArithDialect, mlir::linalg::LinalgDialect, mlir::math::MathDialect,
                    mlir::tensor::TensorDialect>();
  auto main = module.lookupSymbol<mlir::func::FuncOp>("main");
  for (auto step : {graph::replaceEmpty, graph::generalise, graph::widenBooleans, graph::rearrangeMovements,
                    graph::splitWideIntegers, graph::normalise, graph::separateResults})
    if (auto ok = step(main); !ok) return ok;
  return graph::makeGroups(main, machine);
}

namespace {

template <class Pass>
struct GraphPass : mlir::PassWrapper<Pass, mlir::OperationPass<mlir::ModuleOp>> {
  void getDependentDialects(mlir::DialectRegistry& registry) const override {
    registry.insert<npu::NpuDialect, mlir::arith::ArithDialect, mlir::linalg::LinalgDialect, mlir::math::MathDialect,
                    mlir::scf::SCFDialect, mlir::tensor::TensorDialect>();
  }
  void check(const Outcome& outcome) {
    if (outcome.ok()) return;
    this->getOperation()->emitError(outcome.diagnostic().str());
    this->signalPassFailure();
  }
};

struct FormGroupsPass : GraphPass<FormGroupsPass> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(FormGroupsPass)
  FormGroupsPass() = default;
  FormGroupsPass(const FormGroupsPass& other) : GraphPass(other) {}
  llvm::StringRef getArgument() const final { return "phx-form-groups"; }
  llvm::StringRef getDescription() const final { return "Phase graph: linalg on tensors to npu.group operations"; }
  void runOnOperation() override {
    auto description = machine::load(machine);
    if (!description) return check(description.diagnostic());
    if (auto ok = formGroups(getOperation(), *description); !ok) return check(ok);
    check(verifyAfterGraph(getOperation()));
  }
  Option<std::string> machine{*this, "machine", llvm::cl::desc("name or file of the machine description"),
                              llvm::cl::init("ascend-910b1")};
};

struct InlineGroupsPass : GraphPass<InlineGroupsPass> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(InlineGroupsPass)
  llvm::StringRef getArgument() const final { return "phx-inline-groups"; }
  llvm::StringRef getDescription() const final { return "Groups to the linalg and scf operations that they mean"; }
  void runOnOperation() override { check(inlineGroups(getOperation())); }
};

}  // namespace

void registerGraphPasses() {
  mlir::PassRegistration<FormGroupsPass>();
  mlir::PassRegistration<InlineGroupsPass>();
}

}  // namespace phx::compiler
