#include "lib/Transforms/Memory/TileLayout.h"

namespace phx::compiler {

static int64_t up(int64_t x, int64_t n) { return (x + n - 1) / n * n; }

int64_t tileAlignment(npu::Space space) {
  switch (space) {
    case npu::Space::ub:
    case npu::Space::l1:
      return 32;
    case npu::Space::l0a:
    case npu::Space::l0b:
      return 512;
    case npu::Space::l0c:
    case npu::Space::bt:
      return 64;
    case npu::Space::gm:
      return 512;  // of the parts of the workspace: whole L2 lines, as separate allocations would be
  }
  return 1;
}

int64_t spaceBytes(npu::Space space, const machine::Machine& machine) {
  const machine::Buffers& buffers = machine.chip.buffers;
  switch (space) {
    case npu::Space::gm:
      return machine.chip.hbm.size_bytes;
    case npu::Space::ub:
      return buffers.ub_usable_bytes();
    case npu::Space::l1:
      return buffers.l1_bytes;
    case npu::Space::l0a:
      return buffers.l0a_bytes;
    case npu::Space::l0b:
      return buffers.l0b_bytes;
    case npu::Space::l0c:
      return buffers.l0c_bytes;
    case npu::Space::bt:
      return buffers.bt_bytes;
  }
  return 0;
}

int64_t tileCopies(mlir::MemRefType type) { return type.getRank() == 3 ? type.getDimSize(0) : 1; }

int64_t tileBytes(mlir::MemRefType type) {
  const int64_t rows = type.getDimSize(type.getRank() - 2), cols = type.getDimSize(type.getRank() - 1);
  const int64_t element = (type.getElementTypeBitWidth() + 7) / 8, c0 = 32 / element;
  const npu::Space space = npu::spaceOf(type).value_or(npu::Space::ub);
  int64_t bytes = 0;
  switch (space) {
    case npu::Space::gm:
    case npu::Space::ub:
      bytes = rows * up(cols * element, 32);
      break;
    case npu::Space::l1:
    case npu::Space::l0a:  // fractals of 16 rows x 32 bytes, as many as NZ blocks take
      bytes = up(rows, 16) * up(cols, c0) * element;
      break;
    case npu::Space::l0b:  // fractals of 32 bytes of k x 16 columns
      bytes = up(rows, c0) * up(cols, 16) * element;
      break;
    case npu::Space::l0c:
      bytes = up(rows, 16) * up(cols, 16) * 4;
      break;
    case npu::Space::bt:
      bytes = cols * 4;
      break;
  }
  return up(bytes, tileAlignment(space));
}

TileCopy tileOf(mlir::Value value) {
  mlir::Value counter;
  if (auto slot = value.getDefiningOp<npu::SlotOp>()) counter = slot.getCounter(), value = slot.getBuffer();
  return {value.getDefiningOp<mlir::memref::AllocOp>(), counter};
}

}  // namespace phx::compiler
