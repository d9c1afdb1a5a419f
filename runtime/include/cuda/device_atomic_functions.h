// device_atomic_functions.h: the atomic functions, each at device, block and system scope.
//
// All are relaxed, as CUDA documents them, and reach the compiler as one read-modify-write operation. Each returns
// the value before the operation. Overloads are spelled out, because callers rely on conversions of the value.
#pragma once
#define __DEVICE_ATOMIC_FUNCTIONS_H__

#if defined(__CUDA__)

#define PHX_ATOMIC_SCOPED(name, scope, type, builtin)             \
  static inline __device__ type name(type* address, type value) { \
    return builtin(address, value, __ATOMIC_RELAXED, scope);      \
  }
#define PHX_ATOMIC(name, type, builtin)                                 \
  PHX_ATOMIC_SCOPED(name, __MEMORY_SCOPE_DEVICE, type, builtin)         \
  PHX_ATOMIC_SCOPED(name##_block, __MEMORY_SCOPE_WRKGRP, type, builtin) \
  PHX_ATOMIC_SCOPED(name##_system, __MEMORY_SCOPE_SYSTEM, type, builtin)

PHX_ATOMIC(atomicAdd, int, __scoped_atomic_fetch_add)
PHX_ATOMIC(atomicAdd, unsigned int, __scoped_atomic_fetch_add)
PHX_ATOMIC(atomicAdd, unsigned long long, __scoped_atomic_fetch_add)
PHX_ATOMIC(atomicAdd, float, __scoped_atomic_fetch_add)
PHX_ATOMIC(atomicAdd, double, __scoped_atomic_fetch_add)

PHX_ATOMIC(atomicSub, int, __scoped_atomic_fetch_sub)
PHX_ATOMIC(atomicSub, unsigned int, __scoped_atomic_fetch_sub)

PHX_ATOMIC(atomicMin, int, __scoped_atomic_fetch_min)
PHX_ATOMIC(atomicMin, unsigned int, __scoped_atomic_fetch_min)
PHX_ATOMIC(atomicMin, long long, __scoped_atomic_fetch_min)
PHX_ATOMIC(atomicMin, unsigned long long, __scoped_atomic_fetch_min)
PHX_ATOMIC(atomicMax, int, __scoped_atomic_fetch_max)
PHX_ATOMIC(atomicMax, unsigned int, __scoped_atomic_fetch_max)
PHX_ATOMIC(atomicMax, long long, __scoped_atomic_fetch_max)
PHX_ATOMIC(atomicMax, unsigned long long, __scoped_atomic_fetch_max)

PHX_ATOMIC(atomicAnd, int, __scoped_atomic_fetch_and)
PHX_ATOMIC(atomicAnd, unsigned int, __scoped_atomic_fetch_and)
PHX_ATOMIC(atomicAnd, unsigned long long, __scoped_atomic_fetch_and)
PHX_ATOMIC(atomicOr, int, __scoped_atomic_fetch_or)
PHX_ATOMIC(atomicOr, unsigned int, __scoped_atomic_fetch_or)
PHX_ATOMIC(atomicOr, unsigned long long, __scoped_atomic_fetch_or)
PHX_ATOMIC(atomicXor, int, __scoped_atomic_fetch_xor)
PHX_ATOMIC(atomicXor, unsigned int, __scoped_atomic_fetch_xor)
PHX_ATOMIC(atomicXor, unsigned long long, __scoped_atomic_fetch_xor)

// old >= value ? 0 : old + 1, and old == 0 || old > value ? value : old - 1.
PHX_ATOMIC(atomicInc, unsigned int, __scoped_atomic_fetch_uinc)
PHX_ATOMIC(atomicDec, unsigned int, __scoped_atomic_fetch_udec)

PHX_ATOMIC(atomicExch, int, __scoped_atomic_exchange_n)
PHX_ATOMIC(atomicExch, unsigned int, __scoped_atomic_exchange_n)
PHX_ATOMIC(atomicExch, unsigned long long, __scoped_atomic_exchange_n)

#undef PHX_ATOMIC
#undef PHX_ATOMIC_SCOPED

// A float is exchanged by its bits.
#define PHX_ATOMIC_EXCHANGE_FLOAT(name, scope)                                   \
  static inline __device__ float name(float* address, float value) {             \
    float before;                                                                \
    __scoped_atomic_exchange(address, &value, &before, __ATOMIC_RELAXED, scope); \
    return before;                                                               \
  }
PHX_ATOMIC_EXCHANGE_FLOAT(atomicExch, __MEMORY_SCOPE_DEVICE)
PHX_ATOMIC_EXCHANGE_FLOAT(atomicExch_block, __MEMORY_SCOPE_WRKGRP)
PHX_ATOMIC_EXCHANGE_FLOAT(atomicExch_system, __MEMORY_SCOPE_SYSTEM)
#undef PHX_ATOMIC_EXCHANGE_FLOAT

#define PHX_ATOMIC_CAS_SCOPED(name, scope, type)                                                                    \
  static inline __device__ type name(type* address, type compare, type value) {                                     \
    __scoped_atomic_compare_exchange_n(address, &compare, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED, scope); \
    return compare;                                                                                                 \
  }
#define PHX_ATOMIC_CAS(type)                                          \
  PHX_ATOMIC_CAS_SCOPED(atomicCAS, __MEMORY_SCOPE_DEVICE, type)       \
  PHX_ATOMIC_CAS_SCOPED(atomicCAS_block, __MEMORY_SCOPE_WRKGRP, type) \
  PHX_ATOMIC_CAS_SCOPED(atomicCAS_system, __MEMORY_SCOPE_SYSTEM, type)
PHX_ATOMIC_CAS(int)
PHX_ATOMIC_CAS(unsigned int)
PHX_ATOMIC_CAS(unsigned long long)
PHX_ATOMIC_CAS(unsigned short)
#undef PHX_ATOMIC_CAS
#undef PHX_ATOMIC_CAS_SCOPED

#endif
