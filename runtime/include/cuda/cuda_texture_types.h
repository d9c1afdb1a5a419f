// cuda_texture_types.h: texture references are not offered.
#pragma once

#include "driver_types.h"
