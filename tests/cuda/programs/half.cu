// Half and bfloat16 against the same functions on the host (one rounding each), and conversions against tables.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "check.h"

constexpr int kValues = 128, kResults = 14;

template <class F>
__host__ __device__ void arithmetic(F a, F b, F c, float* out) {
  out[0] = a + b;
  out[1] = a - b;
  out[2] = a * b;
  out[3] = a / b;
  out[4] = __hfma(a, b, c);
  out[5] = -a;
  out[6] = __habs(a);
  out[7] = __hmax(a, b);
  out[8] = __hmin(a, c);
  out[9] = (a < b) + 2 * (a == b) + 4 * (a >= c);
  out[10] = hfloor(a);
  out[11] = hsqrt(__habs(a));
  out[12] = static_cast<float>(static_cast<int>(static_cast<float>(b) * 4));
  F sum = a;
  sum += b;
  sum *= c;
  out[13] = sum;
}

template <class F>
__global__ void arithmetic_kernel(const F* a, const F* b, const F* c, float* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) arithmetic(a[i], b[i], c[i], out + i * kResults);
}

template <class F>
void test_arithmetic(const char* name) {
  Array<F> a(kValues), b(kValues), c(kValues);
  Array<float> out(kValues * kResults);
  Random random{314159265u};
  for (int i = 0; i < kValues; ++i) {
    a[i] = F(random.unit() * 16.0f - 8.0f);
    b[i] = F((random.unit() - 0.5f) * (i % 3 ? 3.0f : 300.0f));
    c[i] = F(random.unit() * (i % 5 ? 1.0f : 0.001f));
  }
  a.upload(), b.upload(), c.upload();
  arithmetic_kernel<<<kValues / 32, 32>>>(a.device, b.device, c.device, out.device, kValues);
  CUDA(cudaGetLastError());
  out.download();
  for (int i = 0; i < kValues; ++i) {
    float expected[kResults];
    arithmetic(a[i], b[i], c[i], expected);
    for (int k = 0; k < kResults; ++k) {
      const float got = out[i * kResults + k];
      // nvcc's rules allow += followed by *= to stay apart or not; everything else is one function, one rounding.
      EXPECT(got == expected[k], "%s result %d of %g, %g, %g is %.9g, expected %.9g", name, k, (float)a[i], (float)b[i],
             (float)c[i], got, expected[k]);
    }
  }
}

__global__ void pairs(const __half2* a, __half2* out, float2* floats, __half* sums) {
  const int t = threadIdx.x;
  out[t] = __hfma2(a[t], __float2half2_rn(2.0f), __halves2half2(__float2half(1.0f), __float2half(-1.0f)));
  floats[t] = __half22float2(__lowhigh2highlow(a[t]));
  const __half2 other = __shfl_xor_sync(0xffffffffu, a[t], 1);
  sums[t] = __hadd(__low2half(other), __high2half(a[t]));
}

__global__ void add_up(__half* total, __nv_bfloat16* other) {
  atomicAdd(total, __float2half(0.5f));
  atomicAdd(other, __float2bfloat16(0.5f));
}

__global__ void convert(const float* in, unsigned short* half_bits, unsigned short* bf16_bits, int n) {
  const int i = threadIdx.x;
  if (i >= n) return;
  half_bits[i * 4 + 0] = __half_as_ushort(__float2half_rn(in[i]));
  half_bits[i * 4 + 1] = __half_as_ushort(__float2half_rz(in[i]));
  half_bits[i * 4 + 2] = __half_as_ushort(__float2half_rd(in[i]));
  half_bits[i * 4 + 3] = __half_as_ushort(__float2half_ru(in[i]));
  bf16_bits[i] = __bfloat16_as_ushort(__float2bfloat16_rn(in[i]));
}

int main() {
  test_arithmetic<__half>("half");
  test_arithmetic<__nv_bfloat16>("bfloat16");

  Array<__half2> a(32), out(32);
  Array<float2> floats(32);
  Array<__half> sums(32);
  for (int t = 0; t < 32; ++t) a[t] = __floats2half2_rn(t * 0.5f, -t * 0.25f);
  a.upload();
  pairs<<<1, 32>>>(a.device, out.device, floats.device, sums.device);
  out.download(), floats.download(), sums.download();
  for (int t = 0; t < 32; ++t) {
    EXPECT(__low2float(out[t]) == t + 1.0f && __high2float(out[t]) == -t * 0.5f - 1.0f, "fma2 %g %g",
           __low2float(out[t]), __high2float(out[t]));
    EXPECT(floats[t].x == -t * 0.25f && floats[t].y == t * 0.5f, "swapped %g %g", floats[t].x, floats[t].y);
    EXPECT(__half2float(sums[t]) == (t ^ 1) * 0.5f - t * 0.25f, "shuffled %g", __half2float(sums[t]));
  }

  Array<__half> total(1);
  Array<__nv_bfloat16> other(1);
  total.upload(), other.upload();
  add_up<<<2, 64>>>(total.device, other.device);
  total.download(), other.download();
  EXPECT(__half2float(total[0]) == 64.0f && __bfloat162float(other[0]) == 64.0f, "atomic sums %g %g",
         __half2float(total[0]), __bfloat162float(other[0]));

  // value, half rounded to nearest, towards zero, down, up; bfloat16 to nearest
  static const struct {
    float value;
    unsigned short half[4], bf16;
  } table[] = {
      {1.0f, {0x3c00, 0x3c00, 0x3c00, 0x3c00}, 0x3f80},    {0.1f, {0x2e66, 0x2e66, 0x2e66, 0x2e67}, 0x3dcd},
      {-0.1f, {0xae66, 0xae66, 0xae67, 0xae66}, 0xbdcd},   {65504.0f, {0x7bff, 0x7bff, 0x7bff, 0x7bff}, 0x4780},
      {1e-8f, {0x0000, 0x0000, 0x0000, 0x0001}, 0x322c},   {5.9604645e-8f, {0x0001, 0x0001, 0x0001, 0x0001}, 0x3380},
      {2049.0f, {0x6800, 0x6800, 0x6800, 0x6801}, 0x4500}, {2051.0f, {0x6802, 0x6801, 0x6801, 0x6802}, 0x4500},
  };
  constexpr int rows = sizeof(table) / sizeof(table[0]);
  Array<float> in(rows);
  Array<unsigned short> half_bits(rows * 4), bf16_bits(rows);
  for (int i = 0; i < rows; ++i) in[i] = table[i].value;
  in.upload();
  convert<<<1, 32>>>(in.device, half_bits.device, bf16_bits.device, rows);
  half_bits.download(), bf16_bits.download();
  for (int i = 0; i < rows; ++i) {
    for (int mode = 0; mode < 4; ++mode) {
      EXPECT(half_bits[i * 4 + mode] == table[i].half[mode], "%g in mode %d is %04x, expected %04x", table[i].value,
             mode, half_bits[i * 4 + mode], table[i].half[mode]);
    }
    EXPECT(bf16_bits[i] == table[i].bf16, "%g as bfloat16 is %04x, expected %04x", table[i].value, bf16_bits[i],
           table[i].bf16);
  }
  return verdict("half");
}
