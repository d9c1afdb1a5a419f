// host_defines.h: the CUDA qualifiers as attributes.
//
// In CUDA mode (clang -x cuda) they carry meaning; in a plain C or C++ translation unit the execution-space
// qualifiers vanish so that headers shared with device code still parse.
#pragma once
#define __HOST_DEFINES_H__

#if defined(__CUDA__)
#define __host__ __attribute__((host))
#define __device__ __attribute__((device))
#define __global__ __attribute__((global))
#define __shared__ __attribute__((shared))
#define __constant__ __attribute__((constant))
// clang knows managed variables for another language only; a use is an error with this text.
#define __managed__ \
  __device__ __attribute__((unavailable("__managed__ variables are not supported; use cudaMallocManaged")))
#define __grid_constant__ __attribute__((grid_constant))
#define __launch_bounds__(...) __attribute__((launch_bounds(__VA_ARGS__)))
#define __maxnreg__(n) __attribute__((maxnreg(n)))
#define __cluster_dims__(...) __attribute__((cluster_dims(__VA_ARGS__)))
#else
#define __host__
#define __device__
#define __global__
#define __shared__
#define __constant__
#define __managed__
#define __grid_constant__
#define __launch_bounds__(...)
#endif

#ifndef __noinline__
// libstdc++ spells the attribute itself as __attribute__((__noinline__)), so the name cannot become a macro for
// every user; clang accepts __noinline__ as a keyword in CUDA mode.
#if !defined(__CUDA__)
#define __noinline__ __attribute__((noinline))
#endif
#endif
#define __forceinline__ __inline__ __attribute__((always_inline))
#define __inline_hint__
#define __align__(n) __attribute__((aligned(n)))
#define __builtin_align__(n) __align__(n)
#define __thread__ __thread
#define __cdecl
#define CUDARTAPI
#define CUDARTAPI_CDECL
#define CUDART_CB
#define __specialization_static static
