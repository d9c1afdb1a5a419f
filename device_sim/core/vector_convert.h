// Conversions of a row between element types, with the five roundings of vconv. Every step but one is exact.
//
// Part of vector_rows.cpp, which says why everything has internal linkage.
#pragma once

#include "device_sim/core/vector_lanes.h"

namespace phx::sim {
namespace {

using isa::VecRounding;

// --- Floats to integral floats: by adding and subtracting 2^23, where f32 has no digits left for a fraction.
PHX_ALWAYS F32 integral(F32 x, VecRounding rounding) {
  const F32 size = cast<F32>(cast<U32>(x) & 0x7fffffffu), one = F32(1), none = F32(0);
  auto if_true = [](I32 truth, F32 value)
                     __attribute__((always_inline)) { return cast<F32>(truth & cast<I32>(value)); };
  const F32 nearest = (size + F32(0x1p23f)) - F32(0x1p23f);
  const F32 below = nearest - if_true(nearest > size, one);
  F32 whole = nearest;
  switch (rounding) {
    case VecRounding::Rint:
      break;
    case VecRounding::Trunc:
      whole = below;
      break;
    case VecRounding::RoundAway:
      whole = below + if_true(size - below >= F32(0.5f), one);
      break;
    case VecRounding::Floor:
      whole = below + if_true((x < none) & (below < size), one);
      break;
    case VecRounding::Ceil:
      whole = below + if_true((x > none) & (below < size), one);
      break;
  }
  const U32 rounded = cast<U32>(whole) | (cast<U32>(x) & 0x80000000u);
  return cast<F32>((size < F32(0x1p23f)) ? rounded : cast<U32>(x));
}

// --- Floats to floats with fewer digits, in integers
// W: bits of the source in lanes of that width; digits are those of the stored mantissa.
template <class W, unsigned kDigits, unsigned kBias, unsigned kToDigits, unsigned kToBias>
PHX_ALWAYS Vec<W> narrowed(Vec<W> bits, VecRounding rounding) {
  using U = Vec<W>;
  constexpr unsigned kWidthOfW = sizeof(W) * 8, kDrop = kDigits - kToDigits;
  constexpr W kSign = W(1) << (kWidthOfW - 1), kHidden = W(1) << kDigits;
  constexpr W kInfinity = (W(2) * kBias + 1) << kDigits, kToInfinity = (W(2) * kToBias + 1) << kToDigits;
  const U size = bits & kSign - 1;
  U value = size, shift = U(kDrop);
  if constexpr (kToBias != kBias) {
    constexpr W kSmallest = W(kBias - kToBias + 1);  // exponent field of the smallest normal result
    constexpr W kMost = kDigits - kDrop + 5;         // further right nothing changes any more
    const U exponent = size >> kDigits;
    const U significand = (size & kHidden - 1) | ((exponent != W(0)) ? U(kHidden) : U(0));
    const U distance = kSmallest - exponent;
    const auto normal = exponent >= kSmallest;
    value = normal ? size - ((kSmallest - 1) << kDigits) : significand;
    shift = normal ? U(kDrop) : kDrop + ((distance < kMost) ? distance : U(kMost));
  }
  const U kept = value >> shift, rest = value & ((U(1) << shift) - 1), half = U(1) << (shift - 1);
  const auto negative = (bits & kSign) != W(0), inexact = rest != W(0);
  auto up = rest > half;
  W largest = kToInfinity;  // what an overflow gives
  switch (rounding) {
    case VecRounding::Rint:
      up |= (rest == half) & ((kept & 1) != W(0));
      break;
    case VecRounding::RoundAway:
      up |= rest == half;
      break;
    case VecRounding::Floor:
      up = inexact & negative;
      break;
    case VecRounding::Ceil:
      up = inexact & ~negative;
      break;
    case VecRounding::Trunc:
      up = inexact & ~inexact;
      largest = kToInfinity - 1;
      break;
  }
  U overflow = U(largest);
  if (rounding == VecRounding::Floor) overflow = negative ? U(kToInfinity) : U(kToInfinity - 1);
  if (rounding == VecRounding::Ceil) overflow = negative ? U(kToInfinity - 1) : U(kToInfinity);
  U result = kept - cast<U>(up);  // true is -1
  result = (result >= kToInfinity) ? overflow : result;
  result = (size == kInfinity) ? U(kToInfinity) : result;
  constexpr unsigned kToWidth = kToDigits == 23 ? 32 : 16;
  result |= negative ? U(W(1) << (kToWidth - 1)) : U(0);
  return (size > kInfinity) ? U((W(1) << (kToWidth - 1)) - 1) : result;
}

// --- What a source element becomes first: exact in all cases
template <Type T>
struct ElementOf;
#define PHX_ELEMENT(T, M, W)  \
  template <>                 \
  struct ElementOf<Type::T> { \
    using Memory = M;         \
    using Wide = W;           \
  };
PHX_ELEMENT(S8, int8_t, int32_t)
PHX_ELEMENT(U8, uint8_t, int32_t)
PHX_ELEMENT(S16, int16_t, int32_t)
PHX_ELEMENT(U16, uint16_t, int32_t)
PHX_ELEMENT(S32, int32_t, int32_t)
PHX_ELEMENT(U32, uint32_t, uint32_t)
PHX_ELEMENT(F16, uint16_t, float)
PHX_ELEMENT(BF16, uint16_t, float)
PHX_ELEMENT(F32, float, float)
#undef PHX_ELEMENT
template <Type T>
using MemoryOf = Vec<typename ElementOf<T>::Memory>;
template <Type T>
using WideOf = Vec<typename ElementOf<T>::Wide>;
template <Type T>
inline constexpr bool kFloat = T == Type::F16 || T == Type::BF16 || T == Type::F32;

template <Type From>
PHX_ALWAYS WideOf<From> wide(MemoryOf<From> a) {
  if constexpr (From == Type::F16)
    return widened(a);
  else if constexpr (From == Type::BF16)
    return cast<F32>(PHX_CONVERT(uint32_t, a) << 16);
  else
    return __builtin_convertvector(a, WideOf<From>);
}

// --- To the destination
template <Type To>
PHX_ALWAYS MemoryOf<To> from_float(F32 x, VecRounding rounding) {
  const U32 bits = cast<U32>(x);
  if constexpr (To == Type::F32)
    return canonical(x);
  else if constexpr (To == Type::F16)
    return rounding == VecRounding::Rint ? to_half(x)
                                         : PHX_CONVERT(uint16_t, (narrowed<uint32_t, 23, 127, 10, 15>(bits, rounding)));
  else
    return PHX_CONVERT(uint16_t, (narrowed<uint32_t, 23, 127, 7, 127>(bits, rounding)));
}
template <Type To>
PHX_ALWAYS MemoryOf<To> from_double(F64 x, VecRounding rounding) {
  const U64 bits = cast<U64>(x);
  if constexpr (To == Type::F32)
    return rounding == VecRounding::Rint
               ? __builtin_convertvector(x, F32)
               : cast<F32>(PHX_CONVERT(uint32_t, (narrowed<uint64_t, 52, 1023, 23, 127>(bits, rounding))));
  else if constexpr (To == Type::F16)
    return PHX_CONVERT(uint16_t, (narrowed<uint64_t, 52, 1023, 10, 15>(bits, rounding)));
  else
    return PHX_CONVERT(uint16_t, (narrowed<uint64_t, 52, 1023, 7, 127>(bits, rounding)));
}

// Saturates an integer of 32 bits at the ends of a type of at most as many.
template <Type To>
PHX_ALWAYS MemoryOf<To> from_integer(I32 x) {
  if constexpr (To == Type::S32) return x;
  constexpr int32_t low = To == Type::S8 ? -128 : To == Type::S16 ? -32768 : 0;
  constexpr int32_t high = To == Type::S8 ? 127 : To == Type::U8 ? 255 : 32767;
  if constexpr (To != Type::S32)
    return __builtin_convertvector(MinI::of(MaxI::of(x, I32(low)), I32(high)), MemoryOf<To>);
}
template <Type To>
PHX_ALWAYS MemoryOf<To> from_integer(U32 x) {
  return from_integer<To>(cast<I32>(MinI::of(x, U32(0x7fffffffu))));
}
PHX_ALWAYS I32 saturated(F32 whole) {  // of an integral float
  const I32 inside = (whole > F32(-0x1p31f)) & (whole < F32(0x1p31f));
  const I32 number = __builtin_convertvector(cast<F32>(inside & cast<I32>(whole)), I32);
  return (whole >= F32(0x1p31f)) ? I32(0x7fffffff) : (whole <= F32(-0x1p31f)) ? I32(-0x7fffffff - 1) : number;
}

template <Type From, Type To>
PHX_ALWAYS MemoryOf<To> converted(MemoryOf<From> a, VecRounding rounding) {
  const WideOf<From> x = wide<From>(a);
  if constexpr (kFloat<From> && !kFloat<To>) {
    return from_integer<To>(saturated(integral(x, rounding)));
  } else if constexpr (kFloat<From>) {
    return from_float<To>(From == To ? integral(x, rounding) : x, rounding);
  } else if constexpr (!kFloat<To>) {
    return from_integer<To>(x);
  } else if constexpr (sizeof(typename ElementOf<From>::Memory) < 4) {
    return from_float<To>(__builtin_convertvector(x, F32), rounding);
  } else {
    if constexpr (To == Type::F32 && From == Type::S32)
      if (rounding == VecRounding::Rint) return __builtin_convertvector(x, F32);
    return from_double<To>(__builtin_convertvector(x, F64), rounding);
  }
}

template <Type From, Type To>
void convert_row(const RowOperands& row) {
  // One loop for the rounding of most conversions, without a choice inside.
  auto with = [&](VecRounding rounding) __attribute__((always_inline)) {
    each<MemoryOf<To>, MemoryOf<From>>(
        row, [rounding](MemoryOf<From> a) __attribute__((always_inline)) { return converted<From, To>(a, rounding); });
  };
  const auto rounding = static_cast<VecRounding>(row.detail);
  if (rounding == VecRounding::Rint)
    with(VecRounding::Rint);
  else
    with(rounding);
}

template <Type From>
RowKernel pick_conversion_from(Type to) {
  switch (to) {
    case Type::S8:
      return convert_row<From, Type::S8>;
    case Type::U8:
      return convert_row<From, Type::U8>;
    case Type::S16:
      return convert_row<From, Type::S16>;
    case Type::S32:
      return convert_row<From, Type::S32>;
    case Type::F16:
      return convert_row<From, Type::F16>;
    case Type::BF16:
      return convert_row<From, Type::BF16>;
    case Type::F32:
      return convert_row<From, Type::F32>;
    default:
      return nullptr;
  }
}
inline RowKernel pick_conversion(Type from, Type to) {
  switch (from) {
    case Type::S8:
      return pick_conversion_from<Type::S8>(to);
    case Type::U8:
      return pick_conversion_from<Type::U8>(to);
    case Type::S16:
      return pick_conversion_from<Type::S16>(to);
    case Type::U16:
      return pick_conversion_from<Type::U16>(to);
    case Type::S32:
      return pick_conversion_from<Type::S32>(to);
    case Type::U32:
      return pick_conversion_from<Type::U32>(to);
    case Type::F16:
      return pick_conversion_from<Type::F16>(to);
    case Type::BF16:
      return pick_conversion_from<Type::BF16>(to);
    case Type::F32:
      return pick_conversion_from<Type::F32>(to);
    default:
      return nullptr;
  }
}

}  // namespace
}  // namespace phx::sim
