// The CUDA runtime's own names, each a jump to the phx_ function of the same signature.
//
// They live in a library of their own, under a symbol version of their own, so that only programs linked by phxcc see
// them and a process can hold another CUDA runtime besides.
#include "runtime/include/cuda/phx_cuda_api.h"

#define PHX_DEFAULT(value)
#define PHX_CUDA_API(result, name, parameters, arguments) \
  extern "C" result name parameters { return phx_##name arguments; }
#define PHX_CUDA_HOOK(result, suffix, parameters, arguments) \
  extern "C" result __cuda##suffix parameters { return phx_cuda##suffix arguments; }
#include "runtime/include/cuda/phx_cuda_api.def"
