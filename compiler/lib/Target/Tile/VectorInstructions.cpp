// Vector tile instructions and their configuration word.
#include "device_sim/isa/table.h"
#include "lib/Dialect/Visa/Visa.h"
#include "lib/Target/Tile/TileExpansion.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace phx::compiler {

using isa::Opcode;
using mlir::Value;

namespace {
constexpr int64_t kBlock = 32;        // bytes that pitches count
constexpr int64_t kMostPitch = 1023;  // of them
constexpr int64_t kMostCount = 0xffff;

// Rows whose results or operands do not go row by row of the tile, so that they cannot be cut into rows.
bool acrossRows(Opcode op) {
  return op == Opcode::Vcadd || op == Opcode::Vcmax || op == Opcode::Vcmin || op == Opcode::Vbrcb ||
         op == Opcode::Vtranspose;
}
bool reduces(Opcode op) { return op == Opcode::Vcadd || op == Opcode::Vcmax || op == Opcode::Vcmin; }
}  // namespace

void TileExpansion::expand(npu::VecOp op) {
  Opcode opcode;
  isa::Type type;
  uint16_t mod;
  if (!visa::parseMnemonic(op.getInst(), opcode, type, mod))
    return fail(op, "there is no instruction '" + op.getInst() + "'");
  const isa::RowInfo& row = *isa::row(opcode);
  const Tile to = tileOf(op.getOuts());
  llvm::SmallVector<Value, 3> tiles(op.getIns());
  Value mask;
  if (opcode == Opcode::Vsel || opcode == Opcode::Vsels) mask = tiles.front(), tiles.erase(tiles.begin());

  // Bytes from row to row. A tile of one row stands for all rows.
  auto pitchOf = [&](Value value) -> int64_t {
    const Tile tile = tileOf(value);
    if (tile.rows == 1) return 0;
    if (tile.rowBytes() % kBlock)
      fail(op, "rows of " + llvm::Twine(tile.rowBytes()) + " bytes in UB are no multiple of 32");
    return tile.rowBytes();
  };
  struct Operand {
    Value address;
    int64_t pitch = 0;
  };
  Operand dst{address(op.getOuts()), reduces(opcode) ? (to.rows == 1 ? 0 : to.cols * kBlock) : pitchOf(op.getOuts())};
  Operand a, b, conditions;
  size_t next = 0;
  if (row.a != isa::OperandClass::None) a = {address(tiles[next]), pitchOf(tiles[next])}, ++next;
  if (op.getValue())
    b = {bitsOf(op.getValue()), 0};
  else if (row.b != isa::OperandClass::None)
    b = {address(tiles[next]), pitchOf(tiles[next])}, ++next;
  if (opcode == Opcode::Vgather || opcode == Opcode::Vbrcb) a.pitch = 0;  // a table; one row of elements
  if (mask) conditions = {address(mask), pitchOf(mask)};
  if (failure_) return;

  const int64_t widest = tileOf(tiles.empty() ? op.getOuts() : tiles.front()).cols;
  if (opcode != Opcode::Vbrcb &&
      !limited(op, constantOf(op.getCols()).value_or(widest), kMostCount, "the number of columns"))
    return;

  auto emit = [&](Value rows, bool pitched, Value at) {
    auto move = [&](const Operand& operand) {
      return at && operand.pitch ? add(operand.address, multiply(at, operand.pitch)) : operand.address;
    };
    if (mask)
      instruction(Opcode::SetCmpMask, isa::Type::None, 0,
                  {move(conditions), number(pitched ? conditions.pitch : 0), Value()});
    Value shape = shiftLeft(rows, 16);
    if (opcode != Opcode::Vbrcb) shape = unite(op.getCols(), shape);
    if (pitched)
      shape = unite(shape, number((dst.pitch / kBlock) << 32 | (a.pitch / kBlock) << 42 | (b.pitch / kBlock) << 52));
    llvm::SmallVector<Value, 4> sources{move(dst), Value(), Value(), shape};
    if (a.address) sources[1] = move(a);
    if (b.address) sources[2] = op.getValue() ? b.address : move(b);
    instruction(opcode, type, mod, sources);
  };
  if (std::max({dst.pitch, a.pitch, b.pitch}) <= kMostPitch * kBlock) return emit(op.getRows(), true, {});
  if (acrossRows(opcode))
    return fail(op, "rows lie more than " + llvm::Twine(kMostPitch * kBlock) + " bytes apart, which '" + op.getInst() +
                        "' cannot step over");
  // Rows too far apart for the pitch fields: one instruction each.
  auto loop = mlir::scf::ForOp::create(b_, location_, number(0), op.getRows(), number(1));
  mlir::OpBuilder::InsertionGuard guard(b_);
  b_.setInsertionPointToStart(loop.getBody());
  emit(number(1), false, loop.getInductionVar());
}

}  // namespace phx::compiler
