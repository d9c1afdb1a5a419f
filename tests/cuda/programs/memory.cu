// Where data can live: globals, constants, shared (static and dynamic), locals, arguments by value, vector types; and
// the copies and fills that reach it.
#include "check.h"

__device__ int counter = 5;
__device__ float table[4] = {1.0f, 2.0f, 4.0f, 8.0f};
static __device__ unsigned hidden[2];
__constant__ int coefficients[8] = {1, 2, 3, 4, 5, 6, 7, 8};
__constant__ float scale;
__device__ int* chained;  // a pointer to device memory, set from the host

struct Pair {
  int a;
  float b;
};
struct Big {
  int values[40];
  Pair pairs[3];
  double tail;
};

__global__ void globals(int* out) {
  const int t = threadIdx.x;
  if (t == 0) counter += 37, hidden[1] = hidden[0] + 1;
  if (t < 4) table[t] *= scale;
  out[t] = coefficients[t % 8] * 10 + coefficients[(t * t) % 8];  // uniform or not, every lane has its own
  if (t == 3) chained[1] = chained[0] + 100;
}

__global__ void by_value(Big big, Pair pair, char c, short s, long long w, double* out) {
  const int t = threadIdx.x;
  double sum = big.tail + pair.a + pair.b + c + s + w;
  for (int i = 0; i < 40; ++i) sum += big.values[(i + t) % 40] * (i % 3);
  out[t] = sum + big.pairs[t % 3].a * big.pairs[t % 3].b;
}

// Dynamic shared memory carved into two arrays, beside a static one.
__global__ void shared(const float* in, float* out, int n) {
  extern __shared__ unsigned char raw[];
  __shared__ float fixed[64];
  float* first = reinterpret_cast<float*>(raw);
  double* second = reinterpret_cast<double*>(raw + n * sizeof(float));
  const int t = threadIdx.x;
  first[t] = in[t];
  second[t] = in[t] * 2.0;
  fixed[t] = in[t] + 1.0f;
  __syncthreads();
  const int r = n - 1 - t;
  out[t] = first[r] + static_cast<float>(second[r]) + fixed[r];
}

// An array per thread with an index that the compiler cannot know.
__global__ void locals(const int* in, int* out) {
  int stack[32];
  int top = 0;
  const int t = threadIdx.x;
  for (int i = 0; i < 32; ++i) {
    const int v = in[(t * 7 + i * 11) % 64];
    if (v % 3 == 0 && top > 0) {
      --top;
    } else {
      stack[top++] = v;
    }
  }
  int sum = 0;
  while (top > 0) sum = sum * 31 + stack[--top];
  out[t] = sum;
}
int locals_reference(const int* in, int t) {
  int stack[32], top = 0;
  for (int i = 0; i < 32; ++i) {
    const int v = in[(t * 7 + i * 11) % 64];
    if (v % 3 == 0 && top > 0) {
      --top;
    } else {
      stack[top++] = v;
    }
  }
  unsigned sum = 0;
  while (top > 0) sum = sum * 31u + (unsigned)stack[--top];
  return (int)sum;
}

__global__ void vectors(const float4* in, float4* out, uchar4* bytes, double2* doubles, short2* shorts) {
  const int t = threadIdx.x;
  const float4 v = in[t];
  out[t] = make_float4(v.w, v.z, v.y, v.x + t);
  bytes[t] = make_uchar4(t, t * 2, t * 3, 255 - t);
  doubles[t] = make_double2(v.x, v.y);
  shorts[t] = make_short2((short)-t, (short)t);
}

// One load and one store whose lanes reach shared memory, global memory and their own stack.
__global__ void mixed_spaces(int* global, int* out) {
  __shared__ int tile[32];
  const int t = threadIdx.x;
  int own[2] = {t * 100, t};
  tile[t] = t + 1000;
  __syncthreads();
  int* from = t % 3 == 0 ? &tile[31 - t] : t % 3 == 1 ? &global[t] : &own[t & 1];
  *from += 5;
  out[t] = *from + own[0];
}

// Dynamic shared memory behind a static part of odd size is still aligned.
__global__ void behind_odd_size(double* out) {
  __shared__ bool flag[3];
  extern __shared__ double values[];
  const int t = threadIdx.x;
  if (t < 3) flag[t] = t == 1;
  values[t] = t * 0.5;
  __syncthreads();
  out[t] = values[31 - t] + flag[t % 3];
}

__global__ void pitched(char* base, size_t pitch, int width, int height) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
  if (x < width && y < height) reinterpret_cast<int*>(base + y * pitch)[x] += y * 1000 + x;
}

int main() {
  int pair_of_ints[2] = {7, 0}, *device_pair;
  CUDA(cudaMalloc(&device_pair, sizeof(pair_of_ints)));
  CUDA(cudaMemcpy(device_pair, pair_of_ints, sizeof(pair_of_ints), cudaMemcpyHostToDevice));
  CUDA(cudaMemcpyToSymbol(chained, &device_pair, sizeof(device_pair)));
  const float three = 3.0f;
  CUDA(cudaMemcpyToSymbol(scale, &three, sizeof(three)));
  const int changed[2] = {70, 80};
  CUDA(cudaMemcpyToSymbol(coefficients, changed, sizeof(changed), 6 * sizeof(int)));
  const unsigned start = 41;
  CUDA(cudaMemcpyToSymbol(hidden, &start, sizeof(start)));
  Array<int> out(64);
  globals<<<1, 64>>>(out.device);
  out.download();
  const int now[8] = {1, 2, 3, 4, 5, 6, 70, 80};
  for (int t = 0; t < 64; ++t)
    EXPECT(out[t] == now[t % 8] * 10 + now[t * t % 8], "constants, thread %d: %d", t, out[t]);
  int counter_value;
  float table_value[4];
  unsigned hidden_value[2];
  CUDA(cudaMemcpyFromSymbol(&counter_value, counter, sizeof(int)));
  CUDA(cudaMemcpyFromSymbol(table_value, table, sizeof(table_value)));
  CUDA(cudaMemcpyFromSymbol(hidden_value, hidden, sizeof(hidden_value)));
  CUDA(cudaMemcpy(pair_of_ints, device_pair, sizeof(pair_of_ints), cudaMemcpyDeviceToHost));
  EXPECT(counter_value == 42 && hidden_value[1] == 42, "globals %d %u", counter_value, hidden_value[1]);
  EXPECT(table_value[0] == 3 && table_value[3] == 24, "table %g %g", table_value[0], table_value[3]);
  EXPECT(pair_of_ints[1] == 107, "through a pointer in memory: %d", pair_of_ints[1]);
  void* address = nullptr;
  size_t size = 0;
  CUDA(cudaGetSymbolAddress(&address, table));
  CUDA(cudaGetSymbolSize(&size, table));
  EXPECT(size == sizeof(table_value) && address != nullptr, "symbol of %zu bytes", size);
  CUDA(cudaMemset(address, 0, 2 * sizeof(float)));
  CUDA(cudaMemcpyFromSymbol(table_value, table, sizeof(table_value)));
  EXPECT(table_value[0] == 0 && table_value[1] == 0 && table_value[2] == 12, "table after a fill %g %g", table_value[1],
         table_value[2]);

  Big big = {};
  for (int i = 0; i < 40; ++i) big.values[i] = i * i;
  for (int i = 0; i < 3; ++i) big.pairs[i] = {i + 1, 0.5f * i};
  big.tail = 1e10;
  Array<double> sums(32);
  by_value<<<1, 32>>>(big, Pair{3, 0.25f}, 'x', -300, 1ll << 40, sums.device);
  sums.download();
  for (int t = 0; t < 32; ++t) {
    double sum = big.tail + 3 + 0.25f + 'x' - 300 + (double)(1ll << 40);
    for (int i = 0; i < 40; ++i) sum += big.values[(i + t) % 40] * (i % 3);
    sum += big.pairs[t % 3].a * big.pairs[t % 3].b;
    EXPECT(sums[t] == sum, "arguments by value, thread %d: %.17g, expected %.17g", t, sums[t], sum);
  }

  Array<float> in(64), result(64);
  for (int i = 0; i < 64; ++i) in[i] = i * 0.5f;
  in.upload();
  shared<<<1, 64, 64 * (sizeof(float) + sizeof(double))>>>(in.device, result.device, 64);
  result.download();
  for (int t = 0; t < 64; ++t) EXPECT(result[t] == 4 * in[63 - t] + 1.0f, "shared, thread %d: %g", t, result[t]);

  Array<int> numbers(64);
  for (int i = 0; i < 64; ++i) numbers[i] = i * 29 % 101;
  numbers.upload();
  locals<<<1, 64>>>(numbers.device, out.device);
  out.download();
  for (int t = 0; t < 64; ++t) {
    EXPECT(out[t] == locals_reference(numbers.host, t), "local array, thread %d: %d", t, out[t]);
  }

  Array<float4> fours(32), swapped(32);
  Array<uchar4> bytes(32);
  Array<double2> doubles(32);
  Array<short2> shorts(32);
  for (int i = 0; i < 32; ++i) fours[i] = make_float4(i, i + 0.25f, i + 0.5f, i + 0.75f);
  fours.upload();
  vectors<<<1, 32>>>(fours.device, swapped.device, bytes.device, doubles.device, shorts.device);
  swapped.download(), bytes.download(), doubles.download(), shorts.download();
  for (int t = 0; t < 32; ++t) {
    EXPECT(swapped[t].x == t + 0.75f && swapped[t].w == 2 * t, "float4 %g %g", swapped[t].x, swapped[t].w);
    EXPECT(bytes[t].y == t * 2 && bytes[t].w == 255 - t, "uchar4 %d %d", bytes[t].y, bytes[t].w);
    EXPECT(doubles[t].y == t + 0.25 && shorts[t].x == -t && shorts[t].y == t, "double2 %g, short2 %d", doubles[t].y,
           shorts[t].x);
  }

  for (int i = 0; i < 64; ++i) numbers[i] = i * 7;
  numbers.upload();
  mixed_spaces<<<1, 32>>>(numbers.device, out.device);
  numbers.download(), out.download();
  for (int t = 0; t < 32; ++t) {
    const int own = t & 1 ? t + 5 : t * 100 + 5;
    const int expected = t % 3 == 0   ? 31 - t + 1005 + t * 100
                         : t % 3 == 1 ? t * 7 + 5 + t * 100
                                      : own + t * 100 + (t & 1 ? 0 : 5);
    EXPECT(out[t] == expected, "mixed spaces, thread %d: %d, expected %d", t, out[t], expected);
    EXPECT(numbers[t] == t * 7 + (t % 3 == 1 ? 5 : 0), "mixed spaces, element %d: %d", t, numbers[t]);
  }
  behind_odd_size<<<1, 32, 32 * sizeof(double)>>>(sums.device);
  sums.download();
  for (int t = 0; t < 32; ++t)
    EXPECT(sums[t] == (31 - t) * 0.5 + (t % 3 == 1), "behind an odd size, thread %d: %g", t, sums[t]);

  constexpr int width = 37, height = 19;
  char* base;
  size_t pitch;
  CUDA(cudaMallocPitch(&base, &pitch, width * sizeof(int), height));
  EXPECT(pitch >= width * sizeof(int), "pitch %zu", pitch);
  CUDA(cudaMemset2D(base, pitch, 0x01, width * sizeof(int), height));
  pitched<<<dim3(2, 2), dim3(32, 16)>>>(base, pitch, width, height);
  static int rows[height][width];
  CUDA(cudaMemcpy2D(rows, sizeof(rows[0]), base, pitch, width * sizeof(int), height, cudaMemcpyDeviceToHost));
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x)
      EXPECT(rows[y][x] == 0x01010101 + y * 1000 + x, "pitched [%d][%d] %d", y, x, rows[y][x]);
  }
  CUDA(cudaMemcpy(base + pitch, base, width * sizeof(int), cudaMemcpyDeviceToDevice));
  CUDA(cudaMemcpy(rows[0], base + pitch, sizeof(rows[0]), cudaMemcpyDefault));
  EXPECT(rows[0][5] == 0x01010101 + 5, "copy on the device %d", rows[0][5]);
  CUDA(cudaFree(base));
  CUDA(cudaFree(device_pair));
  return verdict("memory");
}
