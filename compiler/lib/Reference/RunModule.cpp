#include "compiler/lib/Reference/RunModule.h"

#include "llvm/Support/TargetSelect.h"
#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVMPass.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MathToLibm/MathToLibm.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/FuncBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/Linalg/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/Tensor/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/ExecutionEngine/ExecutionEngine.h"
#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace phx::compiler {
namespace {

// Bytes of a tensor of static shape; nothing for other types.
std::optional<size_t> bytesOf(mlir::Type type) {
  auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape() || !tensor.getElementType().isIntOrFloat()) return {};
  return static_cast<size_t>(tensor.getNumElements()) * ((tensor.getElementTypeBitWidth() + 7) / 8);
}

void addBufferization(mlir::PassManager& passes) {
  mlir::bufferization::OneShotBufferizePassOptions bufferize;
  bufferize.bufferizeFunctionBoundaries = true;
  bufferize.functionBoundaryTypeConversion = mlir::bufferization::LayoutMapOption::IdentityLayoutMap;
  passes.addPass(mlir::bufferization::createOneShotBufferizePass(bufferize));
  mlir::bufferization::BufferResultsToOutParamsPassOptions results;
  results.modifyPublicFunctions = true;
  passes.addPass(mlir::bufferization::createBufferResultsToOutParamsPass(results));
}

// Copies become loops too; as calls they would need MLIR's runner library.
void expandCopies(mlir::ModuleOp module) {
  llvm::SmallVector<mlir::memref::CopyOp> copies;
  module.walk([&](mlir::memref::CopyOp copy) { copies.push_back(copy); });
  for (mlir::memref::CopyOp copy : copies) {
    mlir::OpBuilder builder(copy);
    mlir::linalg::makeMemRefCopyOp(builder, copy.getLoc(), copy.getSource(), copy.getTarget());
    copy.erase();
  }
}

// arith.extf of 8-bit floats becomes integer operations and the host's own from f16: their fields are those of the
// upper part of an f16. e4m3's bias is 8 less, and its only NaN is all ones.
void expandFloat8(mlir::ModuleOp module) {
  namespace arith = mlir::arith;
  llvm::SmallVector<arith::ExtFOp> casts;
  module.walk([&](arith::ExtFOp cast) {
    if (llvm::isa<mlir::Float8E4M3FNType, mlir::Float8E5M2Type>(cast.getIn().getType())) casts.push_back(cast);
  });
  for (arith::ExtFOp cast : casts) {
    mlir::OpBuilder b(cast);
    mlir::Location at = cast.getLoc();
    auto number = [&](int64_t value) -> mlir::Value {
      return arith::ConstantOp::create(b, at, b.getI16IntegerAttr(static_cast<int16_t>(value)));
    };
    const bool e4m3 = llvm::isa<mlir::Float8E4M3FNType>(cast.getIn().getType());
    mlir::Value bits = arith::BitcastOp::create(b, at, b.getI8Type(), cast.getIn());
    bits = arith::ExtUIOp::create(b, at, b.getI16Type(), bits);
    if (e4m3) {
      mlir::Value magnitude = arith::AndIOp::create(b, at, bits, number(0x7f));
      mlir::Value nan = arith::CmpIOp::create(b, at, arith::CmpIPredicate::eq, magnitude, number(0x7f));
      mlir::Value shifted = arith::ShLIOp::create(b, at, magnitude, number(7));
      mlir::Value half = arith::SelectOp::create(b, at, nan, number(0x7e00), shifted);
      mlir::Value sign = arith::ShLIOp::create(b, at, arith::AndIOp::create(b, at, bits, number(0x80)), number(8));
      bits = arith::OrIOp::create(b, at, half, sign);
    } else {
      bits = arith::ShLIOp::create(b, at, bits, number(8));
    }
    mlir::Value value = arith::BitcastOp::create(b, at, b.getF16Type(), bits);
    value = arith::ExtFOp::create(b, at, b.getF32Type(), value);
    if (e4m3) {
      mlir::Value scale = arith::ConstantOp::create(b, at, b.getF32FloatAttr(256));
      value = arith::MulFOp::create(b, at, value, scale);
    }
    mlir::Type wanted = cast.getType();  // every 8-bit float is exact in all of them
    if (wanted.isF64())
      value = arith::ExtFOp::create(b, at, wanted, value);
    else if (!wanted.isF32())
      value = arith::TruncFOp::create(b, at, wanted, value);
    cast.replaceAllUsesWith(value);
    cast.erase();
  }
}

void addLowering(mlir::PassManager& passes) {
  passes.addPass(mlir::memref::createExpandStridedMetadataPass());
  passes.addPass(mlir::createLowerAffinePass());
  passes.addPass(mlir::createSCFToControlFlowPass());
  mlir::arith::ArithExpandOpsPassOptions expand;
  expand.includeBf16 = true;
  passes.addPass(mlir::arith::createArithExpandOpsPass(expand));
  passes.addPass(mlir::createConvertMathToLibmPass());
  passes.addPass(mlir::createConvertMathToLLVMPass());
  passes.addPass(mlir::createFinalizeMemRefToLLVMConversionPass());
  passes.addPass(mlir::createConvertFuncToLLVMPass());
  passes.addPass(mlir::createArithToLLVMConversionPass());
  passes.addPass(mlir::createConvertControlFlowToLLVMPass());
  passes.addPass(mlir::createConvertIndexToLLVMPass());
  passes.addPass(mlir::createReconcileUnrealizedCastsPass());
}

}  // namespace

Expected<std::vector<HostBytes>> runModule(mlir::ModuleOp module, std::span<const HostBytes> arguments) {
  auto main = module.lookupSymbol<mlir::func::FuncOp>("main");
  if (!main) return error("the module has no function @main");
  if (main.getNumArguments() != arguments.size())
    return error("@main has " + std::to_string(main.getNumArguments()) + " arguments; " +
                 std::to_string(arguments.size()) + " were given");
  // Bufferization may write into arguments: they are copied.
  std::vector<HostBytes> buffers(arguments.begin(), arguments.end());
  for (size_t i = 0; i < buffers.size(); ++i) {
    auto bytes = bytesOf(main.getArgumentTypes()[i]);
    if (!bytes) return error("argument " + std::to_string(i) + " of @main is not a tensor of static shape");
    if (*bytes != buffers[i].size())
      return error("argument " + std::to_string(i) + " of @main has " + std::to_string(*bytes) + " bytes; " +
                   std::to_string(buffers[i].size()) + " were given");
  }
  for (mlir::Type type : main.getResultTypes()) {
    auto bytes = bytesOf(type);
    if (!bytes) return error("a result of @main is not a tensor of static shape");
    buffers.emplace_back(*bytes);
  }

  mlir::MLIRContext& context = *module.getContext();
  mlir::DialectRegistry registry;
  mlir::arith::registerBufferizableOpInterfaceExternalModels(registry);
  mlir::linalg::registerBufferizableOpInterfaceExternalModels(registry);
  mlir::tensor::registerBufferizableOpInterfaceExternalModels(registry);
  mlir::bufferization::func_ext::registerBufferizableOpInterfaceExternalModels(registry);
  mlir::registerBuiltinDialectTranslation(registry);
  mlir::registerLLVMDialectTranslation(registry);
  context.appendDialectRegistry(registry);

  std::string wrong;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic& diagnostic) {
    if (diagnostic.getSeverity() != mlir::DiagnosticSeverity::Error) return mlir::success();
    llvm::raw_string_ostream stream(wrong);
    if (wrong.empty()) stream << diagnostic.str();
    return mlir::success();
  });
  mlir::OwningOpRef<mlir::ModuleOp> lowered(module.clone());
  mlir::RewritePatternSet concat(&context);
  mlir::tensor::populateDecomposeTensorConcatPatterns(concat);
  if (mlir::failed(mlir::applyPatternsGreedily(*lowered, std::move(concat))))
    return error("tensor.concat could not be lowered");
  mlir::PassManager bufferization(&context), loops(&context), lowering(&context);
  addBufferization(bufferization);
  loops.addNestedPass<mlir::func::FuncOp>(mlir::createConvertLinalgToLoopsPass());
  addLowering(lowering);
  bool done = mlir::succeeded(bufferization.run(*lowered));
  if (done) expandCopies(*lowered);
  done = done && mlir::succeeded(loops.run(*lowered));
  if (done) expandFloat8(*lowered);  // bodies of named operations have to stay what they are called
  if (!done || mlir::failed(lowering.run(*lowered)))
    return error("the module could not be lowered for the host: " + wrong);

  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  mlir::ExecutionEngineOptions options;
  auto transformer = mlir::makeOptimizingTransformer(1, 0, nullptr);
  options.transformer = transformer;
  options.enableGDBNotificationListener = false;
  options.enablePerfNotificationListener = false;
  auto engine = mlir::ExecutionEngine::create(*lowered, options);
  if (!engine) return error("the host's code could not be generated: " + llvm::toString(engine.takeError()));
  // A memref is passed as its pointer twice, its offset, sizes and strides; the engine wants the address of each of
  // these.
  std::vector<uint64_t> words;
  for (size_t i = 0; i < buffers.size(); ++i) {
    mlir::Type type = i < arguments.size() ? main.getArgumentTypes()[i] : main.getResultTypes()[i - arguments.size()];
    llvm::ArrayRef<int64_t> shape = mlir::cast<mlir::RankedTensorType>(type).getShape();
    words.insert(words.end(), 2, reinterpret_cast<uint64_t>(buffers[i].data()));
    words.push_back(0);
    words.insert(words.end(), shape.begin(), shape.end());
    std::vector<uint64_t> strides(shape.size(), 1);
    for (size_t d = shape.size(); d-- > 1;) strides[d - 1] = strides[d] * static_cast<uint64_t>(shape[d]);
    words.insert(words.end(), strides.begin(), strides.end());
  }
  std::vector<void*> packed;
  for (uint64_t& word : words) packed.push_back(&word);
  if (llvm::Error problem = (*engine)->invokePacked("main", packed))
    return error("@main could not be run: " + llvm::toString(std::move(problem)));
  buffers.erase(buffers.begin(), buffers.begin() + static_cast<ptrdiff_t>(arguments.size()));
  return buffers;
}

}  // namespace phx::compiler
