// device_functions.h: device functions, which every .cu file has already.
#pragma once

#include "cuda_runtime.h"
