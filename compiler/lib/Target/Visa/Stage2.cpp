// Stage 2 of visa from allocated machine code.
#include "device_sim/isa/fields.h"
#include "lib/Target/Visa/MachineCode.h"

namespace phx::compiler {

void writeStage2(const MachineCode& code, visa::KernelOp kernel) {
  mlir::OpBuilder b(kernel.getContext());
  mlir::Region& body = kernel.getBody();
  body.getBlocks().clear();
  llvm::SmallVector<mlir::Block*> blocks;
  for (size_t i = 0; i < code.blocks.size(); ++i) blocks.push_back(&body.emplaceBlock());
  auto number = [&](int64_t value) { return b.getI32IntegerAttr(static_cast<int32_t>(value)); };
  for (size_t n = 0; n < code.blocks.size(); ++n) {
    b.setInsertionPointToEnd(blocks[n]);
    mlir::Location last = kernel.getLoc();
    bool ended = false;
    for (const MachineInstruction& i : code.blocks[n].instructions) {
      last = i.location;
      using isa::Opcode;
      if (i.code.op == Opcode::Exit || i.code.op == Opcode::Jmp || i.code.op == Opcode::Bra ||
          i.code.op == Opcode::Fork) {
        llvm::SmallVector<mlir::Block*, 2> targets;
        if (i.target >= 0) targets.push_back(blocks[i.target]);
        if (i.code.op == Opcode::Bra || i.code.op == Opcode::Fork) targets.push_back(blocks[n + 1]);
        visa::FlowOp::create(b, i.location, number(static_cast<int>(i.code.op)), number(i.code.mod), number(i.code.a),
                             targets);
        ended = true;
        break;
      }
      uint32_t operands = i.code.dst | i.code.a << 8 | i.code.b << 16 | static_cast<uint32_t>(i.code.c) << 24;
      visa::CodeOp::create(b, i.location, number(static_cast<int>(i.code.op)), number(static_cast<int>(i.code.type)),
                           number(i.code.mod), b.getI32IntegerAttr(static_cast<int32_t>(operands)),
                           i.code.has_ext ? b.getI64IntegerAttr(static_cast<int64_t>(i.code.ext)) : mlir::IntegerAttr(),
                           i.symbol);
    }
    if (!ended) {
      mlir::Block* next = n + 1 < blocks.size() ? blocks[n + 1] : blocks[n];
      visa::FlowOp::create(b, last, number(static_cast<int>(isa::Opcode::Jmp)), number(0), number(0), next);
    }
  }
  kernel.setLocalBytesAttr(b.getI64IntegerAttr(static_cast<int64_t>((code.localBytes + 15) / 16 * 16)));
  kernel.setLaneRegistersAttr(b.getI64IntegerAttr(code.used[0]));
  kernel.setScalarRegistersAttr(b.getI64IntegerAttr(code.used[1]));
  kernel.setPredicatesAttr(b.getI64IntegerAttr(code.used[2]));
}

}  // namespace phx::compiler
