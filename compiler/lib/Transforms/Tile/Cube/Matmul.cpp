#include "lib/Transforms/Tile/Cube/Matmul.h"

#include "lib/Dialect/Npu/OperandLayout.h"
#include "lib/Transforms/Tile/Cube/IndexArithmetic.h"
#include "lib/Transforms/Tile/Cube/PreparedOperand.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace phx::compiler {

using mlir::Location;
using mlir::OpBuilder;
using mlir::Value;

namespace {

Value emptyTile(OpBuilder& b, Location at, int64_t rows, int64_t cols, mlir::Type element, int64_t buffers = 1) {
  auto op = mlir::tensor::EmptyOp::create(b, at, llvm::ArrayRef<int64_t>{rows, cols}, element);
  if (buffers > 1) op->setAttr(npu::kBuffersAttr, b.getI64IntegerAttr(buffers));
  return op;
}

}  // namespace

mlir::func::FuncOp emitMatmul(TileContext& context, llvm::StringRef name, Location at, const TileWalk& walk, Value a,
                              Value rhs, const MatmulTarget& target, llvm::SmallVectorImpl<Value>& arguments) {
  const Contraction& c = walk.contraction;
  const CubeSchedule& s = walk.schedule;
  arguments.assign({a, rhs, target.result});
  if (target.bias) arguments.push_back(*target.bias);
  llvm::append_range(arguments, target.extra);
  OpBuilder b(a.getContext());
  mlir::func::FuncOp kernel = context.createKernel(name, npu::Core::aic, arguments, at, b);
  if (!s.overlap) kernel->setAttr(npu::kSerialAttr, b.getUnitAttr());
  mlir::Block& entry = kernel.getBody().front();
  Value gmA = entry.getArgument(0), gmB = entry.getArgument(1), gmC = entry.getArgument(2);
  Value gmBias = target.bias ? entry.getArgument(3) : Value();
  const int64_t bm = s.base_m, bn = s.base_n, bk = s.base_k;
  // One load brings `far` of k of one operand to L1, or `near` of the other, of which several go by in that time.
  const bool farA = s.step_ka >= s.step_kb;
  const int64_t far = bk * std::max(s.step_ka, s.step_kb), near = bk * std::min(s.step_ka, s.step_kb);
  Value core = npu::BlockIdxOp::create(b, at, b.getIndexType());

  walk.emit(b, at, core, [&](OpBuilder& in, const TileWalk::Tile& tile) {
    IndexArithmetic x{in, at};
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
    // A tile in L1 has the rows and columns that it has in device memory.
    auto load = [&](OpBuilder& o, bool isA, Value k, Value depth, int64_t most) {
      IndexArithmetic y{o, at};
      const CubeOperand& operand = isA ? c.a : c.rhs;
      const bool depthFirst = isA ? operand.trans : !operand.trans;
      const int64_t base = isA ? bm : bn, total = isA ? c.m : c.n;
      Value outer0 = isA ? tile.m0 : tile.n0, outers = isA ? tile.rows : tile.cols;
      Value empty = emptyTile(o, at, depthFirst ? most : base, depthFirst ? base : most, c.element);
      int64_t pitch = depthFirst ? total : c.k;
      Value row = depthFirst ? k : outer0, column = depthFirst ? outer0 : k;
      Value offset = y.add(y.mul(row, pitch), column);
      if (operand.nz) {
        const NzLayout nz = nzLayoutOf(c, isA);
        pitch = nz.paddedRows;
        offset = y.add(y.mul(column, pitch), y.mul(row, nz.block));
      }
      offset = y.add(offset, y.mul(tile.batch, operand.batch));
      auto loaded = npu::LoadOp::create(o, at, empty.getType(), isA ? gmA : gmB, offset, depthFirst ? depth : outers,
                                        depthFirst ? outers : depth, y.number(pitch), empty, s.l1_buffers);
      if (operand.nz) loaded->setAttr(npu::kNzAttr, o.getUnitAttr());
      return loaded.getResult();
    };
    // Where in its part of k the core starts.
    Value shift, whole;
    if (s.k_stagger) {
      Value first = x.rem(x.mul(core, s.k_stagger), x.ceilDiv(tile.depth, bk));
      shift = x.mul(x.div(first, far / bk), far);
      whole = x.mul(x.ceilDiv(tile.depth, far), far);
    }
    Value acc = emptyTile(in, at, bm, bn, c.accumulator, s.l0c_buffers);
    auto steps = mlir::scf::ForOp::create(in, at, zero, tile.depth, x.number(far), mlir::ValueRange{acc});
    {
      OpBuilder o = OpBuilder::atBlockBegin(steps.getBody());
      IndexArithmetic y{o, at};
      Value turn = steps.getInductionVar();
      Value at0 = s.k_stagger ? y.wrap(y.add(turn, shift), whole, whole) : turn;
      Value k = y.add(tile.k0, at0), depth = y.min(y.number(far), y.sub(tile.depth, at0));
      Value farTile = load(o, farA, k, depth, far);
      // Emits the mmads of `length` of k from `from` on in the tile of the far operand.
      auto multiply = [&](OpBuilder& q, Value nearTile, Value from, Value length, Value sum) {
        IndexArithmetic w{q, at};
        auto parts = mlir::scf::ForOp::create(q, at, w.number(0), length, w.number(bk), mlir::ValueRange{sum});
        mlir::scf::YieldOp::create(q, at, parts.getResults());
        OpBuilder p = OpBuilder::atBlockBegin(parts.getBody());
        IndexArithmetic z{p, at};
        Value inNear = parts.getInductionVar(), inFar = z.add(from, inNear), none = z.number(0);
        Value part = z.min(z.number(bk), z.sub(length, inNear));
        auto extract = [&](bool isA, bool trans, int64_t rows, int64_t cols, Value usedRows, Value usedCols) {
          Value empty = emptyTile(p, at, rows, cols, c.element);
          Value kk = isA == farA ? inFar : inNear;
          return npu::ExtractOp::create(p, at, empty.getType(), isA == farA ? farTile : nearTile, trans ? kk : none,
                                        trans ? none : kk, usedRows, usedCols, empty, trans, s.l0_buffers)
              .getResult();
        };
        Value a0 = extract(true, c.a.trans, bm, bk, tile.rows, part);
        Value b0 = extract(false, !c.rhs.trans, bk, bn, part, tile.cols);
        Value first = z.equal(z.add(turn, inFar), none);
        Value last;  // hands the accumulators over
        if (s.unit_flag) {
          last = s.k_stagger ? z.both(z.atLeast(z.add(turn, far), tile.depth), z.atLeast(z.add(inFar, bk), depth))
                             : z.atLeast(z.add(z.add(turn, inFar), bk), tile.depth);
        }
        Value acc0 = parts.getRegionIterArg(0);
        Value next =
            npu::MmadOp::create(p, at, acc0.getType(), a0, b0, bias, tile.rows, tile.cols, part, first, acc0, last)
                .getResult();
        mlir::scf::YieldOp::create(p, at, mlir::ValueRange{next});
      };
      Value sum = steps.getRegionIterArg(0);
      if (near == far) {
        Value nearTile = load(o, !farA, k, depth, near);
        multiply(o, nearTile, y.number(0), depth, sum);
      } else {
        auto pieces = mlir::scf::ForOp::create(o, at, y.number(0), depth, y.number(near), mlir::ValueRange{sum});
        mlir::scf::YieldOp::create(o, at, pieces.getResults());
        OpBuilder q = OpBuilder::atBlockBegin(pieces.getBody());
        IndexArithmetic w{q, at};
        Value from = pieces.getInductionVar(), length = w.min(w.number(near), w.sub(depth, from));
        Value nearTile = load(q, !farA, w.add(k, from), length, near);
        multiply(q, nearTile, from, length, pieces.getRegionIterArg(0));
      }
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
      // Parts of the sum lie one behind the other, or are added up in one place.
      Value batch = target.add ? tile.batch : x.add(x.mul(tile.split, c.b), tile.batch);
      offset = x.add(x.add(x.mul(batch, c.m * c.n), x.mul(tile.m0, c.n)), tile.n0);
      pitch = x.number(c.n);
    }
    npu::FixpipeOp::create(in, at, done, gmC, offset, tile.rows, tile.cols, pitch, target.relu, target.add,
                           s.unit_flag != 0, nullptr);
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
