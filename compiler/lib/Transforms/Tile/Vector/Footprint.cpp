#include "lib/Transforms/Tile/Vector/Footprint.h"

#include <algorithm>
#include <tuple>
#include <vector>

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

// Operations from `first` to `last` in the order of the text.
struct Range {
  int64_t first, last, bytes, number, offset = 0;
  bool meets(const Range& other) const { return first <= other.last && other.first <= last; }
};

std::vector<Range> rangesOf(mlir::func::FuncOp kernel) {
  llvm::DenseMap<Operation*, std::pair<int64_t, int64_t>> span;  // of an operation and all inside it
  int64_t count = 0;
  kernel->walk<mlir::WalkOrder::PreOrder>([&](Operation* op) { span[op].first = count++; });
  kernel->walk<mlir::WalkOrder::PostOrder>([&](Operation* op) {
    int64_t& last = span[op].second;
    last = std::max(last, span[op].first);
    if (Operation* parent = op->getParentOp(); parent && span.count(parent))
      span[parent].second = std::max(span[parent].second, last);
  });
  llvm::MapVector<Value, Range> ranges;
  kernel->walk<mlir::WalkOrder::PreOrder>([&](Operation* user) {
    for (Value operand : user->getOperands()) {
      if (!llvm::isa<mlir::RankedTensorType>(operand.getType())) continue;
      Value memory = memoryOf(operand);
      mlir::Block* home = memory.getDefiningOp()->getBlock();
      const auto [first, last] = span[home->findAncestorOpInBlock(*user)];
      auto [entry, fresh] = ranges.insert({memory, Range{first, last, 0, static_cast<int64_t>(ranges.size())}});
      Range& range = entry->second;
      if (fresh) {
        const int64_t copies = copiesOf(memory);
        range.bytes = copies * bytesOf(memory);
        if (copies > 1) std::tie(range.first, range.last) = span[home->getParentOp()];
      }
      range.last = std::max(range.last, last);
    }
  });
  std::vector<Range> list;
  for (auto& [memory, range] : ranges) list.push_back(range);
  return list;
}

// Bytes when each range in turn gets the lowest place that is free for as long as it lives.
int64_t packed(std::vector<Range> ranges) {
  int64_t most = 0;
  for (size_t i = 0; i < ranges.size(); ++i) {
    std::vector<const Range*> others;
    for (size_t j = 0; j < i; ++j)
      if (ranges[j].meets(ranges[i])) others.push_back(&ranges[j]);
    std::sort(others.begin(), others.end(), [](const Range* a, const Range* b) { return a->offset < b->offset; });
    int64_t offset = 0;
    for (const Range* other : others) {
      if (offset + ranges[i].bytes <= other->offset) break;
      offset = std::max(offset, other->offset + other->bytes);
    }
    ranges[i].offset = offset;
    most = std::max(most, offset + ranges[i].bytes);
  }
  return most;
}

}  // namespace

int64_t footprint(mlir::func::FuncOp kernel) {
  std::vector<Range> ranges = rangesOf(kernel);
  std::sort(ranges.begin(), ranges.end(),
            [](const Range& a, const Range& b) { return std::tie(a.first, a.number) < std::tie(b.first, b.number); });
  const int64_t by_time = packed(ranges);
  std::sort(ranges.begin(), ranges.end(),
            [](const Range& a, const Range& b) { return std::tie(b.bytes, a.number) < std::tie(a.bytes, b.number); });
  return std::min(by_time, packed(ranges));
}

}  // namespace phx::compiler::vector
