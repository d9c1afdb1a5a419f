// sm_35_intrinsics.h: intrinsics, which every .cu file has already.
#pragma once

#include "cuda_runtime.h"
