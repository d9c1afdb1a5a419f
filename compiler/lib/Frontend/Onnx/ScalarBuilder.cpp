#include "compiler/lib/Frontend/Onnx/ScalarBuilder.h"

#include <cmath>

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"

namespace phx::compiler::onnx {

namespace arith = mlir::arith;
namespace math = mlir::math;
using enum ElementType;

mlir::Type mlirType(ElementType type, mlir::MLIRContext* context) {
  switch (type) {
    case F16:
      return mlir::Float16Type::get(context);
    case BF16:
      return mlir::BFloat16Type::get(context);
    case F32:
      return mlir::Float32Type::get(context);
    case F64:
      return mlir::Float64Type::get(context);
    default:
      return mlir::IntegerType::get(context, bitWidth(type));
  }
}

ScalarBuilder::ScalarBuilder(mlir::MLIRContext* context, std::span<const int64_t> index)
    : location_(mlir::UnknownLoc::get(context)), index_(index.begin(), index.end()) {}

bool ScalarBuilder::mustEmit(std::initializer_list<const Scalar*> operands, bool exact) {
  bool known = exact;
  for (const Scalar* operand : operands) known &= operand->known.has_value();
  if (known) return false;
  if (folding()) failed_ = true;
  return !folding();
}

mlir::Value ScalarBuilder::materialize(const Scalar& scalar) {
  if (!scalar.known) return scalar.value;
  mlir::Type type = mlirType(scalar.type, location_.getContext());
  if (!isFloat(scalar.type))
    return arith::ConstantOp::create(*builder_, location_, builder_->getIntegerAttr(type, scalar.known->integer));
  return arith::ConstantOp::create(*builder_, location_, builder_->getFloatAttr(type, scalar.known->real));
}

// The dummy that stands for a value which could not be folded.
#define PHX_GIVE_UP(type) \
  if (folding()) return folded(type, int64_t{0})

Scalar ScalarBuilder::constant(ElementType type, double value) { return folded(type, value); }
Scalar ScalarBuilder::integer(ElementType type, int64_t value) { return folded(type, value); }

// Binary operations: the float operation, the integer one, and what they compute on the host. Integers wrap, as they do
// on the device: hence the unsigned arithmetic. The sum of two f16 rounded from double is the f16 sum (53 >= 2 * 11 + 2
// bits), and so for the other types and operations here.
#define PHX_BINARY(method, FloatOp, IntegerOp, symbol)                                                 \
  Scalar ScalarBuilder::method(Scalar a, Scalar b) {                                                   \
    if (mustEmit({&a, &b})) {                                                                          \
      mlir::Value x = materialize(a), y = materialize(b);                                              \
      if (isFloat(a.type)) return unknown(a.type, arith::FloatOp::create(*builder_, location_, x, y)); \
      return unknown(a.type, arith::IntegerOp::create(*builder_, location_, x, y));                    \
    }                                                                                                  \
    if (failed_) return folded(a.type, int64_t{0});                                                    \
    if (isFloat(a.type)) return folded(a.type, a.known->real symbol b.known->real);                    \
    return folded(a.type, static_cast<int64_t>(static_cast<uint64_t>(a.known->integer)                 \
                                                   symbol static_cast<uint64_t>(b.known->integer)));   \
  }
PHX_BINARY(add, AddFOp, AddIOp, +)
PHX_BINARY(sub, SubFOp, SubIOp, -)
PHX_BINARY(mul, MulFOp, MulIOp, *)
#undef PHX_BINARY

Scalar ScalarBuilder::div(Scalar a, Scalar b) {
  if (mustEmit({&a, &b})) {
    mlir::Value x = materialize(a), y = materialize(b);
    if (isFloat(a.type)) return unknown(a.type, arith::DivFOp::create(*builder_, location_, x, y));
    if (isUnsigned(a.type)) return unknown(a.type, arith::DivUIOp::create(*builder_, location_, x, y));
    return unknown(a.type, arith::DivSIOp::create(*builder_, location_, x, y));
  }
  if (failed_) return folded(a.type, int64_t{0});
  if (isFloat(a.type)) return folded(a.type, a.known->real / b.known->real);
  int64_t x = a.known->integer, y = b.known->integer;
  if (y == 0) return failed_ = folding(), folded(a.type, int64_t{0});
  if (isUnsigned(a.type))
    return folded(a.type, static_cast<int64_t>(static_cast<uint64_t>(x) / static_cast<uint64_t>(y)));
  return folded(a.type, y == -1 ? static_cast<int64_t>(-static_cast<uint64_t>(x)) : x / y);
}

Scalar ScalarBuilder::remainder(Scalar a, Scalar b) {
  if (mustEmit({&a, &b})) {
    mlir::Value x = materialize(a), y = materialize(b);
    if (isFloat(a.type)) return unknown(a.type, arith::RemFOp::create(*builder_, location_, x, y));
    if (isUnsigned(a.type)) return unknown(a.type, arith::RemUIOp::create(*builder_, location_, x, y));
    return unknown(a.type, arith::RemSIOp::create(*builder_, location_, x, y));
  }
  if (failed_) return folded(a.type, int64_t{0});
  if (isFloat(a.type)) return folded(a.type, std::fmod(a.known->real, b.known->real));
  int64_t x = a.known->integer, y = b.known->integer;
  if (y == 0) return failed_ = folding(), folded(a.type, int64_t{0});
  if (isUnsigned(a.type))
    return folded(a.type, static_cast<int64_t>(static_cast<uint64_t>(x) % static_cast<uint64_t>(y)));
  return folded(a.type, y == -1 ? int64_t{0} : x % y);
}

Scalar ScalarBuilder::neg(Scalar a) {
  if (!isFloat(a.type)) return sub(integer(a.type, 0), a);
  if (mustEmit({&a})) return unknown(a.type, arith::NegFOp::create(*builder_, location_, materialize(a)));
  if (failed_) return folded(a.type, int64_t{0});
  return folded(a.type, -a.known->real);
}

Scalar ScalarBuilder::abs(Scalar a) {
  if (!isFloat(a.type) && !isSigned(a.type)) return a;
  if (mustEmit({&a})) {
    if (isFloat(a.type)) return unknown(a.type, math::AbsFOp::create(*builder_, location_, materialize(a)));
    return unknown(a.type, math::AbsIOp::create(*builder_, location_, materialize(a)));
  }
  if (failed_) return folded(a.type, int64_t{0});
  if (isFloat(a.type)) return folded(a.type, std::fabs(a.known->real));
  return a.known->integer < 0 ? folded(a.type, static_cast<int64_t>(-static_cast<uint64_t>(a.known->integer))) : a;
}

Scalar ScalarBuilder::minimum(Scalar a, Scalar b) {
  if (mustEmit({&a, &b})) {
    mlir::Value x = materialize(a), y = materialize(b);
    if (isFloat(a.type)) return unknown(a.type, arith::MinimumFOp::create(*builder_, location_, x, y));
    if (isSigned(a.type)) return unknown(a.type, arith::MinSIOp::create(*builder_, location_, x, y));
    return unknown(a.type, arith::MinUIOp::create(*builder_, location_, x, y));
  }
  if (failed_) return folded(a.type, int64_t{0});
  if (isFloat(a.type) && std::isnan(a.known->real)) return a;
  if (isFloat(a.type)) return std::isnan(b.known->real) || b.known->real < a.known->real ? b : a;
  if (isSigned(a.type)) return b.known->integer < a.known->integer ? b : a;
  return static_cast<uint64_t>(b.known->integer) < static_cast<uint64_t>(a.known->integer) ? b : a;
}

Scalar ScalarBuilder::maximum(Scalar a, Scalar b) {
  if (mustEmit({&a, &b})) {
    mlir::Value x = materialize(a), y = materialize(b);
    if (isFloat(a.type)) return unknown(a.type, arith::MaximumFOp::create(*builder_, location_, x, y));
    if (isSigned(a.type)) return unknown(a.type, arith::MaxSIOp::create(*builder_, location_, x, y));
    return unknown(a.type, arith::MaxUIOp::create(*builder_, location_, x, y));
  }
  if (failed_) return folded(a.type, int64_t{0});
  if (isFloat(a.type) && std::isnan(a.known->real)) return a;
  if (isFloat(a.type)) return std::isnan(b.known->real) || b.known->real > a.known->real ? b : a;
  if (isSigned(a.type)) return b.known->integer > a.known->integer ? b : a;
  return static_cast<uint64_t>(b.known->integer) > static_cast<uint64_t>(a.known->integer) ? b : a;
}

Scalar ScalarBuilder::pow(Scalar a, Scalar b) {
  mustEmit({&a, &b}, false);
  PHX_GIVE_UP(a.type);
  return unknown(a.type, math::PowFOp::create(*builder_, location_, materialize(a), materialize(b)));
}

Scalar ScalarBuilder::math(MathFunction function, Scalar a) {
  using enum MathFunction;
  bool exact = function == Sqrt || function == Floor || function == Ceil || function == RoundEven || function == Trunc;
  if (!mustEmit({&a}, exact)) {
    if (failed_) return folded(a.type, int64_t{0});
    switch (function) {
      case Sqrt:
        return folded(a.type, std::sqrt(a.known->real));
      case Floor:
        return folded(a.type, std::floor(a.known->real));
      case Ceil:
        return folded(a.type, std::ceil(a.known->real));
      case RoundEven:
        return folded(a.type, std::nearbyint(a.known->real));
      default:
        return folded(a.type, std::trunc(a.known->real));
    }
  }
  auto emit = [&]<class Op>() { return unknown(a.type, Op::create(*builder_, location_, materialize(a))); };
  switch (function) {
    case Exp:
      return emit.operator()<math::ExpOp>();
    case Log:
      return emit.operator()<math::LogOp>();
    case Sqrt:
      return emit.operator()<math::SqrtOp>();
    case Rsqrt:
      return emit.operator()<math::RsqrtOp>();
    case Tanh:
      return emit.operator()<math::TanhOp>();
    case Erf:
      return emit.operator()<math::ErfOp>();
    case Sin:
      return emit.operator()<math::SinOp>();
    case Cos:
      return emit.operator()<math::CosOp>();
    case Tan:
      return emit.operator()<math::TanOp>();
    case Asin:
      return emit.operator()<math::AsinOp>();
    case Acos:
      return emit.operator()<math::AcosOp>();
    case Atan:
      return emit.operator()<math::AtanOp>();
    case Sinh:
      return emit.operator()<math::SinhOp>();
    case Cosh:
      return emit.operator()<math::CoshOp>();
    case Asinh:
      return emit.operator()<math::AsinhOp>();
    case Acosh:
      return emit.operator()<math::AcoshOp>();
    case Atanh:
      return emit.operator()<math::AtanhOp>();
    case Floor:
      return emit.operator()<math::FloorOp>();
    case Ceil:
      return emit.operator()<math::CeilOp>();
    case RoundEven:
      return emit.operator()<math::RoundEvenOp>();
    case Trunc:
      return emit.operator()<math::TruncOp>();
  }
  return a;
}

Scalar ScalarBuilder::compare(Relation relation, Scalar a, Scalar b) {
  if (mustEmit({&a, &b})) {
    mlir::Value x = materialize(a), y = materialize(b);
    if (isFloat(a.type)) {
      constexpr arith::CmpFPredicate predicates[] = {arith::CmpFPredicate::OEQ, arith::CmpFPredicate::UNE,
                                                     arith::CmpFPredicate::OLT, arith::CmpFPredicate::OLE,
                                                     arith::CmpFPredicate::OGT, arith::CmpFPredicate::OGE};
      return unknown(Bool, arith::CmpFOp::create(*builder_, location_, predicates[static_cast<int>(relation)], x, y));
    }
    constexpr arith::CmpIPredicate is_signed[] = {arith::CmpIPredicate::eq,  arith::CmpIPredicate::ne,
                                                  arith::CmpIPredicate::slt, arith::CmpIPredicate::sle,
                                                  arith::CmpIPredicate::sgt, arith::CmpIPredicate::sge};
    constexpr arith::CmpIPredicate is_unsigned[] = {arith::CmpIPredicate::eq,  arith::CmpIPredicate::ne,
                                                    arith::CmpIPredicate::ult, arith::CmpIPredicate::ule,
                                                    arith::CmpIPredicate::ugt, arith::CmpIPredicate::uge};
    auto predicate = (isSigned(a.type) ? is_signed : is_unsigned)[static_cast<int>(relation)];
    return unknown(Bool, arith::CmpIOp::create(*builder_, location_, predicate, x, y));
  }
  if (failed_) return folded(Bool, int64_t{0});
  auto relate = [&](auto x, auto y) -> int64_t {
    switch (relation) {
      case Relation::Equal:
        return x == y;
      case Relation::NotEqual:
        return x != y;
      case Relation::Less:
        return x < y;
      case Relation::LessOrEqual:
        return x <= y;
      case Relation::Greater:
        return x > y;
      case Relation::GreaterOrEqual:
        return x >= y;
    }
    return 0;
  };
  if (isFloat(a.type)) return folded(Bool, relate(a.known->real, b.known->real));
  if (isSigned(a.type)) return folded(Bool, relate(a.known->integer, b.known->integer));
  return folded(Bool, relate(static_cast<uint64_t>(a.known->integer), static_cast<uint64_t>(b.known->integer)));
}

Scalar ScalarBuilder::isNan(Scalar a) { return compare(Relation::NotEqual, a, a); }

Scalar ScalarBuilder::select(Scalar condition, Scalar a, Scalar b) {
  if (condition.known) return condition.known->integer ? a : b;
  mustEmit({&condition});
  PHX_GIVE_UP(a.type);
  return unknown(a.type,
                 arith::SelectOp::create(*builder_, location_, condition.value, materialize(a), materialize(b)));
}

#define PHX_BITWISE(method, Op, symbol)                                                                \
  Scalar ScalarBuilder::method(Scalar a, Scalar b) {                                                   \
    if (mustEmit({&a, &b}))                                                                            \
      return unknown(a.type, arith::Op::create(*builder_, location_, materialize(a), materialize(b))); \
    if (failed_) return folded(a.type, int64_t{0});                                                    \
    return folded(a.type, a.known->integer symbol b.known->integer);                                   \
  }
PHX_BITWISE(logicalAnd, AndIOp, &)
PHX_BITWISE(logicalOr, OrIOp, |)
PHX_BITWISE(logicalXor, XOrIOp, ^)
#undef PHX_BITWISE

Scalar ScalarBuilder::logicalNot(Scalar a) { return logicalXor(a, integer(a.type, a.type == Bool ? 1 : -1)); }

Scalar ScalarBuilder::shift(Scalar a, Scalar amount, bool left) {
  mustEmit({&a, &amount}, false);
  PHX_GIVE_UP(a.type);
  mlir::Value x = materialize(a), y = materialize(amount);
  // A shift by the width or more is poison in arith, zero in ONNX.
  Scalar fits = compare(Relation::Less, amount, integer(a.type, bitWidth(a.type)));
  mlir::Value shifted = left ? arith::ShLIOp::create(*builder_, location_, x, y).getResult()
                             : arith::ShRUIOp::create(*builder_, location_, x, y).getResult();
  return select(fits, unknown(a.type, shifted), integer(a.type, 0));
}

Scalar ScalarBuilder::convert(Scalar a, ElementType type) {
  if (a.type == type) return a;
  bool from_float = isFloat(a.type), to_float = isFloat(type);
  if (type == Bool) return compare(Relation::NotEqual, a, from_float ? constant(a.type, 0.0) : integer(a.type, 0));
  if (!mustEmit({&a})) {
    if (failed_) return folded(type, int64_t{0});
    if (from_float) return folded(type, a.known->real);
    if (a.type == U64 && to_float) return folded(type, static_cast<double>(static_cast<uint64_t>(a.known->integer)));
    return folded(type, a.known->integer);
  }
  mlir::Value x = materialize(a);
  mlir::Type to = mlirType(type, location_.getContext());
  mlir::OpBuilder& b = *builder_;
  unsigned from_bits = bitWidth(a.type), to_bits = bitWidth(type);
  if (from_float && to_float) {
    // f16 and bf16 have the same width: through f32, which holds both.
    if (from_bits == to_bits) return convert(convert(a, F32), type);
    if (from_bits < to_bits) return unknown(type, arith::ExtFOp::create(b, location_, to, x));
    return unknown(type, arith::TruncFOp::create(b, location_, to, x));
  }
  if (from_float) {
    if (isUnsigned(type)) return unknown(type, arith::FPToUIOp::create(b, location_, to, x));
    return unknown(type, arith::FPToSIOp::create(b, location_, to, x));
  }
  if (to_float) {
    if (isSigned(a.type)) return unknown(type, arith::SIToFPOp::create(b, location_, to, x));
    return unknown(type, arith::UIToFPOp::create(b, location_, to, x));
  }
  if (from_bits == to_bits) return unknown(type, x);
  if (from_bits > to_bits) return unknown(type, arith::TruncIOp::create(b, location_, to, x));
  if (isSigned(a.type)) return unknown(type, arith::ExtSIOp::create(b, location_, to, x));
  return unknown(type, arith::ExtUIOp::create(b, location_, to, x));
}

Scalar ScalarBuilder::index(unsigned dimension) {
  if (folding()) return folded(I32, index_[dimension]);
  mlir::Value index = mlir::linalg::IndexOp::create(*builder_, location_, dimension);
  return unknown(I32, arith::IndexCastOp::create(*builder_, location_, builder_->getI32Type(), index));
}
#undef PHX_GIVE_UP

}  // namespace phx::compiler::onnx
