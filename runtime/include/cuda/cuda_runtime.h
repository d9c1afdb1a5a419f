// cuda_runtime.h: everything a CUDA translation unit may use without another include.
//
// phxcc includes this file in front of every .cu source, as nvcc does. In CUDA mode it brings the language
// environment first (its order is fixed, see phx_cuda_language.h), then the runtime API with its C++ overloads.
// In a plain C or C++ translation unit it is the runtime API alone.
#pragma once
#define __CUDA_RUNTIME_H__

#if defined(__CUDA__)
#include "phx_cuda_language.h"
#endif

#include "cuda_runtime_api.h"
#include "vector_functions.h"

#if defined(__cplusplus)
#include "phx_cuda_overloads.h"
#endif
