// common_functions.h: printf, assert, memcpy, clock in device code.
#pragma once

#include "cuda_runtime.h"
