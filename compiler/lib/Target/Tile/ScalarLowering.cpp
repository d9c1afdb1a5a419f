#include "lib/Target/Tile/ScalarLowering.h"

#include "lib/Dialect/Npu/Npu.h"
#include "lib/Transforms/Phases.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

namespace phx::compiler {

namespace arith = mlir::arith;
namespace scf = mlir::scf;
using isa::Comparison;
using isa::Opcode;
using isa::Type;
using mlir::Operation;
using mlir::Value;

Expected<visa::KernelOp> ScalarLowering::run() {
  mlir::OpBuilder b(function_);
  kernel_ = visa::KernelOp::create(b, function_.getLoc(), function_.getName(), nullptr, nullptr, nullptr, nullptr);
  for (llvm::StringRef name : {llvm::StringRef(npu::kCoreAttr), llvm::StringRef(npu::kMixAttr)})
    if (mlir::Attribute attribute = function_->getAttr(name)) kernel_->setAttr(name, attribute);
  auto* entry = new mlir::Block();
  kernel_.getBody().push_back(entry);
  builder_.emplace(b.getContext(), entry);
  v().setLocation(function_.getLoc());
  lowerBlock(function_.getBody().front());
  visa::EndOp::create(v().ops(), function_.getBody().front().getTerminator()->getLoc());
  if (failure_) {
    kernel_.erase();
    return *failure_;
  }
  return kernel_;
}

void ScalarLowering::lowerBlock(mlir::Block& block) {
  for (Operation& op : block.without_terminator()) {
    if (failure_) return;
    v().setLocation(op.getLoc());
    lower(&op);
  }
}

void ScalarLowering::lower(Operation* op) {
  if (auto loop = llvm::dyn_cast<scf::ForOp>(op)) return lowerFor(loop);
  if (auto branch = llvm::dyn_cast<scf::IfOp>(op)) return lowerIf(branch);
  if (auto inst = llvm::dyn_cast<visa::InstOp>(op)) return lowerInstruction(inst);
  if (auto constant = llvm::dyn_cast<arith::ConstantOp>(op)) {
    auto number = llvm::dyn_cast<mlir::IntegerAttr>(constant.getValue());
    if (!number) return fail(op, "a constant that is no integer is left in scalar code");
    const llvm::APInt bits = number.getValue();
    const unsigned width = widthOf(constant);
    return set(constant,
               Operand::number(width == 1 ? bits.getZExtValue() : static_cast<uint64_t>(bits.getSExtValue()), width));
  }
  if (auto cast = llvm::dyn_cast<mlir::UnrealizedConversionCastOp>(op); cast && cast.getInputs().size() == 1)
    return set(cast.getResult(0), get(cast.getInputs()[0]));
  if (!lowerArithmetic(op) && !lowerConversion(op))
    fail(op, "'" + op->getName().getStringRef() + "' has no instruction of the scalar unit");
}

void ScalarLowering::lowerInstruction(visa::InstOp op) {
  if (op->getNumResults()) {  // kernel parameters and special registers: no operands
    mlir::Operation* copy = v().ops().clone(*op);
    return set(op->getResult(0), VisaBuilder::wrap(copy->getResult(0), 64, true));
  }
  llvm::SmallVector<Operand, 4> sources;
  unsigned next = 0;
  for (int8_t slot : op.getSlots()) {
    const bool used = static_cast<visa::Slot>(slot) == visa::Slot::value;
    sources.push_back(used ? get(op.getSources()[next++]) : Operand::number(0, 64));
  }
  v().effect(static_cast<Opcode>(op.getOpcode()), static_cast<Type>(op.getElement()),
             static_cast<uint16_t>(op.getMod()), sources);
}

// --- Control flow

void ScalarLowering::fillRegion(mlir::Region& region, mlir::Location location,
                                llvm::function_ref<llvm::SmallVector<Value>()> fill) {
  mlir::OpBuilder::InsertionGuard guard(v().ops());
  auto* block = new mlir::Block();
  region.push_back(block);
  v().ops().setInsertionPointToEnd(block);
  llvm::SmallVector<Value> values = fill();
  visa::YieldOp::create(v().ops(), location, values);
}

void ScalarLowering::lowerFor(scf::ForOp op) {
  const mlir::Location location = op.getLoc();
  const Operand from = get(op.getLowerBound()), to = get(op.getUpperBound()), step = get(op.getStep());
  llvm::SmallVector<mlir::Type> types;
  for (Value result : op.getResults()) types.push_back(registerOf(result));

  auto turns = [&]() -> llvm::SmallVector<Value> {
    v().setLocation(location);
    llvm::SmallVector<Value> inits{v().as(from, v().scalarType())};
    for (auto [init, type] : llvm::zip(op.getInitArgs(), types)) inits.push_back(v().as(get(init), type));
    auto loop = visa::LoopOp::create(v().ops(), location, types, inits, /*divergent=*/false);
    auto* body = new mlir::Block();
    loop.getBody().push_back(body);
    for (Value init : inits) body->addArgument(init.getType(), location);
    mlir::OpBuilder::InsertionGuard guard(v().ops());
    v().ops().setInsertionPointToEnd(body);
    const Operand counter = VisaBuilder::wrap(body->getArgument(0), 64, true);
    set(op.getInductionVar(), counter);
    for (auto [n, argument] : llvm::enumerate(op.getRegionIterArgs()))
      set(argument, VisaBuilder::wrap(body->getArgument(static_cast<unsigned>(n) + 1), widthOf(argument), true));
    lowerBlock(*op.getBody());
    if (failure_) return llvm::SmallVector<Value>(loop.getResults());
    v().setLocation(location);
    const Operand following = v().add(counter, step);
    llvm::SmallVector<Value> carried{v().as(following, v().scalarType())}, leaving;
    for (auto [value, type] : llvm::zip(op.getYieldedValues(), types)) {
      carried.push_back(v().as(get(value), type));
      leaving.push_back(carried.back());
    }
    const Operand again = compare(Comparison::Lt, true, following, to);
    visa::NextOp::create(v().ops(), location, v().as(again, v().predicateType()), carried, leaving);
    return llvm::SmallVector<Value>(loop.getResults());
  };

  llvm::SmallVector<Value> results;
  if (from.constant() && to.constant() && static_cast<int64_t>(from.bits) < static_cast<int64_t>(to.bits)) {
    results = turns();
  } else {
    const Operand runs = compare(Comparison::Lt, true, from, to);
    auto guarded =
        visa::IfOp::create(v().ops(), location, types, v().as(runs, v().predicateType()), /*divergent=*/false);
    fillRegion(guarded.getThenRegion(), location, turns);
    fillRegion(guarded.getElseRegion(), location, [&] {
      llvm::SmallVector<Value> inits;
      for (auto [init, type] : llvm::zip(op.getInitArgs(), types)) inits.push_back(v().as(get(init), type));
      return inits;
    });
    results = guarded.getResults();
  }
  for (auto [result, value] : llvm::zip(op.getResults(), results))
    set(result, VisaBuilder::wrap(value, widthOf(result), true));
}

void ScalarLowering::lowerIf(scf::IfOp op) {
  llvm::SmallVector<mlir::Type> types;
  for (Value result : op.getResults()) types.push_back(registerOf(result));
  const Value condition = v().as(get(op.getCondition()), v().predicateType());
  auto branch = visa::IfOp::create(v().ops(), op.getLoc(), types, condition, /*divergent=*/false);
  auto way = [&](mlir::Region& from, mlir::Region& to) {
    fillRegion(to, op.getLoc(), [&] {
      llvm::SmallVector<Value> values;
      if (from.empty()) return values;
      lowerBlock(from.front());
      if (failure_) return values;
      v().setLocation(op.getLoc());
      for (auto [value, type] : llvm::zip(from.front().getTerminator()->getOperands(), types))
        values.push_back(v().as(get(value), type));
      return values;
    });
  };
  way(op.getThenRegion(), branch.getThenRegion());
  way(op.getElseRegion(), branch.getElseRegion());
  for (auto [result, value] : llvm::zip(op.getResults(), branch.getResults()))
    set(result, VisaBuilder::wrap(value, widthOf(result), true));
}

// --- Arithmetic

Operand ScalarLowering::integer(Opcode opcode, bool isSigned, Operand a, Operand b) {
  const bool wide = a.width == 64;
  const Type type = wide ? (isSigned ? Type::S64 : Type::U64) : (isSigned ? Type::S32 : Type::U32);
  return v().emit(opcode, type, 0, {a, b}, a.width);
}

Operand ScalarLowering::bitwise(Opcode opcode, Operand a, Operand b) {
  if (a.width == 1) {
    const Opcode logic = opcode == Opcode::And ? Opcode::Pand : opcode == Opcode::Or ? Opcode::Por : Opcode::Pxor;
    return v().emit(logic, Type::None, 0, {a, b}, 1);
  }
  return v().emit(opcode, a.width == 64 ? Type::B64 : Type::B32, 0, {a, b}, a.width);
}

Operand ScalarLowering::compare(Comparison comparison, bool isSigned, Operand a, Operand b) {
  if (a.width == 1) {  // only equality has a meaning
    Operand differ = v().emit(Opcode::Pxor, Type::None, 0, {a, b}, 1);
    return comparison == Comparison::Ne ? differ : v().invert(differ);
  }
  const bool wide = a.width == 64;
  const Type type = wide ? (isSigned ? Type::S64 : Type::U64) : (isSigned ? Type::S32 : Type::U32);
  return v().emit(Opcode::Setp, type, mod::compare(comparison), {a, b}, 1);
}

namespace {
// k of a divisor 2^k.
std::optional<unsigned> powerOfTwo(const Operand& divisor) {
  if (!divisor.constant() || !llvm::isPowerOf2_64(divisor.bits)) return std::nullopt;
  return llvm::Log2_64(divisor.bits);
}
}  // namespace

Operand ScalarLowering::divide(Value dividend, Value divisor, bool isSigned) {
  const Operand x = get(dividend), d = get(divisor);
  const auto shift = powerOfTwo(d);
  if (shift && (!isSigned || nonNegative_(dividend)))
    return *shift ? integer(Opcode::Shr, false, x, Operand::number(*shift, 32)) : x;
  return integer(Opcode::Div, isSigned, x, d);
}

Operand ScalarLowering::remainder(Value dividend, Value divisor, bool isSigned) {
  const Operand x = get(dividend), d = get(divisor);
  if (powerOfTwo(d) && (!isSigned || nonNegative_(dividend)))
    return bitwise(Opcode::And, x, Operand::number(d.bits - 1, x.width));
  return integer(Opcode::Rem, isSigned, x, d);
}

Operand ScalarLowering::divideDown(Value dividend, Value divisor) {
  const Operand x = get(dividend), d = get(divisor);
  if (auto shift = powerOfTwo(d)) return *shift ? integer(Opcode::Shr, true, x, Operand::number(*shift, 32)) : x;
  const Operand quotient = integer(Opcode::Div, true, x, d);
  if (nonNegative_(dividend) && nonNegative_(divisor)) return quotient;
  // One less where there is a remainder and the signs differ.
  const Operand rest = integer(Opcode::Sub, true, x, integer(Opcode::Mul, true, quotient, d));
  const Operand zero = Operand::number(0, x.width);
  const Operand left = compare(Comparison::Ne, true, rest, zero);
  const Operand differ = compare(Comparison::Lt, true, bitwise(Opcode::Xor, x, d), zero);
  const Operand less = v().add(quotient, Operand::number(~uint64_t{0}, x.width));
  return v().select(bitwise(Opcode::And, left, differ), less, quotient);
}

Operand ScalarLowering::divideUp(Value dividend, Value divisor, bool isSigned) {
  const Operand x = get(dividend), d = get(divisor);
  const bool plain = !isSigned || (nonNegative_(dividend) && nonNegative_(divisor));
  if (auto shift = powerOfTwo(d)) {
    if (!*shift) return x;
    const Operand above = v().add(x, Operand::number(d.bits - 1, x.width));
    return integer(Opcode::Shr, !plain, above, Operand::number(*shift, 32));
  }
  if (plain && d.constant()) return integer(Opcode::Div, false, v().add(x, Operand::number(d.bits - 1, x.width)), d);
  const Operand quotient = integer(Opcode::Div, isSigned, x, d);
  const Operand rest = integer(Opcode::Sub, true, x, integer(Opcode::Mul, true, quotient, d));
  const Operand zero = Operand::number(0, x.width);
  Operand more = compare(Comparison::Ne, true, rest, zero);
  if (!plain) more = bitwise(Opcode::And, more, compare(Comparison::Ge, true, bitwise(Opcode::Xor, x, d), zero));
  return v().select(more, v().add(quotient, Operand::number(1, x.width)), quotient);
}

bool ScalarLowering::lowerArithmetic(Operation* op) {
  auto operand = [&](unsigned n) { return get(op->getOperand(n)); };
  auto result = [&](Operand value) {
    set(op->getResult(0), value);
    return true;
  };
  auto plain = [&](Opcode opcode, bool isSigned) { return result(integer(opcode, isSigned, operand(0), operand(1))); };
  return llvm::TypeSwitch<Operation*, bool>(op)
      .Case<arith::AddIOp>([&](auto) {
        return operand(0).width == 1 ? result(bitwise(Opcode::Xor, operand(0), operand(1)))
                                     : result(v().add(operand(0), operand(1)));
      })
      .Case<arith::SubIOp>([&](auto) { return plain(Opcode::Sub, false); })
      .Case<arith::MulIOp>([&](arith::MulIOp) {
        Operand a = operand(0), b = operand(1);
        if (powerOfTwo(a)) std::swap(a, b);
        if (auto shift = powerOfTwo(b))
          return result(*shift ? v().emit(Opcode::Shl, a.width == 64 ? Type::B64 : Type::B32, 0,
                                          {a, Operand::number(*shift, 32)}, a.width)
                               : a);
        return result(integer(Opcode::Mul, false, a, b));
      })
      .Case<arith::DivSIOp>([&](auto o) { return result(divide(o.getLhs(), o.getRhs(), true)); })
      .Case<arith::DivUIOp>([&](auto o) { return result(divide(o.getLhs(), o.getRhs(), false)); })
      .Case<arith::RemSIOp>([&](auto o) { return result(remainder(o.getLhs(), o.getRhs(), true)); })
      .Case<arith::RemUIOp>([&](auto o) { return result(remainder(o.getLhs(), o.getRhs(), false)); })
      .Case<arith::FloorDivSIOp>([&](auto o) { return result(divideDown(o.getLhs(), o.getRhs())); })
      .Case<arith::CeilDivSIOp>([&](auto o) { return result(divideUp(o.getLhs(), o.getRhs(), true)); })
      .Case<arith::CeilDivUIOp>([&](auto o) { return result(divideUp(o.getLhs(), o.getRhs(), false)); })
      .Case<arith::MinSIOp>([&](auto) { return plain(Opcode::Min, true); })
      .Case<arith::MaxSIOp>([&](auto) { return plain(Opcode::Max, true); })
      .Case<arith::MinUIOp>([&](auto) { return plain(Opcode::Min, false); })
      .Case<arith::MaxUIOp>([&](auto) { return plain(Opcode::Max, false); })
      .Case<arith::AndIOp>([&](auto) { return result(bitwise(Opcode::And, operand(0), operand(1))); })
      .Case<arith::OrIOp>([&](auto) { return result(bitwise(Opcode::Or, operand(0), operand(1))); })
      .Case<arith::XOrIOp>([&](auto) { return result(bitwise(Opcode::Xor, operand(0), operand(1))); })
      .Case<arith::ShLIOp>([&](auto) {
        Operand by = operand(1);
        by.width = 32;
        return result(v().emit(Opcode::Shl, operand(0).width == 64 ? Type::B64 : Type::B32, 0, {operand(0), by},
                               operand(0).width));
      })
      .Case<arith::ShRSIOp, arith::ShRUIOp>([&](auto) {
        Operand by = operand(1);
        by.width = 32;
        return result(integer(Opcode::Shr, llvm::isa<arith::ShRSIOp>(op), operand(0), by));
      })
      .Case<arith::SelectOp>([&](auto) { return result(v().select(operand(0), operand(1), operand(2))); })
      .Case<arith::CmpIOp>([&](arith::CmpIOp test) {
        static constexpr Comparison kOf[] = {Comparison::Eq, Comparison::Ne, Comparison::Lt, Comparison::Le,
                                             Comparison::Gt, Comparison::Ge, Comparison::Lt, Comparison::Le,
                                             Comparison::Gt, Comparison::Ge};
        const auto predicate = static_cast<unsigned>(test.getPredicate());
        return result(compare(kOf[predicate], predicate < 6, operand(0), operand(1)));
      })
      .Default([](Operation*) { return false; });
}

bool ScalarLowering::lowerConversion(Operation* op) {
  const bool isSigned = llvm::isa<arith::IndexCastOp, arith::ExtSIOp>(op);
  if (!isSigned && !llvm::isa<arith::IndexCastUIOp, arith::ExtUIOp, arith::TruncIOp>(op)) return false;
  const Operand from = get(op->getOperand(0));
  if (failure_) return true;
  const unsigned to = widthOf(op->getResult(0));
  Operand value = from;
  if (from.width == 1 && to > 1)
    value = v().select(from, Operand::number(isSigned ? ~uint64_t{0} : 1, to), Operand::number(0, to));
  else if (from.width == 32 && to == 64)
    value = v().widen(from, isSigned);
  else if (from.width == 64 && to == 32)
    value = v().half(from, 0);
  else if (to == 1 && from.width > 1)
    value = compare(Comparison::Ne, false, bitwise(Opcode::And, from, Operand::number(1, from.width)),
                    Operand::number(0, from.width));
  set(op->getResult(0), value);
  return true;
}

// --- Values

unsigned ScalarLowering::widthOf(Value value) {
  mlir::Type type = value.getType();
  if (type.isIndex() || type.isInteger(64)) return 64;
  if (type.isInteger(1)) return 1;
  if (type.isInteger(32)) return 32;
  fail(value.getDefiningOp() ? value.getDefiningOp() : function_.getOperation(),
       "scalar code holds a value that is not index, i64, i32 or i1");
  return 64;
}

Operand ScalarLowering::get(Value value) {
  if (auto found = values_.find(value); found != values_.end()) return found->second;
  fail(value.getDefiningOp() ? value.getDefiningOp() : function_.getOperation(),
       "internal error: a value is used before it is lowered");
  return Operand::number(0, 64);
}

void ScalarLowering::fail(Operation* op, const llvm::Twine& message) {
  if (failure_) return;
  failure_ = errorAt(op->getLoc(), (message + " (in kernel '" + function_.getName() + "')").str());
}

}  // namespace phx::compiler
