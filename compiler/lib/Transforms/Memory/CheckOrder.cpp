// The verifier of phase sync. It knows nothing of how flags were chosen: it runs a kernel along sample ways through its
// loops and ifs, pairs sets with waits, and keeps for every pipe a vector clock: how much of every other pipe's work is
// known to be done before its next operation starts. Two accesses to the same bytes from two pipes need the later one
// to know of the earlier.
#include <array>
#include <map>
#include <random>

#include "lib/Dialect/Npu/Npu.h"
#include "lib/Transforms/Memory/MemoryPhases.h"
#include "lib/Transforms/Memory/TileLayout.h"
#include "lib/Transforms/Phases.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace phx::compiler {

using mlir::Operation;
using mlir::Value;
using npu::Pipe;

namespace {

constexpr unsigned kPipes = 7;
constexpr uint64_t kMostIterations = 3;

// Which way to go: at every loop and if the next decision. Exhaustive ways give each loop and if one decision that
// holds throughout; sampled ways decide anew each time.
class Way {
 public:
  static Way fixed(const llvm::DenseMap<Operation*, uint64_t>& radix, llvm::ArrayRef<Operation*> order,
                   uint64_t number) {
    Way way;
    for (Operation* op : order) {
      way.fixed_[op] = number % radix.lookup(op);
      number /= radix.lookup(op);
    }
    return way;
  }
  static Way sampled(uint64_t seed) {
    Way way;
    way.random_.seed(static_cast<std::mt19937::result_type>(seed));
    way.samples_ = true;
    return way;
  }
  uint64_t iterations(Operation* loop) { return samples_ ? random_() % (kMostIterations + 1) : fixed_.lookup(loop); }
  bool takesThen(Operation* branch) { return samples_ ? random_() & 1 : fixed_.lookup(branch) != 0; }

 private:
  llvm::DenseMap<Operation*, uint64_t> fixed_;
  std::mt19937 random_;  // its sequence is fixed by the standard
  bool samples_ = false;
};

class Run {
 public:
  Run(mlir::func::FuncOp kernel, Way way, unsigned steps) : kernel_(kernel), way_(std::move(way)), steps_(steps) {}
  unsigned stepsLeft() const { return cut_ ? 0 : steps_; }

  Outcome run() {
    block(kernel_.getBody().front());
    if (outcome_ && !cut_)
      for (const auto& [event, flag] : flags_)
        if (flag.set) fail(kernel_, name(event) + " is still set when the kernel ends");
    return outcome_;
  }

 private:
  using Clock = std::array<uint64_t, kPipes>;
  struct Event {
    Pipe from, to;
    int64_t id;
    auto operator<=>(const Event&) const = default;
  };
  struct State {
    bool set = false;
    Clock known{};
  };
  // The last access of one pipe to one range; earlier ones of that pipe are done before it is.
  struct Range {
    npu::Space space;
    int64_t from, to;
    Pipe pipe;
    bool write;
    auto operator<=>(const Range&) const = default;
  };
  struct Last {
    uint64_t count;
    Operation* op;
  };

  static std::string name(const Event& event) {
    return "flag " + std::to_string(event.id) + " from pipe " + npu::stringifyPipe(event.from).str() + " to pipe " +
           npu::stringifyPipe(event.to).str();
  }
  static unsigned index(Pipe pipe) { return static_cast<unsigned>(pipe); }
  void fail(Operation* op, const std::string& what) {
    if (outcome_) outcome_ = errorAt(op->getLoc(), "kernel '" + kernel_.getSymName().str() + "': " + what);
  }

  // --- Control

  void block(mlir::Block& body) {
    for (Operation& op : body) {
      if (!outcome_ || cut_) return;
      if (steps_-- == 0) {
        cut_ = true;
        return;
      }
      step(&op);
    }
  }

  void step(Operation* op) {
    if (auto loop = llvm::dyn_cast<mlir::scf::ForOp>(op)) return iterate(loop);
    if (auto branch = llvm::dyn_cast<mlir::scf::IfOp>(op)) {
      const bool then = way_.takesThen(op);
      mlir::Block* side = then ? branch.thenBlock() : branch.elseBlock();
      if (!side) return;
      block(*side);
      return copyValues(side->getTerminator()->getOperands(), op->getResults());
    }
    if (auto set = llvm::dyn_cast<npu::SetFlagOp>(op)) return setFlag(set);
    if (auto wait = llvm::dyn_cast<npu::WaitFlagOp>(op)) return waitFlag(wait);
    if (auto barrier = llvm::dyn_cast<npu::PipeBarrierOp>(op)) {
      if (barrier.getPipe() == Pipe::all) known_.fill(issued_);
      return;
    }
    if (auto pipe = npu::pipeOf(op)) return work(op, *pipe);
    evaluate(op);
  }

  void iterate(mlir::scf::ForOp loop) {
    const uint64_t iterations = way_.iterations(loop);
    const int64_t first = valueOf(loop.getLowerBound()).value_or(0), step = valueOf(loop.getStep()).value_or(1);
    copyValues(loop.getInitArgs(), loop.getRegionIterArgs());
    for (uint64_t i = 0; i < iterations && outcome_ && !cut_; ++i) {
      values_[loop.getInductionVar()] = first + static_cast<int64_t>(i) * step;
      block(*loop.getBody());
      copyValues(loop.getYieldedValues(), loop.getRegionIterArgs());
    }
    copyValues(loop.getRegionIterArgs(), loop.getResults());
  }

  // --- Index values: as far as they follow from constants

  std::optional<int64_t> valueOf(Value value) const {
    auto found = values_.find(value);
    return found == values_.end() ? std::nullopt : std::optional(found->second);
  }
  void copyValues(mlir::ValueRange from, mlir::ValueRange to) {
    llvm::SmallVector<std::optional<int64_t>> all;
    for (Value value : from) all.push_back(valueOf(value));
    for (auto [value, known] : llvm::zip(to, all))
      if (known)
        values_[value] = *known;
      else
        values_.erase(value);
  }
  void evaluate(Operation* op) {
    if (op->getNumResults() != 1) return;
    std::optional<int64_t> result;
    if (auto constant = llvm::dyn_cast<mlir::arith::ConstantOp>(op)) {
      if (auto number = llvm::dyn_cast<mlir::IntegerAttr>(constant.getValue()); number && number.getType().isIndex())
        result = number.getInt();
    } else if (op->getNumOperands() == 2) {
      auto a = valueOf(op->getOperand(0)), b = valueOf(op->getOperand(1));
      if (a && b) {
        if (llvm::isa<mlir::arith::AddIOp>(op)) result = *a + *b;
        if (llvm::isa<mlir::arith::SubIOp>(op)) result = *a - *b;
        if (llvm::isa<mlir::arith::MulIOp>(op)) result = *a * *b;
        if (llvm::isa<mlir::arith::RemUIOp>(op) && *a >= 0 && *b > 0) result = *a % *b;
        if (llvm::isa<mlir::arith::DivUIOp>(op) && *a >= 0 && *b > 0) result = *a / *b;
      }
    }
    if (result)
      values_[op->getResult(0)] = *result;
    else
      values_.erase(op->getResult(0));
  }

  // --- Flags

  template <class FlagOp>
  std::optional<Event> eventOf(FlagOp op) {
    int64_t id = static_cast<int64_t>(op.getId());
    if (op.getSlot()) {
      auto slot = valueOf(op.getSlot());
      if (!slot) {
        fail(op, "the event of a flag does not follow from constants");
        return std::nullopt;
      }
      id += *slot;
    }
    if (id < 0 || id > 7) {
      fail(op, "event " + std::to_string(id) + " does not exist");
      return std::nullopt;
    }
    return Event{op.getFrom(), op.getTo(), id};
  }
  void setFlag(npu::SetFlagOp op) {
    auto event = eventOf(op);
    if (!event) return;
    State& state = flags_[*event];
    if (state.set) return fail(op, name(*event) + " is set again before anybody waited for it");
    state.set = true;
    state.known = known_[index(event->from)];
    state.known[index(event->from)] = issued_[index(event->from)];
  }
  void waitFlag(npu::WaitFlagOp op) {
    auto event = eventOf(op);
    if (!event) return;
    State& state = flags_[*event];
    if (!state.set) return fail(op, name(*event) + " is waited for, and nothing before sets it");
    state.set = false;
    Clock& clock = known_[index(event->to)];
    for (unsigned pipe = 0; pipe < kPipes; ++pipe) clock[pipe] = std::max(clock[pipe], state.known[pipe]);
  }

  // --- Accesses

  Range rangeOf(const npu::Access& access, Pipe pipe) const {
    TileCopy tile = tileOf(access.value);
    if (!tile.buffer) {
      auto argument = llvm::dyn_cast<mlir::BlockArgument>(access.value);
      const int64_t number = argument ? argument.getArgNumber() : 0;
      return {npu::Space::gm, number, number + 1, pipe, access.write};
    }
    mlir::MemRefType type = tile.buffer.getType();
    const int64_t bytes = tileBytes(type), copies = tileCopies(type);
    auto attribute = tile.buffer->getAttrOfType<mlir::IntegerAttr>(npu::kAddressAttr);
    const int64_t address = attribute ? attribute.getInt() : 0;
    const npu::Space space = npu::spaceOf(type).value_or(npu::Space::ub);
    auto counter = tile.counter ? valueOf(tile.counter) : std::nullopt;
    if (!counter) return {space, address, address + bytes * copies, pipe, access.write};
    const int64_t from = address + *counter % copies * bytes;
    return {space, from, from + bytes, pipe, access.write};
  }

  void work(Operation* op, Pipe pipe) {
    const uint64_t count = ++issued_[index(pipe)];
    const Clock& known = known_[index(pipe)];
    for (const npu::Access& access : npu::accessesOf(op)) {
      const Range range = rangeOf(access, pipe);
      for (const auto& [other, last] : accesses_) {
        if (other.pipe == pipe || other.space != range.space || !(other.write || range.write) ||
            other.from >= range.to || range.from >= other.to || known[index(other.pipe)] >= last.count)
          continue;
        if (range.space == npu::Space::l0c && npu::orderedByUnitFlag(op, last.op)) continue;
        const char* hazard = !range.write ? "reads what" : other.write ? "overwrites what" : "overwrites before";
        return fail(op, "'" + op->getName().getStringRef().str() + "' " + hazard + " '" +
                            last.op->getName().getStringRef().str() + "' " + (other.write ? "writes" : "has read it") +
                            " (" + npu::stringifySpace(range.space).str() + " " +
                            std::to_string(std::max(range.from, other.from)) + "): no flag from pipe " +
                            npu::stringifyPipe(other.pipe).str() + " to pipe " + npu::stringifyPipe(pipe).str() +
                            " orders them");
      }
    }
    for (const npu::Access& access : npu::accessesOf(op)) accesses_[rangeOf(access, pipe)] = {count, op};
  }

  mlir::func::FuncOp kernel_;
  Way way_;
  unsigned steps_;
  bool cut_ = false;
  Outcome outcome_;
  Clock issued_{};
  std::array<Clock, kPipes> known_{};
  std::map<Event, State> flags_;
  std::map<Range, Last> accesses_;
  llvm::DenseMap<Value, int64_t> values_;
};

Outcome verifyKernel(mlir::func::FuncOp kernel, OrderCheckLimits limits) {
  llvm::DenseMap<Operation*, uint64_t> radix;
  llvm::SmallVector<Operation*> order;
  uint64_t ways = 1;
  kernel.walk<mlir::WalkOrder::PreOrder>([&](Operation* op) {
    const uint64_t choices = llvm::isa<mlir::scf::ForOp>(op)  ? kMostIterations + 1
                             : llvm::isa<mlir::scf::IfOp>(op) ? 2
                                                              : 1;
    if (choices == 1) return;
    radix[op] = choices;
    order.push_back(op);
    if (ways <= limits.traces) ways *= choices;
  });
  unsigned total = limits.total;
  auto go = [&](Way way) -> Outcome {
    const unsigned steps = std::min(limits.steps, total);
    Run run(kernel, std::move(way), steps);
    Outcome outcome = run.run();
    total -= steps - run.stepsLeft();
    return outcome;
  };
  const bool all = ways <= limits.traces;
  if (all)
    for (uint64_t number = 0; number < ways && total; ++number)
      if (auto ok = go(Way::fixed(radix, order, number)); !ok) return ok;
  // Decisions that change from one time to the next.
  const uint64_t samples = order.empty() ? 0 : all ? limits.traces / 4 : limits.traces;
  for (uint64_t seed = 1; seed <= samples && total; ++seed)
    if (auto ok = go(Way::sampled(seed)); !ok) return ok;
  return {};
}

}  // namespace

Outcome verifySynced(mlir::ModuleOp module, const machine::Machine&, OrderCheckLimits limits) {
  for (auto kernel : module.getOps<mlir::func::FuncOp>())
    if (npu::isKernel(kernel))
      if (auto ok = verifyKernel(kernel, limits); !ok) return ok;
  return {};
}

}  // namespace phx::compiler
