// Phase place: every tile of a kernel gets its memory space, from what reads and writes it.
#include "lib/Dialect/Npu/Npu.h"
#include "lib/Transforms/Memory/MemoryPhases.h"
#include "lib/Transforms/Memory/TileClasses.h"
#include "lib/Transforms/Phases.h"
#include "llvm/ADT/TypeSwitch.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"

namespace phx::compiler {

using mlir::Operation;
using mlir::Value;
using npu::Space;

namespace {

struct Need {
  Value tile;
  Space space;
};

// What the operation asks of its tiles. A load takes its destination's space from whoever reads it.
llvm::SmallVector<Need, 4> needsOf(Operation* op) {
  llvm::SmallVector<Need, 4> needs;
  llvm::TypeSwitch<Operation*>(op)
      .Case<npu::StoreOp>([&](npu::StoreOp store) { needs.push_back({store.getTile(), Space::ub}); })
      .Case<npu::VecOp>([&](npu::VecOp vec) {
        for (Value in : vec.getIns()) needs.push_back({in, Space::ub});
        needs.push_back({vec.getOuts(), Space::ub});
      })
      .Case<npu::ExtractOp>([&](npu::ExtractOp extract) { needs.push_back({extract.getSource(), Space::l1}); })
      .Case<npu::LoadBiasOp>([&](npu::LoadBiasOp bias) {
        needs.push_back({bias.getSource(), Space::l1});
        needs.push_back({bias.getOuts(), Space::bt});
      })
      .Case<npu::MmadOp>([&](npu::MmadOp mmad) {
        needs.push_back({mmad.getA(), Space::l0a});
        needs.push_back({mmad.getB(), Space::l0b});
        if (mmad.getBias()) needs.push_back({mmad.getBias(), Space::bt});
        needs.push_back({mmad.getOuts(), Space::l0c});
      })
      .Case<npu::FixpipeOp>([&](npu::FixpipeOp fixpipe) { needs.push_back({fixpipe.getAcc(), Space::l0c}); });
  return needs;
}

bool hasSpace(npu::Core core, Space space) { return (core == npu::Core::aiv) == (space == Space::ub); }

std::string word(Space space) { return npu::stringifySpace(space).str(); }
std::string quoted(Operation* op) { return "'" + op->getName().getStringRef().str() + "'"; }

class Placer {
 public:
  explicit Placer(mlir::func::FuncOp kernel) : kernel_(kernel) {}

  Outcome run() {
    separateEmptyTiles();
    if (auto ok = collect(); !ok) return ok;
    if (auto ok = choose(); !ok) return ok;
    return assign();
  }

 private:
  struct Wanted {
    Value tile;
    Space space;
    Operation* user;
  };

  // An empty tensor has no content, so every user may have its own; shared ones would tie unrelated tiles together.
  void separateEmptyTiles() {
    llvm::SmallVector<mlir::tensor::EmptyOp> all;
    kernel_.walk([&](mlir::tensor::EmptyOp empty) { all.push_back(empty); });
    for (mlir::tensor::EmptyOp empty : all) {
      llvm::SmallVector<mlir::OpOperand*> uses;
      for (mlir::OpOperand& use : empty->getUses()) uses.push_back(&use);
      mlir::OpBuilder builder(empty);
      for (size_t i = 1; i < uses.size(); ++i) uses[i]->set(builder.clone(*empty)->getResult(0));
      if (uses.empty()) empty.erase();
    }
  }

  Outcome collect() {
    Outcome outcome;
    kernel_.walk<mlir::WalkOrder::PreOrder>([&](Operation* op) {
      const bool tiles = llvm::any_of(op->getOperands(), isTile) || llvm::any_of(op->getResults(), isTile);
      if (tiles && !npu::pipeOf(op) &&
          !llvm::isa<mlir::scf::ForOp, mlir::scf::IfOp, mlir::scf::YieldOp, mlir::tensor::EmptyOp>(op)) {
        outcome = errorAt(op->getLoc(), quoted(op) + " does not work on tiles of a kernel");
        return mlir::WalkResult::interrupt();
      }
      for (mlir::Region& region : op->getRegions())
        for (Value argument : region.getArguments())
          if (isTile(argument)) tiles_.push_back(argument);
      for (Value result : op->getResults())
        if (isTile(result)) tiles_.push_back(result);
      forEachTie(op, [&](Value from, Value to) { classes_.join(from, to); });
      for (const Need& need : needsOf(op))
        if (isTile(need.tile)) wanted_.push_back({need.tile, need.space, op});
      return mlir::WalkResult::advance();
    });
    return outcome;
  }

  Outcome choose() {
    for (const Wanted& wanted : wanted_) {
      auto [place, fresh] = chosen_.try_emplace(classes_.of(wanted.tile), wanted);
      if (fresh || place->second.space == wanted.space) continue;
      return errorAt(wanted.user->getLoc(), quoted(wanted.user) + " needs a tile in " + word(wanted.space) + " that " +
                                                quoted(place->second.user) + " needs in " + word(place->second.space));
    }
    return {};
  }

  Outcome assign() {
    const npu::Core core = kernel_->getAttrOfType<npu::CoreAttr>(npu::kCoreAttr).getValue();
    for (Value tile : tiles_) {
      // If nothing but its maker knows the tile, any space that a load can fill will do.
      Space space = core == npu::Core::aiv ? Space::ub : Space::l1;
      if (auto found = chosen_.find(classes_.of(tile)); found != chosen_.end()) {
        space = found->second.space;
        if (!hasSpace(core, space))
          return errorAt(found->second.user->getLoc(), quoted(found->second.user) + " needs a tile in " + word(space) +
                                                           ", which cores of kind " + npu::stringifyCore(core).str() +
                                                           " do not have");
      }
      auto type = llvm::cast<mlir::RankedTensorType>(tile.getType());
      tile.setType(mlir::RankedTensorType::get(type.getShape(), type.getElementType(),
                                               npu::SpaceAttr::get(type.getContext(), space)));
    }
    return {};
  }

  mlir::func::FuncOp kernel_;
  TileClasses classes_;
  llvm::SmallVector<Value> tiles_;
  llvm::SmallVector<Wanted> wanted_;
  llvm::DenseMap<unsigned, Wanted> chosen_;  // by class
};

}  // namespace

Outcome placeTiles(mlir::ModuleOp module) {
  for (auto kernel : module.getOps<mlir::func::FuncOp>())
    if (npu::isKernel(kernel))
      if (auto ok = Placer(kernel).run(); !ok) return ok;
  return {};
}

Outcome verifyPlaced(mlir::ModuleOp module) {
  Outcome outcome;
  for (auto kernel : module.getOps<mlir::func::FuncOp>()) {
    if (!npu::isKernel(kernel)) continue;
    const npu::Core core = kernel->getAttrOfType<npu::CoreAttr>(npu::kCoreAttr).getValue();
    auto check = [&](Value value, Operation* op) {
      auto type = llvm::dyn_cast<mlir::RankedTensorType>(value.getType());
      if (!type || !outcome) return;
      auto space = npu::spaceOf(type);
      if (!space)
        outcome = errorAt(op->getLoc(), "a tile of " + quoted(op) + " has no memory space");
      else if (!hasSpace(core, *space))
        outcome = errorAt(op->getLoc(), "a tile of " + quoted(op) + " lies in " + word(*space) +
                                            ", which cores of kind " + npu::stringifyCore(core).str() + " do not have");
      else if (type.getRank() != 2 || !type.hasStaticShape())
        outcome = errorAt(op->getLoc(), "a tile of " + quoted(op) + " is not of two static dimensions");
    };
    kernel.walk([&](Operation* op) {
      for (Value result : op->getResults()) check(result, op);
      for (mlir::Region& region : op->getRegions())
        for (Value argument : region.getArguments()) check(argument, op);
    });
    if (!outcome) return outcome;
    if (mlir::failed(mlir::verify(kernel)))
      return errorAt(kernel.getLoc(), "kernel '" + kernel.getSymName().str() + "' is not valid after placement");
  }
  return {};
}

}  // namespace phx::compiler
