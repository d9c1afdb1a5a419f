// z = x + y, 1 M elements: a whole program as a user writes it, for the time from its start to its report.
#include <cstdio>
#include <vector>

__global__ void add(const float* x, const float* y, float* z, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) z[i] = x[i] + y[i];
}

int main() {
  constexpr int n = 1 << 20;
  std::vector<float> x(n, 1.5f), y(n, 2.0f), z(n);
  float *dx, *dy, *dz;
  cudaMalloc(&dx, n * sizeof(float));
  cudaMalloc(&dy, n * sizeof(float));
  cudaMalloc(&dz, n * sizeof(float));
  cudaMemcpy(dx, x.data(), n * sizeof(float), cudaMemcpyHostToDevice);
  cudaMemcpy(dy, y.data(), n * sizeof(float), cudaMemcpyHostToDevice);
  add<<<n / 256, 256>>>(dx, dy, dz, n);
  if (cudaMemcpy(z.data(), dz, n * sizeof(float), cudaMemcpyDeviceToHost) != cudaSuccess) return 1;
  for (float value : z)
    if (value != 3.5f) return 1;
  cudaFree(dx);
  cudaFree(dy);
  cudaFree(dz);
  std::puts("ok");
  return 0;
}
