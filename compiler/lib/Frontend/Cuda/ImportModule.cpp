#include "lib/Frontend/Cuda/ImportModule.h"

#include "lib/Dialect/Visa/Visa.h"
#include "llvm/Transforms/Utils/Cloning.h"
#include "mlir/Conversion/ControlFlowToSCF/ControlFlowToSCF.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/DLTI/DLTI.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMIRToLLVMTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/LLVMIRToNVVMTranslation.h"
#include "mlir/Target/LLVMIR/Import.h"
#include "mlir/Transforms/Passes.h"

namespace phx::compiler {

namespace LLVM = mlir::LLVM;

void loadDialects(mlir::MLIRContext& context) {
  mlir::DialectRegistry registry;
  registry.insert<mlir::arith::ArithDialect, mlir::cf::ControlFlowDialect, mlir::DLTIDialect, mlir::func::FuncDialect,
                  LLVM::LLVMDialect, mlir::NVVM::NVVMDialect, mlir::scf::SCFDialect, mlir::ub::UBDialect,
                  visa::VisaDialect>();
  mlir::registerLLVMDialectImport(registry);
  mlir::registerNVVMDialectImport(registry);
  context.appendDialectRegistry(registry);
  context.loadAllAvailableDialects();
}

namespace {

// The kernel as func.func: LLVM's branches become cf, its return func.return. Everything else moves over unchanged.
void rewriteFunction(LLVM::LLVMFuncOp from, const DeviceKernel& kernel) {
  mlir::OpBuilder b(from);
  auto arguments = from.getBody().getArgumentTypes();
  auto to = mlir::func::FuncOp::create(from.getLoc(), from.getName(),
                                       b.getFunctionType(llvm::SmallVector<mlir::Type>(arguments), {}));
  to->setAttr(kernel_attribute::kKernel, b.getUnitAttr());
  llvm::SmallVector<int32_t> offsets, byValue;
  for (size_t i = 0; i < kernel.params.size(); ++i) {
    offsets.push_back(static_cast<int32_t>(kernel.params[i].offset));
    byValue.push_back(kernel.by_value[i]);
  }
  to->setAttr(kernel_attribute::kParamOffsets, b.getDenseI32ArrayAttr(offsets));
  to->setAttr(kernel_attribute::kByValue, b.getDenseI32ArrayAttr(byValue));
  llvm::SmallVector<mlir::NamedAttribute> shared;
  for (const auto& [name, offset] : kernel.shared)
    shared.push_back(b.getNamedAttr(name, b.getI32IntegerAttr(static_cast<int32_t>(offset))));
  to->setAttr(kernel_attribute::kShared, b.getDictionaryAttr(shared));

  to.getBody().takeBody(from.getBody());
  for (mlir::Block& block : llvm::make_early_inc_range(to.getBody())) {
    mlir::Operation* end = block.getTerminator();
    b.setInsertionPoint(end);
    mlir::Location loc = end->getLoc();
    if (auto jump = llvm::dyn_cast<LLVM::BrOp>(end)) {
      mlir::cf::BranchOp::create(b, loc, jump.getDest(), jump.getDestOperands());
    } else if (auto branch = llvm::dyn_cast<LLVM::CondBrOp>(end)) {
      mlir::cf::CondBranchOp::create(b, loc, branch.getCondition(), branch.getTrueDest(), branch.getTrueDestOperands(),
                                     branch.getFalseDest(), branch.getFalseDestOperands());
    } else if (auto choice = llvm::dyn_cast<LLVM::SwitchOp>(end)) {
      llvm::SmallVector<mlir::ValueRange> operands;
      for (mlir::OperandRange range : choice.getCaseOperands()) operands.push_back(range);
      auto values = choice.getCaseValues();
      mlir::cf::SwitchOp::create(
          b, loc, choice.getValue(), choice.getDefaultDestination(), choice.getDefaultOperands(),
          values ? llvm::cast<mlir::DenseIntElementsAttr>(*values) : mlir::DenseIntElementsAttr(),
          choice.getCaseDestinations(), operands);
    } else {
      mlir::func::ReturnOp::create(b, loc);  // llvm.return; unreachable was given a return before the import
    }
    end->erase();
  }
  b.setInsertionPoint(from);
  b.insert(to);
  from.erase();
}

}  // namespace

Expected<mlir::OwningOpRef<mlir::ModuleOp>> importDeviceModule(const DeviceModule& device, mlir::MLIRContext& context) {
  std::string complaint;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic& diagnostic) {
    if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error && complaint.empty()) complaint = diagnostic.str();
    return mlir::success();
  });
  auto module =
      mlir::translateLLVMIRToModule(llvm::CloneModule(*device.module), &context, /*emitExpensiveWarnings=*/false,
                                    /*dropDICompositeTypeElements=*/true, /*loadAllDialects=*/false);
  if (!module) return error("importing device code into MLIR failed: " + complaint);
  for (const DeviceKernel& kernel : device.kernels) {
    auto function = module->lookupSymbol<LLVM::LLVMFuncOp>(kernel.name);
    if (!function) return error("internal error: kernel '" + kernel.name + "' was lost by the import");
    rewriteFunction(function, kernel);
  }
  if (mlir::failed(mlir::verify(*module)))
    return error("internal error: imported device code does not verify: " + complaint);
  return module;
}

Outcome structureControlFlow(mlir::ModuleOp module) {
  std::string complaint;
  mlir::ScopedDiagnosticHandler handler(module.getContext(), [&](mlir::Diagnostic& diagnostic) {
    if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error && complaint.empty()) complaint = diagnostic.str();
    return mlir::success();
  });
  mlir::ControlFlowToSCFTransformation lift;
  for (auto function : module.getOps<mlir::func::FuncOp>()) {
    if (!function->hasAttr(kernel_attribute::kKernel)) continue;
    mlir::DominanceInfo dominance(function);
    if (mlir::failed(mlir::transformCFGToSCF(function.getBody(), lift, dominance)))
      return error("the control flow of kernel '" + function.getName().str() +
                   "' could not be structured: " + complaint);
    if (!function.getBody().hasOneBlock())
      return error("internal error: kernel '" + function.getName().str() + "' kept unstructured control flow");
  }
  mlir::PassManager passes(module.getContext());
  auto& perFunction = passes.nest<mlir::func::FuncOp>();
  perFunction.addPass(mlir::createCanonicalizerPass());
  perFunction.addPass(mlir::createCSEPass());
  if (mlir::failed(passes.run(module)))
    return error("internal error: structured control flow does not verify: " + complaint);
  return {};
}

}  // namespace phx::compiler
