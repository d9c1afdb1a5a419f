// What every program here shares: API calls that must succeed, values that must be equal, one verdict line at the end.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

inline int failures = 0;

#define CUDA(call)                                                                                \
  do {                                                                                            \
    const cudaError_t error = (call);                                                             \
    if (error != cudaSuccess) {                                                                   \
      std::printf("%s:%d: %s: %s\nFAILED\n", __FILE__, __LINE__, #call, cudaGetErrorName(error)); \
      std::exit(1);                                                                               \
    }                                                                                             \
  } while (0)

// Reports the first few differences of each kind and counts all of them.
#define EXPECT(condition, ...)                                                  \
  do {                                                                          \
    if (!(condition) && failures++ < 20) {                                      \
      std::printf("%s:%d: %s does not hold: ", __FILE__, __LINE__, #condition); \
      std::printf(__VA_ARGS__);                                                 \
      std::printf("\n");                                                        \
    }                                                                           \
  } while (0)

inline int verdict(const char* name) {
  if (failures) {
    std::printf("%s FAILED: %d expectations\n", name, failures);
  } else {
    std::printf("%s PASSED\n", name);
  }
  return failures ? 1 : 0;
}

// A device array with its host copy.
template <class T>
struct Array {
  explicit Array(int n) : count(n), host(static_cast<T*>(std::calloc(n, sizeof(T)))) {
    CUDA(cudaMalloc(&device, n * sizeof(T)));
  }
  ~Array() {
    cudaFree(device);
    std::free(host);
  }
  Array(const Array&) = delete;
  void upload() { CUDA(cudaMemcpy(device, host, count * sizeof(T), cudaMemcpyHostToDevice)); }
  void download() { CUDA(cudaMemcpy(host, device, count * sizeof(T), cudaMemcpyDeviceToHost)); }
  T& operator[](int i) { return host[i]; }

  int count;
  T* host;
  T* device = nullptr;
};

// Bits of well-spread test values, the same in every run.
struct Random {
  unsigned state;
  unsigned next() {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
  }
  float unit() { return static_cast<float>(next() >> 8) / 16777216.0f; }
};
