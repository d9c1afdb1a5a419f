#include "lib/Passes.h"

#include "lib/Dialect/Npu/Npu.h"
#include "lib/Dialect/Visa/Visa.h"
#include "lib/Frontend/Cuda/ImportModule.h"
#include "lib/Target/Visa/KernelLowering.h"
#include "lib/Target/Visa/MachineCode.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/DLTI/DLTI.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassRegistry.h"

namespace phx::compiler {

namespace {

template <class Pass, class Op>
struct PhasePass : mlir::PassWrapper<Pass, mlir::OperationPass<Op>> {
  void getDependentDialects(mlir::DialectRegistry& registry) const override { registerDialects(registry); }
  void check(const Outcome& outcome) {
    if (outcome.ok()) return;
    this->getOperation()->emitError(outcome.diagnostic().str());
    this->signalPassFailure();
  }
};

struct StructurePass : PhasePass<StructurePass, mlir::ModuleOp> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(StructurePass)
  llvm::StringRef getArgument() const final { return "phx-structure-control-flow"; }
  llvm::StringRef getDescription() const final { return "Lift cf branches of kernels to scf"; }
  void runOnOperation() override { check(structureControlFlow(getOperation())); }
};

struct LowerToVisaPass : PhasePass<LowerToVisaPass, mlir::ModuleOp> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LowerToVisaPass)
  llvm::StringRef getArgument() const final { return "phx-lower-to-visa"; }
  llvm::StringRef getDescription() const final { return "Lower structured kernels to visa stage 1"; }
  void runOnOperation() override { check(lowerToVisa(getOperation())); }
};

struct AllocateRegistersPass : PhasePass<AllocateRegistersPass, visa::KernelOp> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(AllocateRegistersPass)
  AllocateRegistersPass() = default;
  AllocateRegistersPass(const AllocateRegistersPass& other) : PhasePass(other) {}
  llvm::StringRef getArgument() const final { return "phx-allocate-registers"; }
  llvm::StringRef getDescription() const final {
    return "From visa stage 1 to stage 2: flat blocks, physical registers";
  }
  void runOnOperation() override {
    auto flat = flatten(getOperation());
    if (!flat) return check(flat.diagnostic());
    if (auto ok = allocateRegisters(*flat, {lane, scalar, predicate}); !ok) return check(ok);
    tidyControlFlow(*flat);
    writeStage2(*flat, getOperation());
  }
  Option<unsigned> lane{*this, "lane", llvm::cl::desc("lane registers"), llvm::cl::init(isa::kLaneRegisters)};
  Option<unsigned> scalar{*this, "scalar", llvm::cl::desc("scalar registers"), llvm::cl::init(isa::kScalarRegisters)};
  Option<unsigned> predicate{*this, "predicate", llvm::cl::desc("predicates"), llvm::cl::init(isa::kPredicates)};
};

}  // namespace

void registerDialects(mlir::DialectRegistry& registry) {
  registry.insert<mlir::arith::ArithDialect, mlir::cf::ControlFlowDialect, mlir::DLTIDialect, mlir::func::FuncDialect,
                  mlir::LLVM::LLVMDialect, mlir::NVVM::NVVMDialect, mlir::scf::SCFDialect, mlir::ub::UBDialect,
                  mlir::memref::MemRefDialect, mlir::tensor::TensorDialect, npu::NpuDialect, visa::VisaDialect>();
}

void registerPasses() {
  mlir::PassRegistration<StructurePass>();
  mlir::PassRegistration<LowerToVisaPass>();
  mlir::PassRegistration<AllocateRegistersPass>();
}

}  // namespace phx::compiler
