// Shuffles, votes, matches and warp synchronisation, with full and with partial masks.
#include "check.h"

constexpr unsigned kFull = 0xffffffffu;

__global__ void shuffles(int* i, float* f, double* d, long long* w) {
  const int lane = threadIdx.x % 32;
  i[threadIdx.x] = __shfl_sync(kFull, lane * 10, (lane + 5) % 32);
  i[64 + threadIdx.x] = __shfl_up_sync(kFull, lane, 3);
  i[128 + threadIdx.x] = __shfl_down_sync(kFull, lane, 3, 8);  // segments of 8
  i[192 + threadIdx.x] = __shfl_xor_sync(kFull, lane, 9);
  f[threadIdx.x] = __shfl_xor_sync(kFull, 0.5f * lane, 1);
  d[threadIdx.x] = __shfl_down_sync(kFull, 0.1 * lane, 16);
  w[threadIdx.x] = __shfl_sync(kFull, (long long)lane << 40, 31 - lane);
}

__global__ void votes(unsigned* out) {
  const int lane = threadIdx.x;
  out[lane] = __ballot_sync(kFull, lane % 3 == 0);
  out[32 + lane] = __any_sync(kFull, lane == 17) | __any_sync(kFull, lane == 99) << 1;
  out[64 + lane] = __all_sync(kFull, lane < 32) | __all_sync(kFull, lane < 31) << 1;
  out[96 + lane] = __match_any_sync(kFull, lane / 5);
  int all = 5;
  out[128 + lane] = __match_all_sync(kFull, 42, &all);
  out[160 + lane] = all;
  out[192 + lane] = __popc(__activemask());
}

// Half of the warp by itself, in a branch that the other half never takes.
__global__ void partial(unsigned* out) {
  const int lane = threadIdx.x;
  out[lane] = 0;
  if (lane % 2) {
    const unsigned odd = 0xaaaaaaaau;
    int sum = lane;
    for (int offset = 2; offset < 32; offset *= 2) sum += __shfl_xor_sync(odd, sum, offset);
    out[lane] = sum;
    out[32 + lane] = __ballot_sync(odd, lane > 15);
  } else {
    out[32 + lane] = __ballot_sync(0x55555555u, lane > 15);
  }
}

__global__ void reductions(int* out) {
  const int lane = threadIdx.x;
  out[lane] = __reduce_add_sync(kFull, lane - 8);
  out[32 + lane] = __reduce_min_sync(kFull, (lane * 7) % 32 - 5);
  out[64 + lane] = __reduce_max_sync(kFull, (lane * 7) % 32 - 5);
  out[96 + lane] = __reduce_or_sync(kFull, 1u << (lane % 8));
}

// Warp-synchronous exchange through shared memory.
__global__ void exchange(int* out) {
  __shared__ int slots[64];
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  slots[threadIdx.x] = threadIdx.x;
  __syncwarp();
  out[threadIdx.x] = slots[warp * 32 + 31 - lane];
  const int any = __syncthreads_or(threadIdx.x == 40);
  const int all = __syncthreads_and(threadIdx.x < 64);
  const int count = __syncthreads_count(threadIdx.x % 4 == 0);
  out[64 + threadIdx.x] = any + 2 * all + 100 * count;
}

int main() {
  Array<int> i(256);
  Array<float> f(64);
  Array<double> d(64);
  Array<long long> w(64);
  shuffles<<<1, 64>>>(i.device, f.device, d.device, w.device);
  i.download(), f.download(), d.download(), w.download();
  for (int t = 0; t < 64; ++t) {
    const int lane = t % 32;
    EXPECT(i[t] == (lane + 5) % 32 * 10, "idx, thread %d: %d", t, i[t]);
    EXPECT(i[64 + t] == (lane >= 3 ? lane - 3 : lane), "up, thread %d: %d", t, i[64 + t]);
    EXPECT(i[128 + t] == (lane % 8 < 5 ? lane + 3 : lane), "down in segments, thread %d: %d", t, i[128 + t]);
    EXPECT(i[192 + t] == (lane ^ 9), "xor, thread %d: %d", t, i[192 + t]);
    EXPECT(f[t] == 0.5f * (lane ^ 1), "float, thread %d: %g", t, f[t]);
    EXPECT(d[t] == 0.1 * (lane < 16 ? lane + 16 : lane), "double, thread %d: %g", t, d[t]);
    EXPECT(w[t] == (long long)(31 - lane) << 40, "64 bits, thread %d: %llx", t, w[t]);
  }

  Array<unsigned> v(224);
  votes<<<1, 32>>>(v.device);
  v.download();
  unsigned thirds = 0;
  for (int lane = 0; lane < 32; lane += 3) thirds |= 1u << lane;
  for (int lane = 0; lane < 32; ++lane) {
    unsigned fives = 0;
    for (int other = 0; other < 32; ++other) fives |= other / 5 == lane / 5 ? 1u << other : 0;
    EXPECT(v[lane] == thirds, "ballot %x", v[lane]);
    EXPECT(v[32 + lane] == 1 && v[64 + lane] == 1, "any %u, all %u", v[32 + lane], v[64 + lane]);
    EXPECT(v[96 + lane] == fives, "match_any of lane %d is %x", lane, v[96 + lane]);
    EXPECT(v[128 + lane] == kFull && v[160 + lane] == 1, "match_all %x, %u", v[128 + lane], v[160 + lane]);
    EXPECT(v[192 + lane] == 32, "%u active lanes", v[192 + lane]);
  }

  partial<<<1, 32>>>(v.device);
  v.download();
  for (int lane = 0; lane < 32; ++lane) {
    EXPECT(v[lane] == (lane % 2 ? 256u : 0u), "sum over odd lanes at %d: %u", lane, v[lane]);
    EXPECT(v[32 + lane] == (lane % 2 ? 0xaaaa0000u : 0x55550000u), "ballot of lane %d: %x", lane, v[32 + lane]);
  }

  reductions<<<1, 32>>>(i.device);
  i.download();
  for (int lane = 0; lane < 32; ++lane) {
    EXPECT(i[lane] == 240 && i[32 + lane] == -5 && i[64 + lane] == 26 && i[96 + lane] == 255, "reduce %d %d %d %d",
           i[lane], i[32 + lane], i[64 + lane], i[96 + lane]);
  }

  exchange<<<1, 64>>>(i.device);
  i.download();
  for (int t = 0; t < 64; ++t) {
    EXPECT(i[t] == t / 32 * 32 + 31 - t % 32, "exchange, thread %d: %d", t, i[t]);
    EXPECT(i[64 + t] == 1 + 2 + 1600, "block votes, thread %d: %d", t, i[64 + t]);
  }
  return verdict("warps");
}
