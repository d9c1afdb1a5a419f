// Rows of 32 lanes as vectors of the host: element types, operands, and the shapes of one- to three-operand handlers.
//
// Part of lane_operations.cpp, which says why everything has internal linkage.
#pragma once

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

}  // namespace
}  // namespace phx::sim
