// The middle phases as MLIR passes.
#include "lib/Dialect/Npu/Npu.h"
#include "lib/Transforms/Memory/MemoryPhases.h"
#include "lib/Transforms/Phases.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassRegistry.h"

namespace phx::compiler {

namespace {

template <class Pass>
struct MemoryPass : mlir::PassWrapper<Pass, mlir::OperationPass<mlir::ModuleOp>> {
  void getDependentDialects(mlir::DialectRegistry& registry) const override {
    registry.insert<mlir::arith::ArithDialect, mlir::scf::SCFDialect, npu::NpuDialect>();
  }
  // The phase, then its verifier.
  void check(Outcome outcome, llvm::function_ref<Outcome()> verify) {
    if (outcome) outcome = verify();
    if (outcome) return;
    this->getOperation()->emitError(outcome.diagnostic().str());
    this->signalPassFailure();
  }
};

template <class Pass>
struct MachinePass : MemoryPass<Pass> {
  MachinePass() = default;
  MachinePass(const MachinePass& other) : MemoryPass<Pass>(other) {}
  void with(llvm::function_ref<void(const machine::Machine&)> body) {
    // The option, else the machine that the module was compiled for so far.
    std::string name = machine;
    if (auto written = this->getOperation()->template getAttrOfType<mlir::StringAttr>("npu.machine"); name.empty())
      name = written ? written.str() : "ascend-910b1";
    auto loaded = machine::load(name);
    if (!loaded) {
      this->getOperation()->emitError(loaded.diagnostic().str());
      return this->signalPassFailure();
    }
    body(*loaded);
  }
  mlir::Pass::Option<std::string> machine{*this, "machine", llvm::cl::desc("machine description by name or file")};
};

struct PlacePass : MemoryPass<PlacePass> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PlacePass)
  llvm::StringRef getArgument() const final { return "phx-place"; }
  llvm::StringRef getDescription() const final { return "Give every tile its memory space"; }
  void runOnOperation() override {
    check(placeTiles(getOperation()), [&] { return verifyPlaced(getOperation()); });
  }
};

struct BufferPass : MemoryPass<BufferPass> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(BufferPass)
  llvm::StringRef getArgument() const final { return "phx-buffer"; }
  llvm::StringRef getDescription() const final { return "From tiles as values to tiles in buffers"; }
  void runOnOperation() override {
    check(bufferizeKernels(getOperation()), [&] { return verifyBuffered(getOperation()); });
  }
};

struct PipelinePass : MemoryPass<PipelinePass> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PipelinePass)
  llvm::StringRef getArgument() const final { return "phx-pipeline"; }
  llvm::StringRef getDescription() const final { return "Give buffers their copies and let these take turns"; }
  void runOnOperation() override {
    check(pipelineBuffers(getOperation()), [&] { return verifyBuffered(getOperation()); });
  }
};

struct PlanPass : MachinePass<PlanPass> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PlanPass)
  llvm::StringRef getArgument() const final { return "phx-plan"; }
  llvm::StringRef getDescription() const final {
    return "Give tiles their addresses, intermediate tensors their offsets";
  }
  void runOnOperation() override {
    with([&](const machine::Machine& machine) {
      check(planMemory(getOperation(), machine), [&] { return verifyPlanned(getOperation(), machine); });
    });
  }
};

struct SyncPass : MachinePass<SyncPass> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SyncPass)
  SyncPass() = default;
  SyncPass(const SyncPass& other) : MachinePass(other) {}
  llvm::StringRef getArgument() const final { return "phx-sync"; }
  llvm::StringRef getDescription() const final { return "Order the pipes with flags"; }
  void runOnOperation() override {
    with([&](const machine::Machine& machine) {
      check(checkOnly ? Outcome() : insertFlags(getOperation(), machine),
            [&] { return verifySynced(getOperation(), machine); });
    });
  }
  Option<bool> checkOnly{*this, "check-only", llvm::cl::desc("verify the flags that are there, insert none"),
                         llvm::cl::init(false)};
};

}  // namespace

void registerMemoryPasses() {
  mlir::PassRegistration<PlacePass>();
  mlir::PassRegistration<BufferPass>();
  mlir::PassRegistration<PipelinePass>();
  mlir::PassRegistration<PlanPass>();
  mlir::PassRegistration<SyncPass>();
}

}  // namespace phx::compiler
