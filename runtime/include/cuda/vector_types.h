// vector_types.h: the builtin vector types (char1 ... double4, dim3) with CUDA's sizes and alignments. C-clean.
//
// A type of n elements of e bytes is aligned to n*e when n is a power of two, capped at 16; three-element types
// and everything above 16 bytes keep the element's alignment or 16 as CUDA documents it.
#pragma once
#define __VECTOR_TYPES_H__

#include "host_defines.h"

#define PHX_VECTOR_FAMILY(name, element, align2, align4)    \
  struct name##1 { element x; };                            \
  struct __align__(align2) name##2 { element x, y; };       \
  struct name##3 { element x, y, z; };                      \
  struct __align__(align4) name##4 { element x, y, z, w; }; \
  typedef struct name##1 name##1;                           \
  typedef struct name##2 name##2;                           \
  typedef struct name##3 name##3;                           \
  typedef struct name##4 name##4;

PHX_VECTOR_FAMILY(char, signed char, 2, 4)
PHX_VECTOR_FAMILY(uchar, unsigned char, 2, 4)
PHX_VECTOR_FAMILY(short, short, 4, 8)
PHX_VECTOR_FAMILY(ushort, unsigned short, 4, 8)
PHX_VECTOR_FAMILY(int, int, 8, 16)
PHX_VECTOR_FAMILY(uint, unsigned int, 8, 16)
PHX_VECTOR_FAMILY(long, long, 16, 16)
PHX_VECTOR_FAMILY(ulong, unsigned long, 16, 16)
PHX_VECTOR_FAMILY(longlong, long long, 16, 16)
PHX_VECTOR_FAMILY(ulonglong, unsigned long long, 16, 16)
PHX_VECTOR_FAMILY(float, float, 8, 16)
PHX_VECTOR_FAMILY(double, double, 16, 16)

#undef PHX_VECTOR_FAMILY

// Extents of a grid or a block; members left out are 1.
struct dim3 {
  unsigned int x, y, z;
#if defined(__cplusplus)
  __host__ __device__ constexpr dim3(unsigned int vx = 1, unsigned int vy = 1, unsigned int vz = 1)
      : x(vx), y(vy), z(vz) {}
  __host__ __device__ constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
  __host__ __device__ constexpr operator uint3() const { return uint3{x, y, z}; }
#endif
};
typedef struct dim3 dim3;
