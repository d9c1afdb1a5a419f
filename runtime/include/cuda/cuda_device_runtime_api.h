// cuda_device_runtime_api.h: device-side runtime calls; device-side launch is not offered.
#pragma once

#include "cuda_runtime_api.h"
