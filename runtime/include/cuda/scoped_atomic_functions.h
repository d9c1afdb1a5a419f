// scoped_atomic_functions.h: atomics with a memory order and a scope as arguments (__nv_atomic_*), for any type of 1 to
// 8 bytes that the operation makes sense for. Device memory is one coherence domain here, so every scope is as wide as
// the system's; the order is honoured.
#pragma once

#define __NV_ATOMIC_RELAXED __ATOMIC_RELAXED
#define __NV_ATOMIC_CONSUME __ATOMIC_CONSUME
#define __NV_ATOMIC_ACQUIRE __ATOMIC_ACQUIRE
#define __NV_ATOMIC_RELEASE __ATOMIC_RELEASE
#define __NV_ATOMIC_ACQ_REL __ATOMIC_ACQ_REL
#define __NV_ATOMIC_SEQ_CST __ATOMIC_SEQ_CST
#define __NV_THREAD_SCOPE_THREAD 4
#define __NV_THREAD_SCOPE_BLOCK 3
#define __NV_THREAD_SCOPE_CLUSTER 2
#define __NV_THREAD_SCOPE_DEVICE 1
#define __NV_THREAD_SCOPE_SYSTEM 0

// Macros, because an order must be a constant where clang sees it.
#define __nv_atomic_load_n(p, order, ...) __atomic_load_n(p, order)
#define __nv_atomic_load(p, result, order, ...) __atomic_load(p, result, order)
#define __nv_atomic_store_n(p, value, order, ...) __atomic_store_n(p, value, order)
#define __nv_atomic_store(p, value, order, ...) __atomic_store(p, value, order)
#define __nv_atomic_exchange_n(p, value, order, ...) __atomic_exchange_n(p, value, order)
#define __nv_atomic_exchange(p, value, result, order, ...) __atomic_exchange(p, value, result, order)
#define __nv_atomic_compare_exchange_n(p, expected, value, weak, success, failure, ...) \
  __atomic_compare_exchange_n(p, expected, value, weak, success, failure)
#define __nv_atomic_compare_exchange(p, expected, value, weak, success, failure, ...) \
  __atomic_compare_exchange(p, expected, value, weak, success, failure)
#define __nv_atomic_fetch_add(p, value, order, ...) __atomic_fetch_add(p, value, order)
#define __nv_atomic_fetch_sub(p, value, order, ...) __atomic_fetch_sub(p, value, order)
#define __nv_atomic_fetch_and(p, value, order, ...) __atomic_fetch_and(p, value, order)
#define __nv_atomic_fetch_or(p, value, order, ...) __atomic_fetch_or(p, value, order)
#define __nv_atomic_fetch_xor(p, value, order, ...) __atomic_fetch_xor(p, value, order)
#define __nv_atomic_fetch_min(p, value, order, ...) __atomic_fetch_min(p, value, order)
#define __nv_atomic_fetch_max(p, value, order, ...) __atomic_fetch_max(p, value, order)
#define __nv_atomic_thread_fence(order, ...) __atomic_thread_fence(order)
