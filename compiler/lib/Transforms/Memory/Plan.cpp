// Phase plan: addresses of the tiles in the buffers of a core, and of the intermediate tensors in the workspace.
//
// Tiles that only the vector pipe touches share bytes when they are not alive together. Others get bytes of their own,
// because sharing would make pipes wait for each other; if that does not fit they share too, and if that does not fit
// either, buffers lose their second copies, the outermost ones first.
//
// Where the unified buffer has room, the two sources of an instruction lie in different bank groups: BankColours.h.
#include "lib/Dialect/Npu/Npu.h"
#include "lib/Transforms/Memory/BankColours.h"
#include "lib/Transforms/Memory/MemoryPhases.h"
#include "lib/Transforms/Memory/TileLayout.h"
#include "lib/Transforms/Phases.h"
#include "llvm/ADT/MapVector.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Remarks.h"

namespace phx::compiler {

using mlir::Operation;
using mlir::Value;
using mlir::memref::AllocOp;

namespace {

// A buffer to be placed: its bytes, and from which to which operation of the program (in textual order) it holds
// something.
struct Lot {
  AllocOp alloc;
  int64_t bytes = 0;
  unsigned first = 0, last = 0;
  bool private_ = false;  // does not share bytes with other private lots
  int64_t address = 0;
  int64_t residue = -1;  // of the address modulo the period of the bank groups; -1: any
  bool aliveWith(const Lot& other) const { return first <= other.last && other.first <= last; }
};

struct Extent {
  unsigned from = 0, to = 0;  // numbers of the operation and of the last one inside it
};

llvm::DenseMap<Operation*, Extent> numberOperations(mlir::func::FuncOp function) {
  llvm::DenseMap<Operation*, Extent> numbers;
  unsigned next = 0;
  auto number = [&](auto& self, mlir::Block& block) -> void {
    for (Operation& op : block) {
      const unsigned from = next++;
      for (mlir::Region& region : op.getRegions())
        for (mlir::Block& inner : region) self(self, inner);
      numbers[&op] = {from, next - 1};
    }
  };
  for (mlir::Block& block : function.getBody()) number(number, block);
  return numbers;
}

// Everything that works on the tile, through its slots too.
llvm::SmallVector<Operation*> usersOf(AllocOp alloc) {
  llvm::SmallVector<Operation*> users;
  for (Operation* user : alloc->getUsers())
    if (llvm::isa<npu::SlotOp>(user))
      users.append(user->user_begin(), user->user_end());
    else
      users.push_back(user);
  return users;
}

// The content of a tile lives within the block of its alloc, so a loop inside that block counts as a whole.
Lot lotOf(AllocOp alloc, int64_t bytes, const llvm::DenseMap<Operation*, Extent>& numbers) {
  Lot lot{.alloc = alloc, .bytes = bytes};
  bool any = false;
  for (Operation* user : usersOf(alloc)) {
    const Extent extent = numbers.lookup(alloc->getBlock()->findAncestorOpInBlock(*user));
    lot.first = any ? std::min(lot.first, extent.from) : extent.from;
    lot.last = any ? std::max(lot.last, extent.to) : extent.to;
    any = true;
  }
  if (!any) lot.first = lot.last = numbers.lookup(alloc).from;
  return lot;
}

llvm::SmallVector<Lot> lotsOf(mlir::func::FuncOp kernel, npu::Space space) {
  llvm::SmallVector<Lot> lots;
  const auto numbers = numberOperations(kernel);
  kernel.walk<mlir::WalkOrder::PreOrder>([&](AllocOp alloc) {
    if (npu::spaceOf(alloc.getType()) != space) return;
    Lot lot = lotOf(alloc, tileBytes(alloc.getType()) * tileCopies(alloc.getType()), numbers);
    lot.private_ = llvm::any_of(usersOf(alloc), [](Operation* user) { return npu::pipeOf(user) != npu::Pipe::v; });
    lots.push_back(lot);
  });
  return lots;
}

// Which lots may share bytes, and which are placed first.
struct Packing {
  bool sharePrivate;
  bool byTime;         // in the order of the program, else the largest first
  int64_t period = 0;  // of the bank groups, in bytes: lots keep to their residues; 0: they do not
};

// Every lot gets the lowest address that is free for its lifetime. Returns the bytes that are needed.
int64_t layOut(llvm::MutableArrayRef<Lot> lots, int64_t alignment, Packing packing) {
  llvm::SmallVector<Lot*> order, placed;
  for (Lot& lot : lots) order.push_back(&lot);
  llvm::sort(order, [&](const Lot* a, const Lot* b) {
    if (packing.byTime) return a->first != b->first ? a->first < b->first : a < b;
    return a->bytes != b->bytes ? a->bytes > b->bytes : a < b;
  });
  int64_t needed = 0;
  for (Lot* lot : order) {
    llvm::SmallVector<Lot*> around;  // by address: lots that it must not touch
    for (Lot* other : placed)
      if (lot->aliveWith(*other) || (!packing.sharePrivate && (lot->private_ || other->private_)))
        around.push_back(other);
    llvm::sort(around,
               [](const Lot* a, const Lot* b) { return a->address != b->address ? a->address < b->address : a < b; });
    const bool keeps = packing.period && lot->residue >= 0;
    auto from = [&](int64_t address) {
      if (!keeps) return (address + alignment - 1) / alignment * alignment;
      return address + ((lot->residue - address) % packing.period + packing.period) % packing.period;
    };
    int64_t address = from(0);
    for (Lot* other : around) {
      if (address + lot->bytes <= other->address) break;
      address = std::max(address, from(other->address + other->bytes));
    }
    lot->address = address;
    needed = std::max(needed, address + lot->bytes);
    placed.push_back(lot);
  }
  return needed;
}

// The first packing that fits; if none does, the bytes of the tightest one.
// `period`: of the bank groups, if lots have residues.
int64_t pack(llvm::MutableArrayRef<Lot> lots, int64_t alignment, int64_t available, int64_t period) {
  int64_t least = std::numeric_limits<int64_t>::max();
  for (bool share : {false, true})
    for (int64_t banks : {period, int64_t{0}})
      for (bool by_time : {false, true}) {
        const int64_t needed = layOut(lots, alignment, {share, by_time, banks});
        if (needed <= available) return needed;
        least = std::min(least, needed);
      }
  return least;
}

unsigned depthOf(Operation* op) {
  unsigned depth = 0;
  for (op = op->getParentOp(); op; op = op->getParentOp()) depth += llvm::isa<mlir::scf::ForOp>(op);
  return depth;
}

// Takes the copies from the buffer to which they matter least: it changes most seldom, and is the largest of those.
bool dropCopies(llvm::ArrayRef<Lot> lots, npu::Space space) {
  AllocOp victim;
  for (const Lot& lot : lots) {
    AllocOp alloc = lot.alloc;
    if (tileCopies(alloc.getType()) == 1) continue;
    if (!victim || depthOf(alloc) < depthOf(victim) ||
        (depthOf(alloc) == depthOf(victim) && tileBytes(alloc.getType()) > tileBytes(victim.getType())))
      victim = alloc;
  }
  if (!victim) return false;
  mlir::MemRefType type = victim.getType();
  auto kernel = victim->getParentOfType<mlir::func::FuncOp>();
  mlir::remark::missed(victim.getLoc(),
                       mlir::remark::RemarkOpts::name("copies").category("plan").function(kernel.getSymName()))
      << mlir::remark::reason("one copy instead of {0}: {1} is too small for all", tileCopies(type),
                              npu::stringifySpace(space).str());
  mlir::OpBuilder b(victim);
  auto one = AllocOp::create(b, victim.getLoc(),
                             mlir::MemRefType::get(type.getShape().drop_front(), type.getElementType(),
                                                   mlir::MemRefLayoutAttrInterface{}, type.getMemorySpace()));
  for (Operation* slot : llvm::make_early_inc_range(victim->getUsers())) {
    slot->getResult(0).replaceAllUsesWith(one);
    slot->erase();
  }
  victim.erase();
  return true;
}

void setAddresses(llvm::ArrayRef<Lot> lots) {
  for (const Lot& lot : lots) {
    AllocOp alloc = lot.alloc;
    alloc->setAttr(npu::kAddressAttr, mlir::Builder(alloc.getContext()).getI64IntegerAttr(lot.address));
  }
}

constexpr npu::Space kTileSpaces[] = {npu::Space::ub,  npu::Space::l1,  npu::Space::l0a,
                                      npu::Space::l0b, npu::Space::l0c, npu::Space::bt};

Outcome planKernel(mlir::func::FuncOp kernel, const machine::Machine& machine) {
  const BankPeriod banks = bankPeriod(machine.chip);
  for (npu::Space space : kTileSpaces) {
    const int64_t available = spaceBytes(space, machine), alignment = tileAlignment(space);
    const bool coloured = space == npu::Space::ub && kernel->hasAttr(npu::kConflictFreeAttr) && banks.bytes;
    while (true) {
      llvm::SmallVector<Lot> lots = lotsOf(kernel, space);
      if (coloured) {
        const BankColours colours(kernel);
        for (Lot& lot : lots)
          if (auto colour = colours.of(lot.alloc)) lot.residue = *colour * banks.apart;
      }
      const int64_t needed = pack(lots, alignment, available, coloured ? banks.bytes : 0);
      if (needed <= available) {
        setAddresses(lots);
        break;
      }
      if (!dropCopies(lots, space))
        return errorAt(kernel.getLoc(), "kernel '" + kernel.getSymName().str() + "' needs " + std::to_string(needed) +
                                            " bytes of " + npu::stringifySpace(space).str() + ", a core has " +
                                            std::to_string(available));
    }
  }
  return {};
}

llvm::SmallVector<Lot> workspaceLots(mlir::func::FuncOp main) {
  llvm::SmallVector<Lot> lots;
  const auto numbers = numberOperations(main);
  main.walk([&](AllocOp alloc) {
    const int64_t element = (alloc.getType().getElementTypeBitWidth() + 7) / 8;
    lots.push_back(lotOf(alloc, alloc.getType().getNumElements() * element, numbers));
  });
  return lots;
}

Outcome verifyLots(mlir::func::FuncOp function, llvm::MutableArrayRef<Lot> lots, npu::Space space, int64_t available) {
  const std::string where = " in " + (space == npu::Space::gm ? "the workspace" : npu::stringifySpace(space).str()) +
                            " of '" + function.getSymName().str() + "'";
  for (Lot& lot : lots) {
    auto address = lot.alloc->getAttrOfType<mlir::IntegerAttr>(npu::kAddressAttr);
    if (!address) return errorAt(lot.alloc.getLoc(), "a buffer" + where + " has no address");
    lot.address = address.getInt();
    if (lot.address < 0 || lot.address % tileAlignment(space) || lot.address + lot.bytes > available)
      return errorAt(lot.alloc.getLoc(), "a buffer of " + std::to_string(lot.bytes) + " bytes" + where +
                                             " has address " + std::to_string(lot.address) +
                                             ", which is misaligned or outside of its " + std::to_string(available) +
                                             " bytes");
  }
  for (Lot& a : lots)
    for (Lot& b : lots) {
      if (&a >= &b || !a.aliveWith(b)) continue;
      if (a.address < b.address + b.bytes && b.address < a.address + a.bytes)
        return errorAt(b.alloc.getLoc(), "two buffers" + where + " are alive together at address " +
                                             std::to_string(std::max(a.address, b.address)));
    }
  return {};
}

}  // namespace

Outcome planMemory(mlir::ModuleOp module, const machine::Machine& machine) {
  for (auto function : module.getOps<mlir::func::FuncOp>()) {
    if (npu::isKernel(function)) {
      if (auto ok = planKernel(function, machine); !ok) return ok;
    } else {
      llvm::SmallVector<Lot> lots = workspaceLots(function);
      layOut(lots, tileAlignment(npu::Space::gm), {.sharePrivate = true, .byTime = false});
      setAddresses(lots);
      const int64_t room = spaceBytes(npu::Space::gm, machine);
      for (Lot& lot : lots)
        if (lot.bytes > room || lot.address > room - lot.bytes)
          return errorAt(lot.alloc.getLoc(), "the intermediate tensors need more than the " + std::to_string(room) +
                                                 " bytes of device memory of '" + machine.name + "'");
    }
  }
  return {};
}

Outcome verifyPlanned(mlir::ModuleOp module, const machine::Machine& machine) {
  for (auto function : module.getOps<mlir::func::FuncOp>()) {
    if (!npu::isKernel(function)) {
      auto lots = workspaceLots(function);
      if (auto ok = verifyLots(function, lots, npu::Space::gm, spaceBytes(npu::Space::gm, machine)); !ok) return ok;
      continue;
    }
    for (npu::Space space : kTileSpaces) {
      auto lots = lotsOf(function, space);
      if (auto ok = verifyLots(function, lots, space, spaceBytes(space, machine)); !ok) return ok;
    }
  }
  return {};
}

}  // namespace phx::compiler
