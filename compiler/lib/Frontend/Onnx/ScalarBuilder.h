// ScalarBuilder: arithmetic on single elements, written once per operator.
//
// The same body is used in two ways. Inside a linalg.generic it emits arith and math operations. On constants it
// computes on the host, which is how shape computations disappear; what cannot be computed exactly there (exp, tanh,
// ...) makes the fold fail, and the operations are emitted after all.
//
// Both operands of a binary operation have one type. Signedness comes from the ONNX type, since MLIR's integers have
// none.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "compiler/lib/Frontend/Onnx/ElementType.h"
#include "mlir/IR/Builders.h"

namespace phx::compiler::onnx {

struct Scalar {
  ElementType type = ElementType::F32;
  std::optional<Number> known;  // its value, when it is a constant
  mlir::Value value;            // otherwise
};

// Functions of one float; each is the operation of MLIR's math dialect of that name.
enum class MathFunction {
  Exp,
  Log,
  Sqrt,
  Rsqrt,
  Tanh,
  Erf,
  Sin,
  Cos,
  Tan,
  Asin,
  Acos,
  Atan,
  Sinh,
  Cosh,
  Asinh,
  Acosh,
  Atanh,
  Floor,
  Ceil,
  RoundEven,
  Trunc
};

enum class Relation { Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual };

mlir::Type mlirType(ElementType type, mlir::MLIRContext* context);

class ScalarBuilder {
 public:
  // Emits into a body.
  ScalarBuilder(mlir::OpBuilder& builder, mlir::Location location) : builder_(&builder), location_(location) {}
  // Computes on the host at one point of the iteration space.
  ScalarBuilder(mlir::MLIRContext* context, std::span<const int64_t> index);

  Scalar constant(ElementType type, double value);
  Scalar integer(ElementType type, int64_t value);
  Scalar number(ElementType type, Number value) { return {type, value, {}}; }

  Scalar add(Scalar a, Scalar b);
  Scalar sub(Scalar a, Scalar b);
  Scalar mul(Scalar a, Scalar b);
  Scalar div(Scalar a, Scalar b);        // integers: towards zero
  Scalar remainder(Scalar a, Scalar b);  // the sign of a, as C's fmod and %
  Scalar neg(Scalar a);
  Scalar abs(Scalar a);
  Scalar minimum(Scalar a, Scalar b);  // a NaN in either gives NaN
  Scalar maximum(Scalar a, Scalar b);
  Scalar pow(Scalar a, Scalar b);  // floats
  Scalar math(MathFunction function, Scalar a);

  Scalar compare(Relation relation, Scalar a, Scalar b);  // Bool; ordered, but NotEqual is true for a NaN
  Scalar isNan(Scalar a);
  Scalar select(Scalar condition, Scalar a, Scalar b);
  Scalar logicalAnd(Scalar a, Scalar b);  // bitwise on integers
  Scalar logicalOr(Scalar a, Scalar b);
  Scalar logicalXor(Scalar a, Scalar b);
  Scalar logicalNot(Scalar a);                       // Bool
  Scalar shift(Scalar a, Scalar amount, bool left);  // amounts of the width or more give 0
  // Floats to integers go towards zero; anything to Bool is "not zero". A float outside the integer's range is
  // undefined in ONNX and saturates here only where a caller clamps first.
  Scalar convert(Scalar a, ElementType type);
  Scalar widen(Scalar a) { return convert(a, widened(a.type)); }

  Scalar index(unsigned dimension);  // the loop index, I32

  bool folding() const { return builder_ == nullptr; }
  bool failed() const { return failed_; }
  mlir::Value materialize(const Scalar& scalar);

 private:
  Scalar unknown(ElementType type, mlir::Value value) { return {type, std::nullopt, value}; }
  Scalar folded(ElementType type, double value) { return {type, numberOf(type, value), {}}; }
  Scalar folded(ElementType type, int64_t value) { return {type, numberOf(type, value), {}}; }
  // True when an operation on these cannot be computed now: emit it, or, when folding, give up (`result` is then a
  // dummy).
  bool mustEmit(std::initializer_list<const Scalar*> operands, bool exact = true);

  mlir::OpBuilder* builder_ = nullptr;
  mlir::Location location_;
  std::vector<int64_t> index_;
  bool failed_ = false;
};

}  // namespace phx::compiler::onnx
