// Copy groups: one npu.rearrange becomes a kernel on the vector cores that copies all its pieces. What a single piece
// leaves open is filled by the same kernel; else another one fills the whole result before. (Cores do not wait for each
// other within a kernel.)
#include "lib/Transforms/Phases.h"
#include "lib/Transforms/Tile/Copy/CopyKernel.h"
#include "lib/Transforms/Tile/Tile.h"

namespace phx::compiler {

using mlir::Value;

namespace {

constexpr int64_t kFillTile = 16 << 10, kLeastFillTile = 1 << 10;  // bytes
constexpr int64_t kShareOfFill = 8;                                // part of the unified buffer
constexpr size_t kMostPieces =
    16;  // of a kernel: each deals its tasks out from another core, and keeps a register for it

int64_t byteSize(mlir::Type element) { return element.getIntOrFloatBitWidth() / 8; }

// 64-bit elements are filled as pairs of 32-bit words: the kernel sees the buffer as one of twice as many words.
void viewAsWords(mlir::func::FuncOp kernel) {
  mlir::BlockArgument buffer = kernel.getArgument(0);
  auto type = llvm::cast<mlir::MemRefType>(buffer.getType());
  buffer.setType(deviceBuffer(mlir::IntegerType::get(kernel.getContext(), 32), type.getNumElements() * 2));
  kernel.setFunctionType(mlir::FunctionType::get(kernel.getContext(), {buffer.getType()}, {}));
}

uint64_t bitsOf(mlir::Attribute value) {
  if (auto real = llvm::dyn_cast<mlir::FloatAttr>(value)) return real.getValue().bitcastToAPInt().getZExtValue();
  return llvm::cast<mlir::IntegerAttr>(value).getValue().getZExtValue();
}

void launchFill(npu::GroupOp group, npu::RearrangeOp op, TileContext& context) {
  mlir::Type element = llvm::cast<mlir::RankedTensorType>(op.getResult().getType()).getElementType();
  const bool wide = byteSize(element) == 8;
  const int64_t bytes = wide ? 4 : byteSize(element);
  const int64_t elements =
      llvm::cast<mlir::RankedTensorType>(op.getResult().getType()).getNumElements() * (wide ? 2 : 1);
  const int64_t cores = context.machine.chip.aiv, share = (elements * bytes + cores - 1) / cores;
  const int64_t tile_bytes = std::clamp(share / 32 * 32, kLeastFillTile, kFillTile), tile = tile_bytes / bytes;
  const int64_t grid = std::min(cores, (elements + tile - 1) / tile);
  mlir::OpBuilder body(group.getContext());
  auto kernel =
      context.createKernel("fill " + group.getName().str(), npu::Core::aiv, context.results, group.getLoc(), body);
  if (wide) viewAsWords(kernel);
  CopyKernel emit(body, group.getLoc(), grid);
  auto value = llvm::cast<mlir::TypedAttr>(*op.getFill());
  if (wide)
    emit.fillPairs(kernel.getArgument(0), elements, tile, static_cast<int32_t>(bitsOf(value)),
                   static_cast<int32_t>(bitsOf(value) >> 32));
  else
    emit.fill(kernel.getArgument(0), elements, tile, value);
  context.launch(kernel, context.results, grid, group.getName());
}

}  // namespace

Outcome tileCopyGroup(npu::GroupOp group, TileContext& context) {
  auto op = llvm::dyn_cast<npu::RearrangeOp>(group.getBody().front().front());
  if (!op) return errorAt(group.getLoc(), "a copy group holds something else than one npu.rearrange");
  auto type = llvm::cast<mlir::RankedTensorType>(op.getResult().getType());
  if (type.getElementType().isInteger(1)) return errorAt(group.getLoc(), "booleans in device memory are i8");
  if (type.getNumElements() == 0) return {};
  const int64_t cores = context.machine.chip.aiv, ub_bytes = context.machine.chip.buffers.ub_usable_bytes();
  const int64_t bytes = byteSize(type.getElementType());
  llvm::SmallVector<CopyPlan> fills;
  if (op.getFill()) {
    std::optional<llvm::SmallVector<npu::PieceAttr>> open;
    if (op.getPieces().size() == 1 && bytes <= 4)
      open = uncovered(llvm::cast<npu::PieceAttr>(op.getPieces()[0]), type.getNumElements());
    if (!open) launchFill(group, op, context);
    // Several tiles of one value lie in the buffer at once: small ones.
    else
      for (npu::PieceAttr box : *open) fills.push_back(planCopy(box, bytes, cores, ub_bytes / kShareOfFill));
  }
  struct Part {
    CopyPlan plan;
    std::optional<unsigned> source;  // number of the group's input; none: filled
  };
  llvm::SmallVector<Part> parts;
  for (CopyPlan& fill : fills) parts.push_back({std::move(fill), {}});
  bool copies = false;
  for (auto piece : op.getPieces().getAsRange<npu::PieceAttr>()) {
    if (llvm::is_contained(piece.getSizes(), 0)) continue;
    copies = true;
    Value source = op.getSources()[static_cast<size_t>(piece.getSource())];
    parts.push_back({planCopy(piece, bytes, cores, ub_bytes), llvm::cast<mlir::BlockArgument>(source).getArgNumber()});
  }
  if (!copies) return {};
  llvm::SmallVector<Value> arguments(context.inputs);
  arguments.append(context.results);
  for (llvm::ArrayRef<Part> rest = parts; !rest.empty();) {
    llvm::ArrayRef<Part> now = rest.take_front(kMostPieces);
    rest = rest.drop_front(now.size());
    int64_t tasks = 0;
    for (const Part& part : now) tasks += part.plan.tasks();
    const int64_t grid = std::min(cores, tasks);
    mlir::OpBuilder body(group.getContext());
    auto kernel =
        context.createKernel("copy " + group.getName().str(), npu::Core::aiv, arguments, group.getLoc(), body);
    CopyKernel emit(body, group.getLoc(), grid);
    Value result = kernel.getArguments().back();
    for (const Part& part : now)
      if (part.source)
        emit.copy(part.plan, kernel.getArgument(*part.source), result);
      else
        emit.fillBox(part.plan, result, llvm::cast<mlir::TypedAttr>(*op.getFill()));
    context.launch(kernel, arguments, grid, group.getName());
  }
  return {};
}

}  // namespace phx::compiler
