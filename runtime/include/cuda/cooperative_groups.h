// cooperative_groups.h: groups of threads as objects: blocks, tiles of a warp, the active lanes, the grid.
//
// A group knows its size, the caller's rank, how to synchronise, and inside a warp how to exchange values. Tiles and
// coalesced groups are masks of lanes of one warp; everything they do is a warp operation under that mask.
#pragma once

#include "cuda_runtime.h"

#if !defined(__CUDA__)
#error "cooperative_groups.h is for CUDA sources"
#endif

// Waits for every thread of a cooperative launch. The compiler turns the call into the grid barrier of the device.
extern "C" __device__ void __phx_grid_barrier(void);

namespace cooperative_groups {

namespace details {

__device__ inline unsigned lane() { return __nvvm_read_ptx_sreg_laneid(); }
__device__ inline unsigned thread_in_block() {
  return (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
}
__device__ inline unsigned block_threads() { return blockDim.x * blockDim.y * blockDim.z; }
// The lanes of a tile of `size` (a power of two up to 32) that holds the caller.
__device__ inline unsigned tile_mask(unsigned size) {
  return size >= 32 ? 0xffffffffu : ((1u << size) - 1) << (lane() & ~(size - 1));
}
__device__ inline unsigned rank_in(unsigned mask) { return __popc(mask & __nvvm_read_ptx_sreg_lanemask_lt()); }
// The lane that holds rank `rank` of `mask`.
__device__ inline unsigned lane_of(unsigned mask, unsigned rank) {
  for (; rank > 0; --rank) mask &= mask - 1;
  return __ffs(mask) - 1;
}

// Shuffles values of any trivially copyable type, word by word. `shuffle` moves one 32-bit word.
template <class T, class Shuffle>
__device__ inline T by_words(const T& value, Shuffle shuffle) {
  constexpr unsigned count = (sizeof(T) + 3) / 4;
  unsigned words[count] = {};
  memcpy(words, &value, sizeof(T));
  for (unsigned i = 0; i < count; ++i) words[i] = shuffle(words[i]);
  T result;
  memcpy(&result, words, sizeof(T));
  return result;
}

enum class kind : unsigned { block, grid, lanes };

}  // namespace details

// Any group whose kind is known at run time only. Copies are cheap; a default-made group has no members.
class thread_group {
 public:
  __device__ unsigned long long size() const { return size_; }
  __device__ unsigned long long num_threads() const { return size_; }
  __device__ unsigned long long thread_rank() const { return rank_; }
  __device__ bool is_valid() const { return size_ != 0; }
  __device__ void sync() const {
    switch (kind_) {
      case details::kind::block:
        __syncthreads();
        break;
      case details::kind::grid:
        __phx_grid_barrier();
        break;
      case details::kind::lanes:
        __syncwarp(mask_);
        break;
    }
  }

 protected:
  __device__ thread_group(details::kind kind, unsigned long long size, unsigned long long rank, unsigned mask)
      : size_(size), rank_(rank), mask_(mask), kind_(kind) {}

  unsigned long long size_, rank_;
  unsigned mask_;  // lanes only
  details::kind kind_;

  friend __device__ thread_group tiled_partition(const thread_group& parent, unsigned size);
};

class thread_block : public thread_group {
 public:
  __device__ static void sync() { __syncthreads(); }
  __device__ static unsigned size() { return details::block_threads(); }
  __device__ static unsigned num_threads() { return details::block_threads(); }
  __device__ static unsigned thread_rank() { return details::thread_in_block(); }
  __device__ static dim3 group_index() { return dim3(blockIdx.x, blockIdx.y, blockIdx.z); }
  __device__ static dim3 thread_index() { return dim3(threadIdx.x, threadIdx.y, threadIdx.z); }
  __device__ static dim3 group_dim() { return dim3(blockDim.x, blockDim.y, blockDim.z); }
  __device__ static dim3 dim_threads() { return group_dim(); }
  // Arrival and waiting are one step here: the wait of a split barrier does the whole synchronisation.
  struct arrival_token {};
  __device__ static arrival_token barrier_arrive() { return {}; }
  __device__ static void barrier_wait(arrival_token&&) { __syncthreads(); }

 private:
  __device__ thread_block()
      : thread_group(details::kind::block, details::block_threads(), details::thread_in_block(), 0) {}
  friend __device__ thread_block this_thread_block();
};
__device__ inline thread_block this_thread_block() { return thread_block(); }

// Every thread of a cooperative launch (cudaLaunchCooperativeKernel).
class grid_group : public thread_group {
 public:
  __device__ static void sync() { __phx_grid_barrier(); }
  __device__ static unsigned long long size() { return num_blocks() * details::block_threads(); }
  __device__ static unsigned long long num_threads() { return size(); }
  __device__ static unsigned long long num_blocks() { return (unsigned long long)gridDim.x * gridDim.y * gridDim.z; }
  __device__ static unsigned long long block_rank() {
    return ((unsigned long long)blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  }
  __device__ static unsigned long long thread_rank() {
    return block_rank() * details::block_threads() + details::thread_in_block();
  }
  __device__ static dim3 group_dim() { return dim3(gridDim.x, gridDim.y, gridDim.z); }
  __device__ static dim3 dim_blocks() { return group_dim(); }
  __device__ static dim3 block_index() { return dim3(blockIdx.x, blockIdx.y, blockIdx.z); }
  __device__ static bool is_valid() { return true; }

 private:
  __device__ grid_group() : thread_group(details::kind::grid, size(), thread_rank(), 0) {}
  friend __device__ grid_group this_grid();
};
__device__ inline grid_group this_grid() { return grid_group(); }

// The lanes that execute together at the moment of the call, ranked by lane.
class coalesced_group : public thread_group {
 public:
  __device__ unsigned size() const { return (unsigned)size_; }
  __device__ unsigned num_threads() const { return (unsigned)size_; }
  __device__ unsigned thread_rank() const { return (unsigned)rank_; }
  __device__ void sync() const { __syncwarp(mask_); }

  template <class T>
  __device__ T shfl(T value, int rank) const {
    const unsigned mask = mask_, lane = details::lane_of(mask_, (unsigned)rank % size());
    return details::by_words(value, [=](unsigned w) { return __shfl_sync(mask, w, (int)lane); });
  }
  template <class T>
  __device__ T shfl_up(T value, unsigned delta) const {
    return shfl(value, (int)(thread_rank() >= delta ? thread_rank() - delta : thread_rank()));
  }
  template <class T>
  __device__ T shfl_down(T value, unsigned delta) const {
    return shfl(value, (int)(thread_rank() + delta < size() ? thread_rank() + delta : thread_rank()));
  }
  __device__ int any(int predicate) const { return __any_sync(mask_, predicate); }
  __device__ int all(int predicate) const { return __all_sync(mask_, predicate); }
  // Bit r is the predicate of rank r.
  __device__ unsigned ballot(int predicate) const { return packed(__ballot_sync(mask_, predicate)); }
  template <class T>
  __device__ unsigned match_any(T value) const {
    return packed(__match_any_sync(mask_, value));
  }
  template <class T>
  __device__ unsigned match_all(T value, int& all) const {
    return packed(__match_all_sync(mask_, value, &all));
  }
  __device__ unsigned long long meta_group_size() const { return meta_size_; }
  __device__ unsigned long long meta_group_rank() const { return meta_rank_; }
  __device__ unsigned lanes() const { return mask_; }

 private:
  __device__ explicit coalesced_group(unsigned mask, unsigned meta_size = 1, unsigned meta_rank = 0)
      : thread_group(details::kind::lanes, __popc(mask), details::rank_in(mask), mask),
        meta_size_(meta_size),
        meta_rank_(meta_rank) {}
  __device__ unsigned packed(unsigned lane_bits) const {
    if (mask_ == 0xffffffffu) return lane_bits;
    unsigned bits = 0, place = 0;
    for (unsigned left = mask_; left; left &= left - 1, ++place)
      bits |= ((lane_bits >> (__ffs(left) - 1)) & 1u) << place;
    return bits;
  }
  unsigned meta_size_, meta_rank_;

  friend __device__ coalesced_group coalesced_threads();
  template <class Group>
  friend __device__ coalesced_group binary_partition(const Group& parent, bool predicate);
  template <class Group, class Label>
  friend __device__ coalesced_group labeled_partition(const Group& parent, Label label);
};
__device__ inline coalesced_group coalesced_threads() { return coalesced_group(__activemask()); }

// Size lanes of one warp, aligned to Size. Parent is the type of the partitioned group.
template <unsigned Size, class Parent = void>
class thread_block_tile : public thread_group {
  static_assert(Size >= 1 && Size <= 32 && (Size & (Size - 1)) == 0, "a tile has 1, 2, 4, 8, 16 or 32 threads");

 public:
  __device__ thread_block_tile(const thread_block_tile&) = default;
  // A tile of a named parent is also a tile without one.
  template <class Other>
  __device__ thread_block_tile(const thread_block_tile<Size, Other>& other)
      : thread_block_tile(other.meta_group_size(), other.meta_group_rank()) {}

  __device__ static constexpr unsigned size() { return Size; }
  __device__ static constexpr unsigned num_threads() { return Size; }
  __device__ static unsigned thread_rank() { return details::lane() & (Size - 1); }
  __device__ void sync() const { __syncwarp(mask_); }

  template <class T>
  __device__ T shfl(T value, int rank) const {
    const unsigned mask = mask_;
    return details::by_words(value, [=](unsigned w) { return __shfl_sync(mask, w, rank, Size); });
  }
  template <class T>
  __device__ T shfl_up(T value, unsigned delta) const {
    const unsigned mask = mask_;
    return details::by_words(value, [=](unsigned w) { return __shfl_up_sync(mask, w, delta, Size); });
  }
  template <class T>
  __device__ T shfl_down(T value, unsigned delta) const {
    const unsigned mask = mask_;
    return details::by_words(value, [=](unsigned w) { return __shfl_down_sync(mask, w, delta, Size); });
  }
  template <class T>
  __device__ T shfl_xor(T value, unsigned lanes) const {
    const unsigned mask = mask_;
    return details::by_words(value, [=](unsigned w) { return __shfl_xor_sync(mask, w, (int)lanes, Size); });
  }
  __device__ int any(int predicate) const { return __any_sync(mask_, predicate); }
  __device__ int all(int predicate) const { return __all_sync(mask_, predicate); }
  // Bit r is the predicate of rank r.
  __device__ unsigned ballot(int predicate) const { return packed(__ballot_sync(mask_, predicate)); }
  template <class T>
  __device__ unsigned match_any(T value) const {
    return packed(__match_any_sync(mask_, value));
  }
  template <class T>
  __device__ unsigned match_all(T value, int& all) const {
    return packed(__match_all_sync(mask_, value, &all));
  }
  __device__ unsigned meta_group_size() const { return meta_size_; }
  __device__ unsigned meta_group_rank() const { return meta_rank_; }
  __device__ unsigned lanes() const { return mask_; }

 private:
  __device__ thread_block_tile(unsigned meta_size, unsigned meta_rank)
      : thread_group(details::kind::lanes, Size, thread_rank(), details::tile_mask(Size)),
        meta_size_(meta_size),
        meta_rank_(meta_rank) {}
  __device__ unsigned packed(unsigned lane_bits) const {
    return (lane_bits & mask_) >> (details::lane() & ~(Size - 1));
  }
  unsigned meta_size_, meta_rank_;

  template <unsigned, class>
  friend class thread_block_tile;
  template <unsigned S>
  friend __device__ thread_block_tile<S, thread_block> tiled_partition(const thread_block& parent);
  template <unsigned S, unsigned P, class G>
  friend __device__ thread_block_tile<S, thread_block_tile<P>> tiled_partition(const thread_block_tile<P, G>& parent);
};

template <unsigned Size>
__device__ inline thread_block_tile<Size, thread_block> tiled_partition(const thread_block& parent) {
  return thread_block_tile<Size, thread_block>((parent.size() + Size - 1) / Size, parent.thread_rank() / Size);
}
template <unsigned Size, unsigned ParentSize, class Grandparent>
__device__ inline thread_block_tile<Size, thread_block_tile<ParentSize>> tiled_partition(
    const thread_block_tile<ParentSize, Grandparent>& parent) {
  static_assert(Size <= ParentSize, "a tile cannot be larger than the tile it is cut from");
  return thread_block_tile<Size, thread_block_tile<ParentSize>>(ParentSize / Size, parent.thread_rank() / Size);
}
// With a size known at run time only.
__device__ inline thread_group tiled_partition(const thread_group& parent, unsigned size) {
  return thread_group(details::kind::lanes, size, details::lane() & (size - 1), details::tile_mask(size));
}

// The members of `parent` that agree with the caller.
template <class Group>
__device__ inline coalesced_group binary_partition(const Group& parent, bool predicate) {
  const unsigned yes = __ballot_sync(parent.lanes(), predicate);
  return coalesced_group(predicate ? yes : parent.lanes() & ~yes, 2, predicate ? 1 : 0);
}
template <class Group, class Label>
__device__ inline coalesced_group labeled_partition(const Group& parent, Label label) {
  const unsigned same = __match_any_sync(parent.lanes(), label);
  // Groups are numbered by their first lane.
  const bool first = (same & __nvvm_read_ptx_sreg_lanemask_lt()) == 0;
  const unsigned leaders = __ballot_sync(parent.lanes(), first);
  return coalesced_group(same, __popc(leaders), __popc(leaders & ((1u << (__ffs(same) - 1)) - 1)));
}

template <class Group>
__device__ inline void sync(const Group& group) {
  group.sync();
}
template <class Group>
__device__ inline auto thread_rank(const Group& group) {
  return group.thread_rank();
}
template <class Group>
__device__ inline auto group_size(const Group& group) {
  return group.size();
}

// Runs `function` on one member.
template <class Group, class Function>
__device__ inline void invoke_one(const Group& group, Function&& function) {
  if (group.thread_rank() == 0) function();
}

}  // namespace cooperative_groups

#include "cooperative_groups/reduce.h"
#include "cooperative_groups/scan.h"
