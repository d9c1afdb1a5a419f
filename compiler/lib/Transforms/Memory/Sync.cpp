// Phase sync: flags between the pipes of a core.
//
// Pipes run in order but not with each other. Two operations of different pipes that touch the same bytes, one of them
// writing, need an order. Both are lifted to the innermost block that contains them, where a composite (loop, if)
// stands for what it contains:
//
//   forward   a before b: pipe of a sets a flag after a, pipe of b waits for it before b.
//   carried   b of one execution of the block before a of a later one, if a loop is around: a waits before it starts, b
//   sets
//             after it. The flag is set before the outermost loop and waited for after it, so it passes through inner
//             loops and their ends without a stop. If both touch a buffer with N copies by the same counter, there is
//             an event for each copy, chosen by counter mod N.
//
// Accumulators that an mmad and a fixpipe hand over by the unit flag need no events. In a kernel with npu.serial the
// pipes MTE2, MTE1 and M take turns whatever they touch.
//
// Sets and waits pair up in program order, so no way through the program can lose or double one, and nothing can
// deadlock: every wait has its set before it in the order in which the scalar unit issues.
#include <cstdlib>

#include "lib/Dialect/Npu/Npu.h"
#include "lib/Transforms/Memory/MemoryPhases.h"
#include "lib/Transforms/Memory/TileLayout.h"
#include "lib/Transforms/Phases.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace phx::compiler {

using mlir::Operation;
using mlir::Value;
using npu::Pipe;

namespace {

// Bytes of a space, or a device buffer as a whole.
struct Touch {
  npu::Space space = npu::Space::gm;
  int64_t from = 0, to = 0;  // device buffers: number of the argument and the next number
  bool write = false;
  mlir::memref::AllocOp buffer;
  Value counter;  // of the copy; null: the whole buffer

  bool conflicts(const Touch& other) const {
    return space == other.space && (write || other.write) && from < other.to && other.from < to;
  }
};

struct Work {
  Operation* op;
  Pipe pipe;
  llvm::SmallVector<Touch, 4> touches;
};

// One event (or one for each of `copies`) from one pipe to another.
struct Flag {
  Pipe from, to;
  Operation *set, *wait;  // set after the one, wait before the other, both in one block
  bool carried = false;
  int64_t copies = 1;
  Value counter = {};
  int64_t id = -1;
  bool barrier = false;  // no id is left: everything waits for everything before `wait`

  bool samePlace(const Flag& other) const {
    return from == other.from && to == other.to && set->getBlock() == other.set->getBlock();
  }
};

class Synchroniser {
 public:
  Synchroniser(mlir::func::FuncOp kernel, int64_t ids) : kernel_(kernel), ids_(ids) {}

  Outcome run() {
    unsigned next = 0;
    number(kernel_.getBody().front(), next);
    if (auto ok = collect(); !ok) return ok;
    order();
    dropImplied();
    chooseIds();
    emit();
    return {};
  }

 private:
  struct Extent {
    unsigned enter = 0, leave = 0;
  };

  void number(mlir::Block& block, unsigned& next) {
    for (Operation& op : block) {
      Extent extent{.enter = next++};
      for (mlir::Region& region : op.getRegions())
        for (mlir::Block& inner : region) number(inner, next);
      extent.leave = next++;
      place_[&op] = extent;
    }
  }
  unsigned enter(Operation* op) const { return place_.lookup(op).enter; }
  unsigned leave(Operation* op) const { return place_.lookup(op).leave; }

  Outcome collect() {
    Outcome outcome;
    kernel_.walk<mlir::WalkOrder::PreOrder>([&](Operation* op) {
      if (!outcome) return;
      if (op->getNumRegions() && !llvm::isa<mlir::scf::ForOp, mlir::scf::IfOp, mlir::func::FuncOp>(op))
        outcome = errorAt(op->getLoc(), "'" + op->getName().getStringRef().str() + "' is neither a loop nor an if");
      auto pipe = npu::pipeOf(op);
      if (!pipe) return;
      Work work{op, *pipe, {}};
      for (const npu::Access& access : npu::accessesOf(op)) {
        TileCopy tile = tileOf(access.value);
        if (!tile.buffer) {
          auto argument = llvm::dyn_cast<mlir::BlockArgument>(access.value);
          const int64_t number = argument ? argument.getArgNumber() : 0;
          work.touches.push_back({npu::Space::gm, number, number + 1, access.write, {}, {}});
          continue;
        }
        auto address = tile.buffer->getAttrOfType<mlir::IntegerAttr>(npu::kAddressAttr);
        if (!address) {
          outcome = errorAt(tile.buffer.getLoc(), "a tile has no address yet: flags follow addresses");
          return;
        }
        mlir::MemRefType type = tile.buffer.getType();
        work.touches.push_back({npu::spaceOf(type).value_or(npu::Space::ub), address.getInt(),
                                address.getInt() + tileBytes(type) * tileCopies(type), access.write, tile.buffer,
                                tileCopies(type) > 1 ? tile.counter : Value()});
      }
      work_.push_back(std::move(work));
    });
    return outcome;
  }

  static mlir::scf::ForOp outermostLoop(Operation* op) {
    mlir::scf::ForOp outermost;
    for (op = op->getParentOp(); op; op = op->getParentOp())
      if (auto loop = llvm::dyn_cast<mlir::scf::ForOp>(op)) outermost = loop;
    return outermost;
  }

  // Every conflicting pair becomes flags in the innermost block that holds both.
  void order() {
    for (size_t j = 0; j < work_.size(); ++j)
      for (size_t i = 0; i < j; ++i)
        if (work_[i].pipe != work_[j].pipe)
          for (const Touch& first : work_[i].touches)
            for (const Touch& second : work_[j].touches)
              if (first.conflicts(second) &&
                  !(first.space == npu::Space::l0c && npu::orderedByUnitFlag(work_[i].op, work_[j].op)))
                orderPair(work_[i], first, work_[j], second);
    if (kernel_->hasAttr(npu::kSerialAttr)) keepApart();
  }

  // Loads, extracts and mmads of a kernel take turns, as if all of them worked on one thing.
  void keepApart() {
    auto turn = [](Pipe pipe) { return pipe == Pipe::mte2 ? 1 : pipe == Pipe::mte1 ? 2 : pipe == Pipe::m ? 3 : 0; };
    for (size_t j = 0; j < work_.size(); ++j)
      for (size_t i = 0; i < j; ++i) {
        const int first = turn(work_[i].pipe), second = turn(work_[j].pipe);
        // An mmad comes after its loads because it comes after its extracts.
        if (first && second && first != second) orderPair(work_[i], {}, work_[j], {}, std::abs(first - second) == 1);
      }
  }

  // Without `forward` something else sees to it that b comes after a.
  void orderPair(const Work& a, const Touch& touchA, const Work& b, const Touch& touchB, bool forward = true) {
    Operation *inA = nullptr, *inB = nullptr;
    for (mlir::Block* block = b.op->getBlock(); !inA; block = block->getParentOp()->getBlock()) {
      inA = block->findAncestorOpInBlock(*a.op);
      inB = block->findAncestorOpInBlock(*b.op);
    }
    const bool repeated = outermostLoop(inA) != nullptr;
    if (inA == inB) {  // two sides of an if: never in one execution
      if (!repeated) return;
      add({.from = a.pipe, .to = b.pipe, .set = inA, .wait = inA, .carried = true});
      add({.from = b.pipe, .to = a.pipe, .set = inA, .wait = inA, .carried = true});
      return;
    }
    if (forward) add({.from = a.pipe, .to = b.pipe, .set = inA, .wait = inB});
    if (!repeated) return;
    Flag back{.from = b.pipe, .to = a.pipe, .set = inB, .wait = inA, .carried = true};
    if (touchA.buffer && touchA.buffer == touchB.buffer && touchA.counter && touchA.counter == touchB.counter) {
      mlir::memref::AllocOp buffer = touchA.buffer;
      back.copies = tileCopies(buffer.getType());
      back.counter = touchA.counter;
    }
    add(back);
  }

  // Only flags that nothing found so far implies are kept; those that the new one implies go.
  void add(const Flag& flag) {
    for (const Flag& other : flags_)
      if (implies(other, flag)) return;
    llvm::erase_if(flags_, [&](const Flag& other) { return implies(flag, other); });
    flags_.push_back(flag);
  }

  bool implies(const Flag& strong, const Flag& weak) const {
    if (!strong.samePlace(weak)) return false;
    const bool laterSet = enter(strong.set) >= enter(weak.set), earlierWait = enter(strong.wait) <= enter(weak.wait);
    if (!strong.carried) return weak.carried ? laterSet || earlierWait : laterSet && earlierWait;
    if (!weak.carried || !laterSet || !earlierWait) return false;
    return strong.copies == 1 || (strong.copies == weak.copies && strong.counter == weak.counter);
  }

  void dropImplied() {
    for (size_t i = 0; i < flags_.size();) {
      bool implied = false;
      for (size_t j = 0; j < flags_.size() && !implied; ++j) implied = i != j && implies(flags_[j], flags_[i]);
      if (implied)
        flags_.erase(flags_.begin() + static_cast<ptrdiff_t>(i));
      else
        ++i;
    }
  }

  // --- Event ids

  // From where to where in the program the events of a flag may be set.
  Extent lifetime(const Flag& flag) const {
    if (!flag.carried) return {leave(flag.set), enter(flag.wait)};
    return place_.lookup(outermostLoop(flag.set));
  }
  bool meet(const Flag& a, const Flag& b) const {
    Extent x = lifetime(a), y = lifetime(b);
    return x.enter <= y.leave && y.enter <= x.leave;
  }

  void chooseIds() {
    while (Flag* stuck = assignIds()) relieve(*stuck);
  }

  // First fit, long lifetimes first. Returns a flag for which no id was left.
  Flag* assignIds() {
    llvm::SmallVector<Flag*> order;
    for (Flag& flag : flags_)
      if (!flag.barrier) flag.id = -1, order.push_back(&flag);
    llvm::sort(order, [&](const Flag* a, const Flag* b) {
      if (a->carried != b->carried) return a->carried;
      if (a->copies != b->copies) return a->copies > b->copies;
      const unsigned x = lifetime(*a).enter, y = lifetime(*b).enter;
      return x != y ? x < y : a < b;
    });
    for (Flag* flag : order) {
      uint64_t taken = 0;
      for (Flag* other : order)
        if (other->id >= 0 && other->from == flag->from && other->to == flag->to && meet(*flag, *other))
          taken |= ((uint64_t{1} << other->copies) - 1) << other->id;
      const uint64_t wanted = (uint64_t{1} << flag->copies) - 1;
      for (int64_t id = 0; id + flag->copies <= ids_ && flag->id < 0; ++id)
        if (!(taken & wanted << id)) flag->id = id;
      if (flag->id < 0) return flag;
    }
    return nullptr;
  }

  // Gives up some overlap to save ids: two neighbouring flags become one, copies share an event, and in the end a
  // barrier takes the place of a flag.
  void relieve(const Flag& stuck) {
    size_t best = flags_.size(), with = 0;
    uint64_t least = ~uint64_t{0};
    auto distance = [&](Operation* a, Operation* b) {
      return static_cast<uint64_t>(std::max(enter(a), enter(b)) - std::min(enter(a), enter(b)));
    };
    for (size_t i = 0; i < flags_.size(); ++i) {
      const Flag& a = flags_[i];
      if (a.barrier || a.from != stuck.from || a.to != stuck.to || !meet(a, stuck)) continue;
      for (size_t j = i + 1; j < flags_.size(); ++j) {
        const Flag& b = flags_[j];
        if (b.barrier || !a.samePlace(b) || a.carried != b.carried || a.copies != b.copies || a.counter != b.counter ||
            !meet(b, stuck) || !meet(a, b))
          continue;
        const uint64_t cost = distance(a.set, b.set) + distance(a.wait, b.wait);
        if (cost < least) least = cost, best = i, with = j;
      }
    }
    if (best < flags_.size()) {
      Flag& a = flags_[best];
      const Flag& b = flags_[with];
      if (enter(b.set) > enter(a.set)) a.set = b.set;
      if (enter(b.wait) < enter(a.wait)) a.wait = b.wait;
      flags_.erase(flags_.begin() + static_cast<ptrdiff_t>(with));
      return dropImplied();
    }
    Flag* victim = nullptr;
    for (Flag& flag : flags_)
      if (!flag.barrier && flag.from == stuck.from && flag.to == stuck.to && meet(flag, stuck) &&
          (!victim || flag.copies > victim->copies ||
           (flag.copies == victim->copies && flag.carried && !victim->carried)))
        victim = &flag;
    if (victim->copies > 1) {
      victim->copies = 1;
      victim->counter = {};
      return dropImplied();
    }
    victim->barrier = true;
  }

  // --- Code

  Value slotOf(const Flag& flag) {
    if (flag.copies == 1) return {};
    Value& slot = slots_[{flag.counter, flag.copies}];
    if (!slot) {
      mlir::OpBuilder b(kernel_.getContext());
      b.setInsertionPointAfterValue(flag.counter);
      mlir::Location at = flag.set->getLoc();
      Value copies = mlir::arith::ConstantIndexOp::create(b, at, flag.copies);
      slot = mlir::arith::RemUIOp::create(b, at, flag.counter, copies);
    }
    return slot;
  }

  void emit() {
    llvm::SmallPtrSet<Operation*, 8> barriers;
    for (const Flag& flag : flags_) {
      mlir::OpBuilder b(flag.wait);
      if (flag.barrier) {
        if (barriers.insert(flag.wait).second) npu::PipeBarrierOp::create(b, flag.wait->getLoc(), Pipe::all);
        continue;
      }
      Value slot = slotOf(flag);
      const auto id = static_cast<uint64_t>(flag.id);
      npu::WaitFlagOp::create(b, flag.wait->getLoc(), flag.from, flag.to, id, slot);
      b.setInsertionPointAfter(flag.set);
      npu::SetFlagOp::create(b, flag.set->getLoc(), flag.from, flag.to, id, slot);
      if (!flag.carried) continue;
      Operation* loop = outermostLoop(flag.set);
      for (uint64_t copy = 0; copy < static_cast<uint64_t>(flag.copies); ++copy) {
        b.setInsertionPoint(loop);
        npu::SetFlagOp::create(b, loop->getLoc(), flag.from, flag.to, id + copy, Value());
        b.setInsertionPointAfter(loop);
        npu::WaitFlagOp::create(b, loop->getLoc(), flag.from, flag.to, id + copy, Value());
      }
    }
  }

  mlir::func::FuncOp kernel_;
  int64_t ids_;  // events of a pipe pair
  llvm::DenseMap<Operation*, Extent> place_;
  std::vector<Work> work_;
  std::vector<Flag> flags_;
  llvm::MapVector<std::pair<Value, int64_t>, Value> slots_;
};

}  // namespace

Outcome insertFlags(mlir::ModuleOp module, const machine::Machine& machine) {
  for (auto kernel : module.getOps<mlir::func::FuncOp>())
    if (npu::isKernel(kernel))
      if (auto ok = Synchroniser(kernel, machine.chip.sync.flags_per_pipe_pair).run(); !ok) return ok;
  return {};
}

}  // namespace phx::compiler
