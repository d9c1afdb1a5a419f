// Workloads of published SIMT measurements on the Ascend 950: one case a run, named on the command line. simt_950.py
// compares. Grids, blocks, element types and index patterns are those that the measurements state.
#include <cuda_fp16.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

__global__ void __launch_bounds__(2048) empty() {}

// --- Gather through random indices

__global__ void __launch_bounds__(2048)
    gather_once(const float* source, const uint32_t* index, float* result, uint32_t limit) {
  const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  uint32_t from = index[i];
  if (from >= limit) from = 0;
  result[i] = source[from];
}
__global__ void __launch_bounds__(2048)
    gather(const float* source, const uint32_t* index, float* result, uint32_t limit, uint32_t n) {
  for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
    uint32_t from = index[i];
    if (from >= limit) from = 0;
    result[i] = source[from];
  }
}

// --- Atomics

__global__ void __launch_bounds__(2048) gm_atomic(int* total) { atomicAdd(total, 1); }
__global__ void __launch_bounds__(2048) gm_atomic_result(int* total) { volatile int before = atomicAdd(total, 1); }
// Nobody reads the sum, but the compiler must not know.
__global__ void __launch_bounds__(2048) ub_atomic(int* sink) {
  __shared__ int total;
  atomicAdd(&total, 1);
  if (threadIdx.x == 0 && total < 0) *sink = total;
}
__global__ void __launch_bounds__(2048) ub_atomic_result(int* sink) {
  __shared__ int total;
  volatile int before = atomicAdd(&total, 1);
  if (threadIdx.x == 0 && total < 0) *sink = total;
}
__global__ void ub_atomic_then_gm(int* result) {
  __shared__ int total;
  if (threadIdx.x == 0) total = 0;
  __syncthreads();
  atomicAdd(&total, 1);
  __syncthreads();
  if (threadIdx.x == 0) atomicAdd(result, total);
}
template <class T>
__global__ void spread_atomic(T* totals, uint64_t targets) {
  atomicAdd(totals + (blockIdx.x * blockDim.x + threadIdx.x) % targets, T{1});
}
template <class T>
__global__ void spread_atomic_result(T* totals, uint64_t targets) {
  volatile T before = atomicAdd(totals + (blockIdx.x * blockDim.x + threadIdx.x) % targets, T{1});
}

// --- Copies and transposes of a square of floats

__global__ void __launch_bounds__(2048) copy_2048(float* out, const float* in, uint32_t n) {
  for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) out[i] = in[i];
}
__global__ void __launch_bounds__(2048) transpose_direct(float* out, const float* in, uint32_t width, uint32_t height) {
  for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < width * height; i += gridDim.x * blockDim.x) {
    const uint32_t row = i / width, col = i - row * width;
    out[col * height + row] = in[i];
  }
}
// Two tiles of 32 x 32 a block and turn.
template <bool kLoop>
__global__ void __launch_bounds__(2048)
    transpose_two(float* out, const float* in, uint32_t width, uint32_t height, uint32_t tiles) {
  __shared__ float tile[2][32][32];
  const uint32_t across = width / 32, which = threadIdx.y >> 5, ty = threadIdx.y & 31, tx = threadIdx.x;
  for (uint32_t base = blockIdx.x * 2; base < tiles; base += gridDim.x * 2) {
    const uint32_t number = base + which, y = number / across, x = number - y * across;
    const bool active = number < tiles;
    if (active) tile[which][ty][tx] = in[x * 32 + tx + (y * 32 + ty) * width];
    __syncthreads();
    if (active) out[y * 32 + tx + (x * 32 + ty) * height] = tile[which][tx][ty];
    if (!kLoop) break;
    __syncthreads();
  }
}
// One tile a block and turn, in rows of kRow words; with two buffers without a second barrier.
template <int kRow, int kBuffers>
__global__ void __launch_bounds__(1024)
    transpose_one(float* out, const float* in, uint32_t width, uint32_t height, uint32_t tiles) {
  __shared__ float tile[kBuffers][32][kRow];
  const uint32_t across = width / 32, ty = threadIdx.y, tx = threadIdx.x;
  uint32_t turn = 0;
  for (uint32_t number = blockIdx.x; number < tiles; number += gridDim.x) {
    const uint32_t y = number / across, x = number - y * across;
    tile[turn][ty][tx] = in[x * 32 + tx + (y * 32 + ty) * width];
    __syncthreads();
    out[y * 32 + tx + (x * 32 + ty) * height] = tile[turn][tx][ty];
    if (kBuffers == 1)
      __syncthreads();
    else
      turn ^= 1;
  }
}

// --- A sparse matrix times a vector: a row a thread, a row a warp

__global__ void spmv_thread(const float* values, const uint32_t* columns, const uint32_t* rows, const float* x,
                            float* y, uint32_t count) {
  const uint32_t row = blockIdx.x * blockDim.x + threadIdx.x;
  if (row >= count) return;
  float sum = 0;
  for (uint32_t j = rows[row], end = rows[row + 1]; j < end; ++j) sum += values[j] * x[columns[j]];
  y[row] = sum;
}
__global__ void spmv_warp(const float* values, const uint32_t* columns, const uint32_t* rows, const float* x, float* y,
                          uint32_t count) {
  const uint32_t lane = threadIdx.x % 32, warps = gridDim.x * blockDim.x / 32;
  for (uint32_t row = (blockIdx.x * blockDim.x + threadIdx.x) / 32; row < count; row += warps) {
    float sum = 0;
    for (uint32_t j = rows[row] + lane, end = rows[row + 1]; j < end; j += 32) sum += values[j] * x[columns[j]];
    for (int offset = 16; offset > 0; offset /= 2) sum += __shfl_down_sync(~0u, sum, offset);
    if (lane == 0) y[row] = sum;
  }
}

// --- Additions of halves, one and two a time

template <class T>
__global__ void __launch_bounds__(1024) add(const T* x, const T* y, T* z, uint64_t n) {
  const int stride = gridDim.x * blockDim.x;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += stride) z[i] = x[i] + y[i];
}

// --- Reads of shared memory by one warp; the cycles of a hundred

__global__ void banks(const float* in, float* out, long long* cycles, int stride) {
  __shared__ float data[4096];
  for (int i = threadIdx.x; i < 4096; i += blockDim.x) data[i] = in[i];
  const volatile float* read = data;
  const int at = threadIdx.x * stride;
  float sum = 0;
  const long long start = clock64();
#pragma unroll
  for (int i = 0; i < 100; ++i) sum += read[at];
  const long long end = clock64();
  out[threadIdx.x] = sum;
  cycles[threadIdx.x] = end - start;
}

// --- Copies of structures on one core, word by word

template <class Word, int kWords>
struct Structure {
  Word words[kWords];
};
template <class T>
__global__ void __launch_bounds__(2048) copy_structures(T* out, const T* in, uint32_t n) {
  for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) out[i] = in[i];
}
namespace {

template <class T>
T* allocate(size_t n) {
  T* at = nullptr;
  cudaMalloc(&at, n * sizeof(T));
  return at;
}
template <class T>
T* upload(const std::vector<T>& values) {
  T* at = allocate<T>(values.size());
  cudaMemcpy(at, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice);
  return at;
}

void run_gather(int blocks, int threads, uint32_t n, bool once) {
  constexpr uint32_t kSource = 2100000;
  std::vector<uint32_t> random(n);
  std::mt19937 generator(1);
  for (uint32_t& i : random) i = generator() % kSource;
  const float* source = upload(std::vector<float>(kSource, 1.0f));
  const uint32_t* index = upload(random);
  float* result = allocate<float>(n);
  if (once)
    gather_once<<<blocks, threads>>>(source, index, result, kSource);
  else
    gather<<<blocks, threads>>>(source, index, result, kSource, n);
}

void run_square(const std::string& which) {
  constexpr uint32_t kSide = 1024, kTiles = kSide / 32 * (kSide / 32), kCores = 64;
  const float* in = upload(std::vector<float>(kSide * kSide, 1.0f));
  float* out = allocate<float>(kSide * kSide);
  const dim3 one(32, 32), two(32, 64);
  if (which == "copy_2048") copy_2048<<<kCores, 2048>>>(out, in, kSide * kSide);
  if (which == "copy_1024") copy_2048<<<kCores, 1024>>>(out, in, kSide * kSide);
  if (which == "transpose_direct") transpose_direct<<<kCores, 2048>>>(out, in, kSide, kSide);
  if (which == "transpose_two_once") transpose_two<false><<<kTiles / 2, two>>>(out, in, kSide, kSide, kTiles);
  if (which == "transpose_two") transpose_two<true><<<kCores, two>>>(out, in, kSide, kSide, kTiles);
  if (which == "transpose_one") transpose_one<32, 1><<<kCores, one>>>(out, in, kSide, kSide, kTiles);
  if (which == "transpose_padded") transpose_one<34, 1><<<kCores, one>>>(out, in, kSide, kSide, kTiles);
  if (which == "transpose_two_buffers") transpose_one<34, 2><<<kCores, one>>>(out, in, kSide, kSide, kTiles);
}

void run_spmv(bool by_warp) {
  constexpr uint32_t kRows = 8192, kColumns = 1024, kMost = 64;
  std::mt19937 generator(42);
  std::vector<uint32_t> rows{0}, columns;
  for (uint32_t row = 0; row < kRows; ++row) {
    std::vector<bool> taken(kColumns);
    for (uint32_t left = 1 + generator() % kMost; left;) {
      const uint32_t column = generator() % kColumns;
      if (!taken[column]) --left;
      taken[column] = true;
    }
    for (uint32_t column = 0; column < kColumns; ++column)
      if (taken[column]) columns.push_back(column);
    rows.push_back(static_cast<uint32_t>(columns.size()));
  }
  const float* values = upload(std::vector<float>(columns.size(), 1.0f));
  const uint32_t *c = upload(columns), *r = upload(rows);
  const float* x = upload(std::vector<float>(kColumns, 1.0f));
  float* y = allocate<float>(kRows);
  if (by_warp)
    spmv_warp<<<8, 1024>>>(values, c, r, x, y, kRows);
  else
    spmv_thread<<<8, 1024>>>(values, c, r, x, y, kRows);
}

template <class T>
void run_add(uint64_t n) {
  const T *x = allocate<T>(n), *y = allocate<T>(n);
  T* z = allocate<T>(n);
  cudaMemset(const_cast<T*>(x), 0, n * sizeof(T));
  cudaMemset(const_cast<T*>(y), 0, n * sizeof(T));
  add<T><<<64, 1024>>>(x, y, z, n);
}

template <class T>
void run_structures(size_t bytes) {
  const uint32_t n = static_cast<uint32_t>(bytes / sizeof(T));
  const T* in = allocate<T>(n);
  copy_structures<T><<<1, 2048>>>(allocate<T>(n), in, n);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string which = argc > 1 ? argv[1] : "";
  auto number = [&](int place, int otherwise) { return argc > place ? std::atoi(argv[place]) : otherwise; };
  const int blocks = number(2, 1), threads = number(3, 1024);
  std::vector<long long> told;
  if (which == "empty") {
    empty<<<blocks, 2048>>>();
  } else if (which == "gather" || which == "gather_once") {
    run_gather(blocks, threads, static_cast<uint32_t>(number(4, 1 << 21)), which == "gather_once");
  } else if (which.find("transpose") == 0 || which.find("copy_") == 0) {
    run_square(which);
  } else if (which == "gm_atomic") {
    gm_atomic<<<blocks, threads>>>(upload(std::vector<int>(32)));
  } else if (which == "gm_atomic_result") {
    gm_atomic_result<<<blocks, threads>>>(upload(std::vector<int>(32)));
  } else if (which == "ub_atomic") {
    ub_atomic<<<blocks, threads>>>(upload(std::vector<int>(32)));
  } else if (which == "ub_atomic_result") {
    ub_atomic_result<<<blocks, threads>>>(upload(std::vector<int>(32)));
  } else if (which == "ub_atomic_then_gm") {
    ub_atomic_then_gm<<<blocks, threads>>>(upload(std::vector<int>(32)));
  } else if (which == "spread_int") {
    spread_atomic<int><<<blocks, threads>>>(upload(std::vector<int>(12288)), number(4, 1));
  } else if (which == "spread_int_result") {
    spread_atomic_result<int><<<blocks, threads>>>(upload(std::vector<int>(12288)), number(4, 1));
  } else if (which == "spread_long") {
    using Long = unsigned long long;
    spread_atomic<Long><<<blocks, threads>>>(upload(std::vector<Long>(12288)), number(4, 1));
  } else if (which == "spread_long_result") {
    using Long = unsigned long long;
    spread_atomic_result<Long><<<blocks, threads>>>(upload(std::vector<Long>(12288)), number(4, 1));
  } else if (which == "spmv_thread" || which == "spmv_warp") {
    run_spmv(which == "spmv_warp");
  } else if (which == "add_half") {
    run_add<__half>(64u * 256 * 1024);
  } else if (which == "add_half2") {
    run_add<__half2>(64u * 256 * 1024 / 2);
  } else if (which == "banks") {
    told.resize(32);
    long long* cycles = allocate<long long>(32);
    banks<<<1, 32>>>(upload(std::vector<float>(4096, 1.0f)), allocate<float>(32), cycles, number(2, 1));
    cudaMemcpy(told.data(), cycles, 32 * sizeof(long long), cudaMemcpyDeviceToHost);
  } else if (which == "structures") {
    const size_t bytes = size_t{1} << 24;  // a 32nd of the published size: the rate is what is compared
    switch (number(2, 0)) {
      case 401:
        run_structures<Structure<uint8_t, 4>>(bytes);
        break;
      case 402:
        run_structures<Structure<uint16_t, 2>>(bytes);
        break;
      case 404:
        run_structures<uint32_t>(bytes);
        break;
      case 804:
        run_structures<Structure<uint32_t, 2>>(bytes);
        break;
      case 808:
        run_structures<uint2>(bytes);
        break;
      case 1604:
        run_structures<Structure<uint32_t, 4>>(bytes);
        break;
      case 3204:
        run_structures<Structure<uint32_t, 8>>(bytes);
        break;
      default:
        return 2;
    }
  } else {
    std::printf("unknown case '%s'\n", which.c_str());
    return 2;
  }
  const bool good = cudaDeviceSynchronize() == cudaSuccess;
  if (!told.empty()) std::printf("%lld\n", told[0]);
  return good ? 0 : 1;
}
