// cuda_surface_types.h: surface types are not offered.
#pragma once

#include "driver_types.h"
