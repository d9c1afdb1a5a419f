// Loads, stores and what MTE1 moves. isa.def section 9 has the layouts and the packed words.
#include "device_sim/isa/fields.h"
#include "lib/Dialect/Npu/OperandLayout.h"
#include "lib/Target/Tile/TileExpansion.h"
#include "llvm/Support/MathExtras.h"

namespace phx::compiler {

using mlir::Value;

namespace {
constexpr int64_t kBlock = 32;            // bytes of a row of a fractal
constexpr int64_t kFractal = 16;          // rows of a fractal
constexpr int64_t kField16 = 0xffff;      // largest value of a 16-bit field
constexpr int64_t kStride = 0xffff'ffff;  // bytes from burst to burst

uint16_t padded(bool stream) {
  isa::Instruction i;
  isa::field::Dma::set_pad(i, true);
  isa::field::Dma::set_stream(i, stream);
  return i.mod;
}
uint16_t converting(bool stream) {
  isa::Instruction i;
  isa::field::Nd2Nz::set_stream(i, stream);
  return i.mod;
}
int64_t alignedRows(int64_t rows) { return (rows + kFractal - 1) / kFractal * kFractal; }
}  // namespace

// Rows that touch each other on both sides are one burst; one row needs no strides.
void TileExpansion::bursts(mlir::Operation* op, isa::Opcode opcode, Value to, Value from, const Tile& tile, Value rows,
                           Value cols, Value pitch, bool tileIsSource, bool stream) {
  const auto fixedRows = constantOf(rows), fixedCols = constantOf(cols), fixedPitch = constantOf(pitch);
  if (!limited(op, tile.rows, kField16, "the number of rows")) return;
  const bool single = tile.rows == 1 || (fixedRows && *fixedRows <= 1);
  if (!single && fixedCols == tile.cols && fixedPitch == tile.cols) {
    Value whole = unite(number(1), multiply(rows, tile.rowBytes() << 16));
    return instruction(opcode, isa::Type::None, padded(stream), {to, from, whole, number(0)});
  }
  Value packed = unite(rows, multiply(cols, tile.elementBytes << 16)), strides = number(0);
  if (!single) {
    // A distance of 0 means that bursts follow each other.
    if (fixedPitch && (*fixedPitch <= 0 || *fixedPitch * tile.elementBytes > kStride))
      return fail(op, "a pitch of " + llvm::Twine(*fixedPitch) + " elements is outside of what the DMA reaches, 1 to " +
                          llvm::Twine(kStride / tile.elementBytes));
    Value outside = multiply(pitch, tile.elementBytes), inside = number(tile.rowBytes());
    strides = tileIsSource ? unite(inside, shiftLeft(outside, 32)) : unite(outside, shiftLeft(inside, 32));
  }
  instruction(opcode, isa::Type::None, padded(stream), {to, from, packed, strides});
}

bool TileExpansion::loadsBias(Value tile) {
  if (auto slot = tile.getDefiningOp<npu::SlotOp>()) tile = slot.getBuffer();
  auto reads = [](mlir::Operation* user, Value value) {
    auto bias = llvm::dyn_cast<npu::LoadBiasOp>(user);
    return bias && bias.getSource() == value;
  };
  for (mlir::Operation* user : tile.getUsers()) {
    if (reads(user, tile)) return true;
    if (auto slot = llvm::dyn_cast<npu::SlotOp>(user))
      for (mlir::Operation* inner : slot.getResult().getUsers())
        if (reads(inner, slot.getResult())) return true;
  }
  return false;
}

// These instructions move bits, so an integer goes as a number of its size.
std::optional<isa::Type> TileExpansion::fractalType(mlir::Operation* op, mlir::Type element) {
  auto type = isaType(element);
  if (type == isa::Type::S16) return isa::Type::F16;
  if (type == isa::Type::S32) return isa::Type::F32;
  if (!type) fail(op, "there is no fractal of elements of 64 bits");
  return type;
}

void TileExpansion::expand(npu::LoadOp op) {
  const Tile tile = tileOf(op.getOuts());
  const auto space = npu::spaceOf(op.getOuts().getType());
  Value to = address(op.getOuts()), from = elementAddress(op.getGm(), op.getOffset());
  if (space == npu::Space::ub) {
    if (tile.rows > 1 && tile.rowBytes() % kBlock)
      return fail(op, "rows of " + llvm::Twine(tile.rowBytes()) + " bytes in UB are no multiple of 32");
    return bursts(op, isa::Opcode::DmaGmUb, to, from, tile, op.getRows(), op.getCols(), op.getPitch(), false,
                  op.getStream());
  }
  if (space != npu::Space::l1) return fail(op, "a load's tile lies in neither UB nor L1");
  if (loadsBias(op.getOuts())) {
    if (tile.rows != 1) return fail(op, "a tile for the bias table has one row");
    return bursts(op, isa::Opcode::DmaGmL1, to, from, tile, op.getRows(), op.getCols(), op.getPitch(), false,
                  op.getStream());
  }
  const auto type = fractalType(op, tile.element);
  if (!type || !limited(op, alignedRows(tile.rows), kField16, "the number of rows") ||
      !limited(op, tile.cols, kField16, "the number of columns"))
    return;
  if (op->hasAttr(npu::kNzAttr)) {  // a burst for each column block
    Value bursts = unite(ceilDivide(op.getCols(), kBlock / tile.elementBytes), multiply(op.getRows(), kBlock << 16));
    Value strides = unite(multiply(op.getPitch(), kBlock), number(alignedRows(tile.rows) * kBlock << 32));
    return instruction(isa::Opcode::DmaGmL1, isa::Type::None, 0, {to, from, bursts, strides});
  }
  Value shape = unite(unite(op.getRows(), shiftLeft(op.getCols(), 16)), number(alignedRows(tile.rows) << 32));
  instruction(isa::Opcode::DmaNd2Nz, *type, converting(op.getStream()),
              {to, from, shape, multiply(op.getPitch(), tile.elementBytes)});
}

void TileExpansion::expand(npu::StoreOp op) {
  const Tile tile = tileOf(op.getTile());
  bursts(op, isa::Opcode::DmaUbGm, elementAddress(op.getGm(), op.getOffset()), address(op.getTile()), tile,
         op.getRows(), op.getCols(), op.getPitch(), true, op.getStream());
}

void TileExpansion::expand(npu::ExtractOp op) {
  const Tile source = tileOf(op.getSource());
  const auto type = fractalType(op, source.element);
  if (!type) return;
  const int64_t c0 = kBlock / source.elementBytes, pitch = alignedRows(source.rows);
  if (!limited(op, pitch, kField16, "the number of rows")) return;
  // Element (row, col) of NZ where col begins a column block.
  Value block = multiply(shiftRight(op.getCol(), llvm::Log2_64(static_cast<uint64_t>(c0))), pitch * kBlock);
  Value from = add(add(address(op.getSource()), block), multiply(op.getRow(), kBlock));
  const bool left = npu::spaceOf(op.getOuts().getType()) == npu::Space::l0a;
  Value wide = ceilDivide(left ? op.getRows() : op.getCols(), kFractal);
  Value deep = ceilDivide(left ? op.getCols() : op.getRows(), c0);
  isa::Instruction mod;
  isa::field::Load2d::set_trans(mod, op.getTrans());
  instruction(left ? isa::Opcode::L1L0a : isa::Opcode::L1L0b, *type, mod.mod,
              {address(op.getOuts()), from, unite(unite(wide, shiftLeft(deep, 16)), number(pitch << 32)), Value()});
}

void TileExpansion::expand(npu::LoadBiasOp op) {
  const auto type = isaType(tileOf(op.getSource()).element);
  if (type != isa::Type::F16 && type != isa::Type::F32 && type != isa::Type::S32)
    return fail(op, "the bias table takes f16, f32 and i32");
  instruction(isa::Opcode::L1Bt, *type, 0, {address(op.getOuts()), address(op.getSource()), op.getCols(), Value()});
}

}  // namespace phx::compiler
