// cache_functions.h: loads and stores with a cache hint. The hints change time on some machines, never values;
// here they are plain accesses, except __ldcv and __stwt, which always reach memory.
#pragma once

#define PHX_CACHE_LOAD(name)                          \
  template <class T>                                  \
  static inline __device__ T name(const T* address) { \
    return *address;                                  \
  }
#define PHX_CACHE_STORE(name)                               \
  template <class T>                                        \
  static inline __device__ void name(T* address, T value) { \
    *address = value;                                       \
  }

PHX_CACHE_LOAD(__ldca)   // all levels
PHX_CACHE_LOAD(__ldcg)   // L2 only
PHX_CACHE_LOAD(__ldcs)   // streaming, evict first
PHX_CACHE_LOAD(__ldlu)   // last use
PHX_CACHE_STORE(__stwb)  // write back
PHX_CACHE_STORE(__stcg)
PHX_CACHE_STORE(__stcs)

#undef PHX_CACHE_LOAD
#undef PHX_CACHE_STORE

// Volatile accesses exist for scalars; a vector type goes by its elements, in order.
#define PHX_VOLATILE_SCALAR(type)                                                                      \
  static inline __device__ type __ldcv(const type* address) { return *(const volatile type*)address; } \
  static inline __device__ void __stwt(type* address, type value) { *(volatile type*)address = value; }
PHX_VOLATILE_SCALAR(char)
PHX_VOLATILE_SCALAR(signed char)
PHX_VOLATILE_SCALAR(unsigned char)
PHX_VOLATILE_SCALAR(short)
PHX_VOLATILE_SCALAR(unsigned short)
PHX_VOLATILE_SCALAR(int)
PHX_VOLATILE_SCALAR(unsigned int)
PHX_VOLATILE_SCALAR(long)
PHX_VOLATILE_SCALAR(unsigned long)
PHX_VOLATILE_SCALAR(long long)
PHX_VOLATILE_SCALAR(unsigned long long)
PHX_VOLATILE_SCALAR(float)
PHX_VOLATILE_SCALAR(double)
#undef PHX_VOLATILE_SCALAR

#define PHX_VOLATILE_VECTOR2(type)                                                                   \
  static inline __device__ type __ldcv(const type* a) { return type{__ldcv(&a->x), __ldcv(&a->y)}; } \
  static inline __device__ void __stwt(type* a, type v) { __stwt(&a->x, v.x), __stwt(&a->y, v.y); }
#define PHX_VOLATILE_VECTOR4(type)                                                  \
  static inline __device__ type __ldcv(const type* a) {                             \
    return type{__ldcv(&a->x), __ldcv(&a->y), __ldcv(&a->z), __ldcv(&a->w)};        \
  }                                                                                 \
  static inline __device__ void __stwt(type* a, type v) {                           \
    __stwt(&a->x, v.x), __stwt(&a->y, v.y), __stwt(&a->z, v.z), __stwt(&a->w, v.w); \
  }
PHX_VOLATILE_VECTOR2(char2)
PHX_VOLATILE_VECTOR4(char4)
PHX_VOLATILE_VECTOR2(uchar2)
PHX_VOLATILE_VECTOR4(uchar4)
PHX_VOLATILE_VECTOR2(short2)
PHX_VOLATILE_VECTOR4(short4)
PHX_VOLATILE_VECTOR2(ushort2)
PHX_VOLATILE_VECTOR4(ushort4)
PHX_VOLATILE_VECTOR2(int2)
PHX_VOLATILE_VECTOR4(int4)
PHX_VOLATILE_VECTOR2(uint2)
PHX_VOLATILE_VECTOR4(uint4)
PHX_VOLATILE_VECTOR2(longlong2)
PHX_VOLATILE_VECTOR2(ulonglong2)
PHX_VOLATILE_VECTOR2(float2)
PHX_VOLATILE_VECTOR4(float4)
PHX_VOLATILE_VECTOR2(double2)
#undef PHX_VOLATILE_VECTOR2
#undef PHX_VOLATILE_VECTOR4
