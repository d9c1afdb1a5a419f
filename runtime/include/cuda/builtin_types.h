// builtin_types.h: the builtin types.
#pragma once

#include "driver_types.h"
#include "vector_types.h"
