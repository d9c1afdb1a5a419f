// A matmul whose result the vector cores finish: one launch on both kinds of cores.
//
// The cube core of a group puts each tile of the product into one of two slots in device memory; its vector cores take
// half of the rows each, do what the group does after the contraction, and store the results. Flags between cores
// (mode 2) say when a slot is full and when it is free again, so that the next product overlaps the vector work.
#include "lib/Transforms/Tile/Cube/Mixed.h"

#include "lib/Transforms/Tile/Vector/Analysis.h"
#include "lib/Transforms/Tile/Vector/Emission.h"
#include "lib/Transforms/Tile/Vector/Footprint.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace phx::compiler {

using mlir::OpBuilder;
using mlir::Value;

namespace {

struct Half {
  const TileWalk& walk;
  const vector::GroupProgram& rest;
  int64_t per_group;  // vector cores beside one cube core
  mlir::Location at;
};

Value number(OpBuilder& b, mlir::Location at, int64_t value) {
  return mlir::arith::ConstantIndexOp::create(b, at, value);
}

// The kernel of the vector cores, with tiles of `extent` rows.
mlir::func::FuncOp emitHalf(const Half& half, TileContext& context, llvm::StringRef name, mlir::ValueRange arguments,
                            const std::vector<unsigned>& inputs, const std::vector<vector::Store>& stores,
                            int64_t extent) {
  const CubeSchedule& schedule = half.walk.schedule;
  const mlir::Location at = half.at;
  OpBuilder b(arguments[0].getContext());
  auto kernel = context.createKernel(name, npu::Core::aiv, arguments, at, b);
  const auto& sizes = half.rest.program.sizes;
  vector::Plan plan;
  for (int64_t size : sizes) plan.axes.push_back({size, 1, false});
  const size_t dims = sizes.size();
  const bool batched = dims == 3;
  plan.row = static_cast<int>(dims) - 2;
  plan.column = static_cast<int>(dims) - 1;
  plan.axes[dims - 2].extent = extent;
  plan.axes[dims - 1].extent = schedule.base_n;

  auto mul = [&](OpBuilder& o, Value x, int64_t y) -> Value {
    return o.createOrFold<mlir::arith::MulIOp>(at, x, number(o, at, y));
  };
  auto add = [&](OpBuilder& o, Value x, Value y) -> Value { return o.createOrFold<mlir::arith::AddIOp>(at, x, y); };
  auto sub = [&](OpBuilder& o, Value x, Value y) -> Value { return o.createOrFold<mlir::arith::SubIOp>(at, x, y); };
  auto least = [&](OpBuilder& o, Value x, Value y) -> Value { return o.createOrFold<mlir::arith::MinSIOp>(at, x, y); };
  Value core = npu::BlockIdxOp::create(b, at, b.getIndexType());
  Value group = b.createOrFold<mlir::arith::DivUIOp>(at, core, number(b, at, half.per_group));
  Value own = b.createOrFold<mlir::arith::RemUIOp>(at, core, number(b, at, half.per_group));
  mlir::Operation* last = &*std::prev(b.getInsertionPoint());

  half.walk.emit(b, at, group, [&](OpBuilder& in, const TileWalk::Tile& tile) {
    Value slot = in.createOrFold<mlir::arith::RemUIOp>(at, tile.number, number(in, at, kSlots));
    Value odd = in.createOrFold<mlir::arith::CmpIOp>(at, mlir::arith::CmpIPredicate::ne, slot, number(in, at, 0));
    auto flag = [&](bool wait) {
      auto which = mlir::scf::IfOp::create(in, at, odd, true);
      OpBuilder yes = which.getThenBodyBuilder(), no = which.getElseBodyBuilder();
      for (auto [builder, index] : {std::pair(&yes, int64_t{1}), std::pair(&no, int64_t{0})})
        if (wait)
          npu::CrossWaitOp::create(*builder, at, 2, npu::Pipe::mte2, kSlotFull + index);
        else
          npu::CrossSetOp::create(*builder, at, 2, npu::Pipe::mte2, kSlotFree + index);
    };
    flag(true);
    const int64_t share = (schedule.base_m + half.per_group - 1) / half.per_group;
    Value first = least(in, mul(in, own, share), tile.rows);
    Value end = least(in, add(in, first, number(in, at, share)), tile.rows);
    auto rows = mlir::scf::ForOp::create(in, at, first, end, number(in, at, extent));
    OpBuilder inside(rows.getBody()->getTerminator());
    Value row = rows.getInductionVar();
    vector::Window window{nullptr, inside, {}, {}, ~0u, {}, {}};
    window.outermost = last->getNextNode();
    Value one = number(inside, at, 1);
    if (batched) {
      window.start.push_back(tile.batch);
      window.length.push_back(one);
    }
    window.start.push_back(add(inside, tile.m0, row));
    window.length.push_back(least(inside, sub(inside, end, row), number(inside, at, extent)));
    window.start.push_back(tile.n0);
    window.length.push_back(tile.cols);
    for (size_t i = 0; i < half.rest.inputs.size(); ++i)
      if (half.rest.inputs[i] == 0) window.special = static_cast<unsigned>(i);
    Value base = mul(inside, add(inside, mul(inside, group, kSlots), slot), schedule.base_m * schedule.base_n);
    window.offset = add(inside, base, mul(inside, row, schedule.base_n));
    window.pitch = number(inside, at, schedule.base_n);
    window.inside.setInsertionPoint(rows.getBody()->getTerminator());
    vector::emitWindow(half.rest.program, plan, kernel, inputs, stores, window);
    flag(false);
  });
  return kernel;
}

}  // namespace

Expected<bool> tileMixed(npu::GroupOp rest, TileContext& context, const std::string& name, const TileWalk& walk,
                         Value a, Value rhs) {
  const Contraction& c = walk.contraction;
  const CubeSchedule& schedule = walk.schedule;
  const machine::Chip& chip = context.machine.chip;
  const int64_t per_group = chip.aiv / chip.aic;
  if (per_group < 1) return false;
  auto analysed = vector::analyseUncollapsed(rest);
  if (!analysed) return analysed.diagnostic();
  // Everything has to be elementwise, over tiles with two proper dimensions.
  const vector::Program& program = analysed->program;
  const size_t dims = program.sizes.size();
  if (program.reduced || dims < 2 || dims > 3) return false;
  if (llvm::none_of(analysed->inputs, [](unsigned input) { return input == 0; })) return false;
  for (const auto& output : program.outputs)
    if (output.tensor.dims != program.all()) return false;

  mlir::Location at = rest.getLoc();
  Value slots = context.allocate(c.accumulator, walk.cores() * kSlots * schedule.base_m * schedule.base_n, at);
  // Both halves take the same arguments: the operands of the product, the slots, the other inputs, the results.
  llvm::SmallVector<Value> arguments{a, rhs, slots};
  auto argument = [&](Value buffer) {
    auto found = llvm::find(arguments, buffer);
    if (found == arguments.end()) {
      arguments.push_back(buffer);
      return static_cast<unsigned>(arguments.size()) - 1;
    }
    return static_cast<unsigned>(found - arguments.begin());
  };
  std::vector<unsigned> inputs;
  for (unsigned input : analysed->inputs) inputs.push_back(input == 0 ? 2 : argument(context.inputs[input]));
  std::vector<vector::Store> stores;
  for (size_t i = 0; i < program.outputs.size(); ++i)
    stores.push_back({program.outputs[i].node, program.outputs[i].tensor, argument(context.results[i]), 0});

  const int64_t usable = chip.buffers.ub_usable_bytes() / 16 * 15;
  Half half{walk, *analysed, per_group, at};
  mlir::func::FuncOp vectorHalf;
  for (int64_t extent = (schedule.base_m + per_group - 1) / per_group; extent >= 1; extent /= 2) {
    vectorHalf = emitHalf(half, context, name + "_aiv", arguments, inputs, stores, extent);
    if (vector::footprint(vectorHalf) <= usable) break;
    vectorHalf.erase();
    vectorHalf = {};
  }
  if (!vectorHalf) {
    slots.getDefiningOp()->erase();
    return false;
  }
  MatmulTarget target;
  target.result = slots;
  target.toSlots = true;
  target.extra.assign(arguments.begin() + 3, arguments.end());
  llvm::SmallVector<Value> cubeArguments;
  auto cubeHalf = emitMatmul(context, name, at, walk, a, rhs, target, cubeArguments);
  context.launch(cubeHalf, cubeArguments, walk.cores(), rest.getName(), vectorHalf);
  return true;
}

}  // namespace phx::compiler
