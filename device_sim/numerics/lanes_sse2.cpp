#include <immintrin.h>
#include <sleef.h>

#include "device_sim/numerics/lanes.h"

#define PHX_NAME sleef32_sse2
#define PHX_ISA sse2
#define PHX_F f4_
#define PHX_D d2_
#define PHX_F_LANES 4
#define PHX_D_LANES 2
#define PHX_LOAD_F _mm_loadu_ps
#define PHX_STORE_F _mm_storeu_ps
#define PHX_LOAD_D _mm_loadu_pd
#define PHX_STORE_D _mm_storeu_pd
#include "device_sim/numerics/lanes.inc"
