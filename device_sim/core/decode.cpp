// From instructions to records: positions of operands, flags, and the fastest handler that this host has.
#include <utility>

#include "device_sim/core/execution.h"
#include "device_sim/core/host_level.h"
#include "device_sim/isa/fields.h"
#include "device_sim/isa/operands.h"

namespace phx::sim {

Handler exit_handler();  // control.cpp

namespace {

using isa::Opcode;
using isa::OperandClass;

// Position in the file that the slot names; unused slots read as zero.
uint8_t position(const isa::Slot& slot) {
  const bool predicate = slot.kind == OperandClass::P || slot.kind == OperandClass::Q;
  if (slot.kind == OperandClass::None || slot.kind == OperandClass::L) return kScalarZero;
  if (isa::operand::is_r(slot.value) || isa::operand::is_s(slot.value) || isa::operand::is_p(slot.value))
    return static_cast<uint8_t>(isa::operand::index(slot.value));
  if (slot.value == isa::operand::kImm) return kScalarImmediate;
  if (slot.value == isa::operand::kOnes) return predicate ? kPredicateOnes : kScalarOnes;
  return predicate ? kPredicateZero : kScalarZero;
}

bool is_lane(const isa::Slot& slot) {
  return slot.kind != OperandClass::None && slot.kind != OperandClass::L && isa::operand::is_r(slot.value);
}

using Select = Handler (*)(const HandlerRequest&);

Select lane_handlers() {
#if defined(__x86_64__)
  if (host_level() == HostLevel::v4) return lane_handler_v4;
  if (host_level() == HostLevel::v3) return lane_handler_v3;
#endif
  return lane_handler_baseline;
}

// Follows joins, jumps and nops: do the lanes end without doing anything?
bool leads_to_exit(std::span<const isa::Instruction> code, size_t index) {
  for (size_t steps = 0; steps < 64 && index < code.size(); ++steps) switch (code[index].op) {
      case Opcode::Exit:
        return true;
      case Opcode::Jmp:
        index = code[index].target();
        break;
      case Opcode::Join:
      case Opcode::Nop:
        ++index;
        break;
      default:
        return false;
    }
  return false;
}

// The idiom `old = *p; do { assumed = old; old = atomicCAS(p, assumed, …); } while (…)`: its load may meet atomics of
// other threads, since what it read is only a guess. Looks for loads of the operands that a compare-and-swap has.
void mark_guesses(DecodedProgram& program, size_t compare_and_swap) {
  constexpr size_t kReach = 256;
  constexpr unsigned kAddress = 0x7f;  // space, scale and iu of Mem and Atom
  const Decoded& cas = program.code[compare_and_swap];
  for (size_t i = compare_and_swap; i-- > 0 && compare_and_swap - i < kReach;) {
    const Decoded& d = program.code[i];
    if (static_cast<Opcode>(d.op) != Opcode::Ld) continue;
    constexpr uint8_t kLanes = kLaneA | kLaneB;
    if (d.a == cas.a && d.b == cas.b && d.immediate == cas.immediate && d.step == cas.step &&
        (d.mod & kAddress) == (cas.mod & kAddress) && (d.lanes & kLanes) == (cas.lanes & kLanes))
      program.operations[i].guess = true;
  }
}

void fell_off(const Decoded* d, Frame* f) {
  raise(f, d, FaultKind::illegal_instruction, lowest(f->mask), "control fell off the end of the code");
}
void illegal(const Decoded* d, Frame* f) {
  raise(f, d, FaultKind::illegal_instruction, lowest(f->mask), "the interpreter has no meaning for this instruction");
}

Handler arithmetic_handler(const isa::Instruction& i, const Decoded& d, Operation& operation, Select select) {
  const Selected scalar = scalar_operation(i);
  operation.evaluate = scalar.evaluate;
  const bool predicate = i.op == Opcode::Setp;
  const bool to_lanes = predicate ? (d.lanes & (kLaneA | kLaneB)) != 0 : (d.lanes & kLaneDst) != 0;
  if (!to_lanes && scalar.handler) return scalar.handler;
  if (Handler fast = select({static_cast<uint16_t>(i.op), static_cast<uint8_t>(i.type), i.mod, d.lanes, d.flags}))
    return fast;
  return scalar.evaluate ? generic_lane_handler(i) : nullptr;
}

Handler address_handler(const isa::Instruction& i, const Decoded& d, Select select) {
  if (Handler special = memory_handler(i)) return special;
  if (Handler fast = select({d.op, d.type, d.mod, d.lanes, d.flags})) return fast;
  return checked_memory_handler(i);
}

// Who executes which row. There is no default on purpose: a row of isa.def that nobody executes does not compile.
Handler handler_of(const isa::Instruction& i, const Decoded& d, Operation& operation, Select select) {
  switch (i.op) {
    case Opcode::Nop:
    case Opcode::Jmp:
    case Opcode::Bra:
    case Opcode::Fork:
    case Opcode::Join:
    case Opcode::Exit:
    case Opcode::Trap:
    case Opcode::Call:
    case Opcode::Ret:
    case Opcode::Sleep:
      return control_handler(i);
    case Opcode::Pand:
    case Opcode::Por:
    case Opcode::Pxor:
      return predicate_handler(i);
    case Opcode::Rdsr:
      return special_handler(i);
    case Opcode::Shfl:
    case Opcode::Vote:
    case Opcode::Ballot:
    case Opcode::Active:
    case Opcode::Match:
    case Opcode::Redux:
    case Opcode::SyncWarp:
    case Opcode::First:
      return exchange_handler(i);
    case Opcode::Bar:
    case Opcode::Fence:
    case Opcode::Svc:
      return synchronisation_handler(i);
    case Opcode::SetFlag:
    case Opcode::WaitFlag:
    case Opcode::PipeBarrier:
    case Opcode::CrossSet:
    case Opcode::CrossWait:
      return tile_handler(i);
    case Opcode::DmaGmUb:
    case Opcode::DmaUbGm:
    case Opcode::DmaGmL1:
      return burst_handler(i);
    case Opcode::DmaNd2Nz:
    case Opcode::L1L0a:
    case Opcode::L1L0b:
    case Opcode::L1Bt:
      return matrix_load_handler(i);
    case Opcode::Mmad:
    case Opcode::Fixpipe:
    case Opcode::SetQuant:
      return cube_handler(i);
    case Opcode::Vadd:
    case Opcode::Vsub:
    case Opcode::Vmul:
    case Opcode::Vdiv:
    case Opcode::Vmax:
    case Opcode::Vmin:
    case Opcode::Vand:
    case Opcode::Vor:
    case Opcode::Vxor:
    case Opcode::Vmath2:
    case Opcode::Vadds:
    case Opcode::Vmuls:
    case Opcode::Vmaxs:
    case Opcode::Vmins:
    case Opcode::Vexp:
    case Opcode::Vln:
    case Opcode::Vsqrt:
    case Opcode::Vrsqrt:
    case Opcode::Vrec:
    case Opcode::Vabs:
    case Opcode::Vrelu:
    case Opcode::Vnot:
    case Opcode::Vmath:
    case Opcode::Vconv:
    case Opcode::Vcopy:
    case Opcode::Vdup:
    case Opcode::Vci:
    case Opcode::Vbrcb:
    case Opcode::Vcmp:
    case Opcode::Vcmps:
    case Opcode::SetCmpMask:
    case Opcode::Vsel:
    case Opcode::Vsels:
    case Opcode::Vcadd:
    case Opcode::Vcmax:
    case Opcode::Vcmin:
    case Opcode::Vtranspose:
    case Opcode::Vgather:
      return vector_handler(i);
    case Opcode::Atom:
    case Opcode::Red:
      return atomic_handler(i);
    case Opcode::Ld:
    case Opcode::St:
    case Opcode::Lea:
      return address_handler(i, d, select);
    case Opcode::Mov:
    case Opcode::Add:
    case Opcode::Sub:
    case Opcode::Mul:
    case Opcode::MulHi:
    case Opcode::MulW:
    case Opcode::Mad:
    case Opcode::MadW:
    case Opcode::Fma:
    case Opcode::Div:
    case Opcode::Rem:
    case Opcode::Min:
    case Opcode::Max:
    case Opcode::Abs:
    case Opcode::Neg:
    case Opcode::And:
    case Opcode::Or:
    case Opcode::Xor:
    case Opcode::Not:
    case Opcode::Lop3:
    case Opcode::Shl:
    case Opcode::Shr:
    case Opcode::Fshl:
    case Opcode::Fshr:
    case Opcode::Popc:
    case Opcode::Clz:
    case Opcode::Ctz:
    case Opcode::Brev:
    case Opcode::Prmt:
    case Opcode::Setp:
    case Opcode::Sel:
    case Opcode::Cvt:
    case Opcode::Math1:
    case Opcode::Math2:
      return arithmetic_handler(i, d, operation, select);
  }
  return nullptr;
}

}  // namespace

std::shared_ptr<const DecodedProgram> decode_program(std::span<const isa::Instruction> code, bool tile, bool observe) {
  const Select select = lane_handlers();
  auto program = std::make_shared<DecodedProgram>();
  program->code.resize(code.size() + 1);
  program->operations.resize(code.size() + 1);
  for (size_t index = 0; index < code.size(); ++index) {
    const isa::Instruction& i = code[index];
    Decoded& d = program->code[index];
    Operation& operation = program->operations[index];
    const auto slots = isa::slots(i);
    const isa::RowInfo& row = *isa::row(i.op);
    d.op = static_cast<uint16_t>(i.op);
    d.type = static_cast<uint8_t>(i.type);
    d.mod = i.mod;
    d.index = static_cast<uint32_t>(index);
    d.dst = position(slots[0]);
    d.a = position(slots[1]);
    d.b = position(slots[2]);
    d.c = position(slots[3]);
    for (unsigned s = 0; s < 4; ++s)
      if (is_lane(slots[s])) d.lanes |= static_cast<uint8_t>(1u << s);
    operation.wide_dst = slots[0].width == 64;
    operation.wide_a = slots[1].width == 64;
    operation.wide_b = slots[2].width == 64;
    operation.wide_c = slots[3].width == 64;
    d.immediate = i.ext;
    if (isa::has_address(row)) {
      d.immediate = static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(i.ext)));
      d.step = static_cast<uint8_t>(isa::info(i.type).bits / 8);
      if (d.lanes & kLaneA) d.flags |= kBaseIsPair;
      if (i.c == isa::operand::kZero) d.flags |= kSourceZero;
    }
    if (row.layout == isa::Layout::Atom) operation.evaluate = atomic_function(isa::field::Atom::get_fn(i), i.type);
    if (slots[0].kind == OperandClass::O && i.dst == isa::operand::kZero) d.flags |= kDstUnused;

    Handler handler = handler_of(i, d, operation, select);
    if (tile && (i.op == Opcode::Ld || i.op == Opcode::St)) {
      const isa::Space space = isa::field::Mem::get_space(i);
      const bool polled = isa::field::Mem::get_policy(i) == isa::CachePolicy::Volatile;
      if (space != isa::Space::Param && !polled) handler = checked_memory_handler(i);
    }
    if (observe && handler && (i.op == Opcode::Ld || i.op == Opcode::St)) {
      const bool ordered = isa::field::Mem::get_policy(i) == isa::CachePolicy::Volatile;  // they tell when they happen
      if (!ordered && isa::field::Mem::get_space(i) != isa::Space::Param)
        operation.inner = std::exchange(handler, observed);
    }
    if (observe && i.op == Opcode::Atom && isa::field::Atom::get_fn(i) == isa::AtomicFn::Cas)
      mark_guesses(*program, index);
    if (i.op == Opcode::Join && leads_to_exit(code, index + 1)) handler = exit_handler();
    d.run = handler ? handler : illegal;
  }
  program->code.back().run = fell_off;
  program->code.back().index = static_cast<uint32_t>(code.size());
  return program;
}

}  // namespace phx::sim
