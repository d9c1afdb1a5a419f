// crt/sm_70_rt.hpp: clang's intrinsics header includes this name; everything it stands for is in warp_functions.h.
#pragma once
