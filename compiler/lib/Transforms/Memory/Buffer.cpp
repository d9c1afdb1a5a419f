// Phase buffer: value form -> buffer form.
//
// Values that continue one another (ties of TileClasses.h) share a buffer if every read still finds the value it means.
// Whether it does is decided by following, along the structured control flow, which value each buffer holds. Where it
// does not, the tie gets a copy.
#include "lib/Dialect/Npu/Npu.h"
#include "lib/Dialect/Visa/Visa.h"
#include "lib/Transforms/Memory/MemoryPhases.h"
#include "lib/Transforms/Memory/TileClasses.h"
#include "lib/Transforms/Memory/TileLayout.h"
#include "lib/Transforms/Phases.h"
#include "llvm/ADT/MapVector.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"

namespace phx::compiler {

using mlir::Operation;
using mlir::Value;

namespace {

bool isEmpty(Value value) { return value.getDefiningOp<mlir::tensor::EmptyOp>() != nullptr; }

// May the instruction write over its source number `source`? It must read every element before it writes there
// (isa.def, section 9: same range, pitch and element size).
bool overwritesSource(npu::VecOp vec, size_t source) {
  isa::Opcode opcode;
  isa::Type type;
  uint16_t mod;
  if (!visa::parseMnemonic(vec.getInst(), opcode, type, mod)) return false;
  switch (opcode) {
    case isa::Opcode::Vcmp:
    case isa::Opcode::Vcmps:
    case isa::Opcode::Vbrcb:
    case isa::Opcode::Vcadd:
    case isa::Opcode::Vcmax:
    case isa::Opcode::Vcmin:
    case isa::Opcode::Vtranspose:
    case isa::Opcode::Vgather:
      return false;
    default:
      break;
  }
  const bool mask = (opcode == isa::Opcode::Vsel || opcode == isa::Opcode::Vsels) && source == 0;
  const bool block = (source == 0 && vec.getInst().contains(".ablk")) ||
                     (source + 1 == vec.getIns().size() && vec.getInst().contains(".bblk"));
  return !mask && !block;
}

// Which value every buffer holds at a point of the program; null: none that a later read may mean.
using Contents = llvm::DenseMap<unsigned, Value>;

class ContentCheck {
 public:
  explicit ContentCheck(TileClasses classes) : classes_(std::move(classes)) {}
  bool holds(mlir::func::FuncOp kernel) {
    Contents contents;
    run(kernel.getBody().front(), contents);
    return good_;
  }

 private:
  void read(Value value, const Contents& contents) {
    if (!isTile(value) || isEmpty(value)) return;  // an empty tile has no content to lose
    auto found = contents.find(classes_.of(value));
    if (found == contents.end() || found->second != value) good_ = false;
  }
  void hold(Value value, Contents& contents) { contents[classes_.of(value)] = value; }
  // Values that come to life together cannot share, be they read or not.
  void apart(mlir::ValueRange values) {
    llvm::SmallDenseSet<unsigned> buffers;
    for (Value value : values)
      if (isTile(value) && !buffers.insert(classes_.of(value)).second) good_ = false;
  }
  static void meet(Contents& contents, const Contents& other) {
    for (auto& [buffer, value] : contents)
      if (other.lookup(buffer) != value) value = {};
    for (const auto& [buffer, value] : other) contents.try_emplace(buffer, Value());
  }
  // The yielded values must lie in the buffers of what they become; those that have not been tied yet are read by
  // copies.
  void leave(mlir::Block& block, const Contents& contents) {
    for (Value value : block.getTerminator()->getOperands()) read(value, contents);
  }

  void run(mlir::Block& block, Contents& contents) {
    for (Operation& op : block) {
      if (!good_) return;
      if (auto loop = llvm::dyn_cast<mlir::scf::ForOp>(op)) {
        for (Value initial : loop.getInitArgs()) read(initial, contents);
        apart(loop.getRegionIterArgs());
        const Contents before = contents;
        // The second round starts from what the first may have left.
        for (int round = 0; round < 2; ++round) {
          for (Value carried : loop.getRegionIterArgs())
            if (isTile(carried)) hold(carried, contents);
          run(*loop.getBody(), contents);
          leave(*loop.getBody(), contents);
          meet(contents, before);
        }
        for (Value result : loop.getResults())
          if (isTile(result)) hold(result, contents);
      } else if (auto branch = llvm::dyn_cast<mlir::scf::IfOp>(op)) {
        apart(op.getResults());
        Contents other = contents;
        run(*branch.thenBlock(), contents);
        leave(*branch.thenBlock(), contents);
        if (mlir::Block* block = branch.elseBlock()) run(*block, other), leave(*block, other);
        meet(contents, other);
        for (Value result : branch.getResults())
          if (isTile(result)) hold(result, contents);
      } else if (npu::pipeOf(&op)) {
        if (auto vec = llvm::dyn_cast<npu::VecOp>(op); vec && vec.getResult())
          for (size_t i = 0; i < vec.getIns().size(); ++i)
            if (classes_.joined(vec.getIns()[i], vec.getResult()) && !overwritesSource(vec, i)) good_ = false;
        for (const npu::Access& access : npu::accessesOf(&op))
          // Outside the rows and columns that it writes, the result keeps what outs held.
          if (isTile(access.value)) read(access.value, contents);
        for (Value result : op.getResults())
          if (isTile(result)) hold(result, contents);
      }
    }
  }

  TileClasses classes_;
  bool good_ = true;
};

class Bufferizer {
 public:
  explicit Bufferizer(mlir::func::FuncOp kernel) : kernel_(kernel) {}

  Outcome run() {
    if (auto ok = separateCarriedValues(); !ok) return ok;
    if (auto ok = shareBuffers(); !ok) return ok;
    allocate();
    rewrite();
    return {};
  }

 private:
  // A copy of the tile in a buffer of its own.
  Expected<Value> copyTile(mlir::OpBuilder& b, Value tile, Operation* why) {
    auto type = llvm::cast<mlir::RankedTensorType>(tile.getType());
    if (npu::spaceOf(type) != npu::Space::ub) {
      auto space = npu::spaceOf(type);
      return errorAt(why->getLoc(), "'" + why->getName().getStringRef().str() +
                                        "' makes a copy of a tile necessary that lies in " +
                                        (space ? npu::stringifySpace(*space).str() : "no known space") +
                                        ", where no instruction copies");
    }
    mlir::Location at = why->getLoc();
    auto number = [&](int64_t value) { return mlir::arith::ConstantIndexOp::create(b, at, value).getResult(); };
    const unsigned bits = type.getElementTypeBitWidth();
    const char* inst = bits == 8 ? "vcopy.u8" : bits == 16 ? "vcopy.u16" : "vcopy.b32";
    Value outs =
        mlir::tensor::EmptyOp::create(b, at, type.getShape(), type.getElementType(), type.getEncoding()).getResult();
    Value rows = number(type.getDimSize(0)), cols = number(type.getDimSize(1));
    return npu::VecOp::create(b, at, type, inst, mlir::ValueRange{tile}, Value(), rows, cols, outs).getResult();
  }

  // A loop that hands one carried tile on as another (a shift, a swap) reads it after its buffer may have been written:
  // such a value is copied first.
  Outcome separateCarriedValues() {
    Outcome outcome;
    kernel_.walk([&](mlir::scf::ForOp loop) {
      Operation* yield = loop.getBody()->getTerminator();
      for (mlir::OpOperand& operand : yield->getOpOperands()) {
        Value value = operand.get();
        auto argument = llvm::dyn_cast<mlir::BlockArgument>(value);
        if (!outcome || !isTile(value) || !argument || argument.getOwner() != loop.getBody() ||
            argument == loop.getRegionIterArg(operand.getOperandNumber()))
          continue;
        mlir::OpBuilder b(yield);
        auto copy = copyTile(b, value, loop);
        if (!copy)
          outcome = copy.diagnostic();
        else
          operand.set(*copy);
      }
    });
    return outcome;
  }

  // The operand through which `op` takes `from` for `to`.
  struct Tie {
    mlir::OpOperand* operand;
    Value to;
  };
  static void tiesOf(Operation* op, llvm::SmallVectorImpl<Tie>& ties) {
    if (auto loop = llvm::dyn_cast<mlir::scf::ForOp>(op)) {
      for (unsigned i = 0; i < loop.getNumRegionIterArgs(); ++i)
        if (isTile(loop.getRegionIterArg(i))) {
          ties.push_back({&loop.getInitArgsMutable()[i], loop.getRegionIterArg(i)});
          ties.push_back({&loop.getBody()->getTerminator()->getOpOperand(i), loop.getRegionIterArg(i)});
        }
    } else if (auto branch = llvm::dyn_cast<mlir::scf::IfOp>(op)) {
      for (unsigned i = 0; i < branch.getNumResults(); ++i)
        if (isTile(branch.getResult(i))) {
          ties.push_back({&branch.thenYield()->getOpOperand(i), branch.getResult(i)});
          ties.push_back({&branch.elseYield()->getOpOperand(i), branch.getResult(i)});
        }
    } else if (auto destination = llvm::dyn_cast<mlir::DestinationStyleOpInterface>(op)) {
      for (mlir::OpResult result : op->getResults()) ties.push_back({destination.getTiedOpOperand(result), result});
    }
  }

  Outcome shareBuffers() {
    llvm::SmallVector<Tie> ties;
    // Instructions first: what they write over must be settled before loops and ifs tie their results to anything else.
    kernel_.walk<mlir::WalkOrder::PreOrder>([&](Operation* op) {
      if (npu::pipeOf(op)) tiesOf(op, ties);
    });
    kernel_.walk<mlir::WalkOrder::PreOrder>([&](Operation* op) {
      if (auto loop = llvm::dyn_cast<mlir::scf::ForOp>(op))
        for (unsigned i = 0; i < loop.getNumRegionIterArgs(); ++i)
          if (isTile(loop.getRegionIterArg(i))) classes_.join(loop.getRegionIterArg(i), loop.getResult(i));
      if (!npu::pipeOf(op)) tiesOf(op, ties);
    });
    if (!ContentCheck(classes_).holds(kernel_))
      return errorAt(kernel_.getLoc(), "kernel '" + kernel_.getSymName().str() + "' reads a tile before it is made");
    const size_t most = 4 * ties.size();  // no operand is replaced more than twice
    for (size_t i = 0; i < ties.size() && i < most; ++i) {
      const Tie tie = ties[i];
      TileClasses shared = classes_;
      shared.join(tie.operand->get(), tie.to);
      if (ContentCheck(shared).holds(kernel_))
        classes_ = std::move(shared);
      else if (auto ok = separate(tie, ties); !ok)
        return ok;
    }
    return {};
  }

  // Gives the tie a fresh tile that is free to be overwritten: empty if the old one was, else a copy. If the copy would
  // lie where another operand of the operation still is, that one moves out of the way first and its tie is made again.
  Outcome separate(const Tie& tie, llvm::SmallVectorImpl<Tie>& ties) {
    Operation* op = tie.operand->getOwner();
    mlir::OpBuilder b(op);
    Value from = tie.operand->get();
    if (isEmpty(from)) {
      tie.operand->set(b.clone(*from.getDefiningOp())->getResult(0));
    } else {
      auto copy = copyTo(b, *tie.operand);
      if (!copy) return copy.diagnostic();
      b.setInsertionPoint(*copy);
    }
    classes_.join(tie.operand->get(), tie.to);
    if (ContentCheck(classes_).holds(kernel_)) return {};
    for (size_t i = 0, known = ties.size(); i < known; ++i) {
      const Tie other = ties[i];
      Value value = other.operand->get();
      if (other.operand == tie.operand || other.operand->getOwner() != op || isEmpty(value) ||
          !classes_.joined(value, tie.to))
        continue;
      if (auto moved = copyTo(b, *other.operand); !moved) return moved.diagnostic();
      ties.push_back(other);
    }
    if (ContentCheck(classes_).holds(kernel_)) return {};
    return errorAt(op->getLoc(), "'" + op->getName().getStringRef().str() +
                                     "' overwrites a tile that is read later, and a copy does not help");
  }

  // The operand becomes a copy of itself in a new buffer. Returns the copying instruction.
  Expected<Operation*> copyTo(mlir::OpBuilder& b, mlir::OpOperand& operand) {
    auto copy = copyTile(b, operand.get(), operand.getOwner());
    if (!copy) return copy.diagnostic();
    auto vec = (*copy).getDefiningOp<npu::VecOp>();
    classes_.join(vec.getOuts(), *copy);
    operand.set(*copy);
    return vec.getOperation();
  }

  // One memref.alloc for each class, in the innermost block that holds everything that works on it.
  void allocate() {
    struct Members {
      mlir::RankedTensorType type;
      llvm::SmallVector<Operation*> users;
      int64_t copies = 1;
    };
    llvm::MapVector<unsigned, Members> all;
    auto add = [&](Value value) {
      Members& members = all[classes_.of(value)];
      members.type = llvm::cast<mlir::RankedTensorType>(value.getType());
      Operation* op = value.getDefiningOp();
      if (op && !isEmpty(value)) members.users.push_back(op);
      for (Operation* user : value.getUsers()) members.users.push_back(user);
      if (op)
        for (llvm::StringRef name : {llvm::StringRef("buffers"), llvm::StringRef(npu::kBuffersAttr)})
          if (auto wanted = op->getAttrOfType<mlir::IntegerAttr>(name))
            members.copies = std::max(members.copies, wanted.getInt());
    };
    kernel_.walk<mlir::WalkOrder::PreOrder>([&](Operation* op) {
      for (mlir::Region& region : op->getRegions())
        for (Value argument : region.getArguments())
          if (isTile(argument)) add(argument);
      for (Value result : op->getResults())
        if (isTile(result)) add(result);
    });
    for (auto& [buffer, members] : all) {
      if (members.users.empty()) continue;
      Operation* first = members.users.front();
      for (Operation* user : members.users) first = earlierIn(first, user);
      mlir::OpBuilder b(first);
      auto type = mlir::MemRefType::get(members.type.getShape(), members.type.getElementType(),
                                        mlir::MemRefLayoutAttrInterface{}, members.type.getEncoding());
      auto alloc = mlir::memref::AllocOp::create(b, members.users.front()->getLoc(), type);
      if (members.copies > 1) alloc->setAttr(npu::kBuffersAttr, b.getI64IntegerAttr(members.copies));
      buffers_[buffer] = alloc;
    }
  }

  // In the innermost block that contains both operations: the first of those that contain them.
  static Operation* earlierIn(Operation* a, Operation* b) {
    for (mlir::Block* block = a->getBlock(); block; block = block->getParentOp()->getBlock()) {
      Operation* inA = block->findAncestorOpInBlock(*a);
      if (Operation* inB = block->findAncestorOpInBlock(*b)) return inA->isBeforeInBlock(inB) ? inA : inB;
    }
    return a;
  }

  void rewrite() {
    llvm::SmallVector<Operation*> makers, structured;
    kernel_.walk<mlir::WalkOrder::PreOrder>([&](Operation* op) {
      if (llvm::isa<mlir::scf::ForOp, mlir::scf::IfOp>(op)) structured.push_back(op);
      if (!npu::pipeOf(op)) return;
      for (mlir::OpOperand& operand : op->getOpOperands())
        if (isTile(operand.get())) operand.set(buffers_.lookup(classes_.of(operand.get())));
      if (op->getNumResults()) makers.push_back(op);
    });
    // Only ends of blocks and starts of loops still use the values.
    for (Operation* op : structured)
      for (mlir::Region& region : op->getRegions())
        if (!region.empty()) {
          Operation* yield = region.front().getTerminator();
          yield->setOperands(withoutTiles(yield->getOperands()));
        }
    for (Operation* op : llvm::reverse(structured)) dropTiles(op);
    for (Operation* op : makers) {
      mlir::OpBuilder b(op);
      b.insert(Operation::create(op->getLoc(), op->getName(), mlir::TypeRange{}, op->getOperands(),
                                 op->getDiscardableAttrDictionary(), op->getPropertiesStorage(), mlir::BlockRange{},
                                 0));
      op->erase();
    }
    llvm::SmallVector<Operation*> unused;
    kernel_.walk([&](mlir::tensor::EmptyOp empty) { unused.push_back(empty); });
    for (Operation* op : unused) op->erase();
  }

  static llvm::SmallVector<Value> withoutTiles(mlir::ValueRange values) {
    llvm::SmallVector<Value> kept;
    for (Value value : values)
      if (!isTile(value)) kept.push_back(value);
    return kept;
  }

  static void dropTiles(Operation* op) {
    if (!llvm::any_of(op->getResults(), isTile)) return;
    mlir::OpBuilder b(op);
    Operation* now;
    if (auto loop = llvm::dyn_cast<mlir::scf::ForOp>(op)) {
      auto fresh = mlir::scf::ForOp::create(b, op->getLoc(), loop.getLowerBound(), loop.getUpperBound(), loop.getStep(),
                                            withoutTiles(loop.getInitArgs()));
      mlir::Block* body = loop.getBody();
      for (unsigned i = body->getNumArguments(); i-- > 0;)
        if (isTile(body->getArgument(i))) body->eraseArgument(i);
      fresh.getRegion().takeBody(loop.getRegion());
      now = fresh;
    } else {
      auto branch = llvm::cast<mlir::scf::IfOp>(op);
      llvm::SmallVector<mlir::Type> types;
      for (Value result : withoutTiles(op->getResults())) types.push_back(result.getType());
      auto fresh = mlir::scf::IfOp::create(b, op->getLoc(), types, branch.getCondition(), false, false);
      fresh.getThenRegion().takeBody(branch.getThenRegion());
      fresh.getElseRegion().takeBody(branch.getElseRegion());
      now = fresh;
    }
    now->setDiscardableAttrs(op->getDiscardableAttrDictionary());
    unsigned at = 0;
    for (mlir::OpResult result : op->getResults())
      if (!isTile(result)) result.replaceAllUsesWith(now->getResult(at++));
    op->erase();
  }

  mlir::func::FuncOp kernel_;
  TileClasses classes_;
  llvm::DenseMap<unsigned, Value> buffers_;  // by class
};

}  // namespace

Outcome bufferizeKernels(mlir::ModuleOp module) {
  for (auto kernel : module.getOps<mlir::func::FuncOp>())
    if (npu::isKernel(kernel))
      if (auto ok = Bufferizer(kernel).run(); !ok) return ok;
  return {};
}

Outcome verifyBuffered(mlir::ModuleOp module) {
  for (auto kernel : module.getOps<mlir::func::FuncOp>()) {
    if (!npu::isKernel(kernel)) continue;
    Outcome outcome;
    auto check = [&](Operation* op) -> Outcome {
      auto fail = [&](const std::string& what) {
        return errorAt(op->getLoc(), "'" + op->getName().getStringRef().str() + "' " + what);
      };
      if (llvm::any_of(op->getOperands(), isTile) || llvm::any_of(op->getResults(), isTile))
        return fail("still works on tiles as values");
      if (auto alloc = llvm::dyn_cast<mlir::memref::AllocOp>(op)) {
        auto space = npu::spaceOf(alloc.getType());
        if (!space || *space == npu::Space::gm) return fail("makes a tile without a space of the core");
        if (!alloc.getType().hasStaticShape() || alloc.getType().getRank() < 2 || alloc.getType().getRank() > 3)
          return fail("makes a tile that is not rows x columns or copies x rows x columns");
      }
      for (const npu::Access& access : npu::accessesOf(op)) {
        auto space = npu::spaceOf(access.value.getType());
        const bool tile = tileOf(access.value).buffer != nullptr;
        if (!tile && !(space == npu::Space::gm && llvm::isa<mlir::BlockArgument>(access.value)))
          return fail("works on something that is neither a tile nor a device buffer of the kernel");
      }
      // A tile that left its region as a value would be another buffer in every iteration.
      if (llvm::isa<mlir::scf::ForOp, mlir::scf::IfOp, mlir::scf::YieldOp, mlir::func::ReturnOp>(op))
        for (Value value : op->getOperands())
          if (llvm::isa<mlir::MemRefType>(value.getType())) return fail("hands a buffer on");
      return {};
    };
    kernel.walk([&](Operation* op) {
      if (outcome) outcome = check(op);
    });
    if (!outcome) return outcome;
    if (mlir::failed(mlir::verify(kernel)))
      return errorAt(kernel.getLoc(), "kernel '" + kernel.getSymName().str() + "' is not valid in buffer form");
  }
  return {};
}

}  // namespace phx::compiler
