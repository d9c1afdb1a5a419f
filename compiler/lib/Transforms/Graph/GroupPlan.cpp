#include "lib/Transforms/Graph/GroupPlan.h"

#include "lib/Transforms/Graph/Steps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"

namespace phx::compiler::graph {

namespace linalg = mlir::linalg;
using Kind = mlir::utils::IteratorType;
using linalg::GenericOp;
using mlir::Value;

static bool usesIndex(GenericOp op, size_t loop) {
  bool used = false;
  op.getBody()->walk([&](linalg::IndexOp index) { used |= index.getDim() == loop; });
  return used;
}

// Erases reshapes of the value that nobody reads.
static void eraseReshapes(Value value) {
  for (mlir::Operation* user : llvm::make_early_inc_range(value.getUsers())) {
    if (!isReshape(user)) continue;
    eraseReshapes(user->getResult(0));
    if (user->use_empty()) user->erase();
  }
}

GroupPlan::GroupPlan(GenericOp first) : contraction_(first->hasAttr(kContractionAttr)) {
  Member member{first, {}};
  llvm::SmallVector<Kind> kinds = first.getIteratorTypesArray();
  bool reduced = false;
  for (auto [loop, size] : llvm::enumerate(first.getStaticLoopRanges())) {
    const bool parallel = kinds[loop] == Kind::parallel;
    closed_ |= parallel && reduced;
    reduced |= !parallel;
    if (contraction_ && !parallel) {
      member.loops.push_back({});
      continue;
    }
    const auto dim = static_cast<unsigned>(sizes_.size());
    member.loops.push_back({dim});
    origin_.push_back(dim);
    sizes_.push_back(size);
  }
  members_.push_back(std::move(member));
}

bool GroupPlan::contains(mlir::Operation* op) const {
  return llvm::any_of(members_, [&](Member member) { return member.op.getOperation() == op; });
}

const GroupPlan::Member* GroupPlan::producerOf(Value value) const {
  mlir::Operation* op = rootOf(value).getDefiningOp();
  for (const Member& member : members_)
    if (op && GenericOp(member.op).getOperation() == op) return &member;
  return nullptr;
}

GroupPlan::Dims GroupPlan::dimsOf(const Member& member, mlir::AffineMap map) const {
  Dims dims;
  for (mlir::AffineExpr expression : map.getResults())
    llvm::append_range(dims, member.loops[llvm::cast<mlir::AffineDimExpr>(expression).getPosition()]);
  return dims;
}

GroupPlan::Dims GroupPlan::reducedDims(const Member& member) const {
  Dims dims;
  for (auto [kind, loop] : llvm::zip(GenericOp(member.op).getIteratorTypesArray(), member.loops))
    if (kind == Kind::reduction) llvm::append_range(dims, loop);
  return dims;
}

// Cuts a dimension into `outer` x the rest.
bool GroupPlan::split(size_t dim, int64_t outer) {
  for (Member& member : members_)
    for (auto [loop, dims] : llvm::enumerate(member.loops)) {
      auto place = llvm::find(dims, static_cast<unsigned>(dim));
      if (place != dims.end() && usesIndex(member.op, loop)) return false;
      Dims now;
      for (unsigned old : dims) {
        now.push_back(old > dim ? old + 1 : old);
        if (old == dim) now.push_back(old + 1);
      }
      dims = now;
    }
  const int64_t inner = sizes_[dim] / outer;
  sizes_[dim] = outer;
  sizes_.insert(sizes_.begin() + static_cast<long>(dim) + 1, inner);
  origin_.insert(origin_.begin() + static_cast<long>(dim) + 1, origin_[dim]);
  return true;
}

// Does a member read the nest's result?
bool GroupPlan::isRead(GenericOp op) const {
  return llvm::any_of(members_, [&](const Member& member) {
    return llvm::any_of(GenericOp(member.op).getDpsInputs(),
                        [&](Value input) { return rootOf(input) == op.getResult(0); });
  });
}

// Finds the dimensions of the nest's loops in the domain, or in the longest prefix of it that has as many points.
bool GroupPlan::align(GenericOp op) {
  Sizes loops(op.getStaticLoopRanges());
  size_t end = sizes_.size();
  while (end > 0 && product(llvm::ArrayRef(sizes_).take_front(end)) != product(loops)) --end;
  if (end == 0) return false;
  const bool whole = end == sizes_.size();
  Member member{op, {}};
  size_t next = 0;
  for (auto [loop, size] : llvm::enumerate(loops)) {
    Dims dims;
    if (size == 1) {
      if (next == end || sizes_[next] != 1) return false;
      dims.push_back(static_cast<unsigned>(next++));
    }
    for (int64_t rest = size; rest > 1; ++next) {
      // Dimensions of size 1 belong to the loop after them.
      while (next < end && sizes_[next] == 1) dims.push_back(static_cast<unsigned>(next++));
      if (next == end) return false;
      if (rest % sizes_[next] != 0) {
        if (sizes_[next] % rest != 0 || !split(next, rest)) return false;
        ++end;
      }
      dims.push_back(static_cast<unsigned>(next));
      rest /= sizes_[next];
    }
    if (dims.size() > 1 && usesIndex(op, loop)) return false;
    member.loops.push_back(dims);
  }
  for (; next < end; ++next) {
    if (sizes_[next] != 1) return false;
    member.loops.back().push_back(static_cast<unsigned>(next));
  }
  if (!whole && contraction_) return false;
  if (op.getNumReductionLoops() == 0) {
    members_.push_back(std::move(member));
    return true;
  }
  // All reductions of a group are of the same dimensions, its last ones; a single one of others ends the group.
  if (!whole || contraction_) return false;
  Dims reduced = reducedDims(member);
  bool first = true;
  for (const Member& other : members_)
    if (GenericOp(other.op).getNumReductionLoops() > 0) {
      if (reducedDims(other) != reduced) return false;
      first = false;
    }
  const bool suffix = reduced.size() == sizes_.size() - reduced.front();
  if (!suffix && (!first || isRead(op))) return false;
  closed_ = !suffix;
  members_.push_back(std::move(member));
  return true;
}

GroupPlan::Dims GroupPlan::longer(const Dims& dims) const {
  Dims out;
  for (unsigned dim : dims)
    if (sizes_[dim] != 1) out.push_back(dim);
  return out;
}

// The dimensions are all that is left of each of b, m, n that they are part of.
bool GroupPlan::wholeOrigins(const Dims& dims) const {
  for (unsigned dim : dims)
    for (size_t other = 0; other < sizes_.size(); ++other)
      if (origin_[other] == origin_[dim] && sizes_[other] != 1 &&
          !llvm::is_contained(dims, static_cast<unsigned>(other)))
        return false;
  return true;
}

bool GroupPlan::consistent() const {
  for (const Member& member : members_) {
    GenericOp op = member.op;
    // Parts of b, m, n become one dimension again, and the index of a part is not the index of the whole.
    if (contraction_)
      for (auto [loop, dims] : llvm::enumerate(member.loops))
        if (usesIndex(op, loop) && !wholeOrigins(dims)) return false;
    for (mlir::OpOperand* operand : op.getDpsInputOperands()) {
      Dims dims = dimsOf(member, op.getMatchingIndexingMap(operand));
      const Member* producer = producerOf(operand->get());
      if (producer) {
        GenericOp from = producer->op;
        Dims made = dimsOf(*producer, from.getIndexingMapMatchingResult(from->getResult(0)));
        if (longer(made) != longer(dims)) return false;
        // Dimensions of size 1 that only the producer has must be among the reader's loops.
        for (unsigned dim : made)
          if (llvm::none_of(member.loops, [&](const Dims& loop) { return llvm::is_contained(loop, dim); }))
            return false;
      }
      if (!contraction_ || op->hasAttr(kContractionAttr)) continue;
      // Of each of b, m, n an operand has all or nothing.
      if (!wholeOrigins(dims)) return false;
    }
  }
  return true;
}

bool GroupPlan::add(GenericOp op) {
  if (closed_ || op->hasAttr(kContractionAttr)) return false;
  GroupPlan before = *this;
  if (align(op) && consistent()) return true;
  *this = std::move(before);
  return false;
}

llvm::SmallVector<GenericOp> GroupPlan::members() const {
  llvm::SmallVector<GenericOp> out;
  for (const Member& member : members_) out.push_back(member.op);
  llvm::sort(out, [](GenericOp a, GenericOp b) { return a->isBeforeInBlock(b); });
  return out;
}

llvm::SmallVector<Value> GroupPlan::results() const {
  llvm::SmallVector<Value> out;
  for (GenericOp op : members()) {
    // Users behind reshapes count.
    llvm::SmallVector<Value> seen{op.getResult(0)};
    bool outside = false;
    while (!seen.empty()) {
      Value value = seen.pop_back_val();
      for (mlir::Operation* user : value.getUsers()) {
        if (isReshape(user))
          seen.push_back(user->getResult(0));
        else
          outside |= !contains(user);
      }
    }
    if (outside) out.push_back(op.getResult(0));
  }
  return out;
}

llvm::SmallVector<Value> GroupPlan::externalInputs() const {
  llvm::SetVector<Value> out;
  for (const Member& member : members_) {
    GenericOp op = member.op;
    for (Value input : op.getDpsInputs())
      if (!producerOf(input)) out.insert(rootOf(input));
  }
  return out.takeVector();
}

int64_t GroupPlan::rowLength() const {
  int64_t longest = 0;
  for (const Member& member : members_) {
    GenericOp op = member.op;
    int64_t row = 1;
    bool reduces = false;
    for (auto [kind, dims] : llvm::zip(op.getIteratorTypesArray(), member.loops)) {
      if (kind == Kind::parallel) continue;
      reduces = true;
      for (unsigned dim : dims) row *= sizes_[dim];
    }
    if (reduces) longest = std::max(longest, row);
  }
  return longest;
}

int64_t GroupPlan::longTensors() const {
  const auto last = static_cast<unsigned>(sizes_.size() - 1);
  llvm::DenseSet<Value> tensors;
  for (const Member& member : members_) {
    GenericOp op = member.op;
    for (mlir::OpOperand* operand : op.getDpsInputOperands())
      if (llvm::is_contained(dimsOf(member, op.getMatchingIndexingMap(operand)), last))
        tensors.insert(rootOf(operand->get()));
    if (llvm::is_contained(dimsOf(member, op.getIndexingMapMatchingResult(op->getResult(0))), last))
      tensors.insert(op->getResult(0));
  }
  return static_cast<int64_t>(tensors.size());
}

// The number of each dimension after merging neighbours, and the merged sizes. Those of a contraction are b, m, n
// again; others are merged where every tensor and every nest has both or neither, in one role.
llvm::SmallVector<unsigned> GroupPlan::merged(llvm::SmallVectorImpl<int64_t>& sizes) const {
  llvm::SmallVector<bool> joins(sizes_.size(), true);  // with the dimension before
  auto keepApart = [&](const Dims& dims) {
    for (size_t dim = 1; dim < sizes_.size(); ++dim)
      if (llvm::is_contained(dims, static_cast<unsigned>(dim)) !=
          llvm::is_contained(dims, static_cast<unsigned>(dim - 1)))
        joins[dim] = false;
  };
  for (const Member& member : members_) {
    GenericOp op = member.op;
    for (mlir::AffineMap map : op.getIndexingMapsArray()) keepApart(dimsOf(member, map));
    Dims all, reduced;
    for (auto [loop, kind] : llvm::enumerate(op.getIteratorTypesArray())) {
      llvm::append_range(all, member.loops[loop]);
      if (kind == Kind::reduction) llvm::append_range(reduced, member.loops[loop]);
      if (usesIndex(op, loop)) keepApart(member.loops[loop]);
    }
    keepApart(all), keepApart(reduced);
  }
  llvm::SmallVector<unsigned> number;
  for (size_t dim = 0; dim < sizes_.size(); ++dim) {
    const bool same = dim > 0 && (contraction_ ? origin_[dim] == origin_[dim - 1] : joins[dim]);
    if (same)
      sizes.back() *= sizes_[dim];
    else
      sizes.push_back(sizes_[dim]);
    number.push_back(static_cast<unsigned>(sizes.size()) - 1);
  }
  return number;
}

npu::GroupOp GroupPlan::build(llvm::StringRef name, mlir::Location location) const {
  llvm::SmallVector<int64_t> domain;
  llvm::SmallVector<unsigned> number = merged(domain);
  auto mergedDims = [&](const Dims& dims) {
    Dims out;
    for (unsigned dim : dims)
      if (out.empty() || out.back() != number[dim]) out.push_back(number[dim]);
    return out;
  };
  auto shapeOf = [&](const Dims& dims) {
    Sizes shape;
    for (unsigned dim : dims) shape.push_back(domain[dim]);
    return shape;
  };
  llvm::SmallVector<const Member*> order;
  for (const Member& member : members_) order.push_back(&member);
  llvm::sort(order, [](const Member* a, const Member* b) {
    GenericOp first = a->op, second = b->op;
    return first->isBeforeInBlock(second);
  });
  GenericOp last = order.back()->op;
  mlir::OpBuilder builder(last);
  mlir::MLIRContext* context = builder.getContext();

  // Inputs: each tensor once for each way in which it lies in the domain.
  struct Input {
    Value root;
    Dims dims;
    Sizes depth;  // of a contraction's operand: its whole shape
    Value shaped;
  };
  llvm::SmallVector<Input> inputs;
  auto inputOf = [&](const Member& member, mlir::OpOperand* operand) -> size_t {
    GenericOp op = member.op;
    Input input{rootOf(operand->get()), {}, {}, {}};
    if (op->hasAttr(kContractionAttr))
      input.depth = Sizes(typeOf(operand->get()).getShape());
    else
      input.dims = mergedDims(dimsOf(member, op.getMatchingIndexingMap(operand)));
    for (size_t i = 0; i < inputs.size(); ++i)
      if (inputs[i].root == input.root && inputs[i].dims == input.dims && inputs[i].depth == input.depth) return i;
    Sizes shape = input.depth.empty() ? shapeOf(input.dims) : input.depth;
    input.shaped = reshapeTo(builder, operand->get().getLoc(), operand->get(), shape);
    inputs.push_back(std::move(input));
    return inputs.size() - 1;
  };
  for (const Member* member : order) {
    GenericOp op = member->op;
    for (mlir::OpOperand* operand : op.getDpsInputOperands())
      if (!producerOf(operand->get())) inputOf(*member, operand);
  }

  llvm::SmallVector<Value> results = this->results(), operands;
  llvm::SmallVector<mlir::Type> types;
  auto resultType = [&](const Member& member) {
    GenericOp op = member.op;
    Sizes shape = shapeOf(mergedDims(dimsOf(member, op.getIndexingMapMatchingResult(op->getResult(0)))));
    return mlir::RankedTensorType::get(shape, typeOf(op->getResult(0)).getElementType());
  };
  for (Value result : results) types.push_back(resultType(*producerOf(result)));
  for (const Input& input : inputs) operands.push_back(input.shaped);
  const auto kind = contraction_ ? npu::GroupKind::cube : npu::GroupKind::vector;
  auto group = npu::GroupOp::create(builder, location, types, operands, builder.getStringAttr(name),
                                    npu::GroupKindAttr::get(context, kind), builder.getDenseI64ArrayAttr(domain),
                                    npu::ScheduleAttr{});
  mlir::Block* block = builder.createBlock(&group.getBody());
  for (Value operand : operands) block->addArgument(operand.getType(), operand.getLoc());
  builder.setInsertionPointToStart(block);

  llvm::DenseMap<Value, Value> made;  // old result -> value in the group
  for (const Member* member : order) {
    GenericOp op = member->op;
    // The nest's loops: the merged dimensions that its old loops cover, and the depth of a contraction last.
    Dims loops;
    llvm::SmallVector<Kind> kinds;
    llvm::SmallVector<int64_t> attribute;
    llvm::SmallVector<unsigned> renumbered;  // old loop -> new loop
    for (auto [loop, type] : llvm::enumerate(op.getIteratorTypesArray())) {
      Dims dims = mergedDims(member->loops[loop]);
      if (dims.empty()) {
        renumbered.push_back(static_cast<unsigned>(kinds.size()));
        kinds.push_back(type);
        attribute.push_back(-1);
        continue;
      }
      for (unsigned dim : dims) {
        if (!loops.empty() && loops.back() == dim) continue;
        loops.push_back(dim);
        kinds.push_back(type);
        attribute.push_back(dim);
      }
      renumbered.push_back(static_cast<unsigned>(kinds.size()) - 1);
    }
    const auto depth = static_cast<unsigned>(kinds.size());
    auto mapOf = [&](const Dims& dims) {
      llvm::SmallVector<unsigned> targets;
      for (unsigned dim : mergedDims(dims))
        targets.push_back(static_cast<unsigned>(llvm::find(loops, dim) - loops.begin()));
      return mlir::AffineMap::getMultiDimMapWithTargets(depth, targets, context);
    };
    auto remap = [&](mlir::AffineMap map) {
      if (!op->hasAttr(kContractionAttr)) return mapOf(dimsOf(*member, map));
      llvm::SmallVector<unsigned> targets;
      for (mlir::AffineExpr expression : map.getResults())
        targets.push_back(renumbered[llvm::cast<mlir::AffineDimExpr>(expression).getPosition()]);
      return mlir::AffineMap::getMultiDimMapWithTargets(depth, targets, context);
    };
    llvm::SmallVector<Value> ins;
    llvm::SmallVector<mlir::AffineMap> maps;
    for (mlir::OpOperand* operand : op.getDpsInputOperands()) {
      if (const Member* producer = producerOf(operand->get())) {
        GenericOp from = producer->op;
        ins.push_back(made.lookup(from->getResult(0)));
        maps.push_back(mapOf(dimsOf(*producer, from.getIndexingMapMatchingResult(from->getResult(0)))));
        continue;
      }
      ins.push_back(block->getArgument(static_cast<unsigned>(inputOf(*member, operand))));
      maps.push_back(remap(op.getMatchingIndexingMap(operand)));
    }
    maps.push_back(remap(op.getIndexingMapMatchingResult(op->getResult(0))));
    mlir::RankedTensorType type = resultType(*member);
    Value out = mlir::tensor::EmptyOp::create(builder, op.getLoc(), type.getShape(), type.getElementType());
    if (op.getNumReductionLoops() > 0) {
      Value start = mlir::arith::ConstantOp::create(builder, op.getLoc(), splatOf(op.getDpsInits()[0]));
      auto fill = linalg::FillOp::create(builder, op.getLoc(), mlir::ValueRange{start}, mlir::ValueRange{out});
      llvm::SmallVector<int64_t> kept;
      for (auto [dim, iterator] : llvm::zip(attribute, kinds))
        if (iterator == Kind::parallel) kept.push_back(dim);
      fill->setAttr(npu::kDimsAttr, builder.getDenseI64ArrayAttr(kept));
      out = fill.getResult(0);
    }
    auto nest = GenericOp::create(builder, op.getLoc(), mlir::TypeRange{type}, ins, mlir::ValueRange{out}, maps, kinds);
    mlir::IRMapping values;
    op.getRegion().cloneInto(&nest.getRegion(), values);
    nest.getBody()->walk([&](linalg::IndexOp index) { index.setDim(renumbered[index.getDim()]); });
    nest->setAttr(npu::kDimsAttr, builder.getDenseI64ArrayAttr(attribute));
    made[op->getResult(0)] = nest.getResult(0);
  }
  llvm::SmallVector<Value> yielded;
  for (Value result : results) yielded.push_back(made.lookup(result));
  npu::YieldOp::create(builder, location, yielded);

  builder.setInsertionPointAfter(group);
  for (auto [old, now] : llvm::zip(results, group.getResults()))
    old.replaceAllUsesWith(reshapeTo(builder, location, now, typeOf(old).getShape()));
  for (const Member* member : llvm::reverse(order)) {
    GenericOp op = member->op;
    eraseReshapes(op->getResult(0));
    op->erase();
  }
  return group;
}

}  // namespace phx::compiler::graph
