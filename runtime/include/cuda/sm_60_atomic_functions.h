// sm_60_atomic_functions.h: atomics.
#pragma once

#include "device_atomic_functions.h"
