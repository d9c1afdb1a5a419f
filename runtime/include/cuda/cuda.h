// cuda.h: the version macro and the handle names that runtime programs expect from this header.
//
// The driver API (cuInit, cuModuleLoad, ...) is not offered; a call to it is an undeclared name.
#pragma once
#define __cuda_cuda_h__

#ifndef CUDA_VERSION
#define CUDA_VERSION 12080
#endif

#include <stddef.h>
#include <stdint.h>

typedef uint32_t cuuint32_t;
typedef uint64_t cuuint64_t;
typedef unsigned long long CUdeviceptr;
typedef int CUdevice;
typedef struct CUctx_st* CUcontext;
typedef struct CUmod_st* CUmodule;
typedef struct CUfunc_st* CUfunction;
typedef struct CUstream_st* CUstream;
typedef struct CUevent_st* CUevent;
