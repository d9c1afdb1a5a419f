// device_launch_parameters.h: threadIdx and its kin, which every .cu file has already.
#pragma once

#include "vector_types.h"
