#include "lib/Transforms/Memory/BankColours.h"

#include "lib/Transforms/Memory/TileLayout.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace phx::compiler {

using mlir::memref::AllocOp;

namespace {

// Two tiles that one instruction reads element by element. The mask of a selection is read on the side.
std::optional<std::pair<AllocOp, AllocOp>> sourcesOf(npu::VecOp op) {
  const auto ins = op.getIns();
  if (ins.size() < 2 || op.getInst().starts_with("vgather")) return std::nullopt;
  AllocOp a = tileOf(ins[ins.size() - 2]).buffer, b = tileOf(ins[ins.size() - 1]).buffer;
  const bool selects_value = ins.size() == 2 && op.getInst().starts_with("vsel");
  if (!a || !b || a == b || selects_value) return std::nullopt;
  return std::pair(a, b);
}

unsigned loopsAround(mlir::Operation* op) {
  unsigned loops = 0;
  for (op = op->getParentOp(); op; op = op->getParentOp()) loops += llvm::isa<mlir::scf::ForOp>(op);
  return loops;
}

}  // namespace

BankPeriod bankPeriod(const machine::Chip& chip) {
  const int64_t period = chip.buffers.ub_bank_groups * chip.buffers.ub_bank_width_bytes;
  if (chip.vector.conflict_cycles <= 0 || period < 2 * chip.vector.repeat_bytes) return {};
  return {period, period / 2};
}

BankColours::BankColours(mlir::func::FuncOp kernel) {
  struct Pair {
    AllocOp a, b;
    unsigned loops;
  };
  llvm::SmallVector<Pair> pairs;
  kernel.walk([&](npu::VecOp op) {
    if (auto sources = sourcesOf(op)) pairs.push_back({sources->first, sources->second, loopsAround(op)});
  });
  llvm::stable_sort(pairs, [](const Pair& x, const Pair& y) { return x.loops > y.loops; });
  auto number = [&](AllocOp tile) {
    auto [entry, fresh] = numbers_.try_emplace(tile, static_cast<unsigned>(places_.size()));
    if (fresh) places_.push_back({entry->second, false});
    return entry->second;
  };
  // Union-find with parity: a pair that would contradict earlier ones stays as it is.
  for (const Pair& pair : pairs) {
    auto [a, a_differs] = root(number(pair.a));
    auto [b, b_differs] = root(number(pair.b));
    if (a != b) places_[std::max(a, b)] = {std::min(a, b), a_differs == b_differs};
  }
}

std::pair<unsigned, bool> BankColours::root(unsigned tile) const {
  bool differs = false;
  for (; places_[tile].parent != tile; tile = places_[tile].parent) differs ^= places_[tile].differs;
  return {tile, differs};
}

std::optional<int64_t> BankColours::of(AllocOp tile) const {
  auto found = numbers_.find(tile);
  if (found == numbers_.end()) return std::nullopt;
  return root(found->second).second ? 1 : 0;
}

}  // namespace phx::compiler
