// cuda_runtime_api.h: the CUDA runtime API for C and C++ callers; no device code, no templates.
#pragma once
#define __CUDA_RUNTIME_API_H__

#include "driver_types.h"
#include "vector_types.h"

// The level of the CUDA interface these headers follow: major * 1000 + minor * 10.
#ifndef CUDART_VERSION
#define CUDART_VERSION 12080
#endif
#define __CUDART_API_VERSION CUDART_VERSION

#ifdef __cplusplus
extern "C" {
#define PHX_DEFAULT(value) = value
#else
#define PHX_DEFAULT(value)
#endif

#define PHX_CUDA_API(result, name, parameters, arguments) extern result name parameters;
#define PHX_CUDA_HOOK(result, suffix, parameters, arguments) extern result __cuda##suffix parameters;
#include "phx_cuda_api.def"
#undef PHX_CUDA_API
#undef PHX_CUDA_HOOK
#undef PHX_DEFAULT

#ifdef __cplusplus
}
#endif

static inline struct cudaExtent make_cudaExtent(size_t width, size_t height, size_t depth) {
  struct cudaExtent e = {width, height, depth};
  return e;
}
static inline struct cudaPos make_cudaPos(size_t x, size_t y, size_t z) {
  struct cudaPos p = {x, y, z};
  return p;
}
static inline struct cudaPitchedPtr make_cudaPitchedPtr(void* ptr, size_t pitch, size_t xsize, size_t ysize) {
  struct cudaPitchedPtr p = {ptr, pitch, xsize, ysize};
  return p;
}
