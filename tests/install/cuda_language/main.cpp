#include <cuda_runtime_api.h>

#include <cstdio>

#include "scale.h"

#ifndef FACTOR
#define FACTOR 3
#endif

int main() {
  float in[300], out[300];
  for (int i = 0; i < 300; ++i) in[i] = static_cast<float>(i);
  bool right = scale(in, out, 300);
  for (int i = 0; i < 300; ++i) right &= out[i] == FACTOR * in[i];
  int devices = 0;
  right &= cudaGetDeviceCount(&devices) == cudaSuccess && devices == 2;
  std::printf("scale %s\n", right ? "PASSED" : "FAILED");
  return !right;
}
