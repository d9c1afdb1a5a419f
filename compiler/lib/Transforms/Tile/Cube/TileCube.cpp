// Phase tile for cube groups: one matmul kernel, with what follows the contraction done by fixpipe where it can, else
// by vector cores.
#include "lib/Transforms/Phases.h"
#include "lib/Transforms/Tile/Cube/Contraction.h"
#include "lib/Transforms/Tile/Cube/Mixed.h"
#include "lib/Transforms/Tile/Cube/PreparedOperand.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/IRMapping.h"

namespace phx::compiler {

using mlir::Operation;
using mlir::Value;

namespace {

bool writesDirectly(npu::GroupOp group, const Contraction& contraction, mlir::Type stored) {
  if (stored.isF32() || stored.isF16() || stored.isBF16()) return contraction.accumulator.isF32();
  return stored == contraction.accumulator;
}

// The group's operations after the contraction as a vector group of its own, whose first input is the product: partial
// sums over k when `split` is more than 1.
npu::GroupOp vectorRest(npu::GroupOp group, const Contraction& c, int64_t split) {
  mlir::OpBuilder b(group);
  mlir::Location at = group.getLoc();
  mlir::Block& body = group.getBody().front();
  Value product = c.op->getResult(0);
  auto productType = llvm::cast<mlir::RankedTensorType>(product.getType());
  llvm::SmallVector<int64_t> partialShape(productType.getShape());
  if (split > 1) partialShape.insert(partialShape.begin(), split);

  Value productTensor = mlir::tensor::EmptyOp::create(b, at, partialShape, c.accumulator);
  llvm::SmallVector<Value> inputs{productTensor};
  llvm::append_range(inputs, group.getInputs());
  llvm::SmallVector<int64_t> domain;
  if (split > 1) domain.push_back(split);
  llvm::append_range(domain, productType.getShape());
  auto rest = npu::GroupOp::create(b, at, group.getResultTypes(), inputs, group.getNameAttr(), npu::GroupKind::vector,
                                   domain, npu::ScheduleAttr{});
  mlir::Block* block = b.createBlock(&rest.getBody());
  for (Value input : inputs) block->addArgument(input.getType(), at);
  mlir::IRMapping map;
  for (auto [from, to] : llvm::zip(body.getArguments(), block->getArguments().drop_front())) map.map(from, to);
  b.setInsertionPointToStart(block);
  const int64_t shift = split > 1 ? 1 : 0;
  if (split > 1) {
    auto zero = mlir::arith::ConstantOp::create(b, at, b.getZeroAttr(c.accumulator));
    Value empty = mlir::tensor::EmptyOp::create(b, at, productType.getShape(), c.accumulator);
    auto fill = mlir::linalg::FillOp::create(b, at, Value(zero), empty);
    const unsigned loops = static_cast<unsigned>(domain.size());
    mlir::AffineMap all = b.getMultiDimIdentityMap(loops), kept = all.dropResult(0);
    llvm::SmallVector<mlir::utils::IteratorType> iterators(loops, mlir::utils::IteratorType::parallel);
    iterators[0] = mlir::utils::IteratorType::reduction;
    auto sum = mlir::linalg::GenericOp::create(
        b, at, productType, mlir::ValueRange{block->getArgument(0)}, fill->getResults(), llvm::ArrayRef{all, kept},
        iterators, [&](mlir::OpBuilder& o, mlir::Location l, mlir::ValueRange v) {
          Value added = c.accumulator.isF32() ? mlir::arith::AddFOp::create(o, l, v[1], v[0]).getResult()
                                              : mlir::arith::AddIOp::create(o, l, v[1], v[0]).getResult();
          mlir::linalg::YieldOp::create(o, l, added);
        });
    llvm::SmallVector<int64_t> dims;
    for (unsigned d = 0; d < loops; ++d) dims.push_back(d);
    sum->setAttr(npu::kDimsAttr, b.getDenseI64ArrayAttr(dims));
    map.map(product, sum.getResult(0));
  } else {
    map.map(product, block->getArgument(0));
  }
  for (Operation& op : body) {
    if (&op == c.op) continue;
    if (auto fill = llvm::dyn_cast<mlir::linalg::FillOp>(op); fill && fill->hasOneUse() && *fill->user_begin() == c.op)
      continue;
    Operation* clone = b.clone(op, map);
    if (auto dims = clone->getAttrOfType<mlir::DenseI64ArrayAttr>(npu::kDimsAttr)) {
      llvm::SmallVector<int64_t> moved;
      for (int64_t d : dims.asArrayRef()) moved.push_back(d + shift);
      clone->setAttr(npu::kDimsAttr, b.getDenseI64ArrayAttr(moved));
    }
  }
  return rest;
}

// Launches a kernel that fills a device buffer with zeros.
void fillWithZeros(npu::GroupOp group, TileContext& context, Value buffer, mlir::Type element) {
  mlir::OpBuilder b(group);
  mlir::Location at = group.getLoc();
  auto type = mlir::RankedTensorType::get({llvm::cast<mlir::MemRefType>(buffer.getType()).getNumElements()}, element);
  auto copy = npu::GroupOp::create(b, at, mlir::TypeRange(type), mlir::ValueRange(), group.getNameAttr(),
                                   npu::GroupKind::copy, type.getShape(), npu::ScheduleAttr{});
  b.createBlock(&copy.getBody());
  Value zeros = npu::RearrangeOp::create(b, at, type, mlir::ValueRange(), b.getArrayAttr({}), b.getZeroAttr(element));
  npu::YieldOp::create(b, at, zeros);
  auto inputs = std::exchange(context.inputs, {}), results = std::exchange(context.results, {buffer});
  (void)tileCopyGroup(copy, context);  // a fill has nothing to complain about
  context.inputs = std::move(inputs), context.results = std::move(results);
  copy.erase();
}

}  // namespace

Outcome tileCubeGroup(npu::GroupOp group, TileContext& context) {
  auto contraction = analyseContraction(group);
  if (!contraction) return contraction.diagnostic();
  Contraction& c = *contraction;
  npu::ScheduleAttr written = group.getScheduleAttr();
  const CubeSchedule schedule = written ? CubeSchedule::of(written) : chooseSchedule(c, context.machine, {});
  if (auto ok = checkSchedule(schedule, c, context.machine, group.getLoc()); !ok) return ok;
  // Partial sums that fixpipe adds up leave one product.
  const int64_t split = schedule.split_add ? 1 : schedule.split_k;
  const bool adds = schedule.split_add && schedule.split_k > 1;
  TileWalk walk(c, schedule, context.machine.chip.aic);
  Value a = context.inputs[c.a.input], rhs = context.inputs[c.rhs.input];
  if (!schedule.nd2nz)
    for (auto [buffer, isA] : {std::pair(&a, true), std::pair(&rhs, false)}) {
      auto prepared = prepareOperand(group, context, c, isA);
      if (!prepared) return prepared.diagnostic();
      *buffer = *prepared;
    }
  auto start = [&](const MatmulTarget& target) {
    if (adds) fillWithZeros(group, context, target.result, c.accumulator);
    llvm::SmallVector<Value> arguments;
    auto kernel = emitMatmul(context, group.getName(), group.getLoc(), walk, a, rhs, target, arguments);
    mlir::func::FuncOp idle;
    if (schedule.mix) {  // vector cores that have nothing to do
      mlir::OpBuilder body(group.getContext());
      idle = context.createKernel((group.getName() + "_aiv").str(), npu::Core::aiv, arguments, group.getLoc(), body);
    }
    context.launch(kernel, arguments, walk.cores(), group.getName(), idle);
  };

  auto epilogue = matchFixpipeEpilogue(group, c);
  auto stored = llvm::cast<mlir::RankedTensorType>(group.getResult(0).getType()).getElementType();
  // What is added up in device memory must be the plain sums.
  const bool plain = epilogue && !epilogue->bias && !epilogue->relu && stored == c.accumulator;
  if (epilogue && split == 1 && writesDirectly(group, c, stored) && (plain || !adds)) {
    MatmulTarget target;
    target.result = context.results[0];
    target.add = adds;
    target.relu = epilogue->relu;
    if (epilogue->bias) target.bias = context.inputs[*epilogue->bias];
    start(target);
    return {};
  }

  // The rest goes to the vector cores: beside the cube cores where it is elementwise, else in launches of its own.
  npu::GroupOp rest = vectorRest(group, c, split);
  const llvm::SmallVector<Value> own = context.inputs;
  Outcome outcome;
  bool done = false;
  if (schedule.split_k == 1) {
    context.inputs.insert(context.inputs.begin(), Value());
    auto mixed = tileMixed(rest, context, group.getName().str(), walk, a, rhs);
    if (!mixed)
      outcome = mixed.diagnostic();
    else
      done = *mixed;
    context.inputs = own;
  }
  if (!done && outcome.ok()) {
    MatmulTarget target;
    target.result = context.allocate(c.accumulator, split * c.b * c.m * c.n, group.getLoc());
    target.add = adds;
    start(target);
    context.inputs.insert(context.inputs.begin(), target.result);
    outcome = tileVectorGroup(rest, context);
    context.inputs = own;
  }
  Value productTensor = rest.getInputs()[0];
  rest.erase();
  productTensor.getDefiningOp()->erase();
  return outcome;
}

}  // namespace phx::compiler
