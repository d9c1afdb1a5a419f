// Arithmetic, logic, conversions, comparisons and selection over 32 lanes.
//
// Part of lane_operations.cpp, which says why everything has internal linkage.
#pragma once

#include "device_sim/core/lane_vectors.h"

namespace phx::sim {
namespace {

// --- Operations
struct Copy {
  template <class V>
  PHX_ALWAYS V of(V a) {
    return a;
  }
};
struct Add {
  template <class V>
  PHX_ALWAYS V of(V a, V b) {
    return a + b;
  }
};
struct Sub {
  template <class V>
  PHX_ALWAYS V of(V a, V b) {
    return a - b;
  }
};
struct Mul {
  template <class V>
  PHX_ALWAYS V of(V a, V b) {
    return a * b;
  }
};
struct DivF {
  template <class V>
  PHX_ALWAYS V of(V a, V b) {
    return a / b;
  }
};
struct And {
  template <class V>
  PHX_ALWAYS V of(V a, V b) {
    return a & b;
  }
};
struct Or {
  template <class V>
  PHX_ALWAYS V of(V a, V b) {
    return a | b;
  }
};
struct Xor {
  template <class V>
  PHX_ALWAYS V of(V a, V b) {
    return a ^ b;
  }
};
struct Not {
  template <class V>
  PHX_ALWAYS V of(V a) {
    return ~a;
  }
};
struct Mad {
  template <class V>
  PHX_ALWAYS V of(V a, V b, V c) {
    return a * b + c;
  }
};
struct Fma {
  template <class V>
  PHX_ALWAYS V of(V a, V b, V c) {
    return __builtin_elementwise_fma(a, b, c);
  }
};
struct Sqrt {
  template <class V>
  PHX_ALWAYS V of(V a) {
    return __builtin_elementwise_sqrt(a);
  }
};
struct NegI {
  template <class V>
  PHX_ALWAYS V of(V a) {
    return V(0) - a;
  }
};
struct AbsI {
  template <class V>
  PHX_ALWAYS V of(V a) {
    return a < V(0) ? V(0) - a : a;
  }
};
struct MinI {
  template <class V>
  PHX_ALWAYS V of(V a, V b) {
    return __builtin_elementwise_min(a, b);
  }
};
struct MaxI {
  template <class V>
  PHX_ALWAYS V of(V a, V b) {
    return __builtin_elementwise_max(a, b);
  }
};
struct Popc {
  template <class V>
  PHX_ALWAYS V of(V a) {
    return __builtin_elementwise_popcount(a);
  }
};
struct Brev {
  template <class V>
  PHX_ALWAYS V of(V a) {
    return __builtin_elementwise_bitreverse(a);
  }
};
struct Clz {
  template <class V>
  PHX_ALWAYS V of(V a) {
    return __builtin_elementwise_clzg(a, V(sizeof(a[0]) * 8));
  }
};
struct Ctz {
  template <class V>
  PHX_ALWAYS V of(V a) {
    return __builtin_elementwise_ctzg(a, V(sizeof(a[0]) * 8));
  }
};

// Sign operations work on the bits: a NaN keeps its payload, as the table says.
struct NegF {
  PHX_ALWAYS U32 of(U32 a) { return a ^ 0x80000000u; }
  PHX_ALWAYS U64 of(U64 a) { return a ^ 0x8000000000000000ull; }
};
struct AbsF {
  PHX_ALWAYS U32 of(U32 a) { return a & 0x7fffffffu; }
  PHX_ALWAYS U64 of(U64 a) { return a & 0x7fffffffffffffffull; }
};

// A number wins over NaN, -0 is below +0; two NaN give the canonical one.
struct MinF {
  template <class V, class I>
  PHX_ALWAYS V join(V a, V b) {
    const I x = cast<I>(a), y = cast<I>(b);
    const I smaller = (a < b) ? x : (b < a) ? y : (a == b) ? (x | y) : (a == a) ? x : y;
    return cast<V>(smaller);
  }
  PHX_ALWAYS F32 of(F32 a, F32 b) { return join<F32, I32>(a, b); }
  PHX_ALWAYS F64 of(F64 a, F64 b) { return join<F64, I64>(a, b); }
};
struct MaxF {
  template <class V, class I>
  PHX_ALWAYS V join(V a, V b) {
    const I x = cast<I>(a), y = cast<I>(b);
    const I larger = (a > b) ? x : (b > a) ? y : (a == b) ? (x & y) : (a == a) ? x : y;
    return cast<V>(larger);
  }
  PHX_ALWAYS F32 of(F32 a, F32 b) { return join<F32, I32>(a, b); }
  PHX_ALWAYS F64 of(F64 a, F64 b) { return join<F64, I64>(a, b); }
};

struct Shl {
  PHX_ALWAYS U32 of(U32 a, U32 b) { return (b < 32u) ? a << (b & 31u) : U32(0); }
  PHX_ALWAYS U64 of(U64 a, U32 b) {
    const U64 n = PHX_CONVERT(uint64_t, b);
    return (n < 64ull) ? a << (n & 63ull) : U64(0);
  }
};
struct Shr {
  PHX_ALWAYS U32 of(U32 a, U32 b) { return (b < 32u) ? a >> (b & 31u) : U32(0); }
  PHX_ALWAYS I32 of(I32 a, U32 b) { return a >> cast<I32>((b < 31u) ? b : U32(31)); }
  PHX_ALWAYS U64 of(U64 a, U32 b) {
    const U64 n = PHX_CONVERT(uint64_t, b);
    return (n < 64ull) ? a >> (n & 63ull) : U64(0);
  }
  PHX_ALWAYS I64 of(I64 a, U32 b) { return a >> PHX_CONVERT(int64_t, (b < 63u) ? b : U32(63)); }
};
struct Fshl {
  PHX_ALWAYS U32 of(U32 a, U32 b, U32 c) {
    const U32 n = c & 31u;
    return (a << n) | ((b >> 1) >> (31u - n));
  }
};
struct Fshr {
  PHX_ALWAYS U32 of(U32 a, U32 b, U32 c) {
    const U32 n = c & 31u;
    return (b >> n) | ((a << 1) << (31u - n));
  }
};

struct MulHiS {
  PHX_ALWAYS I32 of(I32 a, I32 b) {
    return PHX_CONVERT(int32_t, (PHX_CONVERT(int64_t, a) * PHX_CONVERT(int64_t, b)) >> 32);
  }
};
struct MulHiU {
  PHX_ALWAYS U32 of(U32 a, U32 b) {
    return PHX_CONVERT(uint32_t, (PHX_CONVERT(uint64_t, a) * PHX_CONVERT(uint64_t, b)) >> 32);
  }
};
struct MulW {
  PHX_ALWAYS I64 of(I32 a, I32 b) { return PHX_CONVERT(int64_t, a) * PHX_CONVERT(int64_t, b); }
  PHX_ALWAYS U64 of(U32 a, U32 b) { return PHX_CONVERT(uint64_t, a) * PHX_CONVERT(uint64_t, b); }
};
struct MadW {
  PHX_ALWAYS I64 of(I32 a, I32 b, I64 c) { return cast<I64>(cast<U64>(MulW::of(a, b)) + cast<U64>(c)); }
  PHX_ALWAYS U64 of(U32 a, U32 b, U64 c) { return MulW::of(a, b) + c; }
};

// 32-bit quotients by division of doubles, which is exact after truncation for operands of 32 bits.
struct DivS {
  PHX_ALWAYS I32 of(I32 a, I32 b) {
    const I32 divisor = (b == 0) ? I32(1) : b;
    const I64 q = __builtin_convertvector(__builtin_convertvector(a, F64) / __builtin_convertvector(divisor, F64), I64);
    return (b == 0) ? I32(-1) : PHX_CONVERT(int32_t, q);
  }
};
struct DivU {
  PHX_ALWAYS U32 of(U32 a, U32 b) {
    const U32 divisor = (b == 0u) ? U32(1) : b;
    const I64 q = __builtin_convertvector(__builtin_convertvector(a, F64) / __builtin_convertvector(divisor, F64), I64);
    return (b == 0u) ? U32(0xffffffffu) : PHX_CONVERT(uint32_t, q);
  }
};
struct RemS {
  PHX_ALWAYS I32 of(I32 a, I32 b) {
    return (b == 0) ? a : cast<I32>(cast<U32>(a) - cast<U32>(DivS::of(a, b)) * cast<U32>(b));
  }
};
struct RemU {
  PHX_ALWAYS U32 of(U32 a, U32 b) { return (b == 0u) ? a : a - DivU::of(a, b) * b; }
};

// --- Conversions that are exact or round to nearest in the host's own instructions
struct WidenS {
  PHX_ALWAYS I64 of(I32 a) { return PHX_CONVERT(int64_t, a); }
};
struct WidenU {
  PHX_ALWAYS U64 of(U32 a) { return PHX_CONVERT(uint64_t, a); }
};
struct Narrow {
  PHX_ALWAYS U32 of(U64 a) { return PHX_CONVERT(uint32_t, a); }
};
template <unsigned N>
struct ExtendS {
  PHX_ALWAYS I32 of(I32 a) { return cast<I32>(cast<U32>(a) << (32 - N)) >> (32 - N); }
};
template <unsigned N>
struct ExtendU {
  PHX_ALWAYS U32 of(U32 a) { return a & ((1u << N) - 1); }
};
struct IntToF32 {
  PHX_ALWAYS F32 of(I32 a) { return __builtin_convertvector(a, F32); }
  PHX_ALWAYS F32 of(U32 a) {
    return __builtin_convertvector(__builtin_convertvector(a, F64), F32);
  }  // the F64 is exact
};
struct IntToF64 {
  PHX_ALWAYS F64 of(I32 a) { return __builtin_convertvector(a, F64); }
  PHX_ALWAYS F64 of(U32 a) { return __builtin_convertvector(a, F64); }
};
struct ToF64 {
  PHX_ALWAYS F64 of(F32 a) { return __builtin_convertvector(a, F64); }
};
struct ToF32 {
  PHX_ALWAYS F32 of(F64 a) { return __builtin_convertvector(a, F32); }
};
// Toward zero, saturating.
struct TruncateS {
  PHX_ALWAYS I32 of(F64 x, F64 nan) {
    const F64 known = cast<F64>((x == x) ? cast<I64>(x) : cast<I64>(nan));
    const F64 low = cast<F64>((known < F64(-2147483648.0)) ? cast<I64>(F64(-2147483648.0)) : cast<I64>(known));
    const F64 inside = cast<F64>((low > F64(2147483647.0)) ? cast<I64>(F64(2147483647.0)) : cast<I64>(low));
    return __builtin_convertvector(inside, I32);
  }
  PHX_ALWAYS I32 of(F32 a) { return of(__builtin_convertvector(a, F64), F64(0)); }
  PHX_ALWAYS I32 of(F64 a) { return of(a, F64(-2147483648.0)); }
};

// --- Predicates
template <class T, Comparison C>
PHX_ALWAYS auto compare(Vec<T> a, Vec<T> b) {
  if constexpr (C == Comparison::Eq)
    return a == b;
  else if constexpr (C == Comparison::Ne && kFloating<T>)
    return (a < b) | (a > b);
  else if constexpr (C == Comparison::Ne || C == Comparison::Neu)
    return a != b;
  else if constexpr (C == Comparison::Lt)
    return a < b;
  else if constexpr (C == Comparison::Le)
    return a <= b;
  else if constexpr (C == Comparison::Gt)
    return a > b;
  else if constexpr (C == Comparison::Ge)
    return a >= b;
  else if constexpr (C == Comparison::Equ)
    return ~((a < b) | (a > b));
  else if constexpr (C == Comparison::Ltu)
    return ~(a >= b);
  else if constexpr (C == Comparison::Leu)
    return ~(a > b);
  else if constexpr (C == Comparison::Gtu)
    return ~(a <= b);
  else if constexpr (C == Comparison::Geu)
    return ~(a < b);
  else if constexpr (C == Comparison::Num)
    return (a == a) & (b == b);
  else
    return (a != a) | (b != b);
}
template <class T, Comparison C, Kind A, Kind B>
void set_predicate(const Decoded* d, Frame* f) {
  const auto a = Source<T, A>::make(d, f, d->a);
  const auto b = Source<T, B>::make(d, f, d->b);
  const uint32_t bits =
      gather_bits(compare<T, C>(a.at(0), b.at(0)), 0) | gather_bits(compare<T, C>(a.at(kWidth), b.at(kWidth)), kWidth);
  uint32_t& p = f->p[d->dst];
  p = (p & ~f->mask) | (bits & f->mask);
  PHX_NEXT;
}
template <class T, Comparison C>
Handler pick_compare(uint8_t lanes) {
  switch (lanes & (kLaneA | kLaneB)) {
    case kLaneA | kLaneB:
      return set_predicate<T, C, L, L>;
    case kLaneA:
      return set_predicate<T, C, L, U>;
    case kLaneB:
      return set_predicate<T, C, U, L>;
    default:
      return set_predicate<T, C, U, U>;
  }
}
template <class T>
Handler pick_compare(Comparison comparison, uint8_t lanes) {
  switch (comparison) {
    case Comparison::Eq:
      return pick_compare<T, Comparison::Eq>(lanes);
    case Comparison::Ne:
      return pick_compare<T, Comparison::Ne>(lanes);
    case Comparison::Lt:
      return pick_compare<T, Comparison::Lt>(lanes);
    case Comparison::Le:
      return pick_compare<T, Comparison::Le>(lanes);
    case Comparison::Gt:
      return pick_compare<T, Comparison::Gt>(lanes);
    case Comparison::Ge:
      return pick_compare<T, Comparison::Ge>(lanes);
    default:
      break;
  }
  if constexpr (kFloating<T>) switch (comparison) {
      case Comparison::Equ:
        return pick_compare<T, Comparison::Equ>(lanes);
      case Comparison::Neu:
        return pick_compare<T, Comparison::Neu>(lanes);
      case Comparison::Ltu:
        return pick_compare<T, Comparison::Ltu>(lanes);
      case Comparison::Leu:
        return pick_compare<T, Comparison::Leu>(lanes);
      case Comparison::Gtu:
        return pick_compare<T, Comparison::Gtu>(lanes);
      case Comparison::Geu:
        return pick_compare<T, Comparison::Geu>(lanes);
      case Comparison::Num:
        return pick_compare<T, Comparison::Num>(lanes);
      case Comparison::Nan:
        return pick_compare<T, Comparison::Nan>(lanes);
      default:
        break;
    }
  return nullptr;
}

template <class T, Kind A, Kind B>
void select(const Decoded* d, Frame* f) {
  const auto a = Source<T, A>::make(d, f, d->a);
  const auto b = Source<T, B>::make(d, f, d->b);
  const uint32_t p = f->p[d->c];
  write<T>(d, f, [&](unsigned h) __attribute__((always_inline)) {
    const U32 truth = spread(p, h);
    if constexpr (sizeof(T) == 4)
      return blend(truth, a.at(h), b.at(h));
    else
      return cast<U64>(PHX_CONVERT(int64_t, cast<I32>(truth)) ? cast<I64>(a.at(h)) : cast<I64>(b.at(h)));
  });
  PHX_NEXT;
}
template <class T>
Handler pick_select(uint8_t lanes) {
  switch (lanes & (kLaneA | kLaneB)) {
    case kLaneA | kLaneB:
      return select<T, L, L>;
    case kLaneA:
      return select<T, L, U>;
    case kLaneB:
      return select<T, U, L>;
    default:
      return select<T, U, U>;
  }
}

template <Kind A, Kind B, Kind C>
void lop3(const Decoded* d, Frame* f) {
  const auto a = Source<uint32_t, A>::make(d, f, d->a);
  const auto b = Source<uint32_t, B>::make(d, f, d->b);
  const auto c = Source<uint32_t, C>::make(d, f, d->c);
  const unsigned table = d->mod & 0xffu;
  write<uint32_t>(d, f, [&](unsigned h) __attribute__((always_inline)) {
    const U32 x = a.at(h), y = b.at(h), z = c.at(h);
    U32 result = U32(0);
    for (unsigned row = 0; row < 8; ++row)
      if (table >> row & 1) result |= (row & 4 ? x : ~x) & (row & 2 ? y : ~y) & (row & 1 ? z : ~z);
    return result;
  });
  PHX_NEXT;
}
inline Handler pick_lop3(uint8_t lanes) {
  switch (lanes & (kLaneA | kLaneB | kLaneC)) {
    case kLaneA | kLaneB | kLaneC:
      return lop3<L, L, L>;
    case kLaneA | kLaneB:
      return lop3<L, L, U>;
    case kLaneA | kLaneC:
      return lop3<L, U, L>;
    case kLaneB | kLaneC:
      return lop3<U, L, L>;
    default:
      return nullptr;
  }
}

}  // namespace
}  // namespace phx::sim
