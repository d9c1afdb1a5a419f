#include "device_sim/timing/tile_issue.h"

#include "device_sim/isa/fields.h"
#include "device_sim/isa/table.h"

namespace phx::sim::timing {
namespace {

using isa::Opcode;
using Act = TileIssue::Act;

bool goes_to_gm(const isa::Instruction& instruction) {
  return instruction.op == Opcode::Fixpipe && isa::field::Fixpipe::get_to(instruction) == isa::FixTarget::FixGm;
}

TileIssue issue_of(const isa::Instruction& instruction, const isa::RowInfo& row) {
  TileIssue issue;
  issue.pipe = static_cast<uint8_t>(row.pipe);
  switch (instruction.op) {
    case Opcode::SetFlag:
    case Opcode::WaitFlag: {
      const bool sets = instruction.op == Opcode::SetFlag;
      issue.act = sets ? Act::set_flag : Act::wait_flag;
      issue.pipe =
          static_cast<uint8_t>(sets ? isa::field::Flag::get_src(instruction) : isa::field::Flag::get_to(instruction));
      issue.event = static_cast<uint8_t>(isa::field::Flag::get_id(instruction));
      issue.event_record = instruction.a != isa::operand::kZero;
      return issue;
    }
    case Opcode::PipeBarrier:
      issue.act = Act::barrier;
      issue.pipe = static_cast<uint8_t>(isa::field::PipeBarrier::get_pipe(instruction));
      return issue;
    case Opcode::CrossSet:
    case Opcode::CrossWait:
      issue.act = instruction.op == Opcode::CrossSet ? Act::cross_set : Act::cross_wait;
      issue.pipe = static_cast<uint8_t>(isa::field::CrossFlag::get_pipe(instruction));
      issue.outside = true;
      return issue;
    default:
      break;
  }
  const bool inside = row.family == isa::Family::cube || row.family == isa::Family::fix ||
                      row.family == isa::Family::vec || instruction.op == Opcode::L1L0a ||
                      instruction.op == Opcode::L1L0b || instruction.op == Opcode::L1Bt;
  issue.work_record = inside;
  issue.rows_record = goes_to_gm(instruction) || (row.family == isa::Family::dma && !inside);
  issue.outside = issue.rows_record;
  return issue;
}

}  // namespace

std::vector<TileIssue> tile_issues(std::span<const isa::Instruction> code) {
  std::vector<TileIssue> issues(code.size());
  for (size_t i = 0; i < code.size(); ++i)
    if (const isa::RowInfo* row = isa::row(code[i].op)) issues[i] = issue_of(code[i], *row);
  return issues;
}

}  // namespace phx::sim::timing
