// Counts what a program would execute as LLVM IR: each basic block of every kernel adds its number of operations to a
// device variable, once for every lane that runs it. For measuring the lowering; the counting code changes the program.
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/IntrinsicInst.h"

#include "compiler/lib/Frontend/Cuda/DeviceModule.h"

namespace phx::compiler {
namespace {

// Phis are copies that no machine needs to execute; debug and marker intrinsics are no operations.
bool isOperation(const llvm::Instruction& instruction) {
  if (llvm::isa<llvm::PHINode>(instruction)) return false;
  const auto* intrinsic = llvm::dyn_cast<llvm::IntrinsicInst>(&instruction);
  return !intrinsic || !intrinsic->isAssumeLikeIntrinsic();
}

}  // namespace

Outcome countOperations(DeviceModule& device, const std::string& variable) {
  llvm::Module& module = *device.module;
  llvm::GlobalVariable* counter = module.getNamedGlobal(variable);
  llvm::Type* counted = llvm::Type::getInt64Ty(module.getContext());
  if (!counter || counter->getValueType() != counted)
    return error("operations are to be counted in '" + variable +
                 "', which is no __device__ unsigned long long of this program");
  for (llvm::Function& function : module) {
    if (function.isDeclaration()) continue;
    for (llvm::BasicBlock& block : function) {
      const auto operations = static_cast<uint64_t>(llvm::count_if(block, isOperation));
      llvm::IRBuilder<> builder(&block, block.getFirstInsertionPt());
      builder.SetCurrentDebugLocation(block.getTerminator()->getDebugLoc());
      builder.CreateAtomicRMW(llvm::AtomicRMWInst::Add, counter, llvm::ConstantInt::get(counted, operations),
                              llvm::Align(8), llvm::AtomicOrdering::Monotonic);
    }
  }
  return {};
}

}  // namespace phx::compiler
