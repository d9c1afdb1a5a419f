#include "lib/Transforms/Tile/Vector/Footprint.h"

#include <algorithm>

#include "lib/Dialect/Npu/Npu.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace phx::compiler::vector {
namespace {

using mlir::Operation;
using mlir::Value;

// The tensor.empty (or the start of a loop-carried tile) that a tile's memory belongs to.
Value memoryOf(Value tile) {
  for (;;) {
    if (auto argument = llvm::dyn_cast<mlir::BlockArgument>(tile)) {
      auto loop = llvm::dyn_cast<mlir::scf::ForOp>(argument.getOwner()->getParentOp());
      if (!loop || argument.getArgNumber() == 0) return tile;
      tile = loop.getInitArgs()[argument.getArgNumber() - 1];
      continue;
    }
    Operation* op = tile.getDefiningOp();
    if (auto loop = llvm::dyn_cast<mlir::scf::ForOp>(op)) {
      tile = loop.getInitArgs()[llvm::cast<mlir::OpResult>(tile).getResultNumber()];
    } else if (auto tiled = llvm::dyn_cast<mlir::DestinationStyleOpInterface>(op); tiled && op->getNumResults() == 1) {
      tile = tiled.getDpsInits()[0];
    } else {
      return tile;
    }
  }
}

int64_t copiesOf(Value memory) {
  int64_t copies = 1;
  if (auto attribute = memory.getDefiningOp()->getAttrOfType<mlir::IntegerAttr>(npu::kBuffersAttr))
    copies = attribute.getInt();
  for (Operation* user : memory.getUsers())
    if (auto load = llvm::dyn_cast<npu::LoadOp>(user))
      copies = std::max(copies, static_cast<int64_t>(load.getBuffers()));
  return copies;
}

int64_t bytesOf(Value memory) {
  auto type = llvm::cast<mlir::RankedTensorType>(memory.getType());
  return type.getNumElements() * type.getElementTypeBitWidth() / 8;
}

struct Range {
  int64_t first, last, bytes;
};

int64_t peakOf(mlir::Block& block) {
  llvm::DenseMap<Operation*, int64_t> position;
  int64_t count = 0;
  for (Operation& op : block) position[&op] = count++;
  llvm::MapVector<Value, Range> ranges;
  std::vector<int64_t> inner(static_cast<size_t>(count), 0);
  for (Operation& op : block) {
    const int64_t at = position[&op];
    auto touch = [&](Value value) {
      if (!llvm::isa<mlir::RankedTensorType>(value.getType())) return;
      Value memory = memoryOf(value);
      if (!memory.getDefiningOp() || memory.getDefiningOp()->getBlock() != &block) return;  // counted further out
      auto [entry, fresh] = ranges.insert({memory, Range{at, at, 0}});
      if (fresh) {
        const int64_t copies = copiesOf(memory);
        entry->second.bytes = copies * bytesOf(memory);
        if (copies > 1) entry->second.first = 0, entry->second.last = count;
      }
      entry->second.last = std::max(entry->second.last, at);
    };
    if (llvm::isa<mlir::tensor::EmptyOp>(op)) continue;
    op.walk([&](Operation* nested) {
      for (Value operand : nested->getOperands()) touch(operand);
    });
    for (mlir::Region& region : op.getRegions())
      for (mlir::Block& body : region)
        inner[static_cast<size_t>(at)] = std::max(inner[static_cast<size_t>(at)], peakOf(body));
  }
  std::vector<int64_t> live(inner);
  for (auto& [memory, range] : ranges)
    for (int64_t i = range.first; i <= std::min(range.last, count - 1); ++i)
      live[static_cast<size_t>(i)] += range.bytes;
  return live.empty() ? 0 : *std::max_element(live.begin(), live.end());
}

}  // namespace

int64_t footprint(mlir::func::FuncOp kernel) { return peakOf(kernel.getBody().front()); }

}  // namespace phx::compiler::vector
