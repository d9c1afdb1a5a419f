// Divergent control flow of every shape, against the same functions on the host.
#include "check.h"

constexpr int kInputs = 192;

__host__ __device__ int nested_loops(int x) {
  int sum = 0;
  for (int i = 0; i < x % 13; ++i) {
    if (i % 5 == 3) continue;
    for (int j = i; j < 20; ++j) {
      if ((i * j + x) % 11 == 7) break;
      if (j % 4 == 1) continue;
      sum += i * j;
    }
    if (sum > 900) break;
  }
  return sum;
}
__host__ __device__ int switches(int x) {
  int r = 0;
  for (int i = 0; i < 6; ++i) {
    switch ((x >> i) % 8) {
      case 0:
        r += 1;
        break;
      case 1:
        r *= 3;  // falls through
      case 2:
        r -= 2;
        break;
      case 5:
        return r + 1000;
      case 6:
        continue;
      default:
        r ^= x;
    }
    r += i;
  }
  return r;
}
__host__ __device__ int early_returns(int x) {
  if (x % 7 == 0) return -1;
  int steps = 0;
  unsigned n = x + 1;
  while (n != 1) {  // Collatz: every lane runs its own number of rounds
    n = n % 2 ? 3 * n + 1 : n / 2;
    if (++steps == 150) return -2;
  }
  if (steps < 10) return steps;
  do {
    steps -= 7;
  } while (steps > 9);
  return steps * 100;
}
__host__ __device__ int short_circuit(int x) {
  int calls = 0;
  const auto touch = [&](bool v) { return ++calls, v; };
  const bool result = (touch(x % 2) && touch(x % 3)) || (touch(x % 5 == 0) && !touch(x > 50));
  return calls * 2 + result;
}
__host__ __device__ int gotos(int x) {
  int r = x;
again:
  if (r % 9 == 4) goto out;
  r = r * 5 % 97;
  if (++x % 17) goto again;
out:
  return r + x;
}
template <int Depth>
__host__ __device__ int ladder(int x) {
  if constexpr (Depth == 0) {
    return x;
  } else {
    if (x >> Depth & 1) return ladder<Depth - 1>(x * 3 + Depth);
    return ladder<Depth - 1>(x - Depth) + 1;
  }
}
__host__ __device__ int all_of_them(int x, int which) {
  switch (which) {
    case 0:
      return nested_loops(x);
    case 1:
      return switches(x);
    case 2:
      return early_returns(x);
    case 3:
      return short_circuit(x);
    case 4:
      return gotos(x);
    default:
      return ladder<6>(x);
  }
}
constexpr int kFunctions = 6;

__global__ void run(const int* in, int* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  for (int f = 0; f < kFunctions; ++f) out[i * kFunctions + f] = all_of_them(in[i], f);
}

// Every thread of a block does something else, and the barrier behind it is reached by all.
__global__ void barrier_after_divergence(int* out) {
  __shared__ int values[128];
  const int t = threadIdx.x;
  int v = t;
  if (t % 3 == 0) {
    for (int i = 0; i < t; ++i) v += i;
  } else if (t % 3 == 1) {
    v = -t;
  }
  values[t] = v;
  __syncthreads();
  for (int round = 0; round < 4; ++round) {
    const int next = values[(t + 1) % 128];
    __syncthreads();
    if (t % 2 == round % 2) values[t] += next;
    __syncthreads();
  }
  out[t] = values[t];
}

// Threads beyond n leave before the barrier; it counts those that are left.
__global__ void exit_before_barrier(int* out, int n) {
  __shared__ int sum;
  const int t = threadIdx.x;
  if (t == 0) sum = 0;
  __syncthreads();
  if (t >= n) return;
  atomicAdd(&sum, t);
  __syncthreads();
  out[t] = sum;
}

// One thread at a time, in an order that only data decides: a chain through memory that others wait for.
__global__ void turn_taking(volatile int* turn, int* order) {
  const int t = blockIdx.x * blockDim.x + threadIdx.x;
  bool done = false;
  while (!done) {
    if (*turn == t) {
      order[t] = t * 2;
      __threadfence();
      *turn = t + 1;
      done = true;
    }
  }
}

int main() {
  Array<int> in(kInputs), out(kInputs * kFunctions);
  Random random{123456789u};
  for (int i = 0; i < kInputs; ++i) in[i] = static_cast<int>(random.next() % 5000);
  in.upload();
  run<<<(kInputs + 63) / 64, 64>>>(in.device, out.device, kInputs);
  CUDA(cudaGetLastError());
  out.download();
  for (int i = 0; i < kInputs; ++i) {
    for (int f = 0; f < kFunctions; ++f) {
      const int expected = all_of_them(in[i], f);
      EXPECT(out[i * kFunctions + f] == expected, "function %d of %d is %d, expected %d", f, in[i],
             out[i * kFunctions + f], expected);
    }
  }

  Array<int> values(128);
  barrier_after_divergence<<<1, 128>>>(values.device);
  values.download();
  int expected[128];
  for (int t = 0; t < 128; ++t) expected[t] = t % 3 == 0 ? t + t * (t - 1) / 2 : t % 3 == 1 ? -t : t;
  for (int round = 0; round < 4; ++round) {
    int before[128];
    std::memcpy(before, expected, sizeof(before));
    for (int t = 0; t < 128; ++t) {
      if (t % 2 == round % 2) expected[t] += before[(t + 1) % 128];
    }
  }
  for (int t = 0; t < 128; ++t)
    EXPECT(values[t] == expected[t], "thread %d: %d, expected %d", t, values[t], expected[t]);

  exit_before_barrier<<<1, 128>>>(values.device, 100);
  CUDA(cudaDeviceSynchronize());
  values.download();
  for (int t = 0; t < 100; ++t) EXPECT(values[t] == 4950, "after an early exit, thread %d: %d", t, values[t]);

  Array<int> turn(1), order(96);
  turn.upload();
  turn_taking<<<3, 32>>>(turn.device, order.device);
  CUDA(cudaDeviceSynchronize());
  order.download();
  for (int t = 0; t < 96; ++t) EXPECT(order[t] == 2 * t, "turn %d: %d", t, order[t]);
  return verdict("control_flow");
}
