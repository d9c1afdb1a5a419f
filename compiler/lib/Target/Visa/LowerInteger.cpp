// Integer arithmetic, comparison and selection.
#include "lib/Target/Visa/KernelLowering.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/DivisionByConstantInfo.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

namespace phx::compiler {

namespace LLVM = mlir::LLVM;
using isa::Opcode;
using isa::Type;

namespace {

// What an integer operation needs of its operands' upper bits, and its instruction.
struct IntegerRow {
  Opcode opcode;
  enum Kind { low, zeros, signs } operands;  // only low bits matter, or both operands extended
  bool bitwise;                              // the row takes b32/b64 instead of integer types
};

std::optional<IntegerRow> integerRow(llvm::StringRef name) {
  using R = std::optional<IntegerRow>;
  return llvm::StringSwitch<R>(name)
      .Cases({"llvm.add", "arith.addi"}, R({Opcode::Add, IntegerRow::low, false}))
      .Cases({"llvm.sub", "arith.subi"}, R({Opcode::Sub, IntegerRow::low, false}))
      .Cases({"llvm.mul", "arith.muli"}, R({Opcode::Mul, IntegerRow::low, false}))
      .Cases({"llvm.and", "arith.andi"}, R({Opcode::And, IntegerRow::low, true}))
      .Cases({"llvm.or", "arith.ori"}, R({Opcode::Or, IntegerRow::low, true}))
      .Cases({"llvm.xor", "arith.xori"}, R({Opcode::Xor, IntegerRow::low, true}))
      .Cases({"llvm.udiv", "arith.divui"}, R({Opcode::Div, IntegerRow::zeros, false}))
      .Cases({"llvm.sdiv", "arith.divsi"}, R({Opcode::Div, IntegerRow::signs, false}))
      .Cases({"llvm.urem", "arith.remui"}, R({Opcode::Rem, IntegerRow::zeros, false}))
      .Cases({"llvm.srem", "arith.remsi"}, R({Opcode::Rem, IntegerRow::signs, false}))
      .Cases({"llvm.intr.umin", "arith.minui"}, R({Opcode::Min, IntegerRow::zeros, false}))
      .Cases({"llvm.intr.umax", "arith.maxui"}, R({Opcode::Max, IntegerRow::zeros, false}))
      .Cases({"llvm.intr.smin", "arith.minsi"}, R({Opcode::Min, IntegerRow::signs, false}))
      .Cases({"llvm.intr.smax", "arith.maxsi"}, R({Opcode::Max, IntegerRow::signs, false}))
      .Cases({"llvm.shl", "arith.shli"}, R({Opcode::Shl, IntegerRow::low, true}))
      .Cases({"llvm.lshr", "arith.shrui"}, R({Opcode::Shr, IntegerRow::zeros, false}))
      .Cases({"llvm.ashr", "arith.shrsi"}, R({Opcode::Shr, IntegerRow::signs, false}))
      .Default(std::nullopt);
}

unsigned bitsOf(mlir::Value value) {
  mlir::Type type = value.getType();
  if (auto vector = llvm::dyn_cast<mlir::VectorType>(type)) type = vector.getElementType();
  if (type.isIndex()) return 64;
  return type.isIntOrFloat() ? type.getIntOrFloatBitWidth() : 64;
}

}  // namespace

Operand KernelLowering::extend(Operand value, unsigned bits, bool isSigned) {
  if (bits == 1 || bits == 32 || bits == 64) return value;
  unsigned width = registerWidth(bits);
  if (value.constant()) {
    uint64_t low = value.bits & ((1ull << bits) - 1);
    if (isSigned && (low >> (bits - 1))) low |= ~0ull << bits;
    Operand o = Operand::number(low, width);
    o.above = isSigned ? Operand::signs : Operand::zeros;
    return o;
  }
  if (value.above == (isSigned ? Operand::signs : Operand::zeros)) return value;
  Operand result;
  if (!isSigned) {
    result = v().emit(Opcode::And, width == 64 ? Type::B64 : Type::B32, 0,
                      {value, Operand::number((1ull << bits) - 1, width)}, width);
    result.above = Operand::zeros;
    return result;
  }
  if (bits == 8 || bits == 16) {
    result = v().emit(Opcode::Cvt, Type::S32, mod::convert(bits == 8 ? Type::S8 : Type::S16), {value}, 32);
  } else {
    Operand shift = Operand::number(width - bits, 32);
    result = v().emit(Opcode::Shl, width == 64 ? Type::B64 : Type::B32, 0, {value, shift}, width);
    result = v().emit(Opcode::Shr, width == 64 ? Type::S64 : Type::S32, 0, {result, shift}, width);
  }
  result.above = Operand::signs;
  return result;
}

// The low 32 bits of a 64-bit value, computed in 32 bits as far back as that is possible.
Operand KernelLowering::low32(mlir::Value value, unsigned depth) {
  mlir::Operation* op = value.getDefiningOp();
  if (op && depth < 6 && bitsOf(value) == 64 && !llvm::isa<mlir::VectorType>(value.getType())) {
    if (llvm::isa<LLVM::SExtOp, LLVM::ZExtOp>(op)) {
      unsigned bits = bitsOf(op->getOperand(0));
      if (bits > 1 && bits <= 32) return extend(one(op->getOperand(0)), bits, llvm::isa<LLVM::SExtOp>(op));
    }
    bool plain = llvm::isa<LLVM::AddOp, LLVM::SubOp, LLVM::MulOp, LLVM::AndOp, LLVM::OrOp, LLVM::XOrOp>(op);
    Operand amount = llvm::isa<LLVM::ShlOp>(op) ? one(op->getOperand(1)) : Operand();
    if (plain || (llvm::isa<LLVM::ShlOp>(op) && amount.constant() && amount.bits < 32)) {
      Operand a = low32(op->getOperand(0), depth + 1);
      Operand b = plain ? low32(op->getOperand(1), depth + 1) : Operand::number(amount.bits, 32);
      return integerBinary(nullptr, op->getName().getStringRef(), 32, a, b);
    }
  }
  return v().half(one(value), 0);
}

std::optional<Operand> KernelLowering::narrowFactor(mlir::Value value, bool isSigned) {
  if (bitsOf(value) != 64) return std::nullopt;
  mlir::Operation* op = value.getDefiningOp();
  if (!op) return std::nullopt;
  bool extends = isSigned ? llvm::isa<LLVM::SExtOp>(op) : llvm::isa<LLVM::ZExtOp>(op);
  if (extends && !llvm::isa<mlir::VectorType>(value.getType())) {
    mlir::Value from = op->getOperand(0);
    if (bitsOf(from) == 1 || bitsOf(from) > 32) return std::nullopt;
    return extend(one(from), bitsOf(from), isSigned);
  }
  if (llvm::isa<LLVM::ConstantOp, mlir::arith::ConstantOp>(op)) {
    uint64_t number = one(value).bits;
    bool fits = isSigned ? static_cast<int64_t>(number) == static_cast<int32_t>(number) : number <= 0xffff'ffffu;
    if (fits) return Operand::number(number, 32);
  }
  return std::nullopt;
}

// Quotient by a constant: multiply by a scaled reciprocal and shift, which no divide unit matches in time.
Operand KernelLowering::divideByConstant(Operand x, uint64_t divisor, bool isSigned, unsigned width) {
  llvm::APInt d(width, divisor);
  Type type = width == 64 ? (isSigned ? Type::S64 : Type::U64) : (isSigned ? Type::S32 : Type::U32);
  Type unsignedType = width == 64 ? Type::U64 : Type::U32;
  auto binary = [&](Opcode op, Type t, const Operand& a, const Operand& b) {
    return v().emit(op, t, 0, {a, b}, width);
  };
  auto shift = [&](Type t, const Operand& a, unsigned n) {
    return n ? binary(Opcode::Shr, t, a, Operand::number(n, 32)) : a;
  };
  auto number = [&](const llvm::APInt& n) { return Operand::number(n.getZExtValue(), width); };
  if (!isSigned) {
    if (d.isPowerOf2()) return shift(type, x, d.logBase2());
    auto magic = llvm::UnsignedDivisionByConstantInfo::get(d);
    Operand q = binary(Opcode::MulHi, type, shift(type, x, magic.PreShift), number(magic.Magic));
    if (magic.IsAdd) q = v().add(shift(type, binary(Opcode::Sub, type, x, q), 1), q);
    return shift(type, q, magic.PostShift);
  }
  Operand q;
  if (d.abs().isPowerOf2()) {
    unsigned k = d.abs().logBase2();
    if (k) {
      // Toward zero: negative numbers get divisor - 1 first.
      Operand bias = shift(unsignedType, shift(type, x, width - 1), width - k);
      q = shift(type, v().add(x, bias), k);
    } else {
      q = x;
    }
    return d.isNegative() ? v().emit(Opcode::Neg, type, 0, {q}, width) : q;
  }
  auto magic = llvm::SignedDivisionByConstantInfo::get(d);
  q = binary(Opcode::MulHi, type, x, number(magic.Magic));
  if (d.isStrictlyPositive() && magic.Magic.isNegative()) q = v().add(q, x);
  if (d.isNegative() && magic.Magic.isStrictlyPositive()) q = binary(Opcode::Sub, type, q, x);
  q = shift(type, q, magic.ShiftAmount);
  return v().add(q, shift(unsignedType, q, width - 1));
}

Operand KernelLowering::integerBinary(mlir::Operation* op, llvm::StringRef name, unsigned bits, Operand a, Operand b) {
  IntegerRow row = *integerRow(name);
  if (bits == 1) {
    switch (row.opcode) {
      case Opcode::Add:
      case Opcode::Sub:
      case Opcode::Xor:
        if (b.is(1)) return v().invert(a);
        if (a.is(1)) return v().invert(b);
        return v().emit(Opcode::Pxor, Type::None, 0, {a, b}, 1);
      case Opcode::Mul:
      case Opcode::And:
        return v().emit(Opcode::Pand, Type::None, 0, {a, b}, 1);
      case Opcode::Or:
        return v().emit(Opcode::Por, Type::None, 0, {a, b}, 1);
      // true is -1 for signed min and max.
      case Opcode::Min:
        return v().emit(row.operands == IntegerRow::signs ? Opcode::Por : Opcode::Pand, Type::None, 0, {a, b}, 1);
      case Opcode::Max:
        return v().emit(row.operands == IntegerRow::signs ? Opcode::Pand : Opcode::Por, Type::None, 0, {a, b}, 1);
      case Opcode::Div:
      case Opcode::Shl:
      case Opcode::Shr:
        return a;  // any other divisor or shift is undefined
      default:
        return Operand::number(0, 1);
    }
  }
  bool wide = bits > 32;
  unsigned width = wide ? 64 : 32;
  bool shift = row.opcode == Opcode::Shl || row.opcode == Opcode::Shr;
  if (row.operands != IntegerRow::low) {
    a = extend(a, bits, row.operands == IntegerRow::signs);
    if (!shift) b = extend(b, bits, row.operands == IntegerRow::signs);
  }
  if (shift) {
    b = extend(b, bits, false);
    if (wide) b = v().half(b, 0);
  }
  bool isSigned = row.operands == IntegerRow::signs;
  Type type = row.bitwise ? (wide ? Type::B64 : Type::B32)
              : isSigned  ? (wide ? Type::S64 : Type::S32)
                          : (wide ? Type::U64 : Type::U32);
  // Multiplications of extended 32-bit values, and multiply-add.
  if (op && row.opcode == Opcode::Mul && wide) {
    for (bool asSigned : {true, false}) {
      auto x = narrowFactor(op->getOperand(0), asSigned), y = narrowFactor(op->getOperand(1), asSigned);
      if (x && y) return v().emit(Opcode::MulW, asSigned ? Type::S64 : Type::U64, 0, {*x, *y}, 64);
    }
  }
  if (op && row.opcode == Opcode::Add) {
    for (unsigned i : {0u, 1u}) {
      auto product = op->getOperand(i).getDefiningOp<LLVM::MulOp>();
      if (!product || !product->hasOneUse() || product->getBlock() != op->getBlock() ||
          llvm::isa<mlir::VectorType>(product.getType()))
        continue;
      Operand other = i ? a : b;
      if (wide)
        for (bool asSigned : {true, false}) {
          auto x = narrowFactor(product.getLhs(), asSigned), y = narrowFactor(product.getRhs(), asSigned);
          if (x && y) return v().emit(Opcode::MadW, asSigned ? Type::S64 : Type::U64, 0, {*x, *y, other}, 64);
        }
      return v().emit(Opcode::Mad, wide ? Type::U64 : Type::U32, 0,
                      {one(product.getLhs()), one(product.getRhs()), other}, width);
    }
  }
  Operand result;
  if ((row.opcode == Opcode::Div || row.opcode == Opcode::Rem) && b.constant() && b.bits && !a.constant()) {
    Operand quotient = divideByConstant(a, b.bits, isSigned, width);
    if (row.opcode == Opcode::Div) {
      result = quotient;
    } else {
      Operand back = Operand::number(0 - b.bits, width);
      result = v().emit(Opcode::Mad, wide ? Type::U64 : Type::U32, 0, {quotient, back, a}, width);
    }
  } else {
    result = v().emit(row.opcode, type, 0, {a, b}, width);
  }
  if (bits < width) {
    bool keepsZeros = row.operands == IntegerRow::zeros ||
                      (row.bitwise && !shift && a.above == Operand::zeros && b.above == Operand::zeros) ||
                      (row.opcode == Opcode::And && (a.above == Operand::zeros || b.above == Operand::zeros));
    if (keepsZeros) result.above = Operand::zeros;
    // Signed results fit again, but for the quotient of the least value and -1.
    else if (row.operands == IntegerRow::signs && row.opcode != Opcode::Div)
      result.above = Operand::signs;
  }
  return result;
}

// 128-bit integers as two 64-bit halves: what multiply-high code and wide hashes use.
Operands KernelLowering::wideInteger(mlir::Operation* op, llvm::StringRef name, const Operands& a, const Operands& b) {
  auto row = integerRow(name);
  auto zero = Operand::number(0, 64);
  auto less = [&](const Operand& x, const Operand& y) {
    return v().emit(Opcode::Setp, Type::U64, mod::compare(isa::Comparison::Lt), {x, y}, 1);
  };
  auto bit = [&](const Operand& p) { return v().select(p, Operand::number(1, 64), zero); };
  switch (row->opcode) {
    case Opcode::And:
    case Opcode::Or:
    case Opcode::Xor:
      return {v().emit(row->opcode, Type::B64, 0, {a[0], b[0]}, 64),
              v().emit(row->opcode, Type::B64, 0, {a[1], b[1]}, 64)};
    case Opcode::Add: {
      Operand low = v().add(a[0], b[0]);
      Operand high = v().add(v().add(a[1], b[1]), bit(less(low, a[0].constant() ? b[0] : a[0])));
      return {low, high};
    }
    case Opcode::Sub: {
      Operand low = v().emit(Opcode::Sub, Type::U64, 0, {a[0], b[0]}, 64);
      Operand high = v().emit(Opcode::Sub, Type::U64, 0, {a[1], b[1]}, 64);
      return {low, v().emit(Opcode::Sub, Type::U64, 0, {high, bit(less(a[0], b[0]))}, 64)};
    }
    case Opcode::Mul: {
      Operand low = v().emit(Opcode::Mul, Type::U64, 0, {a[0], b[0]}, 64);
      Operand high = v().emit(Opcode::MulHi, Type::U64, 0, {a[0], b[0]}, 64);
      if (!a[1].is(0)) high = v().emit(Opcode::Mad, Type::U64, 0, {a[1], b[0], high}, 64);
      if (!b[1].is(0)) high = v().emit(Opcode::Mad, Type::U64, 0, {a[0], b[1], high}, 64);
      return {low, high};
    }
    case Opcode::Shl:
    case Opcode::Shr: {
      if (!b[0].constant()) break;
      unsigned n = static_cast<unsigned>(b[0].bits);
      bool isSigned = row->operands == IntegerRow::signs, left = row->opcode == Opcode::Shl;
      Type type = left ? Type::B64 : isSigned ? Type::S64 : Type::U64;
      auto by = [&](const Operand& x, unsigned k) {
        return k ? v().emit(row->opcode, type, 0, {x, Operand::number(k, 32)}, 64) : x;
      };
      if (n >= 64) {
        Operand filled = isSigned ? v().emit(Opcode::Shr, Type::S64, 0, {a[1], Operand::number(63, 32)}, 64) : zero;
        return left ? Operands{zero, by(a[0], n - 64)} : Operands{by(a[1], n - 64), filled};
      }
      if (n == 0) return a;
      if (left) return {by(a[0], n), v().emit(Opcode::Fshl, Type::B64, 0, {a[1], a[0], Operand::number(n, 32)}, 64)};
      return {v().emit(Opcode::Fshr, Type::B64, 0, {a[1], a[0], Operand::number(n, 32)}, 64), by(a[1], n)};
    }
    default:
      break;
  }
  fail(op, "128-bit '" + name + "' is not supported");
  return {zero, zero};
}

Operand KernelLowering::compare(LLVM::ICmpPredicate predicate, Operand a, Operand b, unsigned bits) {
  using P = LLVM::ICmpPredicate;
  bool isSigned = predicate == P::slt || predicate == P::sle || predicate == P::sgt || predicate == P::sge;
  isa::Comparison comparison;
  switch (predicate) {
    case P::eq:
      comparison = isa::Comparison::Eq;
      break;
    case P::ne:
      comparison = isa::Comparison::Ne;
      break;
    case P::slt:
    case P::ult:
      comparison = isa::Comparison::Lt;
      break;
    case P::sle:
    case P::ule:
      comparison = isa::Comparison::Le;
      break;
    case P::sgt:
    case P::ugt:
      comparison = isa::Comparison::Gt;
      break;
    case P::sge:
    case P::uge:
      comparison = isa::Comparison::Ge;
      break;
  }
  if (bits == 1) {
    if (predicate == P::ne) return v().emit(Opcode::Pxor, Type::None, 0, {a, b}, 1);
    if (predicate == P::eq) return v().invert(v().emit(Opcode::Pxor, Type::None, 0, {a, b}, 1));
    bool less = comparison == isa::Comparison::Lt || comparison == isa::Comparison::Le;
    if (isSigned) less = !less;  // true is -1
    bool strict = comparison == isa::Comparison::Lt || comparison == isa::Comparison::Gt;
    Operand x = less ? a : b, y = less ? b : a;  // x < y or x <= y, unsigned
    return strict ? v().emit(Opcode::Pand, Type::None, 0, {v().invert(x), y}, 1)
                  : v().emit(Opcode::Por, Type::None, 0, {v().invert(x), y}, 1);
  }
  a = extend(a, bits, isSigned);
  b = extend(b, bits, isSigned);
  Type type = bits > 32 ? (isSigned ? Type::S64 : Type::U64) : (isSigned ? Type::S32 : Type::U32);
  return v().emit(Opcode::Setp, type, mod::compare(comparison), {a, b}, 1);
}

bool KernelLowering::lowerInteger(mlir::Operation* op) {
  llvm::StringRef name = op->getName().getStringRef();
  if (integerRow(name)) {
    Operands a = get(op->getOperand(0)), b = get(op->getOperand(1)), results;
    unsigned bits = bitsOf(op->getResult(0));
    if (bits > 64) {
      for (size_t i = 0; i + 1 < a.size(); i += 2)
        results.append(wideInteger(op, name, {a[i], a[i + 1]}, {b[i], b[i + 1]}));
    } else {
      for (size_t i = 0; i < a.size(); ++i)
        results.push_back(integerBinary(a.size() == 1 ? op : nullptr, name, bits, a[i], b[i]));
    }
    set(op->getResult(0), results);
    return true;
  }

  auto each1 = [&](auto&& emitter) {
    Operands results;
    for (const Operand& a : get(op->getOperand(0))) results.push_back(emitter(a));
    set(op->getResult(0), results);
    return true;
  };
  unsigned bits = op->getNumOperands() ? bitsOf(op->getOperand(0)) : 0;
  bool wide = bits > 32;
  unsigned width = registerWidth(bits);

  if (auto test = llvm::dyn_cast<LLVM::ICmpOp>(op)) {
    Operands a = get(test.getLhs()), b = get(test.getRhs()), results;
    if (bits > 64) {
      // Two halves: equal if both are; otherwise the high halves decide unless they are equal.
      using P = LLVM::ICmpPredicate;
      Operand highEqual = compare(P::eq, a[1], b[1], 64);
      Operand result;
      if (test.getPredicate() == P::eq || test.getPredicate() == P::ne) {
        result = v().emit(Opcode::Pand, Type::None, 0, {highEqual, compare(P::eq, a[0], b[0], 64)}, 1);
        if (test.getPredicate() == P::ne) result = v().invert(result);
      } else {
        P low = test.getPredicate();
        low = low == P::slt ? P::ult : low == P::sle ? P::ule : low == P::sgt ? P::ugt : low == P::sge ? P::uge : low;
        result = v().select(highEqual, compare(low, a[0], b[0], 64), compare(test.getPredicate(), a[1], b[1], 64));
      }
      set(test, result);
      return true;
    }
    bool pointer = llvm::isa<LLVM::LLVMPointerType>(test.getLhs().getType());
    for (size_t i = 0; i < a.size(); ++i)
      results.push_back(compare(test.getPredicate(), a[i], b[i], pointer ? a[i].width : bits));
    set(test, results);
    return true;
  }
  if (auto test = llvm::dyn_cast<mlir::arith::CmpIOp>(op)) {
    set(test,
        compare(static_cast<LLVM::ICmpPredicate>(test.getPredicate()), one(test.getLhs()), one(test.getRhs()), bits));
    return true;
  }
  if (name == "llvm.select" || name == "arith.select") {
    Operands conditions = get(op->getOperand(0)), yes = get(op->getOperand(1)), no = get(op->getOperand(2)), results;
    for (size_t i = 0; i < yes.size(); ++i)
      results.push_back(v().select(conditions[conditions.size() == 1 ? 0 : i], yes[i], no[i]));
    set(op->getResult(0), results);
    return true;
  }
  if (name == "llvm.intr.abs")
    return each1([&](Operand a) {
      return v().emit(Opcode::Abs, wide ? Type::S64 : Type::S32, 0, {extend(a, bits, true)}, width);
    });
  Type plain = wide ? Type::B64 : Type::B32;
  // Counts have the operand's type; rows count in the register's width.
  if (name == "llvm.intr.ctpop")
    return each1([&](Operand a) { return v().emit(Opcode::Popc, plain, 0, {extend(a, bits, false)}, width); });
  if (name == "llvm.intr.ctlz")
    return each1([&](Operand a) {
      Operand count = v().emit(Opcode::Clz, plain, 0, {extend(a, bits, false)}, width);
      return bits == width ? count
                           : v().emit(Opcode::Sub, wide ? Type::U64 : Type::U32, 0,
                                      {count, Operand::number(width - bits, width)}, width);
    });
  if (name == "llvm.intr.cttz")
    return each1([&](Operand a) {
      if (bits != width) a = v().emit(Opcode::Or, plain, 0, {a, Operand::number(1ull << bits, width)}, width);
      return v().emit(Opcode::Ctz, plain, 0, {a}, width);
    });
  if (name == "llvm.intr.bitreverse")
    return each1([&](Operand a) {
      Operand turned = v().emit(Opcode::Brev, plain, 0, {a}, width);
      return bits == width ? turned
                           : v().emit(Opcode::Shr, wide ? Type::U64 : Type::U32, 0,
                                      {turned, Operand::number(width - bits, 32)}, width);
    });
  if (name == "llvm.intr.bswap")
    return each1([&](Operand a) {
      auto swap = [&](Operand x) {
        return v().emit(Opcode::Prmt, Type::B32, 0, {x, x, Operand::number(0x0123, 32)}, 32);
      };
      if (wide) return v().join(swap(v().half(a, 1)), swap(v().half(a, 0)));
      Operand swapped = swap(a);
      return bits == 16 ? v().emit(Opcode::Shr, Type::U32, 0, {swapped, Operand::number(16, 32)}, 32) : swapped;
    });
  if (name == "llvm.intr.fshl" || name == "llvm.intr.fshr") {
    if (bits != 32 && bits != 64) return false;
    Operand a = one(op->getOperand(0)), b = one(op->getOperand(1)), c = one(op->getOperand(2));
    if (wide) c = v().half(c, 0);
    set(op->getResult(0), v().emit(name == "llvm.intr.fshl" ? Opcode::Fshl : Opcode::Fshr, plain, 0, {a, b, c}, width));
    return true;
  }
  if (name == "llvm.intr.usub.sat" || name == "llvm.intr.uadd.sat") {
    Operand a = extend(one(op->getOperand(0)), bits, false), b = extend(one(op->getOperand(1)), bits, false);
    Type type = wide ? Type::U64 : Type::U32;
    if (name == "llvm.intr.usub.sat") {
      Operand larger = v().emit(Opcode::Max, type, 0, {a, b}, width);
      Operand result = v().emit(Opcode::Sub, type, 0, {larger, b}, width);
      if (bits < width) result.above = Operand::zeros;
      set(op->getResult(0), result);
      return true;
    }
    uint64_t most = bits == 64 ? ~0ull : (1ull << bits) - 1;
    Operand room = v().emit(Opcode::Sub, type, 0, {Operand::number(most, width), b}, width);
    set(op->getResult(0), v().add(v().emit(Opcode::Min, type, 0, {a, room}, width), b));
    return true;
  }
  if (name == "llvm.intr.ssub.sat" || name == "llvm.intr.sadd.sat") {
    if (bits > 32) return false;
    bool sub = name == "llvm.intr.ssub.sat";
    Operand a = v().widen(extend(one(op->getOperand(0)), bits, true), true),
            b = v().widen(extend(one(op->getOperand(1)), bits, true), true);
    Operand exact = v().emit(sub ? Opcode::Sub : Opcode::Add, Type::S64, 0, {a, b}, 64);
    int64_t most = (1ll << (bits - 1)) - 1;
    exact = v().emit(Opcode::Min, Type::S64, 0, {exact, Operand::number(static_cast<uint64_t>(most), 64)}, 64);
    exact = v().emit(Opcode::Max, Type::S64, 0, {exact, Operand::number(static_cast<uint64_t>(-most - 1), 64)}, 64);
    set(op->getResult(0), v().half(exact, 0));
    return true;
  }
  if (name.starts_with("llvm.intr.") && name.ends_with(".with.overflow")) {
    if (bits != 32 && bits != 64) return false;
    Operand a = one(op->getOperand(0)), b = one(op->getOperand(1));
    llvm::StringRef kind = name.drop_front(10).drop_back(14);  // uadd, usub, umul, sadd, ssub, smul
    bool isSigned = kind.starts_with("s");
    llvm::StringRef what = kind.drop_front(1);
    Type type = wide ? (isSigned ? Type::S64 : Type::U64) : (isSigned ? Type::S32 : Type::U32);
    Opcode opcode = what == "add" ? Opcode::Add : what == "sub" ? Opcode::Sub : Opcode::Mul;
    Operand result = v().emit(opcode, type, 0, {a, b}, width);
    auto test = [&](isa::Comparison c, const Operand& x, const Operand& y) {
      return v().emit(Opcode::Setp, type, mod::compare(c), {x, y}, 1);
    };
    Operand over;
    if (what == "mul") {
      Operand high = v().emit(Opcode::MulHi, type, 0, {a, b}, width);
      Operand expected = isSigned ? v().emit(Opcode::Shr, type, 0, {result, Operand::number(width - 1, 32)}, width)
                                  : Operand::number(0, width);
      over = test(isa::Comparison::Ne, high, expected);
    } else if (!isSigned) {
      over = what == "add" ? test(isa::Comparison::Lt, result, a) : test(isa::Comparison::Lt, a, b);
    } else {
      Operand down = what == "add" ? test(isa::Comparison::Lt, b, Operand::number(0, width))
                                   : test(isa::Comparison::Gt, b, Operand::number(0, width));
      over = v().emit(Opcode::Pxor, Type::None, 0, {down, test(isa::Comparison::Lt, result, a)}, 1);
    }
    set(op->getResult(0), Operands{result, over});
    return true;
  }
  return false;
}

}  // namespace phx::compiler
