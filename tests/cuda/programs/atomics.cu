// Every atomic function on global and on shared memory, with and without a used result.
#include "check.h"

constexpr int kThreads = 256, kBlocks = 4, kAll = kThreads * kBlocks;

__global__ void results(unsigned* seen, unsigned* counter, unsigned* wrapped) {
  // Each ticket is handed out once.
  seen[atomicAdd(counter, 1u)] = 1;
  atomicInc(wrapped, 99u);  // counts modulo 100
  atomicDec(wrapped + 1, 99u);
}

__global__ void integers(int* i, unsigned* u, unsigned long long* w) {
  const int t = blockIdx.x * blockDim.x + threadIdx.x;
  atomicAdd(&i[0], t);
  atomicSub(&i[1], t);
  atomicMin(&i[2], -t);
  atomicMax(&i[3], t);
  atomicOr(&i[4], 1 << (t % 31));
  atomicAnd(&i[5], ~(1 << (t % 16)));
  atomicXor(&i[6], t);
  atomicExch(&i[7], 7);
  atomicMin(&u[0], 0xffffff00u - t);
  atomicMax(&u[1], 0xffff0000u + t);
  atomicAdd(&w[0], (unsigned long long)t << 32);
  atomicMax(&w[1], (unsigned long long)t << 33);
  atomicXor(&w[2], (unsigned long long)t << 40);
  atomicExch(&w[3], 3ull << 40);
}

__global__ void floats(float* f, double* d) {
  __shared__ float block_sum;
  if (threadIdx.x == 0) block_sum = 0.0f;
  __syncthreads();
  atomicAdd(&block_sum, 0.5f);  // halves add up exactly
  __syncthreads();
  if (threadIdx.x == 0) atomicAdd(f, block_sum);
  atomicAdd(d, 0.25);
  atomicExch(f + 1, 2.5f);
}

// A maximum of floats by compare-and-swap, as programs write it.
__device__ float maximum(float* address, float value) {
  int* bits = reinterpret_cast<int*>(address);
  int old = *bits, assumed;
  do {
    assumed = old;
    if (__int_as_float(assumed) >= value) break;
    old = atomicCAS(bits, assumed, __float_as_int(value));
  } while (old != assumed);
  return __int_as_float(old);
}
__global__ void compare_and_swap(float* f, unsigned long long* w) {
  const int t = blockIdx.x * blockDim.x + threadIdx.x;
  maximum(f, static_cast<float>(t * 37 % kAll));
  unsigned long long old = *w, assumed;
  do {
    assumed = old;
    old = atomicCAS(w, assumed, assumed + 3);
  } while (old != assumed);
}

__global__ void shared_histogram(unsigned* out) {
  __shared__ unsigned bins[16];
  __shared__ int lowest;
  __shared__ unsigned long long total;
  if (threadIdx.x < 16) bins[threadIdx.x] = 0;
  if (threadIdx.x == 0) lowest = 1000, total = 0;
  __syncthreads();
  atomicAdd(&bins[threadIdx.x * threadIdx.x % 16], 1u);
  atomicMin(&lowest, 500 - static_cast<int>(threadIdx.x));
  atomicAdd(&total, 1ull << 33);
  __syncthreads();
  if (threadIdx.x < 16) atomicAdd(&out[threadIdx.x], bins[threadIdx.x]);
  if (threadIdx.x == 0) out[16 + blockIdx.x] = lowest, out[16 + kBlocks + blockIdx.x] = total >> 33;
}

// The address space of p is known at run time only.
__global__ void generic(int* global, int* out) {
  __shared__ int local;
  if (threadIdx.x == 0) local = 0;
  __syncthreads();
  int* p = threadIdx.x % 2 ? global : &local;
  atomicAdd(p, 1);
  __syncthreads();
  if (threadIdx.x == 0) atomicAdd(out, local);
}

int main() {
  Array<unsigned> seen(kAll), counter(3);
  seen.upload();
  counter.upload();
  results<<<kBlocks, kThreads>>>(seen.device, counter.device, counter.device + 1);
  seen.download();
  counter.download();
  EXPECT(counter[0] == kAll, "counter %u", counter[0]);
  EXPECT(counter[1] == kAll % 100, "atomicInc ends at %u", counter[1]);
  EXPECT(counter[2] == (100 - kAll % 100) % 100, "atomicDec ends at %u", counter[2]);
  for (int i = 0; i < kAll; ++i) EXPECT(seen[i] == 1, "ticket %d seen %u times", i, seen[i]);

  Array<int> i(8);
  Array<unsigned> u(2);
  Array<unsigned long long> w(4);
  i[5] = -1;
  u[0] = 0xffffffffu;
  i.upload(), u.upload(), w.upload();
  integers<<<kBlocks, kThreads>>>(i.device, u.device, w.device);
  i.download(), u.download(), w.download();
  int sum = 0, bits_or = 0, bits_xor = 0;
  for (int t = 0; t < kAll; ++t) sum += t, bits_or |= 1 << (t % 31), bits_xor ^= t;
  EXPECT(i[0] == sum && i[1] == -sum, "add %d, sub %d, expected %d", i[0], i[1], sum);
  EXPECT(i[2] == -(kAll - 1) && i[3] == kAll - 1, "min %d, max %d", i[2], i[3]);
  EXPECT(i[4] == bits_or && i[5] == ~0xffff && i[6] == bits_xor, "or %x, and %x, xor %x", i[4], i[5], i[6]);
  EXPECT(i[7] == 7, "exch %d", i[7]);
  EXPECT(u[0] == 0xffffff00u - (kAll - 1) && u[1] == 0xffff0000u + kAll - 1, "unsigned min %x, max %x", u[0], u[1]);
  EXPECT(w[0] == (unsigned long long)sum << 32 && w[1] == (unsigned long long)(kAll - 1) << 33, "64 bits: %llx %llx",
         w[0], w[1]);
  EXPECT(w[2] == (unsigned long long)bits_xor << 40 && w[3] == 3ull << 40, "64 bits: %llx %llx", w[2], w[3]);

  Array<float> f(3);
  Array<double> d(1);
  f.upload(), d.upload();
  floats<<<kBlocks, kThreads>>>(f.device, d.device);
  w[0] = 0;
  w.upload();
  compare_and_swap<<<kBlocks, kThreads>>>(f.device + 2, w.device);
  f.download(), d.download(), w.download();
  EXPECT(f[0] == kAll * 0.5f && d[0] == kAll * 0.25, "sums %g %g", f[0], d[0]);
  EXPECT(f[1] == 2.5f, "exch %g", f[1]);
  EXPECT(f[2] == kAll - 1, "maximum by compare-and-swap %g", f[2]);
  EXPECT(w[0] == 3ull * kAll, "sum by compare-and-swap %llu", w[0]);

  Array<unsigned> out(16 + 2 * kBlocks);
  out.upload();
  shared_histogram<<<kBlocks, kThreads>>>(out.device);
  out.download();
  unsigned expected[16] = {};
  for (int t = 0; t < kThreads; ++t) expected[t * t % 16] += kBlocks;
  for (int bin = 0; bin < 16; ++bin) EXPECT(out[bin] == expected[bin], "bin %d holds %u", bin, out[bin]);
  for (int b = 0; b < kBlocks; ++b) {
    EXPECT((int)out[16 + b] == 500 - (kThreads - 1), "lowest %d", (int)out[16 + b]);
    EXPECT(out[16 + kBlocks + b] == kThreads, "64-bit shared total %u", out[16 + kBlocks + b]);
  }

  Array<int> g(2);
  g.upload();
  generic<<<kBlocks, kThreads>>>(g.device, g.device + 1);
  g.download();
  EXPECT(g[0] == kAll / 2 && g[1] == kAll / 2, "generic: global %d, shared %d", g[0], g[1]);
  return verdict("atomics");
}
