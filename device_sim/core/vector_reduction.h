// Sum, largest and smallest of a row. The order of a sum is part of its definition (isa.def section 9).
//
// Part of vector_rows.cpp, which says why everything has internal linkage.
#pragma once

#include "device_sim/core/vector_arithmetic.h"

namespace phx::sim {
namespace {

constexpr uint64_t kRepeatBytes = 256;

// f32 elements i.. of a row.
PHX_ALWAYS F32 floats(Plain<float>, const unsigned char* row, uint64_t i) { return load<F32>(row + i * 4); }
PHX_ALWAYS F32 floats(Half, const unsigned char* row, uint64_t i) { return widened(load<U16>(row + i * 2)); }

PHX_ALWAYS float sum_of_halves(F32 v) {
  auto v8 = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
            __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
  auto v4 = __builtin_shufflevector(v8, v8, 0, 1, 2, 3) + __builtin_shufflevector(v8, v8, 4, 5, 6, 7);
  auto v2 = __builtin_shufflevector(v4, v4, 0, 1) + __builtin_shufflevector(v4, v4, 2, 3);
  return v2[0] + v2[1];
}

// A whole repeat.
template <class E>
PHX_ALWAYS float repeat_sum(const unsigned char* row, uint64_t i) {
  constexpr unsigned kVectors = kRepeatBytes / sizeof(typename E::Memory);
  F32 v[kVectors];
#pragma unroll
  for (unsigned k = 0; k < kVectors; ++k) v[k] = floats(E{}, row, i + k * kWidth);
#pragma unroll
  for (unsigned half = kVectors / 2; half; half /= 2)
#pragma unroll
    for (unsigned k = 0; k < half; ++k) v[k] += v[k + half];
  return sum_of_halves(v[0]);
}
// The first `count` elements of one, the others missing.
template <class E>
float partial_sum(const unsigned char* row, uint64_t i, uint64_t count) {
  constexpr uint64_t kBytes = sizeof(typename E::Memory) / kWidth;
  alignas(64) float value[kRepeatBytes / 2] = {};
  alignas(64) unsigned char elements[kRepeatBytes] = {};
  __builtin_memcpy(elements, row + i * kBytes, count * kBytes);
  for (uint64_t k = 0; k < count; k += kWidth)
    store<F32>(reinterpret_cast<unsigned char*>(value + k), floats(E{}, elements, k));
  uint64_t n = 1;
  while (n < count) n *= 2;
  for (n /= 2; n; n /= 2)
    for (uint64_t k = 0; k < n; ++k) value[k] += value[k + n];
  return value[0];
}

template <class E>
void sum_row(const RowOperands& row) {
  constexpr uint64_t kElements = kRepeatBytes * kWidth / sizeof(typename E::Memory);
  float sum = 0;
  for (uint64_t i = 0; i < row.count; i += kElements) {
    const uint64_t rest = row.count - i;
    const float part = rest >= kElements ? repeat_sum<E>(row.a, i) : partial_sum<E>(row.a, i, rest);
    sum = i == 0 ? part : sum + part;
  }
  const typename E::Memory result = E::out(F32(sum));
  __builtin_memcpy(row.dst, &result, sizeof result / kWidth);
}
inline void sum_row_s32(const RowOperands& row) {
  U32 sums = U32(0);
  uint64_t i = 0;
  for (; i + kWidth <= row.count; i += kWidth) sums += load<U32>(row.a + i * 4);
  U32 last = U32(0);
  __builtin_memcpy(&last, row.a + i * 4, (row.count - i) * 4);
  const uint32_t sum = __builtin_reduce_add(sums + last);
  __builtin_memcpy(row.dst, &sum, sizeof sum);
}

// Extremes do not depend on the order: -0 is below +0, and one NaN anywhere is all that counts. Floats are compared as
// the signed integers that stand in the same order.
template <class E>
inline constexpr bool kFloatingValue = __is_same(typename E::Value, F32);
PHX_ALWAYS I32 ordered(I32 bits) { return bits ^ (bits >> 31 & 0x7fffffff); }  // its own inverse
template <class E>
PHX_ALWAYS I32 key(typename E::Value x) {
  if constexpr (kFloatingValue<E>)
    return ordered(cast<I32>(x));
  else
    return x;
}

template <class E, bool kLargest>
void extreme_row(const RowOperands& row) {
  using M = typename E::Memory;
  constexpr uint64_t kBytes = sizeof(M) / kWidth;
  M first;  // the first element everywhere stands for those beyond the end
  for (unsigned k = 0; k < kWidth; ++k)
    __builtin_memcpy(reinterpret_cast<unsigned char*>(&first) + k * kBytes, row.a, kBytes);
  I32 extreme = key<E>(E::in(first)), nan = I32(0);
  auto take = [&](M bits) __attribute__((always_inline)) {
    const typename E::Value x = E::in(bits);
    extreme = kLargest ? MaxI::of(extreme, key<E>(x)) : MinI::of(extreme, key<E>(x));
    nan |= x != x;
  };
  uint64_t i = 0;
  for (; i + kWidth <= row.count; i += kWidth) take(load<M>(row.a + i * kBytes));
  M last = first;
  __builtin_memcpy(&last, row.a + i * kBytes, (row.count - i) * kBytes);
  take(last);
  const I32 found = I32(kLargest ? __builtin_reduce_max(extreme) : __builtin_reduce_min(extreme));
  M result;
  if constexpr (kFloatingValue<E>)
    result = E::out(cast<F32>(__builtin_reduce_or(nan) ? I32(0x7fffffff) : ordered(found)));
  else
    result = E::out(found);
  __builtin_memcpy(row.dst, &result, kBytes);
}

inline RowKernel pick_reduction(Opcode op, Type type) {
  switch (op) {
    case Opcode::Vcadd:
      if (type == Type::S32) return sum_row_s32;
      return type == Type::F16 ? sum_row<Half> : sum_row<Plain<float>>;
    case Opcode::Vcmax:
      if (type == Type::S32) return extreme_row<Plain<int32_t>, true>;
      return type == Type::F16 ? extreme_row<Half, true> : extreme_row<Plain<float>, true>;
    case Opcode::Vcmin:
      if (type == Type::S32) return extreme_row<Plain<int32_t>, false>;
      return type == Type::F16 ? extreme_row<Half, false> : extreme_row<Plain<float>, false>;
    default:
      return nullptr;
  }
}

}  // namespace
}  // namespace phx::sim
