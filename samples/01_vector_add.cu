// 01_vector_add: the first kernel. c[i] = a[i] + b[i], checked bit for bit against plain C++.
//
//   phxcc -o vector_add 01_vector_add.cu && ./vector_add [elements]
#include <cstdio>
#include <cstdlib>
#include <vector>

#define CHECK(call)                                                                                           \
  do {                                                                                                        \
    const cudaError_t error = (call);                                                                         \
    if (error != cudaSuccess) {                                                                               \
      std::printf("%s:%d: %s: %s\n", __FILE__, __LINE__, cudaGetErrorName(error), cudaGetErrorString(error)); \
      std::printf("vector_add FAILED\n");                                                                     \
      std::exit(1);                                                                                           \
    }                                                                                                         \
  } while (0)

__global__ void vector_add(const float* a, const float* b, float* c, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) c[i] = a[i] + b[i];
}

int main(int argc, char** argv) {
  const int n = argc > 1 ? std::atoi(argv[1]) : 1 << 18;
  std::vector<float> a(n), b(n), c(n);
  for (int i = 0; i < n; ++i) {
    a[i] = 0.5f * static_cast<float>(i % 1000);
    b[i] = 1.0f / static_cast<float>(i + 1);
  }

  const size_t bytes = n * sizeof(float);
  float *dev_a, *dev_b, *dev_c;
  CHECK(cudaMalloc(&dev_a, bytes));
  CHECK(cudaMalloc(&dev_b, bytes));
  CHECK(cudaMalloc(&dev_c, bytes));
  CHECK(cudaMemcpy(dev_a, a.data(), bytes, cudaMemcpyHostToDevice));
  CHECK(cudaMemcpy(dev_b, b.data(), bytes, cudaMemcpyHostToDevice));

  const int block = 256;
  vector_add<<<(n + block - 1) / block, block>>>(dev_a, dev_b, dev_c, n);
  CHECK(cudaGetLastError());
  CHECK(cudaMemcpy(c.data(), dev_c, bytes, cudaMemcpyDeviceToHost));

  CHECK(cudaFree(dev_a));
  CHECK(cudaFree(dev_b));
  CHECK(cudaFree(dev_c));

  for (int i = 0; i < n; ++i) {
    if (c[i] != a[i] + b[i]) {
      std::printf("vector_add FAILED: element %d is %g, expected %g\n", i, c[i], a[i] + b[i]);
      return 1;
    }
  }
  std::printf("vector_add PASSED: %d elements\n", n);
  return 0;
}
