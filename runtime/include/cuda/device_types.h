// device_types.h: the builtin types of device code.
#pragma once

#include "vector_types.h"
