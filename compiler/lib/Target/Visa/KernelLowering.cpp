// Structure of the lowering: control flow, values, constants and arguments. The operations are in the Lower*.cpp files.
#include "lib/Target/Visa/KernelLowering.h"

#include "lib/Frontend/Cuda/ImportModule.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/IR/Verifier.h"

namespace phx::compiler {

namespace LLVM = mlir::LLVM;
namespace scf = mlir::scf;

// --- Types

uint64_t alignmentOf(mlir::Type type) {
  if (auto array = llvm::dyn_cast<LLVM::LLVMArrayType>(type)) return alignmentOf(array.getElementType());
  if (auto record = llvm::dyn_cast<LLVM::LLVMStructType>(type)) {
    uint64_t most = 1;
    if (!record.isPacked())
      for (mlir::Type field : record.getBody()) most = std::max(most, alignmentOf(field));
    return most;
  }
  if (auto vector = llvm::dyn_cast<mlir::VectorType>(type)) return std::bit_ceil(storeSizeOf(vector));
  return std::bit_ceil(storeSizeOf(type));
}

namespace {
uint64_t alignUp(uint64_t value, uint64_t alignment) { return (value + alignment - 1) / alignment * alignment; }
}  // namespace

uint64_t storeSizeOf(mlir::Type type) {
  if (auto array = llvm::dyn_cast<LLVM::LLVMArrayType>(type))
    return array.getNumElements() * storeSizeOf(array.getElementType());
  if (auto record = llvm::dyn_cast<LLVM::LLVMStructType>(type)) {
    uint64_t size = 0;
    for (mlir::Type field : record.getBody()) {
      if (!record.isPacked()) size = alignUp(size, alignmentOf(field));
      size += storeSizeOf(field);
    }
    return record.isPacked() ? size : alignUp(size, alignmentOf(record));
  }
  if (auto vector = llvm::dyn_cast<mlir::VectorType>(type)) {
    uint64_t bits = vector.getElementType().isIntOrFloat() ? vector.getElementType().getIntOrFloatBitWidth() : 64;
    return (bits * static_cast<uint64_t>(vector.getNumElements()) + 7) / 8;
  }
  if (llvm::isa<LLVM::LLVMPointerType>(type)) return 8;
  if (type.isIndex()) return 8;
  if (type.isIntOrFloat()) {
    uint64_t bytes = (type.getIntOrFloatBitWidth() + 7) / 8;
    return std::bit_ceil(bytes);
  }
  return 0;
}

bool componentsOf(mlir::Type type, llvm::SmallVectorImpl<unsigned>& bits, llvm::SmallVectorImpl<unsigned>* offsets) {
  auto walk = [&](auto&& self, mlir::Type t, uint64_t at) -> bool {
    auto leaf = [&](unsigned width, uint64_t place) {
      bits.push_back(width);
      if (offsets) offsets->push_back(static_cast<unsigned>(place));
      return true;
    };
    if (auto pointer = llvm::dyn_cast<LLVM::LLVMPointerType>(t)) {
      unsigned s = pointer.getAddressSpace();
      return leaf(s == space::kShared || s == space::kLocal || s == space::kParam ? 32 : 64, at);
    }
    if (t.isIndex()) return leaf(64, at);
    if (t.isIntOrFloat()) {
      unsigned width = t.getIntOrFloatBitWidth();
      if (t.isFloat() && width != 16 && width != 32 && width != 64) return false;
      if (width <= 64) return leaf(width, at);
      if (width <= 128) return leaf(64, at) && leaf(64, at + 8);
      return false;
    }
    if (auto vector = llvm::dyn_cast<mlir::VectorType>(t)) {
      if (vector.getRank() != 1 || vector.isScalable()) return false;
      uint64_t each = vector.getElementType().isIntOrFloat() ? vector.getElementType().getIntOrFloatBitWidth() : 64;
      for (int64_t i = 0; i < vector.getNumElements(); ++i)
        if (!self(self, vector.getElementType(), at + static_cast<uint64_t>(i) * each / 8)) return false;
      return true;
    }
    if (auto array = llvm::dyn_cast<LLVM::LLVMArrayType>(t)) {
      for (uint64_t i = 0; i < array.getNumElements(); ++i)
        if (!self(self, array.getElementType(), at + i * storeSizeOf(array.getElementType()))) return false;
      return true;
    }
    if (auto record = llvm::dyn_cast<LLVM::LLVMStructType>(t)) {
      uint64_t place = at;
      for (mlir::Type field : record.getBody()) {
        if (!record.isPacked()) place = at + alignUp(place - at, alignmentOf(field));
        if (!self(self, field, place)) return false;
        place += storeSizeOf(field);
      }
      return true;
    }
    return false;
  };
  return walk(walk, type, 0);
}

// --- Errors

void KernelLowering::fail(mlir::Operation* op, const llvm::Twine& message) {
  if (failure_) return;
  failure_ = errorAt(op->getLoc(), (message + " (in kernel '" + function_.getName() + "')").str());
}

// --- Values

KernelLowering::KernelLowering(mlir::func::FuncOp function) : function_(function), uniformity_(function) {
  if (auto offsets = function->getAttrOfType<mlir::DenseI32ArrayAttr>(kernel_attribute::kParamOffsets))
    paramOffsets_ = offsets.asArrayRef();
  if (auto byValue = function->getAttrOfType<mlir::DenseI32ArrayAttr>(kernel_attribute::kByValue))
    byValue_ = byValue.asArrayRef();
  shared_ = function->getAttrOfType<mlir::DictionaryAttr>(kernel_attribute::kShared);
}

Operands KernelLowering::get(mlir::Value value) {
  if (auto it = values_.find(value); it != values_.end()) return it->second;
  Operands operands;
  llvm::SmallVector<unsigned> bits, offsets;
  if (!componentsOf(value.getType(), bits, &offsets)) bits.assign(1, 32), offsets.assign(1, 0);
  auto argument = llvm::dyn_cast<mlir::BlockArgument>(value);
  bool isParam = argument && argument.getOwner() == &function_.getBody().front();
  for (size_t i = 0; i < bits.size(); ++i)
    operands.push_back(isParam ? this->argument(argument, static_cast<unsigned>(i), bits[i], offsets[i])
                               : Operand::number(0, registerWidth(bits[i])));
  values_[value] = operands;
  return operands;
}

Operand KernelLowering::argument(mlir::BlockArgument argument, unsigned, unsigned bits, unsigned offset) {
  unsigned n = argument.getArgNumber();
  if (n >= paramOffsets_.size() || byValue_[n]) return Operand::number(0, registerWidth(bits));
  Address address;
  address.space = isa::Space::Param;
  address.offset = paramOffsets_[n] + static_cast<int64_t>(offset);
  return v().atEntry([&] {
    isa::Type type = bits <= 8    ? isa::Type::U8
                     : bits <= 16 ? isa::Type::U16
                     : bits <= 32 ? isa::Type::B32
                                  : isa::Type::B64;
    Operand loaded = v().load(address, type, 1, isa::CachePolicy::Default, false)[0];
    if (bits < 32) loaded.above = Operand::zeros;
    if (bits != 1) return loaded;
    return v().emit(isa::Opcode::Setp, isa::Type::U32, mod::compare(isa::Comparison::Ne),
                    {loaded, Operand::number(0, 32)}, 1);
  });
}

Operands KernelLowering::constant(mlir::Attribute attribute, mlir::Type type) {
  Operands operands;
  llvm::SmallVector<unsigned> bits;
  if (!componentsOf(type, bits)) return {Operand::number(0, 32)};
  auto add = [&](const llvm::APInt& value) {
    if (value.getBitWidth() > 64) {
      operands.push_back(Operand::number(value.extractBitsAsZExtValue(64, 0), 64));
      operands.push_back(Operand::number(value.lshr(64).getLimitedValue(), 64));
      return;
    }
    Operand o = Operand::number(value.getZExtValue(), registerWidth(value.getBitWidth()));
    if (value.getBitWidth() < 32 && value.getBitWidth() > 1) o.above = Operand::zeros;
    operands.push_back(o);
  };
  if (auto integer = llvm::dyn_cast<mlir::IntegerAttr>(attribute)) {
    add(type.isIndex() ? integer.getValue().sextOrTrunc(64) : integer.getValue());
  } else if (auto number = llvm::dyn_cast<mlir::FloatAttr>(attribute)) {
    add(number.getValue().bitcastToAPInt());
  } else if (auto integers = llvm::dyn_cast<mlir::DenseIntElementsAttr>(attribute)) {
    for (const llvm::APInt& value : integers.getValues<llvm::APInt>()) add(value);
  } else if (auto numbers = llvm::dyn_cast<mlir::DenseFPElementsAttr>(attribute)) {
    for (const llvm::APFloat& value : numbers.getValues<llvm::APFloat>()) add(value.bitcastToAPInt());
  } else if (auto list = llvm::dyn_cast<mlir::ArrayAttr>(attribute)) {
    auto record = llvm::dyn_cast<LLVM::LLVMStructType>(type);
    auto array = llvm::dyn_cast<LLVM::LLVMArrayType>(type);
    for (auto [i, element] : llvm::enumerate(list)) {
      mlir::Type elementType = record ? record.getBody()[i] : array ? array.getElementType() : mlir::Type();
      if (!elementType) break;
      operands.append(constant(element, elementType));
    }
  }
  for (size_t i = operands.size(); i < bits.size(); ++i) operands.push_back(Operand::number(0, registerWidth(bits[i])));
  return operands;
}

llvm::SmallVector<mlir::Type> KernelLowering::componentTypes(mlir::Value value, bool uniform) {
  llvm::SmallVector<unsigned> bits;
  llvm::SmallVector<mlir::Type> types;
  if (!componentsOf(value.getType(), bits)) return {v().laneType(32)};
  for (unsigned width : bits) types.push_back(v().typeFor(registerWidth(width), uniform));
  return types;
}

void KernelLowering::bindRegisters(mlir::Value value, mlir::ValueRange registers, bool uniform) {
  llvm::SmallVector<unsigned> bits;
  componentsOf(value.getType(), bits);
  Operands operands;
  for (size_t i = 0; i < registers.size(); ++i)
    operands.push_back(VisaBuilder::wrap(registers[i], i < bits.size() ? registerWidth(bits[i]) : 32, uniform));
  set(value, operands);
}

// --- Control flow

Outcome KernelLowering::run() {
  mlir::OpBuilder b(function_);
  kernel_ = visa::KernelOp::create(b, function_.getLoc(), function_.getName(), nullptr, nullptr, nullptr, nullptr);
  mlir::Block* entry = new mlir::Block();
  kernel_.getBody().push_back(entry);
  builder_.emplace(b.getContext(), entry);
  v().setLocation(function_.getLoc());
  lowerBlock(function_.getBody().front());
  visa::EndOp::create(v().ops(), function_.getBody().front().getTerminator()->getLoc());
  if (localBytes_) kernel_.setLocalBytesAttr(b.getI64IntegerAttr(static_cast<int64_t>(localBytes_)));
  if (failure_) return *failure_;
  return {};
}

void KernelLowering::lowerBlock(mlir::Block& block) {
  for (mlir::Operation& op : block.without_terminator()) {
    if (failure_) return;
    lower(&op);
  }
}

void KernelLowering::lower(mlir::Operation* op) {
  v().setLocation(op->getLoc());
  if (auto branch = llvm::dyn_cast<scf::IfOp>(op)) return lowerIf(branch);
  if (auto loop = llvm::dyn_cast<scf::WhileOp>(op)) return lowerWhile(loop);
  if (auto choice = llvm::dyn_cast<scf::IndexSwitchOp>(op)) return lowerSwitch(choice, 0);
  if (auto constant = llvm::dyn_cast<mlir::arith::ConstantOp>(op))
    return set(constant, this->constant(constant.getValue(), constant.getType()));
  if (auto constant = llvm::dyn_cast<LLVM::ConstantOp>(op))
    return set(constant, this->constant(constant.getValue(), constant.getType()));
  // A value that may be anything: the first constant that comes to mind, without a register.
  if (llvm::isa<mlir::ub::PoisonOp, LLVM::UndefOp, LLVM::PoisonOp, LLVM::ZeroOp>(op)) {
    llvm::SmallVector<unsigned> bits;
    if (!componentsOf(op->getResult(0).getType(), bits)) return fail(op, "values of this type are not supported");
    Operands operands;
    for (unsigned width : bits) operands.push_back(Operand::number(0, registerWidth(width)));
    return set(op->getResult(0), operands);
  }
  for (mlir::Value result : op->getResults()) {
    llvm::SmallVector<unsigned> bits;
    if (llvm::isa<LLVM::LLVMVoidType>(result.getType())) continue;
    if (!componentsOf(result.getType(), bits)) {
      std::string text;
      llvm::raw_string_ostream(text) << result.getType();
      return fail(op, "values of type " + text + " are not supported");
    }
  }
  if (lowerInteger(op) || lowerFloat(op) || lowerConversion(op) || lowerAggregate(op) || lowerMemory(op) ||
      lowerSpecial(op) || lowerCall(op))
    return;
  fail(op, "the operation '" + op->getName().getStringRef() + "' is not supported");
}

// Lowers a region into one side of a visa.if and yields what it yields.
void KernelLowering::yieldInto(visa::IfOp op, mlir::Region& target, mlir::Block* from) {
  mlir::OpBuilder::InsertionGuard guard(v().ops());
  mlir::Block* block = new mlir::Block();
  target.push_back(block);
  v().ops().setInsertionPointToEnd(block);
  llvm::SmallVector<mlir::Value> results;
  if (from) {
    lowerBlock(*from);
    v().setLocation(from->getTerminator()->getLoc());
    size_t i = 0;
    for (mlir::Value value : from->getTerminator()->getOperands())
      for (const Operand& operand : get(value)) results.push_back(v().as(operand, op.getResultTypes()[i++]));
  }
  visa::YieldOp::create(v().ops(), v().location(), results);
}

void KernelLowering::lowerIf(scf::IfOp op) {
  Operand condition = one(op.getCondition());
  llvm::SmallVector<mlir::Type> types;
  for (mlir::Value result : op.getResults()) types.append(componentTypes(result, !uniformity_.divergent(result)));
  mlir::Value flag = v().as(condition, v().predicateType());
  bool divergent = uniformity_.divergent(op.getCondition());
  auto branch = visa::IfOp::create(v().ops(), op.getLoc(), types, flag, divergent);
  yieldInto(branch, branch.getThenRegion(), op.thenBlock());
  yieldInto(branch, branch.getElseRegion(), op.getElseRegion().empty() ? nullptr : op.elseBlock());
  size_t i = 0;
  for (mlir::Value result : op.getResults()) {
    size_t count = componentTypes(result, true).size();
    bindRegisters(result, branch.getResults().slice(i, count), !uniformity_.divergent(result));
    i += count;
  }
}

// A switch becomes a chain of ifs, one per case.
void KernelLowering::lowerSwitch(scf::IndexSwitchOp op, unsigned) {
  Operand selector = one(op.getArg());
  llvm::SmallVector<mlir::Type> types;
  for (mlir::Value result : op.getResults()) types.append(componentTypes(result, !uniformity_.divergent(result)));
  bool divergent = uniformity_.divergent(op.getArg());
  auto results = [&](auto&& self, unsigned n) -> llvm::SmallVector<mlir::Value> {
    Operand value = Operand::number(static_cast<uint64_t>(op.getCases()[n]), 64);
    Operand hit = v().emit(isa::Opcode::Setp, isa::Type::U64, mod::compare(isa::Comparison::Eq), {selector, value}, 1);
    auto branch = visa::IfOp::create(v().ops(), op.getLoc(), types, v().as(hit, v().predicateType()), divergent);
    yieldInto(branch, branch.getThenRegion(), &op.getCaseRegions()[n].front());
    if (n + 1 == op.getCases().size()) {
      yieldInto(branch, branch.getElseRegion(), &op.getDefaultRegion().front());
    } else {
      mlir::OpBuilder::InsertionGuard guard(v().ops());
      mlir::Block* block = new mlir::Block();
      branch.getElseRegion().push_back(block);
      v().ops().setInsertionPointToEnd(block);
      v().setLocation(op.getLoc());
      auto inner = self(self, n + 1);
      visa::YieldOp::create(v().ops(), op.getLoc(), inner);
    }
    return llvm::SmallVector<mlir::Value>(branch.getResults());
  };
  llvm::SmallVector<mlir::Value> chosen;
  if (op.getCases().empty()) {
    lowerBlock(op.getDefaultRegion().front());
    for (auto [result, value] :
         llvm::zip(op.getResults(), op.getDefaultRegion().front().getTerminator()->getOperands()))
      set(result, get(value));
    return;
  }
  chosen = results(results, 0);
  size_t i = 0;
  for (mlir::Value result : op.getResults()) {
    size_t count = componentTypes(result, true).size();
    bindRegisters(result, mlir::ValueRange(chosen).slice(i, count), !uniformity_.divergent(result));
    i += count;
  }
}

void KernelLowering::lowerWhile(scf::WhileOp op) {
  scf::ConditionOp condition = op.getConditionOp();
  llvm::SmallVector<mlir::Type> resultTypes, argumentTypes;
  llvm::SmallVector<mlir::Value> inits;
  for (mlir::Value result : op.getResults()) resultTypes.append(componentTypes(result, !uniformity_.divergent(result)));
  for (auto [init, argument] : llvm::zip(op.getInits(), op.getBeforeArguments())) {
    auto types = componentTypes(argument, !uniformity_.divergent(argument));
    for (auto [operand, type] : llvm::zip(get(init), types)) inits.push_back(v().as(operand, type));
    argumentTypes.append(types);
  }
  bool divergent = uniformity_.divergent(condition.getCondition());
  auto loop = visa::LoopOp::create(v().ops(), op.getLoc(), resultTypes, inits, divergent);
  mlir::Block* body = new mlir::Block();
  loop.getBody().push_back(body);
  llvm::SmallVector<mlir::Location> locations(argumentTypes.size(), op.getLoc());
  body->addArguments(argumentTypes, locations);
  {
    mlir::OpBuilder::InsertionGuard guard(v().ops());
    v().ops().setInsertionPointToEnd(body);
    size_t i = 0;
    for (mlir::Value argument : op.getBeforeArguments()) {
      size_t count = componentTypes(argument, true).size();
      bindRegisters(argument, mlir::ValueRange(body->getArguments()).slice(i, count), !uniformity_.divergent(argument));
      i += count;
    }
    lowerBlock(*op.getBeforeBody());
    v().setLocation(condition.getLoc());
    mlir::Value again = v().as(one(condition.getCondition()), v().predicateType());
    llvm::SmallVector<mlir::Value> leaving, carried;
    for (auto [argument, forwarded] : llvm::zip(op.getAfterArguments(), condition.getArgs())) {
      // A scalar that leaves a divergent loop is moved to its lanes on the way out, not in every turn.
      for (const Operand& operand : get(forwarded)) {
        mlir::Type type = resultTypes[leaving.size()];
        bool leavesScalar = llvm::isa<visa::LaneType>(type) && operand.uniform;
        leaving.push_back(leavesScalar ? v().toScalar(operand).value : v().as(operand, type));
      }
      set(argument, get(forwarded));
    }
    mlir::Block* after = op.getAfterBody();
    bool forwards = after->without_terminator().empty();
    visa::IfOp turn;
    if (!forwards) {
      // Work between the test and the next turn is done by the lanes that go on.
      turn = visa::IfOp::create(v().ops(), condition.getLoc(), argumentTypes, again, divergent);
      yieldInto(turn, turn.getThenRegion(), after);
      mlir::OpBuilder::InsertionGuard inner(v().ops());
      mlir::Block* none = new mlir::Block();
      turn.getElseRegion().push_back(none);
      v().ops().setInsertionPointToEnd(none);
      visa::YieldOp::create(v().ops(), condition.getLoc(), body->getArguments());
      carried.append(turn.getResults().begin(), turn.getResults().end());
    } else {
      size_t at = 0;
      for (mlir::Value next : after->getTerminator()->getOperands())
        for (const Operand& operand : get(next)) {
          carried.push_back(v().as(operand, argumentTypes[at]));
          ++at;
        }
    }
    visa::NextOp::create(v().ops(), condition.getLoc(), again, carried, leaving);
  }
  size_t i = 0;
  for (mlir::Value result : op.getResults()) {
    size_t count = componentTypes(result, true).size();
    bindRegisters(result, loop.getResults().slice(i, count), !uniformity_.divergent(result));
    i += count;
  }
}

// --- All kernels

Outcome lowerToVisa(mlir::ModuleOp module) {
  llvm::SmallVector<mlir::func::FuncOp> kernels;
  for (auto function : module.getOps<mlir::func::FuncOp>())
    if (function->hasAttr(kernel_attribute::kKernel)) kernels.push_back(function);
  std::string complaint;
  mlir::ScopedDiagnosticHandler handler(module.getContext(), [&](mlir::Diagnostic& diagnostic) {
    if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error && complaint.empty()) complaint = diagnostic.str();
    return mlir::success();
  });
  for (auto function : kernels) {
    std::string name = function.getName().str();
    if (auto ok = KernelLowering(function).run(); !ok) return ok;
    function.erase();
    auto kernel = module.lookupSymbol<visa::KernelOp>(name);
    if (mlir::failed(mlir::verify(kernel)))
      return error("internal error: visa of kernel '" + name + "' does not verify: " + complaint);
  }
  return {};
}

}  // namespace phx::compiler
