// Comparison and selection in a row: one bit per element on one side.
//
// Part of vector_rows.cpp, which says why everything has internal linkage.
#pragma once

#include "device_sim/core/vector_lanes.h"

namespace phx::sim {
namespace {

static_assert(kWidth == 16, "a vector of elements has two bytes of a mask");

PHX_ALWAYS uint16_t bits_if(bool wanted, uint32_t bits) { return static_cast<uint16_t>(wanted ? bits : 0); }

template <class E>
void compare_row(const RowOperands& row) {
  using M = typename E::Memory;
  constexpr uint64_t kBytes = sizeof(M) / kWidth;
  const RelationSet wanted = static_cast<RelationSet>(row.detail);
  auto compute = [wanted](M a, M b) __attribute__((always_inline)) {
    const typename E::Value x = E::in(a), y = E::in(b);
    const uint32_t less = gather_bits(x < y, 0), equal = gather_bits(x == y, 0), greater = gather_bits(x > y, 0);
    return static_cast<uint16_t>(bits_if(wanted & kLess, less) | bits_if(wanted & kEqual, equal) |
                                 bits_if(wanted & kGreater, greater) |
                                 bits_if(wanted & kUnordered, ~(less | equal | greater)));
  };
  uint64_t i = 0;
  for (; i + kWidth <= row.count; i += kWidth)
    store<uint16_t>(row.dst + i / 8, compute(load<M>(row.a + i * kBytes), load<M>(row.b + i * kBytes)));
  if (const uint64_t rest = row.count - i) {
    M a = {}, b = {};
    __builtin_memcpy(&a, row.a + i * kBytes, rest * kBytes);
    __builtin_memcpy(&b, row.b + i * kBytes, rest * kBytes);
    const auto bits = static_cast<uint16_t>(compute(a, b) & ((1u << rest) - 1));
    __builtin_memcpy(row.dst + i / 8, &bits, (rest + 7) / 8);
  }
}

template <class T, class Signed>
void select_row(const RowOperands& row) {
  using M = Vec<T>;
  auto compute = [](uint16_t bits, M a, M b) __attribute__((always_inline)) {
    return __builtin_convertvector(cast<Bits>(bits), Vec<Signed>) != 0 ? a : b;
  };
  uint64_t i = 0;
  for (; i + kWidth <= row.count; i += kWidth)
    store<M>(row.dst + i * sizeof(T),
             compute(load<uint16_t>(row.mask + i / 8), load<M>(row.a + i * sizeof(T)), load<M>(row.b + i * sizeof(T))));
  if (const uint64_t rest = row.count - i) {
    M a = {}, b = {};
    uint16_t bits = 0;
    __builtin_memcpy(&bits, row.mask + i / 8, (rest + 7) / 8);
    __builtin_memcpy(&a, row.a + i * sizeof(T), rest * sizeof(T));
    __builtin_memcpy(&b, row.b + i * sizeof(T), rest * sizeof(T));
    const M result = compute(bits, a, b);
    __builtin_memcpy(row.dst + i * sizeof(T), &result, rest * sizeof(T));
  }
}

inline RowKernel pick_comparison(Opcode op, Type type) {
  const bool half = type == Type::F16 || type == Type::U16;
  switch (op) {
    case Opcode::Vcmp:
    case Opcode::Vcmps:
      if (type == Type::S32) return compare_row<Plain<int32_t>>;
      return half ? compare_row<Half> : compare_row<Plain<float>>;
    case Opcode::Vsel:
    case Opcode::Vsels:
      return half ? select_row<uint16_t, int16_t> : select_row<uint32_t, int32_t>;
    default:
      return nullptr;
  }
}

}  // namespace
}  // namespace phx::sim
