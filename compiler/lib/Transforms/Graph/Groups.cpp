// What becomes one kernel. Contractions take the chain of elementwise nests behind them (single use, same m x n). The
// remaining nests are joined greedily in program order: an elementwise nest or a reduction joins a group that it
// exchanges a tensor with, as long as the rows of all tensors fit the unified buffer together and no path leaves the
// group and comes back. Every rearrangement is a group of its own.
#include "lib/Transforms/Graph/GroupPlan.h"
#include "lib/Transforms/Graph/Steps.h"
#include "lib/Transforms/Phases.h"
#include "mlir/Analysis/TopologicalSortUtils.h"

namespace phx::compiler::graph {

namespace linalg = mlir::linalg;
using linalg::GenericOp;
using mlir::Operation;
using mlir::Value;

// More than these make tiles too small to be worth one kernel.
constexpr size_t kMostEpilogue = 16, kMostMembers = 24;
constexpr int64_t kMostStreams = 16;
// Rows are kept as up to four-byte elements beside this many temporaries, in this share of the unified buffer.
constexpr int64_t kElementBytes = 4, kTemporaries = 2, kShareNumerator = 4, kShareDenominator = 5;

static void namesOf(mlir::Location location, llvm::SmallVectorImpl<llvm::StringRef>& names) {
  location->walk([&](mlir::Location part) {
    if (auto named = llvm::dyn_cast<mlir::NameLoc>(part);
        named && !llvm::is_contained(names, named.getName().getValue()))
      names.push_back(named.getName().getValue());
    return mlir::WalkResult::advance();
  });
}

// "Conv_3 (Conv) + Relu_4 (Relu)"; `otherwise` where the source names nothing.
static std::string nameOf(llvm::ArrayRef<mlir::Location> locations, llvm::StringRef otherwise) {
  constexpr size_t kMostNames = 4;
  llvm::SmallVector<llvm::StringRef> names;
  for (mlir::Location location : locations) namesOf(location, names);
  if (names.empty()) return otherwise.str();
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kMostNames); ++i) text += (i ? " + " : "") + names[i].str();
  if (names.size() > kMostNames) text += " + " + std::to_string(names.size() - kMostNames) + " more";
  return text;
}

static void build(const GroupPlan& plan, llvm::StringRef otherwise) {
  llvm::SmallVector<mlir::Location> locations;
  for (GenericOp op : plan.members()) locations.push_back(op.getLoc());
  mlir::Block* block = plan.members().front()->getBlock();
  plan.build(nameOf(locations, otherwise), mlir::FusedLoc::get(block->getParentOp()->getContext(), locations));
  // Readers of a result may stand before the group, which is where its last member was.
  mlir::sortTopologically(block);
}

static void groupContraction(GenericOp contraction) {
  GroupPlan plan(contraction);
  GenericOp last = contraction;
  for (size_t length = 0; length < kMostEpilogue; ++length) {
    auto next = llvm::dyn_cast_or_null<GenericOp>(onlyReader(last.getResult(0)));
    if (!next || next.getNumReductionLoops() > 0 || !plan.add(next)) break;
    last = next;
  }
  build(plan, "contraction");
}

// Does a path lead from the plan through other operations to `op` (or, with `op` a producer, from it back into the
// plan)?
static bool closesCycle(const GroupPlan& plan, Operation* op) {
  // Backwards from the inputs of plan and op, without steps inside {plan, op}: reaching one of them closes a cycle.
  auto inside = [&](Operation* node) { return node == op || plan.contains(node); };
  llvm::SmallVector<Operation*> pending;
  llvm::DenseSet<Operation*> seen;
  auto push = [&](Operation* from, bool skip_inside) {
    for (Value operand : from->getOperands()) {
      Operation* source = rootOf(operand).getDefiningOp();
      if (source && !(skip_inside && inside(source)) && seen.insert(source).second) pending.push_back(source);
    }
  };
  push(op, true);
  for (GenericOp member : plan.members()) push(member, true);
  while (!pending.empty()) {
    Operation* node = pending.pop_back_val();
    if (inside(node)) return true;
    push(node, false);
  }
  return false;
}

// Nests outside of the plan that a tensor goes to or comes from, in program order.
static llvm::SmallVector<GenericOp> neighbours(const GroupPlan& plan) {
  llvm::SetVector<Operation*> found;
  llvm::SmallVector<Value> results;
  for (GenericOp member : plan.members()) results.push_back(member.getResult(0));
  while (!results.empty())
    for (Operation* user : results.pop_back_val().getUsers()) {
      if (isReshape(user))
        results.push_back(user->getResult(0));
      else
        found.insert(user);
    }
  for (Value input : plan.externalInputs())
    if (Operation* source = input.getDefiningOp()) found.insert(source);
  llvm::SmallVector<GenericOp> out;
  for (Operation* op : found)
    if (auto nest = llvm::dyn_cast<GenericOp>(op); nest && !plan.contains(op)) out.push_back(nest);
  llvm::sort(out, [](GenericOp a, GenericOp b) { return a->isBeforeInBlock(b); });
  return out;
}

static bool fits(const GroupPlan& plan, int64_t ub_bytes) {
  const int64_t row = plan.rowLength(), tensors = plan.longTensors();
  if (plan.members().size() > kMostMembers || tensors > kMostStreams) return false;
  return row * (tensors + kTemporaries) * kElementBytes <= ub_bytes * kShareNumerator / kShareDenominator;
}

static void groupNests(GenericOp first, int64_t ub_bytes) {
  GroupPlan plan(first);
  // A candidate that did not join may do so after another has; each round adds one at least.
  for (bool grown = true; grown && !plan.closed();) {
    grown = false;
    for (GenericOp candidate : neighbours(plan)) {
      GroupPlan larger = plan;
      if (!larger.add(candidate) || !fits(larger, ub_bytes) || closesCycle(plan, candidate)) continue;
      plan = std::move(larger);
      grown = true;
    }
  }
  build(plan, "elementwise");
}

static void groupRearrangement(npu::RearrangeOp op) {
  mlir::OpBuilder builder(op);
  auto name = builder.getStringAttr(nameOf({op.getLoc()}, "rearrange"));
  auto group = npu::GroupOp::create(builder, op.getLoc(), op->getResultTypes(), op.getSources(), name,
                                    npu::GroupKindAttr::get(builder.getContext(), npu::GroupKind::copy),
                                    builder.getDenseI64ArrayAttr({}), npu::ScheduleAttr{});
  op.getResult().replaceAllUsesWith(group.getResult(0));
  mlir::Block* block = builder.createBlock(&group.getBody());
  for (Value source : op.getSources()) block->addArgument(source.getType(), source.getLoc());
  llvm::SmallVector<Value> arguments(block->getArguments());
  op->moveBefore(block, block->end());
  op->setOperands(arguments);
  npu::YieldOp::create(builder, op.getLoc(), mlir::ValueRange{op.getResult()});
}

template <class Op>
static llvm::SmallVector<Op> collect(mlir::Block& block) {
  auto range = block.getOps<Op>();
  return {range.begin(), range.end()};
}

Outcome makeGroups(mlir::func::FuncOp main, const machine::Machine& machine) {
  mlir::Block& block = main.getBody().front();
  // Chosen before the first is grouped: a group takes its elementwise readers out of the block, never another
  // contraction.
  llvm::SmallVector<GenericOp> contractions = collect<GenericOp>(block);
  llvm::erase_if(contractions, [](GenericOp op) { return !op->hasAttr(kContractionAttr); });
  for (GenericOp op : contractions) groupContraction(op);
  while (!block.getOps<GenericOp>().empty()) {
    auto nests = block.getOps<GenericOp>();
    groupNests(*nests.begin(), machine.chip.buffers.ub_usable_bytes());
  }
  for (npu::RearrangeOp op : collect<npu::RearrangeOp>(block)) groupRearrangement(op);
  // One reshape where there were several.
  for (Operation& op : llvm::make_early_inc_range(block)) {
    if (isReshape(&op)) continue;
    mlir::OpBuilder builder(&op);
    for (mlir::OpOperand& operand : op.getOpOperands())
      if (isReshape(operand.get().getDefiningOp()))
        operand.set(reshapeTo(builder, operand.get().getLoc(), operand.get(), typeOf(operand.get()).getShape()));
  }
  eraseDead(block);
  return {};
}

}  // namespace phx::compiler::graph
