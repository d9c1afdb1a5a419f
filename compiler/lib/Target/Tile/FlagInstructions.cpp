// Flags, barriers and the core's number.
#include "device_sim/isa/fields.h"
#include "lib/Target/Tile/TileExpansion.h"

namespace phx::compiler {

using mlir::Value;

namespace {
// npu::Pipe has the values of isa::PipeField.
isa::PipeField field(npu::Pipe pipe) { return static_cast<isa::PipeField>(pipe); }
}  // namespace

void TileExpansion::expand(npu::BlockIdxOp op) {
  isa::Instruction mod;
  isa::field::Special::set_sr(mod, isa::SpecialReg::BlockIdx);
  op.getResult().replaceAllUsesWith(scalarResult(isa::Opcode::Rdsr, isa::Type::U32, mod.mod, {0, 0, 0}, {}));
}

void TileExpansion::flag(mlir::Operation* op, isa::Opcode opcode, npu::Pipe from, npu::Pipe to, int64_t id,
                         Value slot) {
  isa::Instruction mod;
  isa::field::Flag::set_src(mod, field(from));
  isa::field::Flag::set_to(mod, field(to));
  isa::field::Flag::set_id(mod, static_cast<unsigned>(id));
  instruction(opcode, isa::Type::None, mod.mod, {slot ? slot : number(0), Value(), Value()});
}

void TileExpansion::cross(mlir::Operation* op, isa::Opcode opcode, int64_t mode, npu::Pipe pipe, int64_t id) {
  isa::Instruction mod;
  isa::field::CrossFlag::set_mode(mod, static_cast<unsigned>(mode));
  isa::field::CrossFlag::set_pipe(mod, field(pipe));
  isa::field::CrossFlag::set_id(mod, static_cast<unsigned>(id));
  instruction(opcode, isa::Type::None, mod.mod, {Value(), Value(), Value()});
}

void TileExpansion::barrier(npu::PipeBarrierOp op) {
  isa::Instruction mod;
  isa::field::PipeBarrier::set_pipe(mod, field(op.getPipe()));
  instruction(isa::Opcode::PipeBarrier, isa::Type::None, mod.mod, {Value(), Value(), Value()});
}

}  // namespace phx::compiler
