// mmad and fixpipe.
#include "device_sim/isa/fields.h"
#include "lib/Target/Tile/TileExpansion.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

namespace phx::compiler {

using mlir::Value;

namespace {
constexpr int64_t kField12 = 0xfff;
}

void TileExpansion::expand(npu::MmadOp op) {
  const Tile a = tileOf(op.getA()), c = tileOf(op.getOuts());
  const auto type = isaType(a.element);
  if (!type || type == isa::Type::S16 || type == isa::Type::S32)
    return fail(op, "the cube multiplies i8, f8E4M3FN, f8E5M2, f16, bf16 and f32");
  if (!limited(op, c.rows, kField12, "m") || !limited(op, c.cols, kField12, "n") || !limited(op, a.cols, kField12, "k"))
    return;
  Value start = number(int64_t{1} << 36);
  if (op.getBias()) {
    Value row = shiftRight(address(op.getBias()), 6);  // the field counts 64 bytes
    start = unite(unite(start, number(int64_t{1} << 37)), shiftLeft(row, 40));
  }
  Value first = op.getInit();
  if (auto known = constantOf(first))
    start = *known ? start : number(0);
  else
    start = b_.createOrFold<mlir::arith::SelectOp>(location_, first, start, number(0));
  Value shape = unite(unite(op.getM(), shiftLeft(op.getK(), 12)), shiftLeft(op.getN(), 24));
  Value config = unite(shape, start);
  if (op.getUnit()) {
    constexpr int64_t kUnit = int64_t{1} << 38;
    auto known = constantOf(op.getUnit());
    Value unit = known ? number(*known ? kUnit : 0)
                       : b_.createOrFold<mlir::arith::SelectOp>(location_, op.getUnit(), number(kUnit), number(0));
    config = unite(config, unit);
  }
  instruction(isa::Opcode::Mmad, *type, 0, {address(op.getOuts()), address(op.getA()), address(op.getB()), config});
}

void TileExpansion::expand(npu::FixpipeOp op) {
  const Tile from = tileOf(op.getAcc()), to = tileOf(op.getGm());
  const auto type = isaType(to.element), source = isaType(from.element);
  if (!type || type == isa::Type::S16 || type == isa::Type::F8E4M3 || type == isa::Type::F8E5M2)
    return fail(op, "fixpipe writes i8, i32, f16, bf16 and f32");
  if (!limited(op, from.rows, kField12, "m") || !limited(op, from.cols, kField12, "n")) return;
  isa::Instruction mod;
  isa::field::Fixpipe::set_to(mod, isa::FixTarget::FixGm);
  isa::field::Fixpipe::set_from(mod, source == isa::Type::S32 ? isa::Type::S32 : isa::Type::F32);
  isa::field::Fixpipe::set_relu(mod, op.getRelu());
  isa::field::Fixpipe::set_add(mod, op.getAdd());
  isa::field::Fixpipe::set_unit(mod, op.getUnit());
  isa::field::Fixpipe::set_quant(mod, op.getQuant().has_value());
  if (op.getQuant()) {
    const auto scale = static_cast<int64_t>(op.getQuant()->bitcastToAPInt().getZExtValue());
    instruction(isa::Opcode::SetQuant, isa::Type::F32, 0, {number(scale), Value(), Value()});
  }
  // Accumulators have the pitch that mmad gave them: m rounded up to whole fractals.
  Value shape = unite(unite(op.getM(), shiftLeft(op.getN(), 12)), shiftLeft(ceilDivide(op.getM(), 16), 24));
  instruction(isa::Opcode::Fixpipe, *type, mod.mod,
              {elementAddress(op.getGm(), op.getOffset()), address(op.getAcc()), shape,
               multiply(op.getPitch(), to.elementBytes)});
}

}  // namespace phx::compiler
