// Handlers that execute one instruction for 32 lanes, compiled once per instruction-set level of the host
// (CMakeLists.txt). The results are the same bits on every level: only exact operations are used, and NaN results are
// made canonical.
//
// Everything but the selecting function has internal linkage, and nothing is called that a header could share: the
// linker must never keep the copy of a function that was compiled for a newer host.
#include "device_sim/core/decoded.h"
#include "device_sim/isa/isa.h"

#pragma clang diagnostic ignored "-Wpsabi"

namespace phx::sim {
namespace {

using isa::CachePolicy;
using isa::Comparison;
using isa::Opcode;
using isa::Space;
using isa::Type;

#define PHX_ALWAYS static inline __attribute__((always_inline))
#define PHX_NEXT [[clang::musttail]] return d[1].run(d + 1, f)

// --- Vectors of 16 lanes; a row of 32 lanes is two of them
// ------------------------------------------------------------------
constexpr unsigned kWidth = 16;
using U8 = uint8_t __attribute__((ext_vector_type(16)));
using I8 = int8_t __attribute__((ext_vector_type(16)));
using U16 = uint16_t __attribute__((ext_vector_type(16)));
using I16 = int16_t __attribute__((ext_vector_type(16)));
using U32 = uint32_t __attribute__((ext_vector_type(16)));
using I32 = int32_t __attribute__((ext_vector_type(16)));
using U64 = uint64_t __attribute__((ext_vector_type(16)));
using I64 = int64_t __attribute__((ext_vector_type(16)));
using F32 = float __attribute__((ext_vector_type(16)));
using F64 = double __attribute__((ext_vector_type(16)));
using Bits = bool __attribute__((ext_vector_type(16)));

template <class T>
struct VectorOf;
template <>
struct VectorOf<uint8_t> {
  using type = U8;
};
template <>
struct VectorOf<int8_t> {
  using type = I8;
};
template <>
struct VectorOf<uint16_t> {
  using type = U16;
};
template <>
struct VectorOf<int16_t> {
  using type = I16;
};
template <>
struct VectorOf<uint32_t> {
  using type = U32;
};
template <>
struct VectorOf<int32_t> {
  using type = I32;
};
template <>
struct VectorOf<uint64_t> {
  using type = U64;
};
template <>
struct VectorOf<int64_t> {
  using type = I64;
};
template <>
struct VectorOf<float> {
  using type = F32;
};
template <>
struct VectorOf<double> {
  using type = F64;
};
template <class T>
using Vec = typename VectorOf<T>::type;

template <class T>
inline constexpr bool kFloating = false;
template <>
inline constexpr bool kFloating<float> = true;
template <>
inline constexpr bool kFloating<double> = true;

template <class To, class From>
PHX_ALWAYS To cast(From from) {
  return __builtin_bit_cast(To, from);
}
#define PHX_CONVERT(T, v) __builtin_convertvector(v, Vec<T>)

PHX_ALWAYS U32 row(const uint32_t* words, unsigned half) { return *reinterpret_cast<const U32*>(words + half); }
PHX_ALWAYS void set_row(uint32_t* words, unsigned half, U32 value) { *reinterpret_cast<U32*>(words + half) = value; }
PHX_ALWAYS U32 blend(U32 mask, U32 yes, U32 no) { return (yes & mask) | (no & ~mask); }
PHX_ALWAYS U32 spread(uint32_t bits, unsigned half) {  // all ones where the bit of the lane is set
  return cast<U32>(-__builtin_convertvector(cast<Bits>(static_cast<uint16_t>(bits >> half)), I32));
}
template <class V>
PHX_ALWAYS uint32_t gather_bits(V truth, unsigned half) {
  return static_cast<uint32_t>(cast<uint16_t>(__builtin_convertvector(truth, Bits))) << half;
}

PHX_ALWAYS F32 canonical(F32 x) { return cast<F32>((x == x) ? cast<I32>(x) : I32(0x7fffffff)); }
PHX_ALWAYS F64 canonical(F64 x) { return cast<F64>((x == x) ? cast<I64>(x) : I64(0x7ff8000000000000)); }
template <class V>
PHX_ALWAYS V canonical(V x) {
  return x;
}

// --- Operands
// --------------------------------------------------------------------------------------------------------------
enum Kind { L, U };  // lane registers, or one value for all lanes

PHX_ALWAYS uint64_t uniform(const Decoded* d, const Frame* f, uint8_t slot) {
  return slot == kScalarImmediate ? d->immediate : f->s[slot];
}
PHX_ALWAYS uint32_t* words(const Frame* f, uint8_t slot) { return f->r + slot * 32u; }

template <class T>
PHX_ALWAYS Vec<T> lanes(const uint32_t* low, unsigned half) {
  if constexpr (sizeof(T) == 4)
    return cast<Vec<T>>(row(low, half));
  else
    return cast<Vec<T>>(PHX_CONVERT(uint64_t, row(low, half)) | (PHX_CONVERT(uint64_t, row(low + 32, half)) << 32));
}

template <class T, Kind K>
struct Source;
template <class T>
struct Source<T, L> {
  const uint32_t* low;
  PHX_ALWAYS Source make(const Decoded*, const Frame* f, uint8_t slot) { return {words(f, slot)}; }
  inline __attribute__((always_inline)) Vec<T> at(unsigned half) const { return lanes<T>(low, half); }
};
template <class T>
struct Source<T, U> {
  T value;
  PHX_ALWAYS Source make(const Decoded* d, const Frame* f, uint8_t slot) {
    if constexpr (sizeof(T) == 4)
      return {cast<T>(static_cast<uint32_t>(uniform(d, f, slot)))};
    else
      return {cast<T>(uniform(d, f, slot))};
  }
  inline __attribute__((always_inline)) Vec<T> at(unsigned) const { return Vec<T>(value); }
};

template <class T>
PHX_ALWAYS void put_all(uint32_t* low, unsigned half, Vec<T> value) {
  if constexpr (sizeof(T) == 4) {
    set_row(low, half, cast<U32>(value));
  } else {
    const U64 bits = cast<U64>(value);
    set_row(low, half, PHX_CONVERT(uint32_t, bits));
    set_row(low + 32, half, PHX_CONVERT(uint32_t, bits >> 32));
  }
}
template <class T>
PHX_ALWAYS void put_some(const Frame* f, uint32_t* low, unsigned half, Vec<T> value) {
  const U32 mask = row(f->lane_mask, half);
  if constexpr (sizeof(T) == 4) {
    set_row(low, half, blend(mask, cast<U32>(value), row(low, half)));
  } else {
    const U64 bits = cast<U64>(value);
    set_row(low, half, blend(mask, PHX_CONVERT(uint32_t, bits), row(low, half)));
    set_row(low + 32, half, blend(mask, PHX_CONVERT(uint32_t, bits >> 32), row(low + 32, half)));
  }
}

// Runs `compute(half)` for both halves and writes the active lanes of the destination.
template <class T, class Compute>
PHX_ALWAYS void write(const Decoded* d, Frame* f, Compute compute) {
  uint32_t* low = words(f, d->dst);
  if (f->mask == kAllLanes) {
    put_all<T>(low, 0, compute(0));
    put_all<T>(low, kWidth, compute(kWidth));
  } else {
    put_some<T>(f, low, 0, compute(0));
    put_some<T>(f, low, kWidth, compute(kWidth));
  }
}

// --- Shapes: R result type, S source type
// ----------------------------------------------------------------------------------
template <class R, class S, class Op, Kind A>
void unary(const Decoded* d, Frame* f) {
  const auto a = Source<S, A>::make(d, f, d->a);
  write<R>(d, f, [&](unsigned h) __attribute__((always_inline)) { return canonical(Op::of(a.at(h))); });
  PHX_NEXT;
}
template <class R, class S, class S2, class Op, Kind A, Kind B>
void binary(const Decoded* d, Frame* f) {
  const auto a = Source<S, A>::make(d, f, d->a);
  const auto b = Source<S2, B>::make(d, f, d->b);
  write<R>(d, f, [&](unsigned h) __attribute__((always_inline)) { return canonical(Op::of(a.at(h), b.at(h))); });
  PHX_NEXT;
}
template <class R, class S, class S3, class Op, Kind A, Kind B, Kind C>
void ternary(const Decoded* d, Frame* f) {
  const auto a = Source<S, A>::make(d, f, d->a);
  const auto b = Source<S, B>::make(d, f, d->b);
  const auto c = Source<S3, C>::make(d, f, d->c);
  write<R>(d, f,
           [&](unsigned h) __attribute__((always_inline)) { return canonical(Op::of(a.at(h), b.at(h), c.at(h))); });
  PHX_NEXT;
}

template <class R, class S, class Op>
Handler pick1(uint8_t lanes) {
  return lanes & kLaneA ? unary<R, S, Op, L> : unary<R, S, Op, U>;
}
template <class R, class S, class S2, class Op>
Handler pick2(uint8_t lanes) {
  switch (lanes & (kLaneA | kLaneB)) {
    case kLaneA | kLaneB:
      return binary<R, S, S2, Op, L, L>;
    case kLaneA:
      return binary<R, S, S2, Op, L, U>;
    case kLaneB:
      return binary<R, S, S2, Op, U, L>;
    default:
      return binary<R, S, S2, Op, U, U>;
  }
}
template <class R, class S, class S3, class Op>
Handler pick3(uint8_t lanes) {
  switch (lanes & (kLaneA | kLaneB | kLaneC)) {
    case kLaneA | kLaneB | kLaneC:
      return ternary<R, S, S3, Op, L, L, L>;
    case kLaneA | kLaneB:
      return ternary<R, S, S3, Op, L, L, U>;
    case kLaneA | kLaneC:
      return ternary<R, S, S3, Op, L, U, L>;
    case kLaneB | kLaneC:
      return ternary<R, S, S3, Op, U, L, L>;
    case kLaneA:
      return ternary<R, S, S3, Op, L, U, U>;
    case kLaneB:
      return ternary<R, S, S3, Op, U, L, U>;
    case kLaneC:
      return ternary<R, S, S3, Op, U, U, L>;
    default:
      return ternary<R, S, S3, Op, U, U, U>;
  }
}

// --- Operations
// ------------------------------------------------------------------------------------------------------------
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
// -------------------------------------------
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
// ------------------------------------------------------------------------------------------------------------
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
Handler pick_lop3(uint8_t lanes) {
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

// --- Memory
// ---------------------------------------------------------------------------------------------------------------- The
// fast paths: the whole access lies in the buffer that the instruction used last (gm), in the block's unified buffer,
// in the lanes' local memory or in the parameters. Everything else, faults included, is done by load_slow and
// store_slow.
constexpr unsigned field_of(uint16_t mod, unsigned low, unsigned width) { return (mod >> low) & ((1u << width) - 1u); }

const U32 kIota[2] = {U32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
                      U32{16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31}};

PHX_ALWAYS bool any(U32 v) { return __builtin_reduce_or(v) != 0; }
PHX_ALWAYS bool any(U64 v) { return __builtin_reduce_or(v) != 0; }

// Effective addresses of all lanes; inactive lanes get the address of the first active one.
template <Space S>
PHX_ALWAYS void addresses(const Decoded* d, const Frame* f, uint64_t* out) {
  const unsigned scale = field_of(d->mod, 3, 3);
  const bool zero_extend = field_of(d->mod, 6, 1);
  for (unsigned h = 0; h < 32; h += kWidth) {
    U64 at = U64(d->immediate);
    at += d->flags & kBaseIsPair ? lanes<uint64_t>(words(f, d->a), h) : U64(f->s[d->a]);
    if (d->lanes & kLaneB) {
      const U32 index = row(words(f, d->b), h);
      const U64 wide = zero_extend ? PHX_CONVERT(uint64_t, index) : cast<U64>(PHX_CONVERT(int64_t, cast<I32>(index)));
      at += wide << U64(scale);
    } else {
      const uint32_t index = static_cast<uint32_t>(f->s[d->b]);
      const uint64_t wide =
          zero_extend ? index : static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(index)));
      at += U64(wide << scale);
    }
    if constexpr (S != Space::Gm && S != Space::Generic) at &= U64(0xffffffffull);
    *reinterpret_cast<U64*>(out + h) = at;
  }
  if (f->mask != kAllLanes) {
    const uint64_t first = out[__builtin_ctz(f->mask)];
    for (unsigned h = 0; h < 32; h += kWidth) {
      U64& at = *reinterpret_cast<U64*>(out + h);
      at = PHX_CONVERT(int64_t, cast<I32>(row(f->lane_mask, h))) ? at : U64(first);
    }
  }
}

// Where accesses of the instruction at `address` go, if that is simple.
struct Window {
  uint64_t start, size;
  unsigned char* bytes;
  uint64_t lane_stride;  // local memory: distance between the memories of neighbouring lanes
  bool writable;
};
template <Space S>
PHX_ALWAYS Window window(const Decoded* d, Frame* f, uint64_t address) {
  if constexpr (S == Space::Ub) return {0, f->ub_bytes, f->ub, 0, true};
  if constexpr (S == Space::Local) return {0, f->local_bytes, f->local, f->local_bytes, true};
  if constexpr (S == Space::Param) return {0, f->param_bytes, const_cast<unsigned char*>(f->params), 0, false};
  if constexpr (S == Space::Generic) {
    if ((address & isa::kWindowMask) == isa::kUbWindow) return {isa::kUbWindow, f->ub_bytes, f->ub, 0, true};
    if ((address & isa::kWindowMask) == isa::kLocalWindow)
      return {isa::kLocalWindow, f->local_bytes, f->local, f->local_bytes, true};
  }
  const View& view = f->views[d->index % kViews];
  if (__builtin_expect(address - view.address >= view.size, 0)) refresh_view(d, f, address);
  return {view.address, view.size, view.bytes, 0, view.writable};
}

// All lanes inside the window and aligned?
template <unsigned Bytes>
PHX_ALWAYS bool simple(const Window& w, const uint64_t* at) {
  if (w.size < Bytes || !w.bytes) return false;
  const uint64_t last = w.size - Bytes;
  I64 bad = I64(0);
  for (unsigned h = 0; h < 32; h += kWidth) {
    const U64 a = *reinterpret_cast<const U64*>(at + h);
    bad |= ((a - U64(w.start)) > U64(last)) | ((a & U64(Bytes - 1)) != U64(0));
  }
  return !any(cast<U64>(bad));
}

template <class M>
PHX_ALWAYS uint64_t widened(M value) {
  if constexpr (sizeof(M) == 8)
    return value;
  else if constexpr (M(-1) < M(0))
    return static_cast<uint32_t>(static_cast<int32_t>(value));
  else
    return static_cast<uint32_t>(value);
}
template <class M>
PHX_ALWAYS M fetch(const unsigned char* from) {
  M value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}
template <class M>
using Register = typename VectorOf<M>::type;

// Is the access unit-stride over all 32 lanes with 32-bit indices? Then `first` is lane 0's address.
template <Space S, unsigned Bytes>
PHX_ALWAYS bool unit_stride(const Decoded* d, const Frame* f, uint64_t* first) {
  if (f->mask != kAllLanes || !(d->lanes & kLaneB) || (d->flags & kBaseIsPair)) return false;
  const unsigned scale = field_of(d->mod, 3, 3);
  const uint32_t* index = words(f, d->b);
  const uint32_t start = index[0], step = Bytes >> scale;
  if ((step << scale) != Bytes || step == 0 || start > 0x7fffffffu - 32u * 16u) return false;
  if (any((row(index, 0) ^ (kIota[0] * step + start)) | (row(index, kWidth) ^ (kIota[1] * step + start)))) return false;
  *first = f->s[d->a] + (static_cast<uint64_t>(start) << scale) + d->immediate;
  if constexpr (S != Space::Gm && S != Space::Generic) *first &= 0xffffffffull;
  return true;
}

template <Space S, class M, unsigned N>
bool load_lanes(const Decoded* d, Frame* f) {
  constexpr unsigned kBytes = sizeof(M) * N;
  using R = __typeof__(M(0) + 0u);  // 32-bit unsigned, or the 64-bit type itself
  constexpr unsigned kRows = sizeof(R) / 4;
  uint64_t first;
  if constexpr (S == Space::Gm || S == Space::Ub || S == Space::Generic) {
    if (N == 1 && unit_stride<S, kBytes>(d, f, &first)) {
      const Window w = window<S>(d, f, first);
      if (w.lane_stride == 0 && w.bytes && first - w.start < w.size && 32 * kBytes <= w.size - (first - w.start) &&
          first % kBytes == 0) {
        if (f->recording) record_run(d, f, first, 32 * kBytes, 32 * kBytes);
        const unsigned char* from = w.bytes + (first - w.start);
        uint32_t* low = words(f, d->dst);
        for (unsigned h = 0; h < 32; h += kWidth) {
          Vec<M> raw;
          __builtin_memcpy(&raw, from + h * sizeof(M), sizeof raw);
          if constexpr (sizeof(M) == 8)
            put_all<uint64_t>(low, h, cast<U64>(raw));
          else if constexpr (M(-1) < M(0))
            put_all<int32_t>(low, h, PHX_CONVERT(int32_t, raw));
          else
            put_all<uint32_t>(low, h, PHX_CONVERT(uint32_t, raw));
        }
        return true;
      }
    }
  }
  if (!(d->lanes & kLaneB) && !(d->flags & kBaseIsPair) && S != Space::Local) {  // one address for all lanes
    const uint32_t index = static_cast<uint32_t>(f->s[d->b]);
    const uint64_t wide =
        field_of(d->mod, 6, 1) ? index : static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(index)));
    first = f->s[d->a] + (wide << field_of(d->mod, 3, 3)) + d->immediate;
    if constexpr (S != Space::Gm && S != Space::Generic) first &= 0xffffffffull;
    const Window w = window<S>(d, f, first);
    if (w.lane_stride == 0 && w.bytes && first - w.start < w.size && kBytes <= w.size - (first - w.start) &&
        first % kBytes == 0) {
      if (f->recording) record_run(d, f, first, kBytes, kBytes * static_cast<unsigned>(__builtin_popcount(f->mask)));
      for (unsigned n = 0; n < N; ++n) {
        const uint64_t value = widened(fetch<M>(w.bytes + (first - w.start) + n * sizeof(M)));
        uint32_t* low = words(f, d->dst) + n * kRows * 32;
        for (unsigned h = 0; h < 32; h += kWidth) {
          put_some<uint32_t>(f, low, h, U32(static_cast<uint32_t>(value)));
          if constexpr (kRows == 2) put_some<uint32_t>(f, low + 32, h, U32(static_cast<uint32_t>(value >> 32)));
        }
      }
      return true;
    }
    return load_slow(d, f);
  }
  alignas(128) uint64_t at[32];
  addresses<S>(d, f, at);
  const Window w = window<S>(d, f, at[__builtin_ctz(f->mask)]);
  if (!simple<kBytes>(w, at)) return load_slow(d, f);
  if (f->recording) record_access(d, f, at, kBytes);
  const bool all = f->mask == kAllLanes;
  for (unsigned n = 0; n < N; ++n) {
    alignas(64) uint32_t value[kRows][32];
    for (unsigned i = 0; i < 32; ++i) {
      const uint64_t v = widened(fetch<M>(w.bytes + (at[i] - w.start) + i * w.lane_stride + n * sizeof(M)));
      value[0][i] = static_cast<uint32_t>(v);
      if constexpr (kRows == 2) value[1][i] = static_cast<uint32_t>(v >> 32);
    }
    uint32_t* low = words(f, d->dst) + n * kRows * 32;
    for (unsigned k = 0; k < kRows; ++k)
      for (unsigned h = 0; h < 32; h += kWidth)
        if (all)
          set_row(low + k * 32, h, row(value[k], h));
        else
          put_some<uint32_t>(f, low + k * 32, h, row(value[k], h));
  }
  return true;
}

template <Space S, class M, unsigned N>
bool store_lanes(const Decoded* d, Frame* f) {
  constexpr unsigned kBytes = sizeof(M) * N;
  constexpr unsigned kRows = sizeof(M) == 8 ? 2 : 1;
  uint64_t first;
  const bool from_lanes = d->lanes & kLaneC;
  if constexpr (S == Space::Gm || S == Space::Ub || S == Space::Generic) {
    if (N == 1 && from_lanes && unit_stride<S, kBytes>(d, f, &first)) {
      const Window w = window<S>(d, f, first);
      if (w.lane_stride == 0 && w.writable && w.bytes && first - w.start < w.size &&
          32 * kBytes <= w.size - (first - w.start) && first % kBytes == 0) {
        if (f->recording) record_run(d, f, first, 32 * kBytes, 32 * kBytes);
        unsigned char* to = w.bytes + (first - w.start);
        const uint32_t* low = words(f, d->c);
        for (unsigned h = 0; h < 32; h += kWidth) {
          Vec<M> raw;
          if constexpr (sizeof(M) == 8)
            raw = lanes<uint64_t>(low, h);
          else
            raw = PHX_CONVERT(M, row(low, h));
          __builtin_memcpy(to + h * sizeof(M), &raw, sizeof raw);
        }
        return true;
      }
    }
  }
  alignas(128) uint64_t at[32];
  addresses<S>(d, f, at);
  const Window w = window<S>(d, f, at[__builtin_ctz(f->mask)]);
  if (!w.writable || !simple<kBytes>(w, at)) return store_slow(d, f);
  if (f->recording) record_access(d, f, at, kBytes);
  for (uint32_t left = f->mask; left; left &= left - 1) {
    const unsigned i = static_cast<unsigned>(__builtin_ctz(left));
    unsigned char* to = w.bytes + (at[i] - w.start) + i * w.lane_stride;
    for (unsigned n = 0; n < N; ++n) {
      M value = 0;
      if (from_lanes) {
        const uint32_t* low = words(f, d->c) + n * kRows * 32;
        if constexpr (kRows == 2)
          value = low[i] | static_cast<uint64_t>(low[32 + i]) << 32;
        else
          value = static_cast<M>(low[i]);
      } else if (!(d->flags & kSourceZero)) {
        value = static_cast<M>(f->s[d->c + n]);
      }
      __builtin_memcpy(to + n * sizeof(M), &value, sizeof value);
    }
  }
  return true;
}

template <bool (*Access)(const Decoded*, Frame*)>
void memory(const Decoded* d, Frame* f) {
  if (!Access(d, f)) return;
  PHX_NEXT;
}

template <Space S>
Handler pick_load(Type type, unsigned n) {
  if (n == 1) switch (type) {
      case Type::S8:
        return memory<load_lanes<S, int8_t, 1>>;
      case Type::U8:
        return memory<load_lanes<S, uint8_t, 1>>;
      case Type::S16:
        return memory<load_lanes<S, int16_t, 1>>;
      case Type::U16:
        return memory<load_lanes<S, uint16_t, 1>>;
      case Type::B32:
        return memory<load_lanes<S, uint32_t, 1>>;
      case Type::B64:
        return memory<load_lanes<S, uint64_t, 1>>;
      default:
        return nullptr;
    }
  if (type == Type::B32) return n == 2 ? memory<load_lanes<S, uint32_t, 2>> : memory<load_lanes<S, uint32_t, 4>>;
  if (type == Type::B64 && n == 2) return memory<load_lanes<S, uint64_t, 2>>;
  return nullptr;
}
template <Space S>
Handler pick_store(Type type, unsigned n) {
  if (n == 1) switch (type) {
      case Type::U8:
        return memory<store_lanes<S, uint8_t, 1>>;
      case Type::U16:
        return memory<store_lanes<S, uint16_t, 1>>;
      case Type::B32:
        return memory<store_lanes<S, uint32_t, 1>>;
      case Type::B64:
        return memory<store_lanes<S, uint64_t, 1>>;
      default:
        return nullptr;
    }
  if (type == Type::B32) return n == 2 ? memory<store_lanes<S, uint32_t, 2>> : memory<store_lanes<S, uint32_t, 4>>;
  if (type == Type::B64 && n == 2) return memory<store_lanes<S, uint64_t, 2>>;
  return nullptr;
}
Handler pick_memory(bool load, Type type, uint16_t mod) {
  const unsigned n = 1u << field_of(mod, 7, 2);
  switch (static_cast<Space>(field_of(mod, 0, 3))) {
    case Space::Gm:
      return load ? pick_load<Space::Gm>(type, n) : pick_store<Space::Gm>(type, n);
    case Space::Ub:
      return load ? pick_load<Space::Ub>(type, n) : pick_store<Space::Ub>(type, n);
    case Space::Local:
      return load ? pick_load<Space::Local>(type, n) : pick_store<Space::Local>(type, n);
    case Space::Param:
      return load ? pick_load<Space::Param>(type, n) : nullptr;
    case Space::Generic:
      return load ? pick_load<Space::Generic>(type, n) : pick_store<Space::Generic>(type, n);
  }
  return nullptr;
}

// Effective address as a value.
template <Space S>
void effective_address(const Decoded* d, Frame* f) {
  alignas(128) uint64_t at[32];
  addresses<S>(d, f, at);
  constexpr uint64_t kWindow = S == Space::Ub ? isa::kUbWindow : S == Space::Local ? isa::kLocalWindow : 0;
  write<uint64_t>(d, f, [&](unsigned h) __attribute__((always_inline)) {
    return *reinterpret_cast<const U64*>(at + h) | U64(kWindow);
  });
  PHX_NEXT;
}

// --- Selection
// -------------------------------------------------------------------------------------------------------------
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
