#include "lib/Transforms/Tile/Cube/Matmul.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace phx::compiler {

using mlir::Location;
using mlir::OpBuilder;
using mlir::Value;

namespace {

int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Index arithmetic that folds.
struct Index {
  OpBuilder& b;
  Location at;
  Value number(int64_t value) const { return mlir::arith::ConstantIndexOp::create(b, at, value); }
  Value add(Value x, Value y) const { return b.createOrFold<mlir::arith::AddIOp>(at, x, y); }
  Value sub(Value x, Value y) const { return b.createOrFold<mlir::arith::SubIOp>(at, x, y); }
  Value mul(Value x, int64_t y) const { return b.createOrFold<mlir::arith::MulIOp>(at, x, number(y)); }
  Value min(Value x, Value y) const { return b.createOrFold<mlir::arith::MinSIOp>(at, x, y); }
  Value div(Value x, int64_t y) const { return b.createOrFold<mlir::arith::DivUIOp>(at, x, number(y)); }
  Value rem(Value x, int64_t y) const { return b.createOrFold<mlir::arith::RemUIOp>(at, x, number(y)); }
};

Value emptyTile(OpBuilder& b, Location at, int64_t rows, int64_t cols, mlir::Type element, int64_t buffers = 1) {
  auto op = mlir::tensor::EmptyOp::create(b, at, llvm::ArrayRef<int64_t>{rows, cols}, element);
  if (buffers > 1) op->setAttr(npu::kBuffersAttr, b.getI64IntegerAttr(buffers));
  return op;
}

}  // namespace

TileWalk::TileWalk(const Contraction& c, npu::ScheduleAttr s, int64_t aic)
    : contraction(c),
      schedule(s),
      coresB(std::clamp<int64_t>(aic / (s.getCoresM() * s.getCoresN() * s.getSplitK()), 1, c.b)) {}

void TileWalk::emit(OpBuilder& b, Location at, Value core,
                    llvm::function_ref<void(OpBuilder&, const Tile&)> body) const {
  const Contraction& c = contraction;
  Index x{b, at};
  // core = ((batch part * split_k + split) * cores_m + row part) * cores_n + column part
  const int64_t cn = schedule.getCoresN(), cm = schedule.getCoresM(), sk = schedule.getSplitK();
  Value columnPart = x.rem(core, cn), rest = x.div(core, cn);
  Value rowPart = x.rem(rest, cm);
  rest = x.div(rest, cm);
  Tile tile;
  tile.split = x.rem(rest, sk);
  Value batchPart = x.div(rest, sk);

  auto share = [&](Value part, int64_t parts, int64_t items) {  // contiguous runs of ceil(items / parts)
    const int64_t each = ceilDiv(items, parts);
    Value first = x.min(x.mul(part, each), x.number(items));
    return std::pair(first, x.min(x.add(first, x.number(each)), x.number(items)));
  };
  const int64_t depth = depthOfPart(c, sk);
  tile.k0 = x.min(x.mul(tile.split, depth), x.number(c.k));
  tile.depth = x.min(x.number(depth), x.sub(x.number(c.k), tile.k0));

  auto [b0, b1] = share(batchPart, coresB, c.b);
  auto [m0, m1] = share(rowPart, cm, ceilDiv(c.m, schedule.getBaseM()));
  auto [n0, n1] = share(columnPart, cn, ceilDiv(c.n, schedule.getBaseN()));
  struct Range {
    Value from, to;
  };
  const bool nOuter = schedule.getNOuter();
  Range outer = nOuter ? Range{n0, n1} : Range{m0, m1}, inner = nOuter ? Range{m0, m1} : Range{n0, n1};
  Value one = x.number(1);
  auto batches = mlir::scf::ForOp::create(b, at, b0, b1, one, mlir::ValueRange{x.number(0)});
  OpBuilder inBatch = OpBuilder::atBlockBegin(batches.getBody());
  auto outers = mlir::scf::ForOp::create(inBatch, at, outer.from, outer.to, one, batches.getRegionIterArgs());
  mlir::scf::YieldOp::create(inBatch, at, outers.getResults());
  OpBuilder inOuter = OpBuilder::atBlockBegin(outers.getBody());
  auto inners = mlir::scf::ForOp::create(inOuter, at, inner.from, inner.to, one, outers.getRegionIterArgs());
  mlir::scf::YieldOp::create(inOuter, at, inners.getResults());
  OpBuilder in = OpBuilder::atBlockBegin(inners.getBody());
  Index y{in, at};
  tile.batch = batches.getInductionVar();
  Value mi = nOuter ? inners.getInductionVar() : outers.getInductionVar();
  Value ni = nOuter ? outers.getInductionVar() : inners.getInductionVar();
  tile.m0 = y.mul(mi, schedule.getBaseM());
  tile.n0 = y.mul(ni, schedule.getBaseN());
  tile.rows = y.min(y.number(schedule.getBaseM()), y.sub(y.number(c.m), tile.m0));
  tile.cols = y.min(y.number(schedule.getBaseN()), y.sub(y.number(c.n), tile.n0));
  tile.number = inners.getRegionIterArg(0);
  body(in, tile);
  Index z{in, at};
  mlir::scf::YieldOp::create(in, at, mlir::ValueRange{z.add(tile.number, z.number(1))});
}

mlir::func::FuncOp emitMatmul(TileContext& context, llvm::StringRef name, Location at, const TileWalk& walk, Value a,
                              Value rhs, const MatmulTarget& target, llvm::SmallVectorImpl<Value>& arguments) {
  const Contraction& c = walk.contraction;
  npu::ScheduleAttr s = walk.schedule;
  arguments.assign({a, rhs, target.result});
  if (target.bias) arguments.push_back(*target.bias);
  llvm::append_range(arguments, target.extra);
  OpBuilder b(a.getContext());
  mlir::func::FuncOp kernel = context.createKernel(name, npu::Core::aic, arguments, at, b);
  mlir::Block& entry = kernel.getBody().front();
  Value gmA = entry.getArgument(0), gmB = entry.getArgument(1), gmC = entry.getArgument(2);
  Value gmBias = target.bias ? entry.getArgument(3) : Value();
  const int64_t bm = s.getBaseM(), bn = s.getBaseN(), bk = s.getBaseK(), kl1 = bk * s.getStepK();
  Value core = npu::BlockIdxOp::create(b, at, b.getIndexType());

  walk.emit(b, at, core, [&](OpBuilder& in, const TileWalk::Tile& tile) {
    Index x{in, at};
    Value zero = x.number(0), one = x.number(1);
    Value bias;
    if (gmBias) {  // one row of values: plain in L1, f32 in the bias table
      mlir::Type stored = llvm::cast<mlir::MemRefType>(gmBias.getType()).getElementType();
      Value row = emptyTile(in, at, 1, bn, stored);
      Value loaded =
          npu::LoadOp::create(in, at, row.getType(), gmBias, tile.n0, one, tile.cols, tile.cols, row, 1).getResult();
      Value table = emptyTile(in, at, 1, bn, c.accumulator);
      bias = npu::LoadBiasOp::create(in, at, table.getType(), loaded, tile.cols, table, 1).getResult();
    }
    Value acc = emptyTile(in, at, bm, bn, c.accumulator, s.getL0cBuffers());
    auto steps = mlir::scf::ForOp::create(in, at, zero, tile.depth, x.number(kl1), mlir::ValueRange{acc});
    {
      OpBuilder o = OpBuilder::atBlockBegin(steps.getBody());
      Index y{o, at};
      Value k = y.add(tile.k0, steps.getInductionVar());
      Value depth = y.min(y.number(kl1), y.sub(tile.depth, steps.getInductionVar()));
      // A tile in L1 has the rows and columns that it has in device memory.
      auto load = [&](Value gm, const CubeOperand& operand, Value outer0, Value outers, int64_t base, int64_t total) {
        const bool depthFirst = &operand == &c.a ? operand.trans : !operand.trans;
        Value empty = emptyTile(o, at, depthFirst ? kl1 : base, depthFirst ? base : kl1, c.element);
        const int64_t pitch = depthFirst ? total : c.k;
        Value offset = depthFirst ? y.add(y.mul(k, pitch), outer0) : y.add(y.mul(outer0, pitch), k);
        offset = y.add(offset, y.mul(tile.batch, operand.batch));
        return npu::LoadOp::create(o, at, empty.getType(), gm, offset, depthFirst ? depth : outers,
                                   depthFirst ? outers : depth, y.number(pitch), empty, s.getL1Buffers())
            .getResult();
      };
      Value a1 = load(gmA, c.a, tile.m0, tile.rows, bm, c.m);
      Value b1 = load(gmB, c.rhs, tile.n0, tile.cols, bn, c.n);
      auto parts = mlir::scf::ForOp::create(o, at, y.number(0), depth, y.number(bk),
                                            mlir::ValueRange{steps.getRegionIterArg(0)});
      mlir::scf::YieldOp::create(o, at, parts.getResults());
      OpBuilder p = OpBuilder::atBlockBegin(parts.getBody());
      Index z{p, at};
      Value kk = parts.getInductionVar(), none = z.number(0);
      Value part = z.min(z.number(bk), z.sub(depth, kk));
      auto extract = [&](Value l1, bool trans, int64_t rows, int64_t cols, Value usedRows, Value usedCols) {
        Value empty = emptyTile(p, at, rows, cols, c.element);
        return npu::ExtractOp::create(p, at, empty.getType(), l1, trans ? kk : none, trans ? none : kk, usedRows,
                                      usedCols, empty, trans, s.getL0Buffers())
            .getResult();
      };
      Value a0 = extract(a1, c.a.trans, bm, bk, tile.rows, part);
      Value b0 = extract(b1, !c.rhs.trans, bk, bn, part, tile.cols);
      Value first = p.createOrFold<mlir::arith::CmpIOp>(at, mlir::arith::CmpIPredicate::eq,
                                                        z.add(steps.getInductionVar(), kk), none);
      Value sum = parts.getRegionIterArg(0);
      Value next =
          npu::MmadOp::create(p, at, sum.getType(), a0, b0, bias, tile.rows, tile.cols, part, first, sum, false)
              .getResult();
      mlir::scf::YieldOp::create(p, at, mlir::ValueRange{next});
    }
    Value done = steps.getResult(0);
    Value offset, pitch;
    Value slot;
    if (target.toSlots) {
      slot = x.rem(tile.number, kSlots);
      offset = x.mul(x.add(x.mul(core, kSlots), slot), bm * bn);
      pitch = x.number(bn);
      // The vector cores must have read what the slot held; the first tiles find it free.
      Value used =
          in.createOrFold<mlir::arith::CmpIOp>(at, mlir::arith::CmpIPredicate::sge, tile.number, x.number(kSlots));
      auto wait = mlir::scf::IfOp::create(in, at, used, false);
      OpBuilder w = wait.getThenBodyBuilder();
      Value odd = w.createOrFold<mlir::arith::CmpIOp>(at, mlir::arith::CmpIPredicate::ne, slot, zero);
      auto which = mlir::scf::IfOp::create(w, at, odd, true);
      OpBuilder yes = which.getThenBodyBuilder(), no = which.getElseBodyBuilder();
      npu::CrossWaitOp::create(yes, at, 2, npu::Pipe::fix, kSlotFree + 1);
      npu::CrossWaitOp::create(no, at, 2, npu::Pipe::fix, kSlotFree);
    } else {
      Value batch = x.add(x.mul(tile.split, c.b), tile.batch);
      offset = x.add(x.add(x.mul(batch, c.m * c.n), x.mul(tile.m0, c.n)), tile.n0);
      pitch = x.number(c.n);
    }
    npu::FixpipeOp::create(in, at, done, gmC, offset, tile.rows, tile.cols, pitch, target.relu, false, false, nullptr);
    if (target.toSlots) {
      Value odd = in.createOrFold<mlir::arith::CmpIOp>(at, mlir::arith::CmpIPredicate::ne, slot, zero);
      auto which = mlir::scf::IfOp::create(in, at, odd, true);
      OpBuilder yes = which.getThenBodyBuilder(), no = which.getElseBodyBuilder();
      npu::CrossSetOp::create(yes, at, 2, npu::Pipe::fix, kSlotFull + 1);
      npu::CrossSetOp::create(no, at, 2, npu::Pipe::fix, kSlotFull);
    }
  });
  return kernel;
}

}  // namespace phx::compiler
