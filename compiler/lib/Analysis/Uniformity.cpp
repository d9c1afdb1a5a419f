#include "lib/Analysis/Uniformity.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace phx::compiler {

namespace LLVM = mlir::LLVM;
namespace scf = mlir::scf;

unsigned accessedSpace(mlir::Value pointer) {
  unsigned last = 0;
  while (true) {
    auto type = llvm::dyn_cast<LLVM::LLVMPointerType>(pointer.getType());
    if (!type) return last;
    if (type.getAddressSpace() != space::kGeneric) return type.getAddressSpace();
    mlir::Operation* op = pointer.getDefiningOp();
    if (!op) return space::kGeneric;
    if (auto gep = llvm::dyn_cast<LLVM::GEPOp>(op))
      pointer = gep.getBase();
    else if (auto cast = llvm::dyn_cast<LLVM::AddrSpaceCastOp>(op))
      pointer = cast.getArg();
    else if (llvm::isa<LLVM::AllocaOp>(op))
      return space::kLocal;
    else
      return space::kGeneric;
  }
}

namespace {

enum class Source { divergent, uniform, operands };

Source intrinsicSource(llvm::StringRef name) {
  if (name.starts_with("llvm.nvvm.vote.") || name == "llvm.nvvm.activemask") return Source::operands;
  if (name.starts_with("llvm.nvvm.barrier")) return Source::uniform;
  if (name.starts_with("llvm.nvvm.redux.")) return Source::divergent;
  if (name.starts_with("llvm.nvvm.shfl.") || name.starts_with("llvm.nvvm.match.") ||
      name.starts_with("llvm.nvvm.atomic") || name.starts_with("llvm.nvvm.read.ptx.sreg.lanemask"))
    return Source::divergent;
  return Source::operands;
}

Source sourceOf(mlir::Operation* op) {
  namespace NVVM = mlir::NVVM;
  if (llvm::isa<NVVM::ThreadIdXOp, NVVM::ThreadIdYOp, NVVM::ThreadIdZOp, NVVM::LaneIdOp, NVVM::LaneMaskEqOp,
                NVVM::LaneMaskLeOp, NVVM::LaneMaskLtOp, NVVM::LaneMaskGeOp, NVVM::LaneMaskGtOp, NVVM::ClockOp,
                NVVM::Clock64Op, NVVM::GlobalTimerOp, NVVM::GlobalTimerLoOp>(op))
    return Source::divergent;
  if (llvm::isa<LLVM::AtomicRMWOp, LLVM::AtomicCmpXchgOp, LLVM::InlineAsmOp>(op)) return Source::divergent;
  if (auto load = llvm::dyn_cast<LLVM::LoadOp>(op)) {
    bool plain = !load.getVolatile_() && load.getOrdering() == LLVM::AtomicOrdering::not_atomic;
    unsigned from = accessedSpace(load.getAddr());
    // A generic address may turn out to be in local memory, which differs by lane behind equal addresses.
    return plain && from != space::kLocal && from != space::kGeneric ? Source::operands : Source::divergent;
  }
  if (auto load = llvm::dyn_cast<LLVM::MaskedLoadOp>(op)) {
    unsigned from = accessedSpace(load.getData());
    return from != space::kLocal && from != space::kGeneric ? Source::operands : Source::divergent;
  }
  if (auto call = llvm::dyn_cast<LLVM::CallOp>(op))
    return call.getCallee() && call.getCallee()->starts_with("phx.isa.") ? Source::operands : Source::divergent;
  if (auto call = llvm::dyn_cast<LLVM::CallIntrinsicOp>(op)) return intrinsicSource(call.getIntrin());
  return Source::operands;
}

}  // namespace

Uniformity::Uniformity(mlir::Operation* kernel) {
  do {
    changed_ = false;
    for (mlir::Region& region : kernel->getRegions()) visit(region);
  } while (changed_);
}

void Uniformity::visit(mlir::Region& region) {
  for (mlir::Block& block : region)
    for (mlir::Operation& op : block) visit(&op);
}

void Uniformity::visit(mlir::Operation* op) {
  if (auto loop = llvm::dyn_cast<scf::WhileOp>(op)) {
    scf::ConditionOp condition = loop.getConditionOp();
    auto arguments = loop.getBeforeArguments();
    for (auto [argument, init, next] : llvm::zip(arguments, loop.getInits(), loop.getYieldOp().getOperands()))
      if (divergent(init) || divergent(next)) mark(argument);
    visit(loop.getBefore());
    bool leaveApart = divergent(condition.getCondition());
    for (auto [inner, result, forwarded] :
         llvm::zip(loop.getAfterArguments(), loop.getResults(), condition.getArgs())) {
      if (divergent(forwarded)) mark(inner);
      if (divergent(forwarded) || leaveApart) mark(result);
    }
    visit(loop.getAfter());
    return;
  }
  if (llvm::isa<scf::IfOp, scf::IndexSwitchOp>(op)) {
    bool apart = divergent(op->getOperand(0));
    for (mlir::Region& region : op->getRegions()) {
      visit(region);
      if (region.empty()) continue;
      for (auto [result, yielded] : llvm::zip(op->getResults(), region.front().getTerminator()->getOperands()))
        if (apart || divergent(yielded)) mark(result);
    }
    return;
  }
  for (mlir::Region& region : op->getRegions()) visit(region);
  if (op->getNumResults() == 0) return;
  Source source = sourceOf(op);
  if (source == Source::uniform) return;
  bool any = source == Source::divergent;
  for (mlir::Value operand : op->getOperands()) any |= divergent(operand);
  if (any)
    for (mlir::Value result : op->getResults()) mark(result);
}

}  // namespace phx::compiler
