#include "lib/Passes.h"

#include "lib/Dialect/Npu/Npu.h"
#include "lib/Dialect/Visa/Visa.h"
#include "lib/Frontend/Cuda/ImportModule.h"
#include "lib/Target/Visa/KernelLowering.h"
#include "lib/Target/Visa/MachineCode.h"
#include "lib/Transforms/Graph/Graph.h"
#include "lib/Transforms/Memory/MemoryPhases.h"
#include "lib/Transforms/Phases.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/DLTI/DLTI.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
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

// A phase of the tensor pipeline that asks the machine.
template <class Pass>
struct MachinePass : PhasePass<Pass, mlir::ModuleOp> {
  MachinePass() = default;
  MachinePass(const MachinePass& other) : PhasePass<Pass, mlir::ModuleOp>(other) {}
  // The machine of the option, else the one that the module was compiled for so far.
  template <class F>
  void with(F&& phase) {
    std::string name = machine;
    if (auto written = this->getOperation()->template getAttrOfType<mlir::StringAttr>("npu.machine"); name.empty())
      name = written ? written.str() : "ascend-910b1";
    auto description = machine::load(name);
    this->check(description ? phase(*description) : Outcome(description.diagnostic()));
  }
  mlir::Pass::Option<std::string> machine{*this, "machine", llvm::cl::desc("machine description by name or file")};
};

struct ChooseSchedulesPass : MachinePass<ChooseSchedulesPass> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ChooseSchedulesPass)
  ChooseSchedulesPass() = default;
  ChooseSchedulesPass(const ChooseSchedulesPass& other) : MachinePass(other) {}
  llvm::StringRef getArgument() const final { return "phx-choose-schedules"; }
  llvm::StringRef getDescription() const final { return "Give every matrix product its schedule"; }
  void runOnOperation() override {
    with([&](const machine::Machine& m) { return chooseSchedules(getOperation(), m, {.schedule = schedule}); });
  }
  Option<std::string> schedule{*this, "schedule", llvm::cl::desc("fields to replace: base_m=128,split_k=2")};
};

struct TilePass : MachinePass<TilePass> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TilePass)
  llvm::StringRef getArgument() const final { return "phx-tile"; }
  llvm::StringRef getDescription() const final { return "Turn groups into kernels on tiles and launches"; }
  void runOnOperation() override {
    with([&](const machine::Machine& m) { return tileGroups(getOperation(), m); });
  }
};

struct LowerKernelsPass : MachinePass<LowerKernelsPass> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LowerKernelsPass)
  llvm::StringRef getArgument() const final { return "phx-lower-kernels"; }
  llvm::StringRef getDescription() const final { return "Lower planned npu kernels to visa stage 1"; }
  void runOnOperation() override {
    with([&](const machine::Machine& m) { return lowerKernels(getOperation(), m); });
  }
};

}  // namespace

void registerDialects(mlir::DialectRegistry& registry) {
  registry.insert<mlir::arith::ArithDialect, mlir::cf::ControlFlowDialect, mlir::DLTIDialect, mlir::func::FuncDialect,
                  mlir::LLVM::LLVMDialect, mlir::NVVM::NVVMDialect, mlir::scf::SCFDialect, mlir::ub::UBDialect,
                  mlir::linalg::LinalgDialect, mlir::math::MathDialect, mlir::memref::MemRefDialect,
                  mlir::tensor::TensorDialect, npu::NpuDialect, visa::VisaDialect>();
}

void registerPasses() {
  mlir::PassRegistration<StructurePass>();
  mlir::PassRegistration<LowerToVisaPass>();
  mlir::PassRegistration<AllocateRegistersPass>();
  registerGraphPasses();
  mlir::PassRegistration<ChooseSchedulesPass>();
  mlir::PassRegistration<TilePass>();
  registerMemoryPasses();
  mlir::PassRegistration<LowerKernelsPass>();
}

}  // namespace phx::compiler
