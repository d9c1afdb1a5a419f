// phx_cuda_api.h: the real symbols behind the CUDA runtime names, `phx_cuda*`, with C linkage.
//
// This header is the contract between the runtime, which defines these functions, and runtime/cuda_names, which
// offers them under CUDA's names (libphx_cudart) to programs built with phxcc. phx_cuda_api.def lists every function
// once and says what is not plain from its documented name. All of them may be called from any host thread.
#pragma once

#include "driver_types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PHX_DEFAULT(value)
#define PHX_CUDA_API(result, name, parameters, arguments) result phx_##name parameters;
#define PHX_CUDA_HOOK(result, suffix, parameters, arguments) result phx_cuda##suffix parameters;
#include "phx_cuda_api.def"
#undef PHX_CUDA_API
#undef PHX_CUDA_HOOK
#undef PHX_DEFAULT

#ifdef __cplusplus
}
#endif
