// integer_functions.h: integer intrinsics that clang's headers write as PTX text or leave out.
#pragma once

// Shift the pair hi:lo; the plain forms take the amount modulo 32, the *c forms clamp it to 32.
static inline __device__ unsigned __funnelshift_l(unsigned lo, unsigned hi, unsigned shift) {
  return __builtin_elementwise_fshl(hi, lo, shift);
}
static inline __device__ unsigned __funnelshift_lc(unsigned lo, unsigned hi, unsigned shift) {
  return shift >= 32 ? lo : __builtin_elementwise_fshl(hi, lo, shift);
}
static inline __device__ unsigned __funnelshift_r(unsigned lo, unsigned hi, unsigned shift) {
  return __builtin_elementwise_fshr(hi, lo, shift);
}
static inline __device__ unsigned __funnelshift_rc(unsigned lo, unsigned hi, unsigned shift) {
  return shift >= 32 ? hi : __builtin_elementwise_fshr(hi, lo, shift);
}

// Four-way dot products of bytes, accumulated in 32 bits.
static inline __device__ int __dp4a(int a, int b, int c) {
  for (int i = 0; i < 32; i += 8) c += (int)(signed char)(a >> i) * (int)(signed char)(b >> i);
  return c;
}
static inline __device__ unsigned __dp4a(unsigned a, unsigned b, unsigned c) {
  for (int i = 0; i < 32; i += 8) c += ((a >> i) & 0xff) * ((b >> i) & 0xff);
  return c;
}
static inline __device__ int __dp4a(char4 a, char4 b, int c) {
  return c + a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w;
}
static inline __device__ unsigned __dp4a(uchar4 a, uchar4 b, unsigned c) {
  return c + a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w;
}
// Two 16-bit values of a times the low or the high two bytes of b.
static inline __device__ int __dp2a_lo(int a, int b, int c) {
  return c + (short)a * (signed char)b + (a >> 16) * (signed char)(b >> 8);
}
static inline __device__ int __dp2a_hi(int a, int b, int c) { return __dp2a_lo(a, b >> 16, c); }
static inline __device__ unsigned __dp2a_lo(unsigned a, unsigned b, unsigned c) {
  return c + (a & 0xffff) * (b & 0xff) + (a >> 16) * ((b >> 8) & 0xff);
}
static inline __device__ unsigned __dp2a_hi(unsigned a, unsigned b, unsigned c) { return __dp2a_lo(a, b >> 16, c); }
