#include <mutex>

#include "lib/Frontend/Cuda/DeviceModule.h"
#include "llvm/Analysis/CGSCCPassManager.h"
#include "llvm/Analysis/CallGraph.h"
#include "llvm/Analysis/LoopAnalysisManager.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Analysis/ScalarEvolution.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/IntrinsicsNVPTX.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Utils/BasicBlockUtils.h"
#include "llvm/Transforms/Utils/LowerMemIntrinsics.h"

extern "C" {
void LLVMInitializeNVPTXTarget(void);
void LLVMInitializeNVPTXTargetInfo(void);
void LLVMInitializeNVPTXTargetMC(void);
}

namespace phx::compiler {

namespace {

// The NVPTX hooks ask for runtime and partial unrolling, which costs code and registers and gains nothing here; full
// unrolling stays, since it is what removes indexed local arrays.
void setUnrollPolicy() {
  auto& options = llvm::cl::getRegisteredOptions();
  for (const char* name : {"unroll-runtime", "unroll-allow-partial"})
    if (auto it = options.find(name); it != options.end() && it->second->getNumOccurrences() == 0)
      it->second->addOccurrence(0, name, "false");
}

constexpr unsigned kGlobalSpace = 1, kLocalSpace = 5, kParamSpace = 101;  // LLVM's name for a kernel's argument block

// True if everything that is done with the pointer is reading.
bool onlyRead(llvm::Value* pointer) {
  for (llvm::User* user : pointer->users()) {
    if (auto* load = llvm::dyn_cast<llvm::LoadInst>(user)) {
      if (load->isVolatile()) return false;
    } else if (llvm::isa<llvm::GetElementPtrInst>(user) || llvm::isa<llvm::AddrSpaceCastInst>(user)) {
      if (!onlyRead(user)) return false;
    } else if (auto* copy = llvm::dyn_cast<llvm::MemTransferInst>(user)) {
      if (copy->getRawSource() != pointer || copy->getRawDest() == pointer) return false;
    } else {
      return false;
    }
  }
  return true;
}

// Kernel arguments that are pointers, and pointers inside by-value arguments, come from the host and so point to global
// memory.
void markGlobal(llvm::Value& pointer, llvm::IRBuilder<>& builder) {
  if (pointer.use_empty()) return;
  llvm::SmallVector<llvm::Use*, 8> uses;
  for (llvm::Use& use : pointer.uses()) uses.push_back(&use);
  auto* global = builder.CreateAddrSpaceCast(&pointer, builder.getPtrTy(kGlobalSpace));
  auto* generic = builder.CreateAddrSpaceCast(global, builder.getPtrTy());
  for (llvm::Use* use : uses) use->set(generic);
}

void markPointerArguments(llvm::Function& kernel) {
  llvm::IRBuilder<> builder(&*kernel.getEntryBlock().getFirstInsertionPt());
  for (llvm::Argument& argument : kernel.args())
    if (auto* type = llvm::dyn_cast<llvm::PointerType>(argument.getType());
        type && type->getAddressSpace() == 0 && !argument.hasByValAttr())
      markGlobal(argument, builder);
}

void markPointersInArguments(llvm::Function& kernel) {
  llvm::SmallVector<llvm::LoadInst*, 8> loads;
  for (llvm::Instruction& instruction : llvm::instructions(kernel))
    if (auto* load = llvm::dyn_cast<llvm::LoadInst>(&instruction))
      if (load->getPointerAddressSpace() == kParamSpace && load->getType()->isPointerTy() &&
          load->getType()->getPointerAddressSpace() == 0)
        loads.push_back(load);
  for (llvm::LoadInst* load : loads) {
    llvm::IRBuilder<> builder(load->getNextNode());
    markGlobal(*load, builder);
  }
}

// By-value aggregates: read in place from the argument block, or copied to local memory if written or passed on.
void placeByValueArguments(llvm::Function& kernel) {
  llvm::IRBuilder<> builder(&*kernel.getEntryBlock().getFirstInsertionPt());
  for (llvm::Argument& argument : kernel.args()) {
    if (!argument.hasByValAttr() || argument.use_empty()) continue;
    const llvm::DataLayout& layout = kernel.getDataLayout();
    llvm::Type* type = argument.getParamByValType();
    llvm::SmallVector<llvm::Use*, 8> uses;
    for (llvm::Use& use : argument.uses()) uses.push_back(&use);
    bool inPlace = onlyRead(&argument);
    auto* params = builder.CreateAddrSpaceCast(&argument, builder.getPtrTy(kParamSpace));
    llvm::Value* replacement;
    if (inPlace) {
      replacement = builder.CreateAddrSpaceCast(params, builder.getPtrTy());
    } else {
      llvm::Align align = argument.getParamAlign().valueOrOne();
      auto* copy = builder.CreateAlloca(type);
      copy->setAlignment(std::max(align, layout.getPrefTypeAlign(type)));
      builder.CreateMemCpy(copy, copy->getAlign(), params, align, layout.getTypeAllocSize(type));
      replacement = copy;
    }
    for (llvm::Use* use : uses) use->set(replacement);
  }
}

// The widest accesses that the alignments allow, up to 16 bytes.
llvm::Type* pieceType(uint64_t bytes, llvm::IRBuilder<>& b) {
  if (bytes == 16) return llvm::FixedVectorType::get(b.getInt32Ty(), 4);
  return b.getIntNTy(static_cast<unsigned>(8 * bytes));
}

constexpr uint64_t kUnrolledPieces = 32;  // more than that become a loop

// Copies or fills of a known size: straight code when short, else a loop over wide pieces and straight code for the
// rest. Short copies read everything before they write, so that they serve for overlapping ones too.
void expandKnownSize(llvm::MemIntrinsic& intrinsic, uint64_t size) {
  llvm::IRBuilder<> b(&intrinsic);
  auto* transfer = llvm::dyn_cast<llvm::MemTransferInst>(&intrinsic);
  auto* set = llvm::dyn_cast<llvm::MemSetInst>(&intrinsic);
  bool isVolatile = intrinsic.isVolatile();
  uint64_t align = intrinsic.getDestAlign().valueOrOne().value();
  if (transfer) align = std::min(align, transfer->getSourceAlign().valueOrOne().value());
  uint64_t widest = std::min<uint64_t>(align, 16);
  llvm::Value* to = intrinsic.getRawDest();
  llvm::Value* from = transfer ? transfer->getRawSource() : nullptr;
  auto filling = [&](llvm::IRBuilder<>& at, llvm::Type* type) -> llvm::Value* {
    llvm::Value* byte = set->getValue();
    unsigned bits = type->getScalarSizeInBits();
    auto* word =
        bits == 8
            ? byte
            : at.CreateMul(at.CreateZExt(byte, at.getIntNTy(bits)),
                           llvm::ConstantInt::get(at.getIntNTy(bits), llvm::APInt::getSplat(bits, llvm::APInt(8, 1))));
    return type->isVectorTy() ? at.CreateVectorSplat(4, word) : word;
  };
  uint64_t done = 0;
  if (size / widest > kUnrolledPieces) {
    uint64_t pieces = size / widest;
    llvm::Type* type = pieceType(widest, b);
    auto [body, index] =
        llvm::SplitBlockAndInsertSimpleForLoop(b.getInt32(static_cast<uint32_t>(pieces)), intrinsic.getIterator());
    llvm::IRBuilder<> inside(body);
    llvm::Value* value =
        from ? inside.CreateAlignedLoad(type, inside.CreateGEP(type, from, index), llvm::Align(widest), isVolatile)
             : filling(inside, type);
    inside.CreateAlignedStore(value, inside.CreateGEP(type, to, index), llvm::Align(widest), isVolatile);
    done = pieces * widest;
    b.SetInsertPoint(&intrinsic);
  }
  llvm::SmallVector<std::pair<uint64_t, llvm::Value*>> values;
  for (uint64_t at = done; at < size;) {
    uint64_t bytes = std::min(widest, uint64_t(1) << (63 - std::countl_zero(size - at)));
    llvm::Type* type = pieceType(bytes, b);
    llvm::Value* value =
        from ? b.CreateAlignedLoad(type, b.CreateConstGEP1_64(b.getInt8Ty(), from, at), llvm::Align(bytes), isVolatile)
             : filling(b, type);
    values.push_back({at, value});
    at += bytes;
  }
  for (auto& [at, value] : values) {
    uint64_t bytes = value->getType()->getPrimitiveSizeInBits() / 8;
    b.CreateAlignedStore(value, b.CreateConstGEP1_64(b.getInt8Ty(), to, at), llvm::Align(bytes), isVolatile);
  }
}

void expandMemoryIntrinsics(llvm::Function& function, llvm::FunctionAnalysisManager& analyses) {
  llvm::SmallVector<llvm::MemIntrinsic*, 8> found;
  for (llvm::Instruction& instruction : llvm::instructions(function))
    if (auto* intrinsic = llvm::dyn_cast<llvm::MemIntrinsic>(&instruction)) found.push_back(intrinsic);
  if (found.empty()) return;
  const auto& costs = analyses.getResult<llvm::TargetIRAnalysis>(function);
  for (llvm::MemIntrinsic* intrinsic : found) {
    auto* size = llvm::dyn_cast<llvm::ConstantInt>(intrinsic->getLength());
    bool isMove = llvm::isa<llvm::MemMoveInst>(intrinsic);
    if (size && size->getValue().ult(uint64_t(1) << 31) && (!isMove || size->getZExtValue() <= kUnrolledPieces)) {
      expandKnownSize(*intrinsic, size->getZExtValue());
    } else if (auto* copy = llvm::dyn_cast<llvm::MemCpyInst>(intrinsic)) {
      llvm::expandMemCpyAsLoop(copy, costs);
    } else if (auto* move = llvm::dyn_cast<llvm::MemMoveInst>(intrinsic)) {
      if (!llvm::expandMemMoveAsLoop(move, costs)) continue;
    } else if (auto* set = llvm::dyn_cast<llvm::MemSetInst>(intrinsic)) {
      llvm::expandMemSetAsLoop(set);
    } else {
      continue;
    }
    intrinsic->eraseFromParent();
  }
}

// Stack variables get local-space pointers, so that accesses through them need no run-time decoding.
void placeAllocas(llvm::Function& function) {
  for (llvm::Instruction& instruction : llvm::make_early_inc_range(function.getEntryBlock())) {
    auto* variable = llvm::dyn_cast<llvm::AllocaInst>(&instruction);
    if (!variable || variable->getAddressSpace() != 0) continue;
    llvm::IRBuilder<> builder(variable->getNextNode());
    llvm::SmallVector<llvm::Use*, 8> uses;
    for (llvm::Use& use : variable->uses()) uses.push_back(&use);
    auto* local = builder.CreateAddrSpaceCast(variable, builder.getPtrTy(kLocalSpace));
    auto* generic = builder.CreateAddrSpaceCast(local, builder.getPtrTy());
    for (llvm::Use* use : uses) use->set(generic);
  }
}

// Code that is never reached ends its lanes: a fault if a lane gets there after all, then the ordinary way out.
void endUnreachable(llvm::Function& function) {
  for (llvm::BasicBlock& block : function) {
    auto* end = llvm::dyn_cast<llvm::UnreachableInst>(block.getTerminator());
    if (!end) continue;
    llvm::IRBuilder<> builder(end);
    auto* before = llvm::dyn_cast_or_null<llvm::CallInst>(end->getPrevNode());
    bool traps = before && before->getIntrinsicID() == llvm::Intrinsic::trap;
    if (!traps) builder.CreateIntrinsic(llvm::Intrinsic::trap, {});
    builder.CreateRetVoid();
    end->eraseFromParent();
  }
}

// Hints that the later phases cannot use, and metadata that the MLIR import does not know.
void dropHints(llvm::Function& function) {
  llvm::SmallVector<llvm::Instruction*, 16> dead;
  for (llvm::Instruction& instruction : llvm::instructions(function)) {
    if (auto* intrinsic = llvm::dyn_cast<llvm::IntrinsicInst>(&instruction)) {
      switch (intrinsic->getIntrinsicID()) {
        case llvm::Intrinsic::lifetime_start:
        case llvm::Intrinsic::lifetime_end:
        case llvm::Intrinsic::assume:
        case llvm::Intrinsic::experimental_noalias_scope_decl:
        case llvm::Intrinsic::invariant_start:
        case llvm::Intrinsic::invariant_end:
        case llvm::Intrinsic::donothing:
        case llvm::Intrinsic::sideeffect:
          dead.push_back(intrinsic);
          continue;
        default:
          break;
      }
    }
    instruction.dropUnknownNonDebugMetadata();
  }
  for (llvm::Instruction* instruction : dead) {
    if (!instruction->use_empty()) instruction->replaceAllUsesWith(llvm::PoisonValue::get(instruction->getType()));
    instruction->eraseFromParent();
  }
}

// A loop that may never end has to hang, so that the watchdog can name it. LLVM keeps such loops; MLIR erases whatever
// has no effect. So a loop without effects and with an unknown number of turns gets one: a marker that costs nothing.
void keepEndlessLoops(llvm::Function& function, llvm::FunctionAnalysisManager& analyses) {
  auto& loops = analyses.getResult<llvm::LoopAnalysis>(function);
  auto& evolution = analyses.getResult<llvm::ScalarEvolutionAnalysis>(function);
  for (llvm::Loop* loop : loops.getLoopsInPreorder()) {
    if (evolution.hasLoopInvariantBackedgeTakenCount(loop)) continue;
    auto lasting = [](llvm::BasicBlock* block) {
      return llvm::any_of(*block, [](llvm::Instruction& instruction) { return instruction.mayHaveSideEffects(); });
    };
    if (llvm::any_of(loop->blocks(), lasting)) continue;
    llvm::IRBuilder<> builder(loop->getHeader(), loop->getHeader()->getFirstInsertionPt());
    builder.SetCurrentDebugLocation(loop->getHeader()->getTerminator()->getDebugLoc());
    builder.CreateIntrinsic(llvm::Intrinsic::sideeffect, {});
  }
}

Outcome checkCalls(llvm::Module& module) {
  for (llvm::Function& function : module)
    for (llvm::Instruction& instruction : llvm::instructions(function)) {
      auto* call = llvm::dyn_cast<llvm::CallBase>(&instruction);
      if (!call || call->isInlineAsm()) continue;
      llvm::Function* callee = call->getCalledFunction();
      if (!callee) return errorAt(instruction, "calls through function pointers (virtual functions) are not supported");
      if (!callee->isDeclaration())
        return errorAt(instruction, "the call of '" + callee->getName().str() +
                                        "' could not be inlined (recursive device functions are not supported)");
    }
  return {};
}

}  // namespace

std::unique_ptr<llvm::TargetMachine> createDeviceTargetMachine() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    setUnrollPolicy();
  });
  llvm::Triple triple("nvptx64-nvidia-cuda");
  std::string problem;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(triple, problem);
  if (!target) return nullptr;
  return std::unique_ptr<llvm::TargetMachine>(
      target->createTargetMachine(triple, "sm_80", "+ptx80", llvm::TargetOptions(), std::nullopt));
}

Outcome optimizeDeviceModule(DeviceModule& device, llvm::TargetMachine& machine, const CudaCompileOptions& options) {
  llvm::Module& module = *device.module;
  module.setDataLayout(machine.createDataLayout());
  module.setTargetTriple(machine.getTargetTriple());
  expandLibdevice(module);

  for (llvm::Function& function : module) {
    function.removeFnAttr("target-cpu");
    function.removeFnAttr("target-features");
    function.removeFnAttr(llvm::Attribute::OptimizeNone);
    if (function.isDeclaration()) continue;
    if (function.getCallingConv() == llvm::CallingConv::PTX_Kernel) {
      markPointerArguments(function);
      continue;
    }
    function.removeFnAttr(llvm::Attribute::NoInline);
    function.addFnAttr(llvm::Attribute::AlwaysInline);
  }

  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = tuning.SLPVectorization = tuning.LoopInterleaving = false;
  llvm::PassBuilder builder(&machine, tuning);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);

  auto level = options.opt_level <= 1 ? llvm::OptimizationLevel::O1 : llvm::OptimizationLevel::O2;
  builder.buildPerModuleDefaultPipeline(level).run(module, modules);

  for (llvm::Function& function : module) {
    if (function.getCallingConv() != llvm::CallingConv::PTX_Kernel || function.isDeclaration()) continue;
    if (uint64_t size = function.getInstructionCount(); size > options.inline_limit)
      return error("kernel '" + function.getName().str() + "' has " + std::to_string(size) +
                   " instructions after inlining; the limit is " + std::to_string(options.inline_limit));
    placeByValueArguments(function);
    expandMemoryIntrinsics(function, functions);
  }
  modules.invalidate(module, llvm::PreservedAnalyses::none());
  functions.clear();

  auto run = [&](const char* pipeline) -> Outcome {
    llvm::ModulePassManager passes;
    if (auto failed = builder.parsePassPipeline(passes, pipeline)) return error(llvm::toString(std::move(failed)));
    passes.run(module, modules);
    return {};
  };
  // Second round: what the expansions above left is promoted, unrolled and given its address space.
  if (auto ok = run("globaldce,function(infer-address-spaces,sroa,early-cse<memssa>,simplifycfg,"
                    "instcombine<no-verify-fixpoint>,loop-simplify,lcssa,loop(loop-rotate,loop-unroll-full),sroa,"
                    "infer-address-spaces,early-cse<memssa>,instcombine<no-verify-fixpoint>,simplifycfg,"
                    "load-store-vectorizer,early-cse,scalarizer<no-load-store>,instsimplify,dce,"
                    "loop-simplify,loop(loop-rotate),simplifycfg,infer-address-spaces,dce),globaldce");
      !ok)
    return ok;
  for (llvm::Function& function : module) {
    if (function.isDeclaration()) continue;
    placeAllocas(function);
    markPointersInArguments(function);
    endUnreachable(function);
  }
  modules.invalidate(module, llvm::PreservedAnalyses::none());
  functions.clear();
  if (auto ok = run(
          "function(infer-address-spaces,load-store-vectorizer,early-cse,scalarizer<no-load-store>,mergereturn,dce)");
      !ok)
    return ok;
  for (llvm::Function& function : module) dropHints(function);
  modules.invalidate(module, llvm::PreservedAnalyses::none());
  functions.clear();
  for (llvm::Function& function : module)
    if (!function.isDeclaration()) keepEndlessLoops(function, functions);
  if (auto ok = checkCalls(module); !ok) return ok;
  std::string broken;
  llvm::raw_string_ostream stream(broken);
  if (llvm::verifyModule(module, &stream))
    return error("internal error: the optimised device module is malformed: " + broken);
  return {};
}

}  // namespace phx::compiler
