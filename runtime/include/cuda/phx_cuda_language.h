// phx_cuda_language.h: the language environment of device code, in the one order in which it works.
//
// clang brings most of it: builtin variables, the __nv_* math declarations, C++ overloads, shuffles, votes. Its own
// wrapper wants an SDK, so this file takes its place. What each step needs from the steps before it:
//   1 qualifiers and device malloc/free  - clang's <new> wrapper refers to them, and any C++ header includes <new>
//   2 forward declarations of math       - must precede the first <cmath>, or float overloads stay undefined
//   3 host standard headers              - the ones nvcc brings; programs rely on them
//   4 vector types, dim3                 - used by the builtin variables and the __ldg overloads
//   5 clang's device headers             - with our names in place of what they write as PTX text
//   6 system calls                       - printf, assert
//   7 our device functions               - atomics, cache-hinted accesses, min/max, packed words, what else clang lacks
#pragma once

#if !defined(__clang__) || !defined(__CUDA__)
#error "phx_cuda_language.h is for clang's CUDA mode; compile .cu files with phxcc"
#endif

// 1 --------------------------------------------------------------------------------------------------------
#include "host_defines.h"

#define __CUDACC__ 1
#define __NVCC__ 1
#define __CUDACC_VER_MAJOR__ 12
#define __CUDACC_VER_MINOR__ 8
#define __CUDACC_VER_BUILD__ 0
#define __CUDACC_EXTENDED_LAMBDA__ 1
#define __CUDACC_RELAXED_CONSTEXPR__ 1
#define CUDA_VERSION 12080
#define CUDART_VERSION 12080
#define __DEVICE_LAUNCH_PARAMETERS_H__

extern "C" {
__device__ void* malloc(__SIZE_TYPE__) __attribute__((nothrow)) __attribute__((malloc));
__device__ void free(void*) __attribute__((nothrow));
}

// 2 --------------------------------------------------------------------------------------------------------
#include <__clang_cuda_math_forward_declares.h>

// 3 --------------------------------------------------------------------------------------------------------
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <climits>
#include <cmath>
#include <cstdlib>
#include <new>
#include <utility>

// 4 --------------------------------------------------------------------------------------------------------
#include "driver_types.h"
#include "vector_functions.h"
#include "vector_types.h"

// 5 --------------------------------------------------------------------------------------------------------
// Both passes see the declarations of one architecture; the host pass has no __CUDA_ARCH__ of its own.
#pragma push_macro("__CUDA_ARCH__")
#undef __CUDA_ARCH__
#define __CUDA_ARCH__ 800

#include <__clang_cuda_builtin_vars.h>

// Below CUDA 9.2 clang's headers route the SIMD-in-a-word functions to __nv_* names instead of PTX text.
#pragma push_macro("CUDA_VERSION")
#undef CUDA_VERSION
#define CUDA_VERSION 9010
// The declarations come before the functions that call them.
// clang-format off
#include <__clang_cuda_libdevice_declares.h>
#include <__clang_cuda_device_functions.h>
// clang-format on
#pragma pop_macro("CUDA_VERSION")
#include <__clang_cuda_math.h>

static inline __device__ float rsqrt(float x) { return rsqrtf(x); }
static inline __device__ float rcbrt(float x) { return rcbrtf(x); }
static inline __device__ float sinpi(float x) { return sinpif(x); }
static inline __device__ float cospi(float x) { return cospif(x); }
static inline __device__ void sincospi(float x, float* s, float* c) { sincospif(x, s, c); }
static inline __device__ float erfcinv(float x) { return erfcinvf(x); }
static inline __device__ float erfinv(float x) { return erfinvf(x); }
static inline __device__ float erfcx(float x) { return erfcxf(x); }
static inline __device__ float normcdf(float x) { return normcdff(x); }
static inline __device__ float normcdfinv(float x) { return normcdfinvf(x); }
static inline __device__ float exp10(float x) { return exp10f(x); }
static inline __device__ void sincos(float x, float* s, float* c) { sincosf(x, s, c); }

// A pointer that may be null belongs to no window; the pure attribute lets clang use these in assumptions.
static inline __device__ __attribute__((const)) unsigned __isGlobal(const void* p) { return __nvvm_isspacep_global(p); }
static inline __device__ __attribute__((const)) unsigned __isShared(const void* p) { return __nvvm_isspacep_shared(p); }
static inline __device__ __attribute__((const)) unsigned __isConstant(const void* p) {
  return __nvvm_isspacep_const(p);
}
static inline __device__ __attribute__((const)) unsigned __isLocal(const void* p) { return __nvvm_isspacep_local(p); }

#include <__clang_cuda_cmath.h>

// clang writes these as PTX text; ours (cache_functions.h, integer_functions.h) are plain C++.
#define __ldcg __phx_ptx_ldcg
#define __ldcs __phx_ptx_ldcs
#define __ldcv __phx_ptx_ldcv
#define __stwt __phx_ptx_stwt
#define __funnelshift_l __phx_ptx_funnelshift_l
#define __funnelshift_lc __phx_ptx_funnelshift_lc
#define __funnelshift_r __phx_ptx_funnelshift_r
#define __funnelshift_rc __phx_ptx_funnelshift_rc
#include <__clang_cuda_intrinsics.h>
#undef __ldcg
#undef __ldcs
#undef __ldcv
#undef __stwt
#undef __funnelshift_l
#undef __funnelshift_lc
#undef __funnelshift_r
#undef __funnelshift_rc

#include <__clang_cuda_complex_builtins.h>
#pragma pop_macro("__CUDA_ARCH__")

// The builtin variables convert to the vector types they stand for.
#define PHX_BUILTIN_CONVERSIONS(type)                                     \
  __device__ inline type::operator dim3() const { return dim3(x, y, z); } \
  __device__ inline type::operator uint3() const { return uint3{x, y, z}; }
PHX_BUILTIN_CONVERSIONS(__cuda_builtin_threadIdx_t)
PHX_BUILTIN_CONVERSIONS(__cuda_builtin_blockIdx_t)
PHX_BUILTIN_CONVERSIONS(__cuda_builtin_blockDim_t)
PHX_BUILTIN_CONVERSIONS(__cuda_builtin_gridDim_t)
#undef PHX_BUILTIN_CONVERSIONS

// 6 --------------------------------------------------------------------------------------------------------
extern "C" {
// The compiler turns printf into vprintf(format, packed arguments), and these calls into service requests.
__device__ int printf(const char*, ...);
__device__ int vprintf(const char*, const char*);
__device__ void __assertfail(const char* message, const char* file, unsigned line, const char* function,
                             __SIZE_TYPE__ charSize);
// What <assert.h> expands to.
__device__ static inline void __assert_fail(const char* message, const char* file, unsigned line,
                                            const char* function) {
  __assertfail(message, file, line, function, sizeof(char));
}
}
// 7 --------------------------------------------------------------------------------------------------------
#include "cache_functions.h"
#include "device_atomic_functions.h"
#include "integer_functions.h"
#include "math_functions.h"
#include "scoped_atomic_functions.h"
#include "simd_functions.h"
#include "texture_functions.h"
#include "warp_functions.h"
