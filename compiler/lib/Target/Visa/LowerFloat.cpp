// Floating arithmetic, comparison and mathematical functions.
#include "device_sim/isa/table.h"
#include "lib/Target/Visa/KernelLowering.h"
#include "llvm/ADT/StringSwitch.h"

namespace phx::compiler {

namespace LLVM = mlir::LLVM;
using isa::Opcode;
using isa::Type;

namespace {

mlir::Type elementOf(mlir::Type type) {
  if (auto vector = llvm::dyn_cast<mlir::VectorType>(type)) return vector.getElementType();
  return type;
}

// The ISA's element type for a floating type; none for others.
Type floatType(mlir::Type type) {
  type = elementOf(type);
  if (type.isF16()) return Type::F16;
  if (type.isBF16()) return Type::BF16;
  if (type.isF32()) return Type::F32;
  if (type.isF64()) return Type::F64;
  return Type::None;
}

unsigned widthOf(Type type) { return type == Type::F64 ? 64 : 32; }

uint64_t signBit(Type type) { return 1ull << (isa::info(type).bits - 1); }

bool contracts(mlir::Operation* op) {
  auto flags = llvm::dyn_cast<LLVM::FastmathFlagsInterface>(op);
  return flags && bitEnumContainsAny(llvm::cast<LLVM::FastmathFlagsAttr>(flags.getFastmathAttr()).getValue(),
                                     LLVM::FastmathFlags::contract);
}

}  // namespace

// The factors of a multiplication that may be fused with the addition that reads it.
std::optional<std::pair<mlir::Value, mlir::Value>> KernelLowering::contractible(mlir::Value value) {
  auto product = value.getDefiningOp<LLVM::FMulOp>();
  if (!product || !contracts(product)) return std::nullopt;
  return std::pair{product.getLhs(), product.getRhs()};
}

Operand KernelLowering::math(llvm::StringRef function, llvm::ArrayRef<Operand> arguments, Type type) {
  Type used = type == Type::F64 ? Type::F64 : Type::F32;
  llvm::SmallVector<Operand, 2> wide;
  for (Operand argument : arguments)
    wide.push_back(type == used ? argument : v().emit(Opcode::Cvt, Type::F32, mod::convert(type), {argument}, 32));
  Operand result =
      v().emit(arguments.size() == 2 ? Opcode::Math2 : Opcode::Math1, used, mod::math(function), wide, widthOf(used));
  return type == used ? result : v().emit(Opcode::Cvt, type, mod::convert(Type::F32), {result}, 32);
}

Operand KernelLowering::roundToIntegral(Operand value, Type type, isa::Rounding rounding) {
  return v().emit(Opcode::Cvt, type, mod::convert(type, rounding, true), {value}, widthOf(type));
}

// Classes are LLVM's FPClassTest bits.
Operand KernelLowering::classify(Operand value, Type type, unsigned classes) {
  unsigned bits = isa::info(type).bits;
  if (bits == 16) value = v().emit(Opcode::And, Type::B32, 0, {value, Operand::number(0xffff, 32)}, 32);
  unsigned width = widthOf(type);
  Type integer = width == 64 ? Type::U64 : Type::U32, plain = width == 64 ? Type::B64 : Type::B32;
  unsigned mantissaBits = type == Type::F16 ? 10 : type == Type::BF16 ? 7 : type == Type::F32 ? 23 : 52;
  uint64_t infinity = ((1ull << (bits - 1 - mantissaBits)) - 1) << mantissaBits;
  uint64_t leastNormal = 1ull << mantissaBits, quiet = infinity | (1ull << (mantissaBits - 1));
  auto number = [&](uint64_t n) { return Operand::number(n, width); };
  auto in = [&](const Operand& x, uint64_t first, uint64_t last) {  // first <= x <= last, unsigned
    Operand shifted = first ? v().emit(Opcode::Sub, integer, 0, {x, number(first)}, width) : x;
    return v().emit(Opcode::Setp, integer, mod::compare(isa::Comparison::Le), {shifted, number(last - first)}, 1);
  };
  Operand magnitude = v().emit(Opcode::And, plain, 0, {value, number(signBit(type) - 1)}, width);
  Operand result = Operand::number(0, 1);
  auto include = [&](const Operand& p) {
    result = result.constant() ? p : v().emit(Opcode::Por, Type::None, 0, {result, p}, 1);
  };
  // Bits: 0 snan, 1 qnan, 2 -inf, 3 -normal, 4 -subnormal, 5 -0, 6 +0, 7 +subnormal, 8 +normal, 9 +inf.
  struct Range {
    uint64_t first, last;
    unsigned negative, positive;
  };
  const Range ranges[] = {{infinity + 1, quiet - 1, 0, 0}, {quiet, signBit(type) - 1, 1, 1},
                          {infinity, infinity, 2, 9},      {leastNormal, infinity - 1, 3, 8},
                          {1, leastNormal - 1, 4, 7},      {0, 0, 5, 6}};
  for (const Range& range : ranges) {
    bool negative = classes >> range.negative & 1, positive = classes >> range.positive & 1;
    if (negative && positive)
      include(in(magnitude, range.first, range.last));
    else if (positive)
      include(in(value, range.first, range.last));
    else if (negative)
      include(in(value, range.first | signBit(type), range.last | signBit(type)));
  }
  return result;
}

Operand KernelLowering::floatBinary(mlir::Operation* op, Opcode opcode, Type type, Operand a, Operand b) {
  return v().emit(opcode, type, 0, {a, b}, widthOf(type));
}

bool KernelLowering::lowerFloat(mlir::Operation* op) {
  llvm::StringRef name = op->getName().getStringRef();
  if (op->getNumResults() != 1 || op->getNumOperands() == 0) return false;
  Type type = floatType(op->getOperand(0).getType());
  if (type == Type::None) return false;
  unsigned width = widthOf(type);
  mlir::Value result = op->getResult(0);

  auto each = [&](auto&& emitter) {
    llvm::SmallVector<Operands, 3> arguments;
    for (mlir::Value operand : op->getOperands()) arguments.push_back(get(operand));
    Operands results;
    for (size_t i = 0; i < arguments[0].size(); ++i) {
      llvm::SmallVector<Operand, 3> row;
      for (const Operands& argument : arguments) row.push_back(argument[std::min(i, argument.size() - 1)]);
      results.push_back(emitter(row));
    }
    set(result, results);
    return true;
  };
  using Row = llvm::SmallVector<Operand, 3>;

  if (name == "llvm.fadd" || name == "llvm.fsub") {
    bool sub = name == "llvm.fsub";
    Operand a, b;
    if (contracts(op) && get(op->getOperand(0)).size() == 1) {
      auto negate = [&](Operand x) {
        return x.constant() ? Operand::number(x.bits ^ signBit(type), width)
                            : v().emit(Opcode::Neg, type, 0, {x}, width);
      };
      for (unsigned i : {0u, 1u}) {
        auto factors = contractible(op->getOperand(i));
        if (!factors) continue;
        Operand x = one(factors->first), y = one(factors->second), other = one(op->getOperand(1 - i));
        // a*b - c = fma(a, b, -c); c - a*b = fma(-a, b, c)
        if (sub && i == 0) other = negate(other);
        if (sub && i == 1) x.constant() || !y.constant() ? x = negate(x) : y = negate(y);
        set(result, v().emit(Opcode::Fma, type, 0, {x, y, other}, width));
        return true;
      }
    }
    return each([&](Row& r) { return v().emit(sub ? Opcode::Sub : Opcode::Add, type, 0, r, width); });
  }
  if (name == "llvm.fmul") return each([&](Row& r) { return v().emit(Opcode::Mul, type, 0, r, width); });
  if (name == "llvm.fdiv")
    return each([&](Row& r) {
      if (type == Type::F32 || type == Type::F64) return v().emit(Opcode::Div, type, 0, r, width);
      // Dividing in f32 and rounding once more is exact for 16-bit formats (f32 has more than twice their digits).
      Operand a = v().emit(Opcode::Cvt, Type::F32, mod::convert(type), {r[0]}, 32);
      Operand b = v().emit(Opcode::Cvt, Type::F32, mod::convert(type), {r[1]}, 32);
      return v().emit(Opcode::Cvt, type, mod::convert(Type::F32), {v().emit(Opcode::Div, Type::F32, 0, {a, b}, 32)},
                      32);
    });
  if (name == "llvm.frem") return each([&](Row& r) { return math("fmod", r, type); });
  if (name == "llvm.fneg") return each([&](Row& r) { return v().emit(Opcode::Neg, type, 0, r, width); });

  if (auto test = llvm::dyn_cast<LLVM::FCmpOp>(op)) {
    using P = LLVM::FCmpPredicate;
    using C = isa::Comparison;
    P predicate = test.getPredicate();
    C comparison = C::Eq;
    switch (predicate) {
      case P::_false:
        set(result, Operand::number(0, 1));
        return true;
      case P::_true:
        set(result, Operand::number(1, 1));
        return true;
      case P::oeq:
        comparison = C::Eq;
        break;
      case P::one:
        comparison = C::Ne;
        break;
      case P::olt:
        comparison = C::Lt;
        break;
      case P::ole:
        comparison = C::Le;
        break;
      case P::ogt:
        comparison = C::Gt;
        break;
      case P::oge:
        comparison = C::Ge;
        break;
      case P::ueq:
        comparison = C::Equ;
        break;
      case P::une:
        comparison = C::Neu;
        break;
      case P::ult:
        comparison = C::Ltu;
        break;
      case P::ule:
        comparison = C::Leu;
        break;
      case P::ugt:
        comparison = C::Gtu;
        break;
      case P::uge:
        comparison = C::Geu;
        break;
      case P::ord:
        comparison = C::Num;
        break;
      case P::uno:
        comparison = C::Nan;
        break;
    }
    return each([&](Row& r) { return v().emit(Opcode::Setp, type, mod::compare(comparison), r, 1); });
  }

  if (!name.consume_front("llvm.intr.")) return false;
  if (name == "fma" || name == "fmuladd") return each([&](Row& r) { return v().emit(Opcode::Fma, type, 0, r, width); });
  if (name == "fabs") return each([&](Row& r) { return v().emit(Opcode::Abs, type, 0, r, width); });
  if (name == "minnum" || name == "minimumnum")
    return each([&](Row& r) { return v().emit(Opcode::Min, type, 0, r, width); });
  if (name == "maxnum" || name == "maximumnum")
    return each([&](Row& r) { return v().emit(Opcode::Max, type, 0, r, width); });
  if (name == "minimum" || name == "maximum")
    return each([&](Row& r) {
      Operand least = v().emit(name == "minimum" ? Opcode::Min : Opcode::Max, type, 0, r, width);
      Operand anyNan = v().emit(Opcode::Setp, type, mod::compare(isa::Comparison::Nan), r, 1);
      return v().select(anyNan, v().emit(Opcode::Add, type, 0, r, width), least);
    });
  if (name == "copysign")
    return each([&](Row& r) {
      if (width == 32)
        return v().emit(Opcode::Lop3, Type::B32, mod::lut(0xd8), {r[0], r[1], Operand::number(signBit(type), 32)}, 32);
      Operand magnitude = v().emit(Opcode::And, Type::B64, 0, {r[0], Operand::number(signBit(type) - 1, 64)}, 64);
      Operand sign = v().emit(Opcode::And, Type::B64, 0, {r[1], Operand::number(signBit(type), 64)}, 64);
      return v().emit(Opcode::Or, Type::B64, 0, {magnitude, sign}, 64);
    });
  auto rounding = llvm::StringSwitch<std::optional<isa::Rounding>>(name)
                      .Cases({"rint", "nearbyint", "roundeven"}, isa::Rounding::Rn)
                      .Case("trunc", isa::Rounding::Rz)
                      .Case("floor", isa::Rounding::Rd)
                      .Case("ceil", isa::Rounding::Ru)
                      .Default(std::nullopt);
  if (rounding) return each([&](Row& r) { return roundToIntegral(r[0], type, *rounding); });
  if (name == "is.fpclass") {
    unsigned classes = static_cast<unsigned>(op->getAttrOfType<mlir::IntegerAttr>("bit").getInt());
    return each([&](Row& r) { return classify(r[0], type, classes); });
  }
  if (name == "ldexp" || name == "powi") {
    Operand exponent = v().emit(Opcode::Cvt, type == Type::F64 ? Type::F64 : Type::F32, mod::convert(Type::S32),
                                {one(op->getOperand(1))}, type == Type::F64 ? 64 : 32);
    set(result, math(name == "ldexp" ? "ldexp" : "pow", {one(op->getOperand(0)), exponent}, type));
    return true;
  }
  static constexpr llvm::StringRef kMath[] = {"sqrt",  "sin",  "cos",   "tan",  "asin", "acos", "atan",
                                              "atan2", "sinh", "cosh",  "tanh", "exp",  "exp2", "exp10",
                                              "log",   "log2", "log10", "pow",  "round"};
  if (llvm::is_contained(kMath, name)) return each([&](Row& r) { return math(name, r, type); });
  return false;
}

}  // namespace phx::compiler
