// warp_functions.h: warp-wide functions that clang's headers lack: matches over any 4- or 8-byte type, the
// signed sum, the timed sleep, address conversions.
#pragma once

// The lanes of `mask` whose value equals the caller's; the _all form also says whether every lane's does.
#define PHX_MATCH(type, width, bits)                                                        \
  static inline __device__ unsigned __match_any_sync(unsigned mask, type value) {           \
    return __match##width##_any_sync(mask, (bits)value);                                    \
  }                                                                                         \
  static inline __device__ unsigned __match_all_sync(unsigned mask, type value, int* all) { \
    return __match##width##_all_sync(mask, (bits)value, all);                               \
  }
PHX_MATCH(int, 32, unsigned)
PHX_MATCH(unsigned, 32, unsigned)
PHX_MATCH(long, 64, unsigned long long)
PHX_MATCH(unsigned long, 64, unsigned long long)
PHX_MATCH(long long, 64, unsigned long long)
PHX_MATCH(unsigned long long, 64, unsigned long long)
#undef PHX_MATCH
static inline __device__ unsigned __match_any_sync(unsigned mask, float value) {
  return __match32_any_sync(mask, __float_as_uint(value));
}
static inline __device__ unsigned __match_any_sync(unsigned mask, double value) {
  return __match64_any_sync(mask, (unsigned long long)__double_as_longlong(value));
}
static inline __device__ unsigned __match_all_sync(unsigned mask, float value, int* all) {
  return __match32_all_sync(mask, __float_as_uint(value), all);
}
static inline __device__ unsigned __match_all_sync(unsigned mask, double value, int* all) {
  return __match64_all_sync(mask, (unsigned long long)__double_as_longlong(value), all);
}

// The signed sum over the lanes of `mask`; clang has the other reductions.
static inline __device__ int __reduce_add_sync(unsigned mask, int value) { return __nvvm_redux_sync_add(value, mask); }

// Yields the core for about this many nanoseconds of simulated time.
static inline __device__ void __nanosleep(unsigned nanoseconds) { __nvvm_nanosleep(nanoseconds); }

// The space-specific address of a generic pointer, and back.
static inline __device__ size_t __cvta_generic_to_global(const void* p) { return __nv_cvta_generic_to_global_impl(p); }
static inline __device__ size_t __cvta_generic_to_shared(const void* p) { return __nv_cvta_generic_to_shared_impl(p); }
static inline __device__ size_t __cvta_generic_to_constant(const void* p) {
  return __nv_cvta_generic_to_constant_impl(p);
}
static inline __device__ size_t __cvta_generic_to_local(const void* p) { return __nv_cvta_generic_to_local_impl(p); }
