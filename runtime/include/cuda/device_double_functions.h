// device_double_functions.h: double intrinsics, which every .cu file has already.
#pragma once

#include "cuda_runtime.h"
