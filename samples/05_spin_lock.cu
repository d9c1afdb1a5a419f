// 05_spin_lock: threads of one warp take the same lock. The thread that holds it and the threads that spin are in one
// warp, so the program ends only on a machine on which every thread makes progress (CUDA since sm_70).
// Under the lock each thread updates two plain counters; a lost update or a broken pair shows.
//
//   phxcc -o spin_lock 05_spin_lock.cu && ./spin_lock [blocks] [threads per block]
#include <cstdio>
#include <cstdlib>
#include <vector>

#define CHECK(call)                                                                                           \
  do {                                                                                                        \
    const cudaError_t error = (call);                                                                         \
    if (error != cudaSuccess) {                                                                               \
      std::printf("%s:%d: %s: %s\n", __FILE__, __LINE__, cudaGetErrorName(error), cudaGetErrorString(error)); \
      std::printf("spin_lock FAILED\n");                                                                      \
      std::exit(1);                                                                                           \
    }                                                                                                         \
  } while (0)

constexpr int kLocks = 4;

struct Account {
  int lock;
  volatile int entries;
  volatile int sum;
};

__device__ void acquire(int* lock) {
  while (atomicCAS(lock, 0, 1) != 0) {
  }
  __threadfence();
}

__device__ void release(int* lock) {
  __threadfence();
  atomicExch(lock, 0);
}

__global__ void deposit(Account* accounts) {
  const int thread = blockIdx.x * blockDim.x + threadIdx.x;
  Account& account = accounts[thread % kLocks];
  acquire(&account.lock);
  account.entries = account.entries + 1;
  account.sum = account.sum + thread;
  release(&account.lock);
}

int main(int argc, char** argv) {
  const int blocks = argc > 1 ? std::atoi(argv[1]) : 4;
  const int threads = argc > 2 ? std::atoi(argv[2]) : 64;

  Account* dev_accounts;
  CHECK(cudaMalloc(&dev_accounts, kLocks * sizeof(Account)));
  CHECK(cudaMemset(dev_accounts, 0, kLocks * sizeof(Account)));
  deposit<<<blocks, threads>>>(dev_accounts);
  CHECK(cudaGetLastError());
  CHECK(cudaDeviceSynchronize());
  int accounts[kLocks][3];
  static_assert(sizeof(accounts) == kLocks * sizeof(Account), "an account is three integers");
  CHECK(cudaMemcpy(accounts, dev_accounts, sizeof(accounts), cudaMemcpyDeviceToHost));
  CHECK(cudaFree(dev_accounts));

  int entries[kLocks] = {}, sum[kLocks] = {};
  for (int thread = 0; thread < blocks * threads; ++thread) {
    ++entries[thread % kLocks];
    sum[thread % kLocks] += thread;
  }
  for (int i = 0; i < kLocks; ++i) {
    if (accounts[i][0] != 0 || accounts[i][1] != entries[i] || accounts[i][2] != sum[i]) {
      std::printf("spin_lock FAILED: account %d has lock %d, %d entries (expected %d), sum %d (expected %d)\n", i,
                  accounts[i][0], accounts[i][1], entries[i], accounts[i][2], sum[i]);
      return 1;
    }
  }
  std::printf("spin_lock PASSED: %d threads on %d locks\n", blocks * threads, kLocks);
  return 0;
}
