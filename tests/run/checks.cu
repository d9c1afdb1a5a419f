// Programs for PHX_CHECK: each bug has a name, and the same name with _fixed runs the corrected twin. check_checks.py
// knows from the BUG comments which lines a report must name.
#include <cooperative_groups.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace cg = cooperative_groups;

// --- memcheck: one element too far, in every width and space

template <class T>
__global__ void load_at(const T* p, int i, int* out) {
  reinterpret_cast<T*>(out)[0] = p[i];  // BUG: load_u8 load_u16 load_u32 load_u64 load_u128 load_pinned load_managed
}
template <class T>
__global__ void store_at(T* p, int i) {
  T value;
  memset(&value, 1, sizeof value);
  p[i] = value;  // BUG: store_u8 store_u16 store_u32 store_u64 store_u128 store_pinned store_managed
}
template <class T>
__global__ void atomic_at(T* p, int i) {
  atomicAdd(p + i, T(1));  // BUG: atomic_u32 atomic_u64 atomic_f32
}
__global__ void shared_at(int* out, int i) {
  __shared__ int tile[8];
  tile[threadIdx.x] = threadIdx.x;
  __syncthreads();
  out[threadIdx.x] = tile[i];  // BUG: shared_load
}
__global__ void shared_atomic_at(int* out, int i) {
  __shared__ int tile[8];
  tile[threadIdx.x] = threadIdx.x;
  __syncthreads();
  atomicAdd(&tile[i], 1);  // BUG: shared_atomic
  __syncthreads();
  out[threadIdx.x] = tile[threadIdx.x];
}

// --- initcheck

__global__ void read_all(const int* in, int* out, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) out[i] = in[i] + 1;  // BUG: uninit_global
}
__global__ void shared_sum(int* out, int filled) {
  __shared__ int tile[64];
  if (threadIdx.x < filled) tile[threadIdx.x] = threadIdx.x;
  __syncthreads();
  out[threadIdx.x] = tile[63 - threadIdx.x];  // BUG: uninit_shared
}
__global__ void stack(int* out, int filled) {
  int local[32];
  for (int i = 0; i < filled; ++i) local[i * 7 % 32] = i;
  out[threadIdx.x] = local[(threadIdx.x * 5) % 32];  // BUG: uninit_local
}
__global__ void count_up(unsigned* counter) {
  atomicAdd(counter, 1u);  // BUG: uninit_atomic
}
__device__ int* kept;
__global__ void allocate(bool fill) {
  kept = static_cast<int*>(malloc(4 * sizeof(int)));
  if (fill)
    for (int i = 0; i < 4; ++i) kept[i] = i;
}
__global__ void heap(int* out) {
  out[0] = kept[2];  // BUG: uninit_heap
}
struct Padded {
  char small;
  int wide;
};
__global__ void make_padded(Padded* out) {
  out[threadIdx.x].small = 'a';
  out[threadIdx.x].wide = threadIdx.x;
}
__global__ void read_padded(const Padded* in, int* out) {
  out[threadIdx.x] = in[threadIdx.x].small + in[threadIdx.x].wide;
}

// --- racecheck within a block

__global__ void neighbours(int* out, bool barrier) {
  __shared__ int tile[256];
  tile[threadIdx.x] = threadIdx.x;  // BUG: shared_missing_barrier
  if (barrier) __syncthreads();
  out[threadIdx.x] = tile[(threadIdx.x + 32) % 256];  // BUG: shared_missing_barrier
}
__global__ void same_cell(int* out, bool one) {
  __shared__ int sum;
  if (!one || threadIdx.x == 0) sum = threadIdx.x;  // BUG: shared_write_write
  __syncthreads();
  out[threadIdx.x] = sum;
}
__global__ void warp_exchange(int* out, bool sync) {
  __shared__ int tile[32];
  tile[threadIdx.x] = threadIdx.x;  // BUG: warp_missing_sync
  if (sync) __syncwarp();
  out[threadIdx.x] = tile[31 - threadIdx.x];  // BUG: warp_missing_sync
}
__global__ void tree(int* out, bool barriers) {
  __shared__ int tile[256];
  tile[threadIdx.x] = threadIdx.x;
  __syncthreads();
  for (int step = 128; step > 0; step /= 2) {
    if (threadIdx.x < step) tile[threadIdx.x] += tile[threadIdx.x + step];  // BUG: reduction_missing_barrier
    if (barriers) __syncthreads();
  }
  if (threadIdx.x == 0) *out = tile[0];
}
__global__ void global_neighbours(int* data, int* out, bool barrier) {
  int i = threadIdx.x;
  data[i] = i;  // BUG: global_in_block
  if (barrier) __syncthreads();
  out[i] = data[(i + 64) % 128];  // BUG: global_in_block
}
__global__ void shared_counter(int* out, bool atomic) {
  __shared__ int count;
  if (threadIdx.x == 0) count = 0;
  __syncthreads();
  if (atomic)
    atomicAdd(&count, 1);
  else
    count += 1;  // BUG: shared_counter
  __syncthreads();
  if (threadIdx.x == 0) *out = count;
}

// --- racecheck between blocks

__global__ void histogram(const int* in, int* bins, bool atomic) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (atomic)
    atomicAdd(&bins[in[i] & 7], 1);
  else
    bins[in[i] & 7] += in[i];  // BUG: global_counter
}
__global__ void halo(const int* in, int* data, int* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x, n = gridDim.x * blockDim.x;
  data[i] = in[i] * 2;  // BUG: between_blocks
  __syncthreads();
  out[i] = data[(i + 1) % n];  // BUG: between_blocks
}
__global__ void halo_grid(const int* in, int* data, int* out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x, n = gridDim.x * blockDim.x;
  data[i] = in[i] * 2;
  cg::this_grid().sync();
  out[i] = data[(i + 1) % n];
}
__device__ unsigned finished_blocks;
// The last block adds up what all left: right only behind a fence.
__global__ void last_block(const int* in, int* partial, int* out, bool fence) {
  __shared__ bool last;
  __shared__ int tile[128];
  tile[threadIdx.x] = in[blockIdx.x * blockDim.x + threadIdx.x];
  __syncthreads();
  for (int step = blockDim.x / 2; step > 0; step /= 2) {
    if (threadIdx.x < step) tile[threadIdx.x] += tile[threadIdx.x + step];
    __syncthreads();
  }
  if (threadIdx.x == 0) {
    partial[blockIdx.x] = tile[0];  // BUG: missing_fence
    if (fence) __threadfence();
    last = atomicAdd(&finished_blocks, 1u) == gridDim.x - 1;
  }
  __syncthreads();
  if (last && threadIdx.x == 0) {
    int sum = 0;
    for (int b = 0; b < gridDim.x; ++b) sum += partial[b];  // BUG: missing_fence
    *out = sum;
    finished_blocks = 0;
  }
}
__device__ int lock_word;
// Unlocking without a fence lets the next holder see old data.
__global__ void spin_lock(int* sum, bool fence) {
  if (threadIdx.x == 0) {
    while (atomicCAS(&lock_word, 0, 1) != 0) {
    }
    if (fence) __threadfence();
    *sum += blockIdx.x + 1;  // BUG: unlock_without_fence
    if (fence) __threadfence();
    atomicExch(&lock_word, 0);
  }
}
// Block 0 hands a value to block 1 through a flag.
__global__ void flag(volatile int* ready, int* data, int* out, bool fence) {
  if (blockIdx.x == 0) {
    data[threadIdx.x] = threadIdx.x;  // BUG: flag_without_fence
    __syncthreads();
    if (threadIdx.x == 0) {
      if (fence) __threadfence();
      *ready = 1;
    }
  } else {
    if (threadIdx.x == 0)
      while (*ready == 0) {
      }
    __syncthreads();
    out[threadIdx.x] = data[threadIdx.x];  // BUG: flag_without_fence
  }
}
__global__ void plain_flag(int* ready, bool atomic) {
  if (blockIdx.x == 0) {
    if (atomic)
      atomicExch(ready, 1);
    else
      *ready = 1;  // BUG: plain_flag
  } else {
    atomicAdd(ready + 0, 2);  // BUG: plain_flag
  }
}
__global__ void mark(int* changed) { *changed = 1; }  // the same value from everybody is no race

// --- racecheck between launches

__global__ void fill(int* data, int value, int rounds) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  for (int r = 0; r < rounds; ++r) value = value * 5 + 1;
  data[i] = value;  // BUG: two_streams
}
__global__ void add(const int* data, int* out, int rounds) {
  int i = blockIdx.x * blockDim.x + threadIdx.x, value = data[i];  // BUG: two_streams
  for (int r = 0; r < rounds; ++r) value = value * 5 + 1;
  out[i] = value;
}

template <class T = int>
T* device(int count, bool clear = true) {
  T* p = nullptr;
  cudaMalloc(&p, count * sizeof(T));
  if (clear) cudaMemset(p, 0, count * sizeof(T));
  return p;
}

int main(int argc, char** argv) {
  std::string which = argc > 1 ? argv[1] : "";
  const size_t cut = which.rfind("_fixed");
  const bool fixed = cut != std::string::npos && cut + 6 == which.size();
  if (fixed) which.resize(cut);
  constexpr int n = 1024;
  int* in = device(n);
  int* out = device(n);
  int* data = device(n);
  cudaDeviceSynchronize();
  int host[n] = {};

  std::map<std::string, std::function<void()>> runs;
  auto widths = [&](const std::string& name, auto element) {
    using T = decltype(element);
    runs["load_" + name] = [&] { load_at<<<1, 1>>>(device<T>(100), fixed ? 99 : 100, out); };
    runs["store_" + name] = [&] { store_at<<<1, 1>>>(device<T>(100), fixed ? 99 : 100); };
  };
  widths("u8", uint8_t{});
  widths("u16", uint16_t{});
  widths("u32", uint32_t{});
  widths("u64", uint64_t{});
  widths("u128", uint4{});
  runs["atomic_u32"] = [&] { atomic_at<<<1, 1>>>(device<unsigned>(100), fixed ? 99 : 100); };
  runs["atomic_u64"] = [&] { atomic_at<<<1, 1>>>(device<unsigned long long>(100), fixed ? 99 : 100); };
  runs["atomic_f32"] = [&] { atomic_at<<<1, 1>>>(device<float>(100), fixed ? 99 : 100); };
  runs["shared_load"] = [&] { shared_at<<<1, 8>>>(out, fixed ? 7 : 8); };
  runs["shared_atomic"] = [&] { shared_atomic_at<<<1, 8>>>(out, fixed ? 7 : 8); };
  auto on_host = [&](const std::string& name, auto allocate) {
    runs["load_" + name] = [&, allocate] { load_at<<<1, 1>>>(allocate(), fixed ? 99 : 100, out); };
    runs["store_" + name] = [&, allocate] { store_at<<<1, 1>>>(allocate(), fixed ? 99 : 100); };
  };
  on_host("pinned", [] {
    int* p = nullptr;
    cudaMallocHost(&p, 100 * sizeof(int));
    return p;
  });
  on_host("managed", [] {
    int* p = nullptr;
    cudaMallocManaged(&p, 100 * sizeof(int));
    return p;
  });
  runs["uninit_global"] = [&] {
    int* fresh = device(n, false);
    cudaMemset(fresh, 0, fixed ? n * 4 : n * 4 - 10);
    read_all<<<8, 128>>>(fresh, out, n);
  };
  runs["uninit_shared"] = [&] { shared_sum<<<1, 64>>>(out, fixed ? 64 : 60); };
  runs["uninit_local"] = [&] { stack<<<1, 32>>>(out, fixed ? 32 : 20); };
  runs["uninit_atomic"] = [&] { count_up<<<1, 32>>>(device<unsigned>(1, fixed)); };
  runs["uninit_heap"] = [&] {
    allocate<<<1, 1>>>(fixed);
    heap<<<1, 1>>>(out);
  };
  runs["uninit_copy"] = [&] {
    int* fresh = device(n, false);
    fill<<<fixed ? 8 : 4, 128>>>(fresh, 1, 0);
    cudaMemcpy(host, fresh, sizeof host, cudaMemcpyDeviceToHost);
  };
  runs["copied_padding"] = [&] {  // padding goes along; nobody reads it
    Padded* a = device<Padded>(64, false);
    Padded* b = device<Padded>(64, false);
    make_padded<<<1, 64>>>(a);
    cudaMemcpy(b, a, 64 * sizeof(Padded), cudaMemcpyDeviceToDevice);
    read_padded<<<1, 64>>>(b, out);
  };
  runs["copied_gap"] = [&] {
    int* a = device(n, false);
    int* b = device(n, false);
    fill<<<fixed ? 8 : 4, 128>>>(a, 1, 0);
    cudaMemcpy(b, a, n * 4, cudaMemcpyDeviceToDevice);
    read_all<<<8, 128>>>(b, out, n);
  };
  runs["shared_missing_barrier"] = [&] { neighbours<<<2, 256>>>(out, fixed); };
  runs["shared_write_write"] = [&] { same_cell<<<2, 64>>>(out, fixed); };
  runs["warp_missing_sync"] = [&] { warp_exchange<<<1, 32>>>(out, fixed); };
  runs["reduction_missing_barrier"] = [&] { tree<<<1, 256>>>(out, fixed); };
  runs["global_in_block"] = [&] { global_neighbours<<<1, 128>>>(data, out, fixed); };
  runs["shared_counter"] = [&] { shared_counter<<<1, 64>>>(out, fixed); };
  runs["global_counter"] = [&] {
    cudaMemset(in, 1, n * 4);
    histogram<<<8, 128>>>(in, data, fixed);
  };
  runs["between_blocks"] = [&] {
    cudaMemset(in, 1, n * 4);
    void* arguments[] = {&in, &data, &out};
    if (fixed)
      cudaLaunchCooperativeKernel(reinterpret_cast<void*>(halo_grid), dim3(8), dim3(128), arguments, 0, nullptr);
    else
      halo<<<8, 128>>>(in, data, out);
  };
  runs["missing_fence"] = [&] { last_block<<<8, 128>>>(in, data, out, fixed); };
  runs["unlock_without_fence"] = [&] { spin_lock<<<8, 32>>>(out, fixed); };
  runs["flag_without_fence"] = [&] { flag<<<2, 64>>>(in, data, out, fixed); };
  runs["plain_flag"] = [&] { plain_flag<<<2, 1>>>(in, fixed); };
  runs["same_value"] = [&] { mark<<<8, 128>>>(out); };
  runs["two_streams"] = [&] {
    cudaStream_t a, b;
    cudaStreamCreateWithFlags(&a, cudaStreamNonBlocking);
    cudaStreamCreateWithFlags(&b, cudaStreamNonBlocking);
    cudaEvent_t done;
    cudaEventCreate(&done);
    fill<<<8, 128, 0, a>>>(data, 1, 2000);
    cudaEventRecord(done, a);
    if (fixed) cudaStreamWaitEvent(b, done, 0);
    add<<<8, 128, 0, b>>>(data, out, 2000);
  };
  runs["copy_beside_kernel"] = [&] {
    cudaStream_t a, b;
    cudaStreamCreateWithFlags(&a, cudaStreamNonBlocking);
    cudaStreamCreateWithFlags(&b, cudaStreamNonBlocking);
    int* pinned;
    cudaMallocHost(&pinned, n * 4);
    fill<<<8, 128, 0, a>>>(data, 1, 2000);
    cudaMemcpyAsync(pinned, data, n * 4, cudaMemcpyDeviceToHost, fixed ? a : b);
    cudaDeviceSynchronize();
    cudaFreeHost(pinned);
  };
  runs["two_devices"] = [&] {
    int devices = 0;
    cudaGetDeviceCount(&devices);
    if (devices < 2) return;
    fill<<<8, 128>>>(data, 1, 2000);
    if (fixed) cudaDeviceSynchronize();
    cudaSetDevice(1);
    cudaDeviceEnablePeerAccess(0, 0);
    fill<<<8, 128>>>(data, 2, 2000);
    cudaDeviceSynchronize();
    cudaSetDevice(0);
  };
  auto run = runs.find(which);
  if (run == runs.end()) {
    for (const auto& [name, body] : runs) std::printf("%s\n", name.c_str());
    return argc > 1 ? 2 : 0;
  }
  run->second();
  const cudaError_t error = cudaDeviceSynchronize();
  std::printf("%s\n", cudaGetErrorName(error));
  return 0;
}
