// sm_20_atomic_functions.h: atomics.
#pragma once

#include "device_atomic_functions.h"
