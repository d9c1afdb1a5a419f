// 03_matmul_tiled: C = A * B in square tiles held in shared memory; sizes need not be multiples of the tile.
// Every element is checked against a double-precision product within the rounding error of a float sum.
//
//   phxcc -o matmul 03_matmul_tiled.cu && ./matmul [n] | ./matmul m k n
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#define CHECK(call)                                                                                           \
  do {                                                                                                        \
    const cudaError_t error = (call);                                                                         \
    if (error != cudaSuccess) {                                                                               \
      std::printf("%s:%d: %s: %s\n", __FILE__, __LINE__, cudaGetErrorName(error), cudaGetErrorString(error)); \
      std::printf("matmul FAILED\n");                                                                         \
      std::exit(1);                                                                                           \
    }                                                                                                         \
  } while (0)

constexpr int kTile = 16;

// a is m x k, b is k x n, c is m x n, all row-major. One thread computes one element of c.
__global__ void matmul(const float* a, const float* b, float* c, int m, int k, int n) {
  __shared__ float tile_a[kTile][kTile];
  __shared__ float tile_b[kTile][kTile];
  const int row = blockIdx.y * kTile + threadIdx.y;
  const int col = blockIdx.x * kTile + threadIdx.x;

  float sum = 0.0f;
  for (int first = 0; first < k; first += kTile) {
    const int a_col = first + threadIdx.x;
    const int b_row = first + threadIdx.y;
    tile_a[threadIdx.y][threadIdx.x] = row < m && a_col < k ? a[row * k + a_col] : 0.0f;
    tile_b[threadIdx.y][threadIdx.x] = b_row < k && col < n ? b[b_row * n + col] : 0.0f;
    __syncthreads();
    for (int i = 0; i < kTile; ++i) sum += tile_a[threadIdx.y][i] * tile_b[i][threadIdx.x];
    __syncthreads();
  }
  if (row < m && col < n) c[row * n + col] = sum;
}

int main(int argc, char** argv) {
  const int size = argc > 1 ? std::atoi(argv[1]) : 100;
  const int m = size;
  const int k = argc > 3 ? std::atoi(argv[2]) : size;
  const int n = argc > 3 ? std::atoi(argv[3]) : size;

  std::vector<float> a(m * k), b(k * n), c(m * n);
  for (int i = 0; i < m * k; ++i) a[i] = static_cast<float>((i * 37) % 101) / 101.0f - 0.5f;
  for (int i = 0; i < k * n; ++i) b[i] = static_cast<float>((i * 53) % 97) / 97.0f - 0.5f;

  float *dev_a, *dev_b, *dev_c;
  CHECK(cudaMalloc(&dev_a, a.size() * sizeof(float)));
  CHECK(cudaMalloc(&dev_b, b.size() * sizeof(float)));
  CHECK(cudaMalloc(&dev_c, c.size() * sizeof(float)));
  CHECK(cudaMemcpy(dev_a, a.data(), a.size() * sizeof(float), cudaMemcpyHostToDevice));
  CHECK(cudaMemcpy(dev_b, b.data(), b.size() * sizeof(float), cudaMemcpyHostToDevice));

  const dim3 block(kTile, kTile);
  const dim3 grid((n + kTile - 1) / kTile, (m + kTile - 1) / kTile);
  matmul<<<grid, block>>>(dev_a, dev_b, dev_c, m, k, n);
  CHECK(cudaGetLastError());
  CHECK(cudaMemcpy(c.data(), dev_c, c.size() * sizeof(float), cudaMemcpyDeviceToHost));
  CHECK(cudaFree(dev_a));
  CHECK(cudaFree(dev_b));
  CHECK(cudaFree(dev_c));

  double worst = 0;
  for (int row = 0; row < m; ++row) {
    for (int col = 0; col < n; ++col) {
      double reference = 0, magnitude = 0;
      for (int i = 0; i < k; ++i) {
        const double product = static_cast<double>(a[row * k + i]) * b[i * n + col];
        reference += product;
        magnitude += std::fabs(product);
      }
      const double error = std::fabs(c[row * n + col] - reference);
      if (!(error <= k * magnitude / (1 << 23))) {
        std::printf("matmul FAILED: c[%d][%d] is %g, expected %g\n", row, col, c[row * n + col], reference);
        return 1;
      }
      worst = std::fmax(worst, error);
    }
  }
  std::printf("matmul PASSED: %d x %d x %d, largest error %.2g\n", m, k, n, worst);
  return 0;
}
