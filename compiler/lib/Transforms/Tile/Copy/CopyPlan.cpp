#include "lib/Transforms/Tile/Copy/CopyPlan.h"

#include <algorithm>
#include <cstdlib>

namespace phx::compiler {

namespace {

constexpr int64_t kBlock = 32;                 // bytes: rows in UB are multiples
constexpr int64_t kMostRows = 4095;            // of one DMA instruction
constexpr int64_t kMostPitch = 0xffff'ffff;    // bytes that a DMA instruction steps over
constexpr int64_t kTile = 32 << 10;            // bytes: long enough to hide the latency of a load
constexpr int64_t kLeastTile = 2 << 10;        // bytes: below it, splitting among cores costs more than it brings
constexpr int64_t kNearBytes = 32;             // columns this far apart are cheaper to gather than to transpose
constexpr int64_t kFarBytes = 256;             // and farther than this not worth loading what lies between them
constexpr int64_t kMostGathered = 16 << 10;    // bytes of the loaded span
constexpr int64_t kMostTransposed = 16 << 10;  // bytes of either form of a transposed tile

int64_t upTo(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }
int64_t ceilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Takes the dimension out of `dims` that is longest among those that may be rows of a DMA instruction.
CopyDim takeRow(llvm::SmallVectorImpl<CopyDim>& dims, int64_t bytes, bool stays_allowed) {
  size_t best = dims.size();
  for (size_t i = 0; i < dims.size(); ++i) {
    const CopyDim& dim = dims[i];
    const bool steps = dim.from > 0 || (dim.from == 0 && stays_allowed);
    if (!steps || dim.to <= 0 || std::max(dim.from, dim.to) * bytes > kMostPitch) continue;
    if (best == dims.size() || dim.size >= dims[best].size) best = i;
  }
  if (best == dims.size()) return {1, 0, 0};
  CopyDim row = dims[best];
  dims.erase(dims.begin() + static_cast<long>(best));
  return row;
}

// Cuts a tile's rows, then its columns, until the cores have a task each or the tile is small.
void shareOut(CopyPlan& plan, int64_t bytes, int64_t cores) {
  while (plan.tasks() < cores && plan.tile_rows > 1 && plan.tile_rows * plan.tile_columns * bytes > kLeastTile)
    plan.tile_rows = ceilDivide(plan.tile_rows, 2);
  const int64_t unit = kBlock / std::min(bytes, kBlock);
  while (plan.tasks() < cores && plan.kind == CopyKind::Rows && plan.tile_rows == 1 &&
         plan.tile_columns * bytes > kLeastTile)
    plan.tile_columns = upTo(ceilDivide(plan.tile_columns, 2), unit);
}

void sizeRows(CopyPlan& plan, int64_t bytes, int64_t most) {
  plan.tile_columns = std::min(plan.column.size, most / bytes);
  const int64_t row_bytes = upTo(plan.tile_columns * bytes, kBlock);
  plan.tile_rows = std::clamp<int64_t>(most / row_bytes, 1, std::min(plan.row.size, kMostRows));
}

void sizeGather(CopyPlan& plan, int64_t bytes, int64_t most) {
  const int64_t step = std::abs(plan.column.from);
  int64_t columns = std::min(plan.column.size, step ? most / (step * bytes) : most / 4);
  // Backwards, a short last tile would start elsewhere.
  if (plan.column.from < 0)
    while (plan.column.size % columns) --columns;
  plan.tile_columns = columns;
  // The table of offsets has four bytes an element.
  const int64_t row_bytes = std::max(upTo(((columns - 1) * step + 1) * bytes, kBlock), upTo(columns * 4, kBlock));
  plan.tile_rows = std::clamp<int64_t>(most / row_bytes, 1, std::min<int64_t>(plan.row.size, kMostRows));
}

void sizeTranspose(CopyPlan& plan, int64_t bytes, int64_t most) {
  const int64_t unit = kBlock / bytes;
  plan.tile_rows = std::min<int64_t>(plan.row.size, upTo(64, unit));
  auto fits = [&] {
    return plan.tile_rows * upTo(plan.tile_columns, unit) * bytes <= most &&
           plan.tile_columns * upTo(plan.tile_rows, unit) * bytes <= most;
  };
  // The result's rows as long as fits, in whole blocks.
  plan.tile_columns = plan.column.size;
  if (!fits()) {
    plan.tile_columns = unit;
    while (plan.tile_columns + unit < plan.column.size) {
      plan.tile_columns += unit;
      if (!fits()) {
        plan.tile_columns -= unit;
        break;
      }
    }
  }
}

}  // namespace

int64_t CopyPlan::tasks() const {
  int64_t count = rowTiles() * columnTiles();
  for (const CopyDim& dim : outer) count *= dim.size;
  return count;
}

CopyPlan planCopy(npu::PieceAttr piece, int64_t bytes, int64_t cores, int64_t ub_bytes) {
  // Up to two tiles with two copies each, and the tables of a gather, share the buffer.
  const int64_t most = std::min(kTile, ub_bytes / 6 / kBlock * kBlock);
  CopyPlan plan;
  plan.from = piece.getSrcOffset();
  plan.to = piece.getDstOffset();
  llvm::SmallVector<CopyDim, 4> dims;
  for (auto [size, from, to] : llvm::zip(piece.getSizes(), piece.getSrcStrides(), piece.getDstStrides()))
    if (size != 1) dims.push_back({size, from, to});
  llvm::stable_sort(dims, [](const CopyDim& a, const CopyDim& b) { return a.to > b.to; });
  // Neighbours that advance as one are one.
  for (size_t i = dims.size(); i-- > 1;) {
    CopyDim &a = dims[i - 1], &b = dims[i];
    if (a.from != b.from * b.size || a.to != b.to * b.size) continue;
    a = {a.size * b.size, b.from, b.to};
    dims.erase(dims.begin() + static_cast<long>(i));
  }

  const int64_t step = dims.empty() ? 1 : std::abs(dims.back().from) * bytes;
  const bool columns = !dims.empty() && dims.back().to == 1;
  auto consecutive = dims.end();
  for (auto dim = dims.begin(); dim != dims.end(); ++dim)
    if (dim->from == 1 && (consecutive == dims.end() || dim->size > consecutive->size)) consecutive = dim;
  const bool transposes = columns && consecutive != dims.end() && dims.back().from > 0 && bytes <= 4 &&
                          std::max(dims.back().from, consecutive->to) * bytes <= kMostPitch;
  const bool gathers = columns && bytes <= 4 && step <= kFarBytes;
  if (columns && dims.back().from == 1) {
    plan.column = dims.pop_back_val();
    plan.row = takeRow(dims, bytes, bytes <= 4);
    if (plan.row.size > 1 && plan.row.from == 0) plan.kind = CopyKind::Spread;
    sizeRows(plan, bytes, most);
  } else if (transposes && (!gathers || step > kNearBytes)) {
    plan.kind = CopyKind::Transpose;
    plan.row = *consecutive;
    dims.erase(consecutive);
    plan.column = dims.pop_back_val();
    sizeTranspose(plan, bytes, std::min(most, kMostTransposed));
  } else if (gathers) {
    plan.kind = CopyKind::Gather;
    plan.column = dims.pop_back_val();
    plan.row = takeRow(dims, bytes, true);
    sizeGather(plan, bytes, std::min(most, kMostGathered));
  } else {
    // Single elements as rows of one column.
    plan.row = takeRow(dims, bytes, false);
    sizeRows(plan, bytes, most);
  }
  plan.outer.assign(dims.begin(), dims.end());
  shareOut(plan, bytes, cores);
  return plan;
}

namespace {

// Walks down the piece's dimensions. At each one the range [0, length) is cut into a head, `size` windows as long as
// the stride, and a tail; what is left open in a window is so in all of them.
bool openRanges(llvm::ArrayRef<CopyDim> dims, int64_t base, int64_t offset, int64_t length,
                llvm::SmallVector<CopyDim, 4> windows, mlir::MLIRContext* context,
                llvm::SmallVectorImpl<npu::PieceAttr>& out) {
  auto open = [&](int64_t start, int64_t run) {
    if (run <= 0) return;
    llvm::SmallVector<int64_t> sizes, strides;
    for (const CopyDim& window : windows) sizes.push_back(window.size), strides.push_back(window.to);
    sizes.push_back(run), strides.push_back(1);
    out.push_back(npu::PieceAttr::get(context, 0, base + start, base + start, sizes, strides, strides));
  };
  if (dims.empty()) {
    open(0, offset);
    open(offset + 1, length - offset - 1);
    return true;
  }
  const CopyDim& dim = dims.front();
  int64_t span = 1;  // of what lies in one window
  for (const CopyDim& inner : dims.drop_front()) span += (inner.size - 1) * inner.to;
  const int64_t before = std::max<int64_t>(0, offset + dim.size * dim.to - length);
  if (dim.to <= 0 || before > std::min(offset, dim.to - span)) return false;
  const int64_t first = offset - before;
  open(0, first);
  open(first + dim.size * dim.to, length - first - dim.size * dim.to);
  windows.push_back({dim.size, 0, dim.to});
  return openRanges(dims.drop_front(), base + first, before, dim.to, windows, context, out);
}

}  // namespace

std::optional<llvm::SmallVector<npu::PieceAttr>> uncovered(npu::PieceAttr piece, int64_t elements) {
  llvm::SmallVector<CopyDim, 4> dims;
  for (auto [size, to] : llvm::zip(piece.getSizes(), piece.getDstStrides()))
    if (size != 1) dims.push_back({size, 0, to});
  llvm::stable_sort(dims, [](const CopyDim& a, const CopyDim& b) { return a.to > b.to; });
  llvm::SmallVector<npu::PieceAttr> out;
  if (!openRanges(dims, 0, piece.getDstOffset(), elements, {}, piece.getContext(), out)) return std::nullopt;
  return out;
}

}  // namespace phx::compiler
