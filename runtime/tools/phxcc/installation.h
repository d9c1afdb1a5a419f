// Installation: where phxcc finds clang, the CUDA headers and the runtime library.
#pragma once

#include <string>

#include "device_sim/diagnostic/diagnostic.h"

namespace phx::phxcc {

struct Installation {
  std::string clang;  // the C++ driver; its C twin is `clang` without "++"
  std::string clang_c;
  std::string headers;      // folder with cuda_runtime.h
  std::string library_dir;  // folder with libphx_cudart.so
};

// An installed phxcc sits in <prefix>/bin and looks in <prefix>/include/phalanx/cuda and <prefix>/lib; one in a build
// tree takes the source tree's headers and the build tree's library. PHXCC_CLANG replaces the clang found at configure
// time.
Expected<Installation> find_installation();

}  // namespace phx::phxcc
