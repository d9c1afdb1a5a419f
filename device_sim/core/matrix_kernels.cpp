// Products, conversions and transpositions of fractals, for one level of the host's instruction set.
//
// Everything but the table has internal linkage and no shared inline function is called, as in lane_operations.cpp.
//
// The order of a sum is fixed (k ascending, one fused multiply-add each), so vectors run over n and register blocks
// over m. A column block of l0c is 16 f32 wide: one row of it is one vector. Operands become f32 in panels first;
// products and sums of at most 1024 s8 pairs are exact in f32, so integers take the same way and are added as s32 at
// the end.
#include "device_sim/core/matrix_kernels.h"

#pragma clang diagnostic ignored "-Wpsabi"

namespace phx::sim {
namespace {

using isa::Type;

#define PHX_ALWAYS static inline __attribute__((always_inline))

using F32 = float __attribute__((ext_vector_type(16)));
using F64 = double __attribute__((ext_vector_type(16)));
using I8 = int8_t __attribute__((ext_vector_type(16)));
using U8 = uint8_t __attribute__((ext_vector_type(16)));
using U16 = uint16_t __attribute__((ext_vector_type(16)));
using I32 = int32_t __attribute__((ext_vector_type(16)));
using U32 = uint32_t __attribute__((ext_vector_type(16)));
using I64 = int64_t __attribute__((ext_vector_type(16)));

template <class To, class From>
PHX_ALWAYS To cast(From from) {
  return __builtin_bit_cast(To, from);
}
template <class V>
PHX_ALWAYS V load(const void* from) {
  V v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}
template <class V>
PHX_ALWAYS void store(void* to, V v) {
  __builtin_memcpy(to, &v, sizeof v);
}
PHX_ALWAYS constexpr uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }
PHX_ALWAYS constexpr uint32_t up(uint32_t x, uint32_t n) { return (x + n - 1) / n * n; }

PHX_ALWAYS F32 canonical(F32 x) { return cast<F32>((x == x) ? cast<I32>(x) : I32(0x7fffffff)); }

// --- Conversions
#if defined(__F16C__)  // the host's own conversions differ from those below in the bits of NaN alone
using F16 = _Float16 __attribute__((ext_vector_type(16)));
PHX_ALWAYS F32 f32_of_f16(U16 halves) { return __builtin_convertvector(cast<F16>(halves), F32); }
PHX_ALWAYS U16 f16_of(F32 value) {
  const U16 h = cast<U16>(__builtin_convertvector(value, F16));
  return ((h & 0x7fff) > U16(0x7c00)) ? U16(0x7fff) : h;
}
#else
PHX_ALWAYS F32 f32_of_f16(U16 halves) {
  const U32 h = __builtin_convertvector(halves, U32), magnitude = h & 0x7fff;
  U32 x = cast<U32>(cast<F32>(magnitude << 13) * 0x1p112f);  // moves the exponent's bias; exact, for subnormals too
  x |= cast<U32>(magnitude >= U32(0x7c00)) & 0x7f800000;
  return cast<F32>(x | (h & 0x8000) << 16);
}
PHX_ALWAYS U16 f16_of(F32 value) {
  const U32 bits = cast<U32>(value), x = bits & 0x7fffffff, sign = bits >> 16 & 0x8000;
  const U32 normal = (x - 0x38000000u + 0xfff + (x >> 13 & 1)) >> 13;
  // Below 2^-14 the sum with 0.5 has its last bit at 2^-24, so the addition rounds.
  const U32 subnormal = cast<U32>(cast<F32>(x) + 0.5f) - 0x3f000000u;
  U32 h = (x < U32(0x38800000)) ? subnormal : normal;
  h = (x >= U32(0x47800000)) ? U32(0x7c00) : h;
  h |= sign;
  return __builtin_convertvector((x > U32(0x7f800000)) ? U32(0x7fff) : h, U16);
}
#endif
PHX_ALWAYS F32 f32_of_bf16(U16 halves) { return cast<F32>(__builtin_convertvector(halves, U32) << 16); }
PHX_ALWAYS F32 f32_of_s8(U8 bytes) { return __builtin_convertvector(cast<I8>(bytes), F32); }
// The fields of the 8-bit floats are those of the upper part of an f16. e4m3's bias is 8 less, so its numbers come out
// 2^8 too small, which costs no digit; its only NaN has no counterpart there.
PHX_ALWAYS F32 f32_of_e4m3(U8 bytes) {
  const U16 x = __builtin_convertvector(bytes, U16), magnitude = x & 0x7f;
  const U16 half = (magnitude == U16(0x7f)) ? U16(0x7e00) : magnitude << 7;
  return f32_of_f16(half | (x & 0x80) << 8) * F32(0x1p8f);
}
PHX_ALWAYS F32 f32_of_e5m2(U8 bytes) { return f32_of_f16(__builtin_convertvector(bytes, U16) << 8); }

PHX_ALWAYS U16 bf16_of(F32 value) {
  const U32 x = cast<U32>(value);
  const U32 h = (x + 0x7fff + (x >> 16 & 1)) >> 16;
  return __builtin_convertvector(((x & 0x7fffffff) > U32(0x7f800000)) ? U32(0x7fff) : h, U16);
}
PHX_ALWAYS U8 s8_of(F32 value) {
  F32 x = cast<F32>((value == value) ? cast<I32>(value) : I32(0));
  x = cast<F32>((x > F32(127)) ? cast<I32>(F32(127)) : cast<I32>(x));
  x = cast<F32>((x < F32(-128)) ? cast<I32>(F32(-128)) : cast<I32>(x));
  const F32 big(0x1.8p23f);  // the sum's last bit is the unit
  return __builtin_convertvector(cast<U32>(x + big) - cast<U32>(big), U8);
}

// --- Fused multiply-add
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
PHX_ALWAYS F32 fma(F32 a, F32 b, F32 c) { return __builtin_elementwise_fma(a, b, c); }
PHX_ALWAYS F32 exact_fma(F32 a, F32 b, F32 c) { return fma(a, b, c); }
#else
PHX_ALWAYS F32 exact_fma(F32 a, F32 b, F32 c) { return a * b + c; }  // for values that need no rounding
// The product is exact in f64. Its sum with c is rounded to odd there, after which rounding to f32 is that of the exact
// sum.
PHX_ALWAYS F32 fma(F32 a, F32 b, F32 c) {
  const F64 p = __builtin_convertvector(a, F64) * __builtin_convertvector(b, F64), q = __builtin_convertvector(c, F64);
  const F64 sum = p + q, q_seen = sum - p, error = (p - (sum - q_seen)) + (q - q_seen);
  const I64 inexact = (error > F64(0)) | (error < F64(0));
  const I64 bits = cast<I64>(sum);
  const I64 away = ((error > F64(0)) == (sum > F64(0))) ? I64(1) : I64(-1);
  const I64 odd = bits + (away & (inexact & ((bits & 1) == I64(0))));
  return __builtin_convertvector(cast<F64>(odd), F32);
}
#endif

// --- Transposition
template <class V>
PHX_ALWAYS V interleave_low(V a, V b) {
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
template <class V>
PHX_ALWAYS V interleave_high(V a, V b) {
  return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}
// Interleaving the halves of an array rotates the bits of every element's index by one to the left. An R x C matrix of
// powers of two is transposed by log2(R) such stages.
template <unsigned kStages, unsigned kVectors, class V>
PHX_ALWAYS void rotate_indices(V* x) {
  V y[kVectors];
#pragma clang loop unroll(full)
  for (unsigned stage = 0; stage < kStages; ++stage) {
#pragma clang loop unroll(full)
    for (unsigned i = 0; i < kVectors / 2; ++i) {
      y[2 * i] = interleave_low(x[i], x[i + kVectors / 2]);
      y[2 * i + 1] = interleave_high(x[i], x[i + kVectors / 2]);
    }
#pragma clang loop unroll(full)
    for (unsigned i = 0; i < kVectors; ++i) x[i] = y[i];
  }
}

// --- Panels of operands in f32
constexpr uint32_t kDeep = 256;           // k's of a panel; not more than 1024, see above
constexpr uint32_t kTall = 128;           // m's of a panel
constexpr uint32_t kStride = kDeep + 16;  // floats from row to row of a's panel: rows do not compete for cache sets
#if defined(__AVX512F__)
constexpr uint32_t kRows = 8, kBlocks = 2;  // of the register block: rows, and column blocks of 16
#else
constexpr uint32_t kRows = 6, kBlocks = 1;
#endif

template <Type kType>
struct Element;
template <>
struct Element<Type::F16> {
  using Vector = U16;
  PHX_ALWAYS F32 widen(Vector v) { return f32_of_f16(v); }
};
template <>
struct Element<Type::BF16> {
  using Vector = U16;
  PHX_ALWAYS F32 widen(Vector v) { return f32_of_bf16(v); }
};
template <>
struct Element<Type::F32> {
  using Vector = F32;
  PHX_ALWAYS F32 widen(Vector v) { return v; }
};
template <>
struct Element<Type::S8> {
  using Vector = U8;
  PHX_ALWAYS F32 widen(Vector v) { return f32_of_s8(v); }
};
template <>
struct Element<Type::F8E4M3> {
  using Vector = U8;
  PHX_ALWAYS F32 widen(Vector v) { return f32_of_e4m3(v); }
};
template <>
struct Element<Type::F8E5M2> {
  using Vector = U8;
  PHX_ALWAYS F32 widen(Vector v) { return f32_of_e5m2(v); }
};
template <Type kType>
constexpr uint32_t kC0 = 32 / (sizeof(typename Element<kType>::Vector) / 16);

// Rows [row, row + rows), k's [first, first + deep) of l0a; `first` is a multiple of C0. The panel's rows are filled to
// whole fractals.
template <Type kType>
PHX_ALWAYS void pack_a(const Multiply& job, uint32_t row, uint32_t rows, uint32_t first, uint32_t deep, float* panel) {
  using V = typename Element<kType>::Vector;
  constexpr uint32_t c0 = kC0<kType>;
  const uint64_t fractals = up(job.k, c0) / c0;
  for (uint32_t r = 0; r < rows; ++r) {
    const uint32_t m = row + r;
    const unsigned char* from = job.a + (m / 16 * fractals + first / c0) * 512 + m % 16 * 32;
    float* to = panel + r * kStride;
    for (uint32_t k = 0; k < deep; k += c0, from += 512, to += c0) {
      if constexpr (kType == Type::F32) {
        __builtin_memcpy(to, from, 32);
      } else {
#pragma clang loop unroll(full)
        for (uint32_t i = 0; i < c0; i += 16) store(to + i, Element<kType>::widen(load<V>(from + i * sizeof(V) / 16)));
      }
    }
  }
}

// Column block `block` of l0b, the same k's: 16 floats for each k, `stride` floats from k to k.
template <Type kType>
PHX_ALWAYS void pack_b(const Multiply& job, uint32_t block, uint32_t first, uint32_t deep, uint32_t stride,
                       float* panel) {
  using V = typename Element<kType>::Vector;
  constexpr uint32_t c0 = kC0<kType>;
  const uint64_t step = up(job.n, 16) / 16 * uint64_t{512};
  const unsigned char* from = job.b + first / c0 * step + block * uint64_t{512};
  for (uint32_t k = 0; k < deep; k += c0, from += step) {
    V x[c0];
#pragma clang loop unroll(full)
    for (uint32_t i = 0; i < c0; ++i) x[i] = load<V>(from + i * sizeof(V));
    rotate_indices<4, c0>(x);
#pragma clang loop unroll(full)
    for (uint32_t i = 0; i < c0; ++i) store(panel + (k + i) * stride, Element<kType>::widen(x[i]));
  }
}

// --- Products
struct Block {
  const float* a;  // kStride floats from row to row
  const float* b;  // kBlocks x 16 floats for each k
  uint32_t deep;
  unsigned char* c;      // row 0 of the first column block
  uint64_t c_pitch;      // bytes from column block to column block
  const uint32_t* bias;  // of all columns of the block, or null
  bool zero;
  uint32_t columns;  // that are written
};

template <uint32_t kR, uint32_t kB, bool kInteger>
PHX_ALWAYS void multiply_block(const Block& x) {
  U32 start[kR][kB];
  F32 sum[kR][kB];
#pragma clang loop unroll(full)
  for (uint32_t r = 0; r < kR; ++r)
#pragma clang loop unroll(full)
    for (uint32_t j = 0; j < kB; ++j) {
      if (x.bias)
        start[r][j] = load<U32>(x.bias + 16 * j);
      else
        start[r][j] = x.zero ? U32(0) : load<U32>(x.c + j * x.c_pitch + r * 64);
      sum[r][j] = kInteger ? F32(0) : cast<F32>(start[r][j]);
    }
  const float *a = x.a, *b = x.b;
  for (uint32_t k = 0; k < x.deep; ++k, b += kBlocks * 16) {
    F32 column[kB];
#pragma clang loop unroll(full)
    for (uint32_t j = 0; j < kB; ++j) column[j] = load<F32>(b + 16 * j);
#pragma clang loop unroll(full)
    for (uint32_t r = 0; r < kR; ++r) {
      const F32 value(a[r * kStride + k]);
#pragma clang loop unroll(full)
      for (uint32_t j = 0; j < kB; ++j)
        sum[r][j] = kInteger ? exact_fma(value, column[j], sum[r][j]) : fma(value, column[j], sum[r][j]);
    }
  }
#pragma clang loop unroll(full)
  for (uint32_t r = 0; r < kR; ++r)
#pragma clang loop unroll(full)
    for (uint32_t j = 0; j < kB; ++j) {
      const U32 result =
          kInteger ? start[r][j] + cast<U32>(__builtin_convertvector(sum[r][j], I32)) : cast<U32>(canonical(sum[r][j]));
      unsigned char* to = x.c + j * x.c_pitch + r * 64;
      if (x.columns >= 16 * (j + 1))
        store(to, result);
      else
        __builtin_memcpy(to, &result, (x.columns - 16 * j) * 4);
    }
}

template <uint32_t kB, bool kInteger>
PHX_ALWAYS void multiply_rows(const Block& x, uint32_t rows) {
  switch (rows) {
    case 8:
      return multiply_block<least(8, kRows), kB, kInteger>(x);
    case 7:
      return multiply_block<least(7, kRows), kB, kInteger>(x);
    case 6:
      return multiply_block<6, kB, kInteger>(x);
    case 5:
      return multiply_block<5, kB, kInteger>(x);
    case 4:
      return multiply_block<4, kB, kInteger>(x);
    case 3:
      return multiply_block<3, kB, kInteger>(x);
    case 2:
      return multiply_block<2, kB, kInteger>(x);
    default:
      return multiply_block<1, kB, kInteger>(x);
  }
}

template <Type kType>
void multiply_of(const Multiply& job) {
  constexpr bool kInteger = kType == Type::S8;
  alignas(64) float a[kTall * kStride];
  alignas(64) float b[kDeep * kBlocks * 16];
  uint32_t bias[kBlocks * 16] = {};
  const uint64_t pitch = up(job.m, 16) * uint64_t{64};
  for (uint32_t k = 0; k < job.k; k += kDeep) {
    const uint32_t deep = least(kDeep, job.k - k);
    for (uint32_t m = 0; m < job.m; m += kTall) {
      const uint32_t tall = least(kTall, job.m - m);
      pack_a<kType>(job, m, tall, k, deep, a);
      for (uint32_t n = 0; n < job.n; n += kBlocks * 16) {
        const uint32_t columns = least(kBlocks * 16, job.n - n), blocks = up(columns, 16) / 16;
        for (uint32_t j = 0; j < blocks; ++j) pack_b<kType>(job, n / 16 + j, k, deep, kBlocks * 16, b + 16 * j);
        const bool biased = job.bias && k == 0;
        if (biased) __builtin_memcpy(bias, job.bias + n * uint64_t{4}, columns * 4);
        for (uint32_t r = 0; r < tall; r += kRows) {
          const Block block{.a = a + r * kStride,
                            .b = b,
                            .deep = deep,
                            .c = job.c + n / 16 * pitch + (m + r) * uint64_t{64},
                            .c_pitch = pitch,
                            .bias = biased ? bias : nullptr,
                            .zero = job.init && k == 0,
                            .columns = columns};
          if (blocks == kBlocks)
            multiply_rows<kBlocks, kInteger>(block, least(kRows, tall - r));
          else
            multiply_rows<1, kInteger>(block, least(kRows, tall - r));
        }
      }
    }
  }
}

void multiply(const Multiply& job) {
  switch (job.type) {
    case Type::F16:
      return multiply_of<Type::F16>(job);
    case Type::BF16:
      return multiply_of<Type::BF16>(job);
    case Type::F32:
      return multiply_of<Type::F32>(job);
    case Type::S8:
      return multiply_of<Type::S8>(job);
    case Type::F8E4M3:
      return multiply_of<Type::F8E4M3>(job);
    case Type::F8E5M2:
      return multiply_of<Type::F8E5M2>(job);
    default:
      return;
  }
}

// --- Drains: `Store` is the destination's element
struct StoreF32 {
  using Vector = F32;
  PHX_ALWAYS Vector of(F32 x) { return canonical(x); }
  PHX_ALWAYS Vector sum(Vector a, Vector b) { return canonical(a + b); }
};
struct StoreF16 {
  using Vector = U16;
  PHX_ALWAYS Vector of(F32 x) { return f16_of(x); }
  // f32 has more than twice the bits, so rounding its sum gives the sum rounded once.
  PHX_ALWAYS Vector sum(Vector a, Vector b) { return f16_of(f32_of_f16(a) + f32_of_f16(b)); }
};
struct StoreBf16 {
  using Vector = U16;
  PHX_ALWAYS Vector of(F32 x) { return bf16_of(x); }
  PHX_ALWAYS Vector sum(Vector a, Vector b) { return bf16_of(f32_of_bf16(a) + f32_of_bf16(b)); }
};
struct StoreS8 {
  using Vector = U8;
  PHX_ALWAYS Vector of(F32 x) { return s8_of(x); }
  PHX_ALWAYS Vector sum(Vector a, Vector) { return a; }  // there is no such instruction
};
struct StoreS32 {
  using Vector = U32;
  PHX_ALWAYS Vector sum(Vector a, Vector b) { return a + b; }
};

template <class Store>
PHX_ALWAYS typename Store::Vector drained(const Drain& job, const unsigned char* from) {
  const I32 bits = load<I32>(from);
  if constexpr (__is_same(Store, StoreS32)) {
    return cast<U32>(job.relu ? (bits > I32(0) ? bits : I32(0)) : bits);
  } else {
    F32 x = job.from == Type::S32 ? __builtin_convertvector(bits, F32) : cast<F32>(bits);
    if (job.quant) x *= F32(job.scale);
    if (job.relu) x = cast<F32>((x <= F32(0)) ? I32(0) : cast<I32>(x));  // NaN stays NaN
    return Store::of(x);
  }
}

template <class Store>
PHX_ALWAYS void put(const Drain& job, unsigned char* to, typename Store::Vector value, uint32_t count) {
  constexpr uint32_t kBytes = sizeof value / 16;
  if (job.add) {
    typename Store::Vector old(0);
    __builtin_memcpy(&old, to, count * kBytes);
    value = Store::sum(old, value);
  }
  __builtin_memcpy(to, &value, count * kBytes);
}

template <class Store>
void drain_of(const Drain& job) {
  using V = typename Store::Vector;
  constexpr uint32_t kBytes = sizeof(V) / 16;
  if (!job.nz) {
    constexpr uint32_t kTogether = 8;  // rows: column blocks are a power of two apart and compete for cache sets
    for (uint32_t first = 0; first < job.m; first += kTogether)
      for (uint32_t c = 0; c < job.n; c += 16)
        for (uint32_t r = first; r < least(job.m, first + kTogether); ++r) {
          const V value = drained<Store>(job, job.accumulators + c / 16 * job.pitch + r * uint64_t{64});
          unsigned char* to = job.out + r * job.out_pitch + c * kBytes;
          if (!job.add && job.n - c >= 16)
            store(to, value);
          else
            put<Store>(job, to, value, least(16, job.n - c));
        }
    return;
  }
  // In NZ the last column block is filled up with zeros, but where values are added.
  constexpr uint32_t c0 = 32 / kBytes, kPiece = least(16, c0);
  const uint32_t filled = up(job.n, c0);
  for (uint32_t c = 0; c < filled; c += 16)
    for (uint32_t r = 0; r < job.m; ++r) {
      V value(0);
      if (c < job.n) value = drained<Store>(job, job.accumulators + c / 16 * job.pitch + r * uint64_t{64});
      const uint32_t valid = c < job.n ? least(16, job.n - c) : 0;
      for (uint32_t i = valid; i < 16; ++i) value[i] = 0;
      V pieces[16 / kPiece] = {value};
      if constexpr (kPiece == 8)
        pieces[1] = __builtin_shufflevector(value, value, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
#pragma clang loop unroll(full)
      for (uint32_t i = 0; i < 16 && c + i < filled; i += kPiece) {
        unsigned char* to = job.out + (c + i) / c0 * job.out_pitch + r * uint64_t{32} + (c + i) % c0 * kBytes;
        if (job.add)
          put<Store>(job, to, pieces[i / kPiece], valid > i ? least(kPiece, valid - i) : 0);
        else
          __builtin_memcpy(to, &pieces[i / kPiece], kPiece * kBytes);
      }
    }
}

void drain(const Drain& job) {
  switch (job.to) {
    case Type::F32:
      return drain_of<StoreF32>(job);
    case Type::F16:
      return drain_of<StoreF16>(job);
    case Type::BF16:
      return drain_of<StoreBf16>(job);
    case Type::S8:
      return drain_of<StoreS8>(job);
    case Type::S32:
      return drain_of<StoreS32>(job);
    default:
      return;
  }
}

// --- Transposed loads: a fractal holds 16 rows of C0 k's, taken from C0 rows of 16 columns
PHX_ALWAYS void fractal_of_2(const unsigned char* from, unsigned char* to) {
  U16 x[16];
  for (unsigned i = 0; i < 16; ++i) x[i] = load<U16>(from + i * 32);
  rotate_indices<4, 16>(x);
  for (unsigned i = 0; i < 16; ++i) store(to + i * 32, x[i]);
}
PHX_ALWAYS void fractal_of_1(const unsigned char* from, unsigned char* to) {
  U8 x[32];  // 32 k's by 16 m's
  for (unsigned i = 0; i < 32; ++i) x[i] = load<U8>(from + i * 32);
  rotate_indices<5, 32>(x);
  for (unsigned i = 0; i < 32; ++i) store(to + i * 16, x[i]);
}
PHX_ALWAYS void half_fractal_of_4(const unsigned char* from, unsigned char* to) {
  U32 x[4];  // 8 k's by 8 m's
  for (unsigned i = 0; i < 4; ++i) x[i] = load<U32>(from + i * 64);
  rotate_indices<3, 4>(x);
  for (unsigned i = 0; i < 4; ++i) store(to + i * 64, x[i]);
}

void load_transposed(const LoadTransposed& job) {
  for (uint32_t w = 0; w < job.wide; ++w)
    for (uint32_t k = 0; k < job.deep; ++k) {
      unsigned char* to = job.to + w * job.wide_step + k * job.deep_step;
      if (job.element_bytes == 2) {
        fractal_of_2(job.from + w * job.pitch + k * uint64_t{512}, to);
      } else if (job.element_bytes == 1) {
        fractal_of_1(job.from + w / 2 * job.pitch + k * uint64_t{1024} + w % 2 * 16, to);
      } else {
        for (uint32_t half = 0; half < 2; ++half)
          half_fractal_of_4(job.from + (w * uint64_t{2} + half) * job.pitch + k * uint64_t{256}, to + half * 256);
      }
    }
}

constexpr MatrixKernels kKernels{multiply, drain, load_transposed};

}  // namespace

const MatrixKernels& PHX_MATRIX_KERNELS() { return kKernels; }

}  // namespace phx::sim
