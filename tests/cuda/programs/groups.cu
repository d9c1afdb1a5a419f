// Cooperative groups: blocks, tiles of every size, coalesced and partitioned groups, reductions and scans, the grid.
#include <cooperative_groups.h>

#include "check.h"

namespace cg = cooperative_groups;

// Sums over a group of any kind, through memory.
__device__ int sum_over(const cg::thread_group& group, int* scratch, int value) {
  const int rank = static_cast<int>(group.thread_rank());
  for (int half = static_cast<int>(group.size()) / 2; half > 0; half /= 2) {
    scratch[rank] = value;
    group.sync();
    if (rank < half) value += scratch[rank + half];
    group.sync();
  }
  return value;
}

template <unsigned Size>
__device__ void tile_results(int* out) {
  const auto tile = cg::tiled_partition<Size>(cg::this_thread_block());
  const int t = threadIdx.x;
  out[0] = tile.thread_rank() == t % Size && tile.meta_group_rank() == t / Size && tile.size() == Size;
  out[1] = cg::reduce(tile, t, cg::plus<int>());
  out[2] = cg::reduce(tile, (t * 5) % 32, cg::greater<int>());
  out[3] = cg::inclusive_scan(tile, 1);
  out[4] = cg::exclusive_scan(tile, t, cg::plus<int>());
  out[5] = tile.shfl(t, 0);
  out[6] = tile.ballot(t % 2);
  out[7] = tile.any(tile.thread_rank() == Size - 1) + 2 * tile.all(t >= 0);
}
constexpr int kTileResults = 8;

__global__ void tiles(int* out) {
  int* mine = out + threadIdx.x * kTileResults * 3;
  tile_results<32>(mine);
  tile_results<8>(mine + kTileResults);
  tile_results<2>(mine + 2 * kTileResults);
}

__global__ void groups(int* out, double* pairs) {
  __shared__ int scratch[64];
  const cg::thread_block block = cg::this_thread_block();
  const int t = block.thread_rank();
  const int total = sum_over(block, scratch, t);
  if (t == 0) out[0] = total;
  block.sync();
  const cg::thread_group quarter = cg::tiled_partition(block, 16);
  const int part = sum_over(quarter, scratch + t / 16 * 16, t);
  if (quarter.thread_rank() == 0) out[1 + t / 16] = part;

  if (t % 3 == 0) {
    const cg::coalesced_group active = cg::coalesced_threads();
    out[8 + t] =
        active.size() * 1000 + active.thread_rank() * 10 + (active.shfl(t, 0) == t / 32 * 32 + (t < 32 ? 0 : 1));
    out[80 + t] = cg::reduce(active, t, cg::plus<int>());
  }
  const auto warp = cg::tiled_partition<32>(block);
  const auto same = cg::labeled_partition(warp, t / 5);
  out[160 + t] = same.size() * 100 + same.thread_rank();
  const auto side = cg::binary_partition(warp, t % 4 == 0);
  out[224 + t] = side.size();

  struct Wide {
    double a;
    int b;
  };
  const Wide moved = warp.shfl_down(Wide{t * 0.5, t}, 1);
  pairs[t] = moved.a + moved.b;
}

__global__ void whole_grid(int* values, int* out) {
  const cg::grid_group grid = cg::this_grid();
  const int me = static_cast<int>(grid.thread_rank());
  values[me] = me;
  grid.sync();
  const int other = static_cast<int>(grid.size()) - 1 - me;
  out[me] = values[other] * 2;
  grid.sync();
  values[me] = out[other];
}

int main() {
  Array<int> tile_out(64 * kTileResults * 3);
  tiles<<<1, 64>>>(tile_out.device);
  CUDA(cudaGetLastError());
  tile_out.download();
  for (int t = 0; t < 64; ++t) {
    const int sizes[] = {32, 8, 2};
    for (int k = 0; k < 3; ++k) {
      const int size = sizes[k], first = t / size * size, rank = t % size;
      int sum = 0, most = 0, before = 0;
      unsigned odd = 0;
      for (int m = 0; m < size; ++m) {
        sum += first + m;
        most = (first + m) * 5 % 32 > most ? (first + m) * 5 % 32 : most;
        before += m < rank ? first + m : 0;
        odd |= (unsigned)((first + m) % 2) << m;
      }
      const int expected[kTileResults] = {1, sum, most, rank + 1, before, first, (int)odd, 3};
      for (int r = 0; r < kTileResults; ++r) {
        const int got = tile_out[(t * 3 + k) * kTileResults + r];
        EXPECT(got == expected[r], "tile of %d, thread %d, result %d: %d, expected %d", size, t, r, got, expected[r]);
      }
    }
  }

  Array<int> out(288);
  Array<double> pairs(64);
  out.upload();
  groups<<<1, 64>>>(out.device, pairs.device);
  CUDA(cudaGetLastError());
  out.download(), pairs.download();
  EXPECT(out[0] == 2016, "sum over the block %d", out[0]);
  for (int q = 0; q < 4; ++q) EXPECT(out[1 + q] == 120 + 256 * q, "sum over 16 threads %d", out[1 + q]);
  for (int t = 0; t < 64; ++t) {
    const int first = t / 32 * 32;
    if (t % 3 == 0) {
      int size = 0, rank = 0, sum = 0;
      for (int m = first; m < first + 32; ++m) {
        if (m % 3 == 0) size += 1, rank += m < t, sum += m;
      }
      EXPECT(out[8 + t] == size * 1000 + rank * 10 + 1, "coalesced, thread %d: %d", t, out[8 + t]);
      EXPECT(out[80 + t] == sum, "coalesced sum, thread %d: %d, expected %d", t, out[80 + t], sum);
    }
    int size = 0, rank = 0;
    for (int m = first; m < first + 32; ++m) size += m / 5 == t / 5, rank += m / 5 == t / 5 && m < t;
    EXPECT(out[160 + t] == size * 100 + rank, "labels, thread %d: %d", t, out[160 + t]);
    EXPECT(out[224 + t] == (t % 4 == 0 ? 8 : 24), "two sides, thread %d: %d", t, out[224 + t]);
    const int from = t % 32 == 31 ? t : t + 1;
    EXPECT(pairs[t] == from * 1.5, "a structure shuffled, thread %d: %g", t, pairs[t]);
  }

  Array<int> values(256), result(256);
  int* value_pointer = values.device;
  int* result_pointer = result.device;
  void* arguments[] = {&value_pointer, &result_pointer};
  CUDA(cudaLaunchCooperativeKernel(whole_grid, dim3(4), dim3(64), arguments));
  CUDA(cudaDeviceSynchronize());
  values.download(), result.download();
  for (int i = 0; i < 256; ++i)
    EXPECT(result[i] == (255 - i) * 2 && values[i] == i * 2, "grid %d: %d %d", i, result[i], values[i]);
  return verdict("groups");
}
