// Handlers that execute one instruction for 32 lanes, compiled once per instruction-set level of the host
// (CMakeLists.txt). The results are the same bits on every level: only exact operations are used, and NaN results are
// made canonical.
//
// Everything but the selecting function has internal linkage, and nothing is called that a header could share: the
// linker must never keep the copy of a function that was compiled for a newer host.
#include "device_sim/core/decoded.h"
#include "device_sim/core/lane_arithmetic.h"
#include "device_sim/core/lane_memory.h"

namespace phx::sim {
namespace {

template <class Op>
Handler pick_bits(Type type, uint8_t lanes) {
  return type == Type::B32 ? pick2<uint32_t, uint32_t, uint32_t, Op>(lanes)
                           : pick2<uint64_t, uint64_t, uint64_t, Op>(lanes);
}
template <class Op>
Handler pick_bits1(Type type, uint8_t lanes) {
  return type == Type::B32 ? pick1<uint32_t, uint32_t, Op>(lanes) : pick1<uint64_t, uint64_t, Op>(lanes);
}
template <class Op>
Handler pick_arithmetic(Type type, uint8_t lanes) {
  switch (type) {
    case Type::S32:
    case Type::U32:
      return pick2<uint32_t, uint32_t, uint32_t, Op>(lanes);
    case Type::S64:
    case Type::U64:
      return pick2<uint64_t, uint64_t, uint64_t, Op>(lanes);
    case Type::F32:
      return pick2<float, float, float, Op>(lanes);
    case Type::F64:
      return pick2<double, double, double, Op>(lanes);
    default:
      return nullptr;
  }
}
template <class Integer, class Float>
Handler pick_extremum(Type type, uint8_t lanes) {
  switch (type) {
    case Type::S32:
      return pick2<int32_t, int32_t, int32_t, Integer>(lanes);
    case Type::U32:
      return pick2<uint32_t, uint32_t, uint32_t, Integer>(lanes);
    case Type::S64:
      return pick2<int64_t, int64_t, int64_t, Integer>(lanes);
    case Type::U64:
      return pick2<uint64_t, uint64_t, uint64_t, Integer>(lanes);
    case Type::F32:
      return pick2<float, float, float, Float>(lanes);
    case Type::F64:
      return pick2<double, double, double, Float>(lanes);
    default:
      return nullptr;
  }
}
template <class Integer, class Float>
Handler pick_sign(Type type, uint8_t lanes) {
  switch (type) {
    case Type::S32:
      return pick1<int32_t, int32_t, Integer>(lanes);
    case Type::S64:
      return pick1<int64_t, int64_t, Integer>(lanes);
    case Type::F32:
      return pick1<uint32_t, uint32_t, Float>(lanes);
    case Type::F64:
      return pick1<uint64_t, uint64_t, Float>(lanes);
    default:
      return nullptr;
  }
}

Handler pick_convert(const HandlerRequest& q, Type to) {
  const Type from = static_cast<Type>(field_of(q.mod, 8, 5));
  const bool nearest = field_of(q.mod, 0, 2) == 0, plain = !field_of(q.mod, 2, 1) && !field_of(q.mod, 3, 1);
  const bool truncates = field_of(q.mod, 0, 2) == static_cast<unsigned>(isa::Rounding::Rz);
  if (!plain) return nullptr;
  const bool to32 = to == Type::S32 || to == Type::U32, to64 = to == Type::S64 || to == Type::U64;
  switch (from) {
    case Type::S32:
      if (to64) return pick1<int64_t, int32_t, WidenS>(q.lanes);
      if (to == Type::F32 && nearest) return pick1<float, int32_t, IntToF32>(q.lanes);
      if (to == Type::F64) return pick1<double, int32_t, IntToF64>(q.lanes);
      break;
    case Type::U32:
      if (to64) return pick1<uint64_t, uint32_t, WidenU>(q.lanes);
      if (to == Type::F32 && nearest) return pick1<float, uint32_t, IntToF32>(q.lanes);
      if (to == Type::F64) return pick1<double, uint32_t, IntToF64>(q.lanes);
      break;
    case Type::S64:
    case Type::U64:
      if (to32) return pick1<uint32_t, uint64_t, Narrow>(q.lanes);
      break;
    case Type::S8:
      if (to32) return pick1<int32_t, int32_t, ExtendS<8>>(q.lanes);
      break;
    case Type::S16:
      if (to32) return pick1<int32_t, int32_t, ExtendS<16>>(q.lanes);
      break;
    case Type::U8:
      if (to32) return pick1<uint32_t, uint32_t, ExtendU<8>>(q.lanes);
      break;
    case Type::U16:
      if (to32) return pick1<uint32_t, uint32_t, ExtendU<16>>(q.lanes);
      break;
    case Type::F32:
      if (to == Type::F64) return pick1<double, float, ToF64>(q.lanes);
      if (to == Type::S32 && truncates) return pick1<int32_t, float, TruncateS>(q.lanes);
      break;
    case Type::F64:
      if (to == Type::F32 && nearest) return pick1<float, double, ToF32>(q.lanes);
      if (to == Type::S32 && truncates) return pick1<int32_t, double, TruncateS>(q.lanes);
      break;
    default:
      break;
  }
  return nullptr;
}

Handler pick(const HandlerRequest& q) {
  const Type type = static_cast<Type>(q.type);
  const bool exact = q.mod == 0;  // rows with rounding: to nearest, no saturation
  switch (static_cast<Opcode>(q.op)) {
    case Opcode::Mov:
      return pick_bits1<Copy>(type, q.lanes);
    case Opcode::Add:
      return exact ? pick_arithmetic<Add>(type, q.lanes) : nullptr;
    case Opcode::Sub:
      return exact ? pick_arithmetic<Sub>(type, q.lanes) : nullptr;
    case Opcode::Mul:
      return exact ? pick_arithmetic<Mul>(type, q.lanes) : nullptr;
    case Opcode::MulHi:
      if (type == Type::S32) return pick2<int32_t, int32_t, int32_t, MulHiS>(q.lanes);
      if (type == Type::U32) return pick2<uint32_t, uint32_t, uint32_t, MulHiU>(q.lanes);
      return nullptr;
    case Opcode::MulW:
      return type == Type::S64 ? pick2<int64_t, int32_t, int32_t, MulW>(q.lanes)
                               : pick2<uint64_t, uint32_t, uint32_t, MulW>(q.lanes);
    case Opcode::Mad:
      return type == Type::S32 || type == Type::U32 ? pick3<uint32_t, uint32_t, uint32_t, Mad>(q.lanes)
                                                    : pick3<uint64_t, uint64_t, uint64_t, Mad>(q.lanes);
    case Opcode::MadW:
      return type == Type::S64 ? pick3<int64_t, int32_t, int64_t, MadW>(q.lanes)
                               : pick3<uint64_t, uint32_t, uint64_t, MadW>(q.lanes);
    case Opcode::Fma:
      if (!exact) return nullptr;
      if (type == Type::F32) return pick3<float, float, float, Fma>(q.lanes);
      if (type == Type::F64) return pick3<double, double, double, Fma>(q.lanes);
      return nullptr;
    case Opcode::Div:
      if (!exact) return nullptr;
      if (type == Type::F32) return pick2<float, float, float, DivF>(q.lanes);
      if (type == Type::F64) return pick2<double, double, double, DivF>(q.lanes);
      if (type == Type::S32) return pick2<int32_t, int32_t, int32_t, DivS>(q.lanes);
      if (type == Type::U32) return pick2<uint32_t, uint32_t, uint32_t, DivU>(q.lanes);
      return nullptr;
    case Opcode::Rem:
      if (type == Type::S32) return pick2<int32_t, int32_t, int32_t, RemS>(q.lanes);
      if (type == Type::U32) return pick2<uint32_t, uint32_t, uint32_t, RemU>(q.lanes);
      return nullptr;
    case Opcode::Min:
      return pick_extremum<MinI, MinF>(type, q.lanes);
    case Opcode::Max:
      return pick_extremum<MaxI, MaxF>(type, q.lanes);
    case Opcode::Abs:
      return pick_sign<AbsI, AbsF>(type, q.lanes);
    case Opcode::Neg:
      return pick_sign<NegI, NegF>(type, q.lanes);
    case Opcode::And:
      return pick_bits<And>(type, q.lanes);
    case Opcode::Or:
      return pick_bits<Or>(type, q.lanes);
    case Opcode::Xor:
      return pick_bits<Xor>(type, q.lanes);
    case Opcode::Not:
      return pick_bits1<Not>(type, q.lanes);
    case Opcode::Lop3:
      return pick_lop3(q.lanes);
    case Opcode::Shl:
      return type == Type::B32 ? pick2<uint32_t, uint32_t, uint32_t, Shl>(q.lanes)
                               : pick2<uint64_t, uint64_t, uint32_t, Shl>(q.lanes);
    case Opcode::Shr:
      switch (type) {
        case Type::S32:
          return pick2<int32_t, int32_t, uint32_t, Shr>(q.lanes);
        case Type::U32:
          return pick2<uint32_t, uint32_t, uint32_t, Shr>(q.lanes);
        case Type::S64:
          return pick2<int64_t, int64_t, uint32_t, Shr>(q.lanes);
        default:
          return pick2<uint64_t, uint64_t, uint32_t, Shr>(q.lanes);
      }
    case Opcode::Fshl:
      return type == Type::B32 ? pick3<uint32_t, uint32_t, uint32_t, Fshl>(q.lanes) : nullptr;
    case Opcode::Fshr:
      return type == Type::B32 ? pick3<uint32_t, uint32_t, uint32_t, Fshr>(q.lanes) : nullptr;
    case Opcode::Popc:
      return pick_bits1<Popc>(type, q.lanes);
    case Opcode::Clz:
      return pick_bits1<Clz>(type, q.lanes);
    case Opcode::Ctz:
      return pick_bits1<Ctz>(type, q.lanes);
    case Opcode::Brev:
      return pick_bits1<Brev>(type, q.lanes);
    case Opcode::Setp: {
      const auto comparison = static_cast<Comparison>(q.mod & 15u);
      switch (type) {
        case Type::S32:
          return pick_compare<int32_t>(comparison, q.lanes);
        case Type::U32:
          return pick_compare<uint32_t>(comparison, q.lanes);
        case Type::S64:
          return pick_compare<int64_t>(comparison, q.lanes);
        case Type::U64:
          return pick_compare<uint64_t>(comparison, q.lanes);
        case Type::F32:
          return pick_compare<float>(comparison, q.lanes);
        case Type::F64:
          return pick_compare<double>(comparison, q.lanes);
        default:
          return nullptr;
      }
    }
    case Opcode::Sel:
      return type == Type::B32 ? pick_select<uint32_t>(q.lanes) : pick_select<uint64_t>(q.lanes);
    case Opcode::Cvt:
      return pick_convert(q, type);
    case Opcode::Lea:
      switch (static_cast<Space>(field_of(q.mod, 0, 3))) {
        case Space::Ub:
          return effective_address<Space::Ub>;
        case Space::Local:
          return effective_address<Space::Local>;
        case Space::Param:
          return nullptr;
        default:
          return effective_address<Space::Gm>;
      }
    case Opcode::Ld:
      return pick_memory(true, type, q.mod);
    case Opcode::St:
      return pick_memory(false, type, q.mod);
    default:
      return nullptr;
  }
}

}  // namespace

Handler PHX_LANE_HANDLER(const HandlerRequest& request) { return pick(request); }

}  // namespace phx::sim
