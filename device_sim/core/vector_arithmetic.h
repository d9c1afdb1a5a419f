// Elementwise arithmetic and logic of a row; the operations are those of the lanes (lane_arithmetic.h) where the
// definition is the same.
//
// Part of vector_rows.cpp, which says why everything has internal linkage.
#pragma once

#include "device_sim/core/lane_arithmetic.h"
#include "device_sim/core/vector_lanes.h"

namespace phx::sim {
namespace {

// IEEE 754-2019 maximum and minimum: NaN wins, -0 is below +0.
struct Maximum {
  PHX_ALWAYS F32 of(F32 a, F32 b) {
    const I32 x = cast<I32>(a), y = cast<I32>(b);
    return cast<F32>((a > b) ? x : (b > a) ? y : (a == b) ? (x & y) : I32(0x7fffffff));
  }
};
struct Minimum {
  PHX_ALWAYS F32 of(F32 a, F32 b) {
    const I32 x = cast<I32>(a), y = cast<I32>(b);
    return cast<F32>((a < b) ? x : (b < a) ? y : (a == b) ? (x | y) : I32(0x7fffffff));
  }
};
struct ReluI {
  PHX_ALWAYS I32 of(I32 a) { return MaxI::of(a, I32(0)); }
};
struct ReluF {
  template <class E>
  PHX_ALWAYS F32 of(F32 a) {
    return Maximum::of(a, F32(0));
  }
};
struct Root {
  template <class E>
  PHX_ALWAYS F32 of(F32 a) {
    return Sqrt::of(a);
  }
};
struct Reciprocal {
  template <class E>
  PHX_ALWAYS F32 of(F32 a) {
    return F32(1) / a;
  }
};
struct ReciprocalRoot {
  template <class E>
  PHX_ALWAYS F32 of(F32 a) {
    return F32(1) / E::rounded(Sqrt::of(a));
  }
};
struct AbsHalf {
  PHX_ALWAYS U16 of(U16 a) { return a & 0x7fffu; }
};

template <class E, class Op>
void row_of_two(const RowOperands& row) {
  using M = typename E::Memory;
  each_pair<M, M>(row, [](M a, M b) __attribute__((always_inline)) { return E::out(Op::of(E::in(a), E::in(b))); });
}
// Integers and bits: nothing to make canonical.
template <class T, class Op>
void row_of_one(const RowOperands& row) {
  each<Vec<T>, Vec<T>>(row, [](Vec<T> a) __attribute__((always_inline)) { return Op::of(a); });
}
template <class E, class Op>
void float_row_of_one(const RowOperands& row) {
  using M = typename E::Memory;
  each<M, M>(row, [](M a) __attribute__((always_inline)) { return E::out(Op::template of<E>(E::in(a))); });
}

// Signed and unsigned integers are the same where the result wraps.
template <class Op>
RowKernel pick_wrapping(Type type) {
  switch (type) {
    case Type::F16:
      return row_of_two<Half, Op>;
    case Type::F32:
      return row_of_two<Plain<float>, Op>;
    case Type::S16:
      return row_of_two<Plain<uint16_t>, Op>;
    case Type::S32:
      return row_of_two<Plain<uint32_t>, Op>;
    default:
      return nullptr;
  }
}
template <class Integer, class Float>
RowKernel pick_extreme(Type type) {
  switch (type) {
    case Type::F16:
      return row_of_two<Half, Float>;
    case Type::F32:
      return row_of_two<Plain<float>, Float>;
    case Type::S16:
      return row_of_two<Plain<int16_t>, Integer>;
    case Type::S32:
      return row_of_two<Plain<int32_t>, Integer>;
    default:
      return nullptr;
  }
}
template <class Op>
RowKernel pick_logic(Type type) {
  return type == Type::U16 ? row_of_two<Plain<uint16_t>, Op> : row_of_two<Plain<uint32_t>, Op>;
}
template <class Op>
RowKernel pick_float(Type type) {
  return type == Type::F16 ? float_row_of_one<Half, Op> : float_row_of_one<Plain<float>, Op>;
}

inline RowKernel pick_elementwise(Opcode op, Type type) {
  switch (op) {
    case Opcode::Vadd:
    case Opcode::Vadds:
      return pick_wrapping<Add>(type);
    case Opcode::Vsub:
      return pick_wrapping<Sub>(type);
    case Opcode::Vmul:
    case Opcode::Vmuls:
      return pick_wrapping<Mul>(type);
    case Opcode::Vdiv:
      if (type == Type::S32) return row_of_two<Plain<int32_t>, DivS>;
      return type == Type::F16 ? row_of_two<Half, DivF> : row_of_two<Plain<float>, DivF>;
    case Opcode::Vmax:
    case Opcode::Vmaxs:
      return pick_extreme<MaxI, Maximum>(type);
    case Opcode::Vmin:
    case Opcode::Vmins:
      return pick_extreme<MinI, Minimum>(type);
    case Opcode::Vand:
      return pick_logic<And>(type);
    case Opcode::Vor:
      return pick_logic<Or>(type);
    case Opcode::Vxor:
      return pick_logic<Xor>(type);
    case Opcode::Vsqrt:
      return pick_float<Root>(type);
    case Opcode::Vrsqrt:
      return pick_float<ReciprocalRoot>(type);
    case Opcode::Vrec:
      return pick_float<Reciprocal>(type);
    case Opcode::Vabs:
      if (type == Type::S32) return row_of_one<int32_t, AbsI>;
      return type == Type::F16 ? row_of_one<uint16_t, AbsHalf> : row_of_one<uint32_t, AbsF>;
    case Opcode::Vrelu:
      return type == Type::S32 ? row_of_one<int32_t, ReluI> : pick_float<ReluF>(type);
    case Opcode::Vnot:
      return type == Type::U16 ? row_of_one<uint16_t, Not> : row_of_one<uint32_t, Not>;
    default:
      return nullptr;
  }
}

}  // namespace
}  // namespace phx::sim
