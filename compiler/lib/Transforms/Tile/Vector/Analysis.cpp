#include "lib/Transforms/Tile/Vector/Analysis.h"

#include "lib/Transforms/Phases.h"
#include "lib/Transforms/Tile/Vector/Body.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace phx::compiler::vector {
namespace {

namespace linalg = mlir::linalg;
using mlir::Operation;
using mlir::Value;

class Analysis {
 public:
  Analysis(npu::GroupOp group, bool collapses) : group_(group), body_(result_.program), collapses_(collapses) {}

  Expected<GroupProgram> run() {
    if (auto ok = collect(); !ok) return ok.diagnostic();
    collapse();
    if (result_.program.sizes.size() > kMostDims)
      return fail(group_, "more than " + std::to_string(kMostDims) + " dimensions that are not alike");
    for (Operation& op : group_.getBody().front()) {
      auto ok = convert(op);
      if (!ok) return ok.diagnostic();
    }
    return std::move(result_);
  }

 private:
  static constexpr size_t kMostDims = 31;  // a set of them is a word

  Diagnostic fail(Operation* op, const std::string& message) const {
    return errorAt(op->getLoc(), "in vector group '" + group_.getName().str() + "': " + message);
  }

  // The domain dimensions of an operand, by its map; empty optional if they are not in ascending order.
  std::optional<uint64_t> domainDims(linalg::GenericOp generic, unsigned operand) const {
    auto dims = generic->getAttrOfType<mlir::DenseI64ArrayAttr>(npu::kDimsAttr).asArrayRef();
    uint64_t set = 0;
    int64_t last = -1;
    for (mlir::AffineExpr expression : generic.getIndexingMapsArray()[operand].getResults()) {
      if (auto constant = llvm::dyn_cast<mlir::AffineConstantExpr>(expression); constant && constant.getValue() == 0)
        continue;  // a dimension of size 1
      auto position = llvm::dyn_cast<mlir::AffineDimExpr>(expression);
      if (!position) return std::nullopt;
      const int64_t dim = dims[position.getPosition()];
      if (dim <= last) return std::nullopt;
      last = dim;
      set |= uint64_t{1} << dim;
    }
    return set;
  }
  uint64_t reducedDims(linalg::GenericOp generic) const {
    auto dims = generic->getAttrOfType<mlir::DenseI64ArrayAttr>(npu::kDimsAttr).asArrayRef();
    uint64_t set = 0;
    for (auto [loop, kind] : llvm::enumerate(generic.getIteratorTypesArray()))
      if (kind == mlir::utils::IteratorType::reduction) set |= uint64_t{1} << dims[loop];
    return set;
  }

  // Every set of dimensions that something depends on, and the dimensions whose positions are asked for.
  Outcome collect() {
    if (group_.getDomain().size() > 64) return fail(group_, "more than 64 dimensions");
    for (auto generic : group_.getBody().front().getOps<linalg::GenericOp>()) {
      auto dims = generic->getAttrOfType<mlir::DenseI64ArrayAttr>(npu::kDimsAttr);
      if (!dims || dims.size() != static_cast<int64_t>(generic.getNumLoops()))
        return fail(generic, "an operation does not say which dimensions its loops are");
      for (int64_t dim : dims.asArrayRef())
        if (dim < 0 || dim >= static_cast<int64_t>(group_.getDomain().size()))
          return fail(generic, "a loop is no dimension of the group");
      for (unsigned i = 0; i < generic->getNumOperands(); ++i) {
        auto set = domainDims(generic, i);
        if (!set) return fail(generic, "an operand's dimensions are not in the order of the iteration space");
        sets_.push_back(*set);
      }
      uint64_t reduced = reducedDims(generic);
      for (size_t d = 0; d < group_.getDomain().size(); ++d)
        if (group_.getDomain()[d] == 1) reduced &= ~(uint64_t{1} << d);
      if (reduced && reduced_ && reduced != reduced_)
        return fail(generic, "it reduces other dimensions than an earlier operation of the group");
      reduced_ |= reduced;
      generic->walk(
          [&](linalg::IndexOp index) { indexed_ |= uint64_t{1} << dims[static_cast<int64_t>(index.getDim())]; });
    }
    sets_.push_back(reduced_);
    return {};
  }

  void collapse() {
    llvm::ArrayRef<int64_t> domain = group_.getDomain();
    collapsed_.assign(domain.size(), -1);
    auto& sizes = result_.program.sizes;
    int64_t last = -1;  // the last dimension that was kept
    for (size_t d = 0; d < domain.size(); ++d) {
      if (domain[d] == 1 && collapses_) continue;
      const uint64_t both = (uint64_t{1} << d) | (last < 0 ? 0 : uint64_t{1} << last);
      const bool joins = collapses_ && last >= 0 && (indexed_ & both) == 0 &&
                         llvm::all_of(sets_, [&](uint64_t set) { return (set & both) == 0 || (set & both) == both; });
      if (joins)
        sizes.back() *= domain[d];
      else
        sizes.push_back(domain[d]);
      collapsed_[d] = static_cast<int>(sizes.size()) - 1;
      last = static_cast<int64_t>(d);
    }
    result_.program.reduced = collapsed(reduced_);
  }
  Dims collapsed(uint64_t set) const {
    Dims dims = 0;
    for (size_t d = 0; d < collapsed_.size(); ++d)
      if (set >> d & 1 && collapsed_[d] >= 0) dims |= Dims{1} << collapsed_[d];
    return dims;
  }

  Outcome convert(Operation& op) {
    if (auto constant = llvm::dyn_cast<mlir::arith::ConstantOp>(op)) {
      if (llvm::isa<mlir::ShapedType>(constant.getType())) {
        auto splat = llvm::dyn_cast<mlir::SplatElementsAttr>(constant.getValue());
        if (!splat) return fail(&op, "a constant tensor is not one value everywhere");
        return define(&op, constant.getResult(), body_.constant(splat.getSplatValue<mlir::Attribute>()));
      }
      return define(&op, constant.getResult(), body_.constant(constant.getValue()));
    }
    if (llvm::isa<mlir::tensor::EmptyOp>(op)) return {};
    if (auto fill = llvm::dyn_cast<linalg::FillOp>(op)) {
      auto value = scalars_.find(fill.getInputs()[0]);
      if (value == scalars_.end()) return fail(&op, "a tensor is filled with a value that is not constant");
      scalars_[fill->getResult(0)] = value->second;
      return {};
    }
    if (auto generic = llvm::dyn_cast<linalg::GenericOp>(op)) return convertGeneric(generic);
    if (auto yield = llvm::dyn_cast<npu::YieldOp>(op)) return convertYield(yield);
    return fail(&op, "operation '" + op.getName().getStringRef().str() + "' is no part of a vector group");
  }

  Outcome define(Operation* op, Value value, Expected<NodeId> node) {
    if (!node) return fail(op, node.diagnostic().message);
    scalars_[value] = *node;
    return {};
  }

  // The node of a tensor operand: what was computed, or a load of an input over these dimensions.
  Expected<NodeId> operand(linalg::GenericOp generic, unsigned position) {
    Value value = generic->getOperand(position);
    if (auto found = scalars_.find(value); found != scalars_.end()) {
      auto shape = tensors_.find(value);
      if (shape != tensors_.end() && shape->second != collapsed(*domainDims(generic, position)))
        return fail(generic, "a tensor is read along other dimensions than it was computed over");
      return found->second;
    }
    auto input = llvm::dyn_cast<mlir::BlockArgument>(value);
    if (!input || input.getOwner() != &group_.getBody().front()) return fail(generic, "an operand has no value");
    auto element = Body::elementOf(llvm::cast<mlir::ShapedType>(value.getType()).getElementType());
    if (!element || *element == Element::mask) return fail(generic, "an input is of a type that tiles cannot have");
    const Dims dims = collapsed(*domainDims(generic, position));
    Program& program = result_.program;
    for (unsigned i = 0; i < program.inputs.size(); ++i)
      if (result_.inputs[i] == input.getArgNumber() && program.inputs[i].dims == dims) return program.load(i);
    program.inputs.push_back({*element, dims});
    result_.inputs.push_back(input.getArgNumber());
    return program.load(static_cast<unsigned>(program.inputs.size()) - 1);
  }

  Outcome convertGeneric(linalg::GenericOp generic) {
    mlir::Block* block = generic.getBody();
    const unsigned inputs = static_cast<unsigned>(generic.getNumDpsInputs());
    const bool reduces = collapsed(reducedDims(generic)) != 0;
    auto dims = generic->getAttrOfType<mlir::DenseI64ArrayAttr>(npu::kDimsAttr).asArrayRef();
    for (mlir::BlockArgument argument : block->getArguments()) {
      const unsigned i = argument.getArgNumber();
      if (argument.use_empty()) continue;
      if (reduces && i >= inputs) continue;  // the accumulator
      auto node = operand(generic, i);
      if (!node) return node.diagnostic();
      scalars_[argument] = *node;
    }
    auto yield = llvm::cast<linalg::YieldOp>(block->getTerminator());
    for (Operation& op : block->without_terminator()) {
      if (auto index = llvm::dyn_cast<linalg::IndexOp>(op)) {
        const int dim = collapsed_[static_cast<size_t>(dims[index.getDim()])];
        scalars_[op.getResult(0)] =
            dim < 0 ? result_.program.constant(Element::i32, 0) : result_.program.index(static_cast<unsigned>(dim));
        continue;
      }
      if (auto constant = llvm::dyn_cast<mlir::arith::ConstantOp>(op)) {
        if (auto ok = define(&op, op.getResult(0), body_.constant(constant.getValue())); !ok) return ok;
        continue;
      }
      if (op.getNumResults() != 1)
        return fail(&op, "operation '" + op.getName().getStringRef().str() + "' has several results");
      if (reduces && combines(generic, &op)) continue;
      std::vector<NodeId> operands;
      for (Value value : op.getOperands()) {
        auto found = scalars_.find(value);
        if (found == scalars_.end())
          return fail(&op,
                      "'" + op.getName().getStringRef().str() +
                          "' reads a value that is not known to the group; a reduction combines its accumulator once");
        operands.push_back(found->second);
      }
      if (auto ok = define(&op, op.getResult(0), body_.operation(&op, operands)); !ok) return ok;
    }
    for (unsigned i = 0; i < yield.getNumOperands(); ++i) {
      auto node =
          reduces ? reduction(generic, yield.getOperand(i).getDefiningOp(), i) : known(yield, yield.getOperand(i));
      if (!node) return node.diagnostic();
      scalars_[generic->getResult(i)] = *node;
      tensors_[generic->getResult(i)] = collapsed(*domainDims(generic, inputs + i));
    }
    return {};
  }

  // Does the operation join the accumulator with something and give what is yielded?
  static bool combines(linalg::GenericOp generic, Operation* op) {
    const auto inputs = static_cast<unsigned>(generic.getNumDpsInputs());
    return llvm::any_of(op->getOperands(), [&](Value value) {
      auto argument = llvm::dyn_cast<mlir::BlockArgument>(value);
      return argument && argument.getOwner() == generic.getBody() && argument.getArgNumber() >= inputs;
    });
  }

  Expected<NodeId> known(Operation* op, Value value) {
    auto found = scalars_.find(value);
    if (found == scalars_.end()) return fail(op, "a value is not known to the group");
    return found->second;
  }

  Expected<NodeId> reduction(linalg::GenericOp generic, Operation* combiner, unsigned result) {
    const unsigned inputs = static_cast<unsigned>(generic.getNumDpsInputs());
    Value accumulator = generic.getBody()->getArgument(inputs + result);
    if (!combiner || combiner->getNumOperands() != 2 ||
        (combiner->getOperand(0) == accumulator) == (combiner->getOperand(1) == accumulator))
      return fail(generic, "a reduction is not one operation of its accumulator and an expression");
    auto expression = known(generic, combiner->getOperand(combiner->getOperand(0) == accumulator ? 1 : 0));
    if (!expression) return expression.diagnostic();
    auto initial = operand(generic, inputs + result);
    if (!initial) return initial.diagnostic();
    auto node = body_.reduction(combiner, *expression, *initial);
    if (!node) return fail(combiner, node.diagnostic().message);
    return node;
  }

  Outcome convertYield(npu::YieldOp yield) {
    for (Value value : yield.getValues()) {
      auto type = llvm::cast<mlir::RankedTensorType>(value.getType());
      auto element = Body::elementOf(type.getElementType());
      if (!element || *element == Element::mask) return fail(yield, "a result is of a type that tiles cannot have");
      Dims dims = result_.program.all();
      if (auto found = tensors_.find(value); found != tensors_.end()) {
        dims = found->second;
      } else if (auto input = llvm::dyn_cast<mlir::BlockArgument>(value)) {
        return fail(yield, "input " + std::to_string(input.getArgNumber()) + " is yielded as it came");
      } else if (type.getNumElements() != result_.program.elements(dims)) {
        // A filled tensor of fewer dimensions: its place in the iteration space does not matter.
        return fail(yield, "a constant result does not have the shape of the iteration space");
      }
      auto node = known(yield, value);
      if (!node) return node.diagnostic();
      result_.program.outputs.push_back({*node, {*element, dims}});
    }
    return {};
  }

  mutable npu::GroupOp group_;  // MLIR's accessors are not const
  GroupProgram result_;
  Body body_;
  bool collapses_;
  std::vector<uint64_t> sets_;
  uint64_t reduced_ = 0, indexed_ = 0;
  std::vector<int> collapsed_;             // dimension of the program for each of the domain, -1 for size 1
  llvm::DenseMap<Value, NodeId> scalars_;  // of tensors: of their elements
  llvm::DenseMap<Value, Dims> tensors_;    // dimensions of results of generics
};

}  // namespace

Expected<GroupProgram> analyse(npu::GroupOp group) { return Analysis(group, true).run(); }
Expected<GroupProgram> analyseUncollapsed(npu::GroupOp group) { return Analysis(group, false).run(); }

}  // namespace phx::compiler::vector
