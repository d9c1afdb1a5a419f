// Compiled with -mavx; entered only on a host that has it.
#include <immintrin.h>
#include <sleef.h>

#include "device_sim/numerics/lanes.h"

#define PHX_NAME sleef32_avx
#define PHX_ISA avx
#define PHX_F f8_
#define PHX_D d4_
#define PHX_F_LANES 8
#define PHX_D_LANES 4
#define PHX_LOAD_F _mm256_loadu_ps
#define PHX_STORE_F _mm256_storeu_ps
#define PHX_LOAD_D _mm256_loadu_pd
#define PHX_STORE_D _mm256_storeu_pd
#include "device_sim/numerics/lanes.inc"
