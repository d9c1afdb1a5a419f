// cooperative_groups/scan.h: running totals over the ranks of a tile or coalesced group.
#pragma once

#include "reduce.h"

namespace cooperative_groups {

// Rank r receives the total of ranks 0..r.
template <class Group, class T, class Op>
__device__ inline T inclusive_scan(const Group& group, T value, Op op) {
  for (unsigned distance = 1; distance < group.size(); distance *= 2) {
    const T before = group.shfl_up(value, distance);
    if (group.thread_rank() >= distance) value = op(before, value);
  }
  return value;
}
template <class Group, class T>
__device__ inline T inclusive_scan(const Group& group, T value) {
  return inclusive_scan(group, value, plus<T>());
}
// Rank r receives the total of ranks 0..r-1; rank 0 a zero value.
template <class Group, class T, class Op>
__device__ inline T exclusive_scan(const Group& group, T value, Op op) {
  const T before = group.shfl_up(inclusive_scan(group, value, op), 1);
  return group.thread_rank() == 0 ? T{} : before;
}
template <class Group, class T>
__device__ inline T exclusive_scan(const Group& group, T value) {
  return exclusive_scan(group, value, plus<T>());
}

}  // namespace cooperative_groups
