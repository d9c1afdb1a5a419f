#include "lib/Transforms/Tile/Cube/TileWalk.h"

#include "lib/Transforms/Tile/Cube/IndexArithmetic.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace phx::compiler {

using mlir::Location;
using mlir::OpBuilder;
using mlir::Value;

namespace {

int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

struct Range {
  Value from, to;
};

// Loops in each other that count how often the innermost body has run.
class Nest {
 public:
  Nest(OpBuilder& b, Location at, Value count) : at_(at), in_(b), count_(count) {}

  // A loop inside of those before; returns its counter.
  Value enter(Range range, Value step) {
    auto loop = mlir::scf::ForOp::create(in_, at_, range.from, range.to, step, mlir::ValueRange{count_});
    if (inside_) mlir::scf::YieldOp::create(in_, at_, loop.getResults());
    inside_ = true;
    count_ = loop.getRegionIterArg(0);
    in_ = OpBuilder::atBlockBegin(loop.getBody());
    return loop.getInductionVar();
  }
  OpBuilder& in() { return in_; }
  Value count() const { return count_; }
  void leave() {
    IndexArithmetic x{in_, at_};
    mlir::scf::YieldOp::create(in_, at_, mlir::ValueRange{x.add(count_, 1)});
  }

 private:
  Location at_;
  OpBuilder in_;
  Value count_;
  bool inside_ = false;
};

}  // namespace

TileWalk::TileWalk(const Contraction& c, const CubeSchedule& s, int64_t aic)
    : contraction(c), schedule(s), coresB(std::clamp<int64_t>(aic / s.cores(), 1, c.b)) {}

void TileWalk::emit(OpBuilder& b, Location at, Value core,
                    llvm::function_ref<void(OpBuilder&, const Tile&)> body) const {
  const Contraction& c = contraction;
  const CubeSchedule& s = schedule;
  IndexArithmetic x{b, at};
  // core = ((batch part * split_k + split) * cores_m + row part) * cores_n + column part
  const int64_t parts = s.cores_m * s.cores_n;
  Value part = x.rem(core, parts), rest = x.div(core, parts);
  Value columnPart = x.rem(part, s.cores_n), rowPart = x.div(part, s.cores_n);
  Tile tile;
  tile.split = x.rem(rest, s.split_k);
  Value batchPart = x.div(rest, s.split_k);
  const int64_t depth = depthOfPart(c, s.split_k);
  tile.k0 = x.min(x.mul(tile.split, depth), x.number(c.k));
  tile.depth = x.min(x.number(depth), x.sub(x.number(c.k), tile.k0));

  Value zero = x.number(0), one = x.number(1);
  const int64_t gridM = ceilDiv(c.m, s.base_m), gridN = ceilDiv(c.n, s.base_n);
  Range rows{zero, x.number(gridM)}, columns{zero, x.number(gridN)};
  Nest nest(b, at, zero);
  auto y = [&] { return IndexArithmetic{nest.in(), at}; };
  // Contiguous runs of ceil(items / shares).
  auto share = [&](Value number, int64_t shares, Range items) -> Range {
    Value each = y().ceilDiv(y().sub(items.to, items.from), shares);
    Value first = y().min(y().add(items.from, y().mul(number, each)), items.to);
    return {first, y().min(y().add(first, each), items.to)};
  };
  tile.batch = nest.enter(share(batchPart, coresB, {zero, x.number(c.b)}), one);

  const int64_t blockM = s.l2_m ? std::min(s.l2_m, gridM) : gridM, blockN = s.l2_n ? std::min(s.l2_n, gridN) : gridN;
  auto cut = [&](Range& range, int64_t block, int64_t grid) {
    if (block == grid) return;
    Value first = nest.enter(range, y().number(block));
    range = {first, grid % block ? y().min(y().add(first, block), y().number(grid)) : y().add(first, block)};
  };
  if (s.n_outer) cut(columns, blockN, gridN);
  cut(rows, blockM, gridM);
  if (!s.n_outer) cut(columns, blockN, gridN);

  Value mi, ni;
  if (s.deal) {
    Value height = y().sub(rows.to, rows.from), width = y().sub(columns.to, columns.from);
    Value t = nest.enter({part, y().mul(height, width)}, y().number(parts));
    Value along = s.n_outer ? height : width;
    Value line = y().div(t, along), place = y().rem(t, along);
    if (s.core_order) place = y().rem(y().add(place, line), along);
    mi = y().add(rows.from, s.n_outer ? place : line);
    ni = y().add(columns.from, s.n_outer ? line : place);
  } else {
    rows = share(rowPart, s.cores_m, rows);
    columns = share(columnPart, s.cores_n, columns);
    Value length = s.core_order ? y().sub(columns.to, columns.from) : Value();
    // A part without columns has no turns, but the remainder is computed all the same.
    Value shift = s.core_order ? y().rem(core, y().max(length, one)) : Value();
    if (s.n_outer) ni = nest.enter(columns, one);
    mi = nest.enter(rows, one);
    if (!s.n_outer) ni = nest.enter(columns, one);
    if (s.core_order) ni = y().wrap(y().add(ni, shift), columns.to, length);
  }
  tile.m0 = y().mul(mi, s.base_m);
  tile.n0 = y().mul(ni, s.base_n);
  tile.rows = y().min(y().number(s.base_m), y().sub(y().number(c.m), tile.m0));
  tile.cols = y().min(y().number(s.base_n), y().sub(y().number(c.n), tile.n0));
  tile.number = nest.count();
  body(nest.in(), tile);
  nest.leave();
}

}  // namespace phx::compiler
