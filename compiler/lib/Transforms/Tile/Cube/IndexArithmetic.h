// Index arithmetic that folds, for emitted loops.
#pragma once

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace phx::compiler {

struct IndexArithmetic {
  using Value = mlir::Value;
  mlir::OpBuilder& b;
  mlir::Location at;

  Value number(int64_t value) const { return mlir::arith::ConstantIndexOp::create(b, at, value); }
  Value add(Value x, Value y) const { return b.createOrFold<mlir::arith::AddIOp>(at, x, y); }
  Value add(Value x, int64_t y) const { return add(x, number(y)); }
  Value sub(Value x, Value y) const { return b.createOrFold<mlir::arith::SubIOp>(at, x, y); }
  Value mul(Value x, Value y) const { return b.createOrFold<mlir::arith::MulIOp>(at, x, y); }
  Value mul(Value x, int64_t y) const { return mul(x, number(y)); }
  Value min(Value x, Value y) const { return b.createOrFold<mlir::arith::MinSIOp>(at, x, y); }
  Value max(Value x, Value y) const { return b.createOrFold<mlir::arith::MaxSIOp>(at, x, y); }
  // Of what is not negative.
  Value div(Value x, Value y) const { return b.createOrFold<mlir::arith::DivUIOp>(at, x, y); }
  Value div(Value x, int64_t y) const { return div(x, number(y)); }
  Value rem(Value x, Value y) const { return b.createOrFold<mlir::arith::RemUIOp>(at, x, y); }
  Value rem(Value x, int64_t y) const { return rem(x, number(y)); }
  Value ceilDiv(Value x, int64_t y) const { return div(add(x, y - 1), y); }

  Value equal(Value x, Value y) const { return compare(mlir::arith::CmpIPredicate::eq, x, y); }
  Value atLeast(Value x, Value y) const { return compare(mlir::arith::CmpIPredicate::sge, x, y); }
  Value both(Value x, Value y) const { return b.createOrFold<mlir::arith::AndIOp>(at, x, y); }
  // x below `end`, which it exceeds by less than `length`.
  Value wrap(Value x, Value end, Value length) const {
    return b.createOrFold<mlir::arith::SelectOp>(at, atLeast(x, end), sub(x, length), x);
  }

 private:
  Value compare(mlir::arith::CmpIPredicate predicate, Value x, Value y) const {
    return b.createOrFold<mlir::arith::CmpIOp>(at, predicate, x, y);
  }
};

}  // namespace phx::compiler
