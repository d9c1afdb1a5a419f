// cooperative_groups/reduce.h: a value over all members of a tile or coalesced group.
#pragma once

#include "../cooperative_groups.h"

namespace cooperative_groups {

template <class T>
struct plus {
  __device__ T operator()(const T& a, const T& b) const { return a + b; }
};
template <class T>
struct less {  // the smaller of the two
  __device__ T operator()(const T& a, const T& b) const { return b < a ? b : a; }
};
template <class T>
struct greater {  // the larger of the two
  __device__ T operator()(const T& a, const T& b) const { return a < b ? b : a; }
};
template <class T>
struct bit_and {
  __device__ T operator()(const T& a, const T& b) const { return a & b; }
};
template <class T>
struct bit_or {
  __device__ T operator()(const T& a, const T& b) const { return a | b; }
};
template <class T>
struct bit_xor {
  __device__ T operator()(const T& a, const T& b) const { return a ^ b; }
};

// Every member receives the result. A tile pairs ranks that differ in one bit, so all members compute the same bits.
template <unsigned Size, class Parent, class T, class Op>
__device__ inline T reduce(const thread_block_tile<Size, Parent>& group, T value, Op op) {
  for (unsigned distance = Size / 2; distance > 0; distance /= 2) {
    const T other = group.shfl_xor(value, distance);
    // The operand of the lower rank stands left on both sides.
    value = group.thread_rank() & distance ? op(other, value) : op(value, other);
  }
  return value;
}
// A coalesced group folds its ranks in ascending order.
template <class T, class Op>
__device__ inline T reduce(const coalesced_group& group, T value, Op op) {
  T result = group.shfl(value, 0);
  for (unsigned rank = 1; rank < group.size(); ++rank) result = op(result, group.shfl(value, (int)rank));
  return result;
}

}  // namespace cooperative_groups
