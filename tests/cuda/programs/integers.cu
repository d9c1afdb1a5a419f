// Integer arithmetic of every width against the host's: operators by value and by constant, conversions, intrinsics.
#include "check.h"

// Runs on both sides; the device result must equal the host's. Divisors are never 0 and quotients never overflow.
template <class T>
__host__ __device__ void arithmetic(T a, T b, T* out) {
  const T divisor = b == 0 ? T(3) : b;
  const T least = static_cast<T>(1ull << (sizeof(T) * 8 - 1));
  const bool overflow = a == least && divisor == T(-1);
  const int shift = static_cast<int>(b & (sizeof(T) * 8 - 1));
  // Sums and products wrap; in the signed types they are taken without sign, where wrapping is defined.
  using Wide = unsigned long long;
  out[0] = T(Wide(a) + Wide(b));
  out[1] = T(Wide(a) - Wide(b));
  out[2] = T(Wide(a) * Wide(b));
  out[3] = overflow ? a : T(a / divisor);
  out[4] = overflow ? T(0) : T(a % divisor);
  out[5] = a & b;
  out[6] = a | b;
  out[7] = a ^ b;
  out[8] = T(~a);
  out[9] = T(a << (shift % (sizeof(T) * 8 - 1)));
  out[10] = T(a >> shift);
  out[11] = a < b ? T(1) : a == b ? T(2) : T(3);
  out[12] = a / T(7);
  out[13] = a % T(10);
  out[14] = T(0u - static_cast<unsigned long long>(a));
  out[15] = a > b ? a : b;
}
constexpr int kResults = 16;

template <class T>
__global__ void arithmetic_kernel(const T* a, const T* b, T* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) arithmetic(a[i], b[i], out + i * kResults);
}

template <class T>
void test_type(const char* name) {
  constexpr int n = 96;
  Array<T> a(n), b(n), out(n * kResults);
  Random random{2463534242u};
  for (int i = 0; i < n; ++i) {
    a[i] = static_cast<T>((static_cast<unsigned long long>(random.next()) << 32 | random.next()) >> (i % 40));
    b[i] = static_cast<T>((static_cast<unsigned long long>(random.next()) << 32 | random.next()) >> (i % 61));
  }
  a[0] = b[0] = 0;
  a[1] = T(-1), b[1] = T(1);
  a[2] = T(T(1) << (sizeof(T) * 8 - 1)), b[2] = T(-1);
  a.upload(), b.upload();
  arithmetic_kernel<<<(n + 31) / 32, 32>>>(a.device, b.device, out.device, n);
  out.download();
  for (int i = 0; i < n; ++i) {
    T expected[kResults];
    arithmetic(a[i], b[i], expected);
    for (int k = 0; k < kResults; ++k) {
      EXPECT(out[i * kResults + k] == expected[k], "%s operation %d of %lld and %lld is %lld, expected %lld", name, k,
             (long long)a[i], (long long)b[i], (long long)out[i * kResults + k], (long long)expected[k]);
    }
  }
}

__global__ void intrinsics(const unsigned* a, const unsigned* b, unsigned* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const unsigned x = a[i], y = b[i];
  const unsigned long long wide = (unsigned long long)x << 32 | y;
  unsigned* r = out + i * 24;
  r[0] = __popc(x);
  r[1] = __clz(x);
  r[2] = __ffs(x);
  r[3] = __brev(x);
  r[4] = __popcll(wide);
  r[5] = __clzll(wide);
  r[6] = __ffsll(wide);
  r[7] = (unsigned)(__brevll(wide) >> 16);
  r[8] = __umulhi(x, y);
  r[9] = __mulhi((int)x, (int)y);
  r[10] = __umul24(x, y);
  r[11] = __mul24((int)x, (int)y);
  r[12] = (unsigned)(__umul64hi(wide, wide) >> 8);
  r[13] = __byte_perm(x, y, 0x5140);
  r[14] = __funnelshift_l(x, y, i);
  r[15] = __funnelshift_rc(x, y, i);
  r[16] = __usad(x, y, 5);
  r[17] = __uhadd(x, y);
  r[18] = (unsigned)__dp4a((int)x, (int)y, 9);
  r[19] = __vadd4(x, y);
  r[20] = __vabsdiffu4(x, y);
  r[21] = __vcmpgts2(x, y);
  r[22] = min(x, y) + max((int)x, (int)y) + min((int)x, 7u);
  r[23] = abs((int)(x >> 1)) + (unsigned)llabs((long long)y - (long long)x);
}

unsigned host_intrinsic(int which, unsigned x, unsigned y, int i) {
  using u64 = unsigned long long;
  const u64 wide = (u64)x << 32 | y;
  const auto reverse = [](u64 v, int bits) {
    u64 r = 0;
    for (int k = 0; k < bits; ++k) r |= (v >> k & 1) << (bits - 1 - k);
    return r;
  };
  const auto lanes = [&](int bits, auto f) {
    unsigned r = 0;
    for (int s = 0; s < 32; s += bits)
      r |= (f(x >> s & ((1u << bits) - 1), y >> s & ((1u << bits) - 1)) & ((1u << bits) - 1)) << s;
    return r;
  };
  switch (which) {
    case 0:
      return __builtin_popcount(x);
    case 1:
      return x ? __builtin_clz(x) : 32;
    case 2:
      return __builtin_ffs((int)x);
    case 3:
      return (unsigned)reverse(x, 32);
    case 4:
      return __builtin_popcountll(wide);
    case 5:
      return wide ? __builtin_clzll(wide) : 64;
    case 6:
      return __builtin_ffsll((long long)wide);
    case 7:
      return (unsigned)(reverse(wide, 64) >> 16);
    case 8:
      return (unsigned)((u64)x * y >> 32);
    case 9:
      return (unsigned)((u64)((long long)(int)x * (int)y) >> 32);
    case 10:
      return (x & 0xffffff) * (y & 0xffffff);
    case 11:
      return (unsigned)(((int)(x << 8) >> 8) * (long long)((int)(y << 8) >> 8));
    case 12:
      return (unsigned)((u64)((unsigned __int128)wide * wide >> 64) >> 8);
    case 13:
      return (x & 0xff) | (y & 0xff) << 8 | (x >> 8 & 0xff) << 16 | (y >> 8 & 0xff) << 24;
    case 14:
      return (unsigned)(((u64)y << 32 | x) << (i & 31) >> 32);
    case 15:
      return i >= 32 ? y : (unsigned)(((u64)y << 32 | x) >> i);
    case 16:
      return (x > y ? x - y : y - x) + 5;
    case 17:
      return (unsigned)(((u64)x + y) >> 1);
    case 18: {
      int sum = 9;
      for (int s = 0; s < 32; s += 8) sum += (signed char)(x >> s) * (signed char)(y >> s);
      return (unsigned)sum;
    }
    case 19:
      return lanes(8, [](unsigned p, unsigned q) { return p + q; });
    case 20:
      return lanes(8, [](unsigned p, unsigned q) { return p > q ? p - q : q - p; });
    case 21:
      return lanes(16, [](unsigned p, unsigned q) { return (short)p > (short)q ? 0xffffu : 0u; });
    case 22:
      return (x < y ? x : y) + ((int)x > (int)y ? x : y) + (x < 7u ? x : 7u);
    default:
      return (x >> 1) + (unsigned)(y > x ? y - x : x - y);
  }
}

__global__ void conversions(const double* in, long long* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const double d = in[i];
  const float f = (float)d;
  long long* r = out + i * 12;
  r[0] = (int)f;
  r[1] = (long long)d;
  r[2] = (unsigned char)(int)f;
  r[3] = (short)(int)d;
  r[4] = __float2int_rn(f);
  r[5] = __float2int_rd(f);
  r[6] = __float2int_ru(f);
  r[7] = __double2ll_rn(d);
  r[8] = (long long)((float)(int)d * 2.0f);
  r[9] = (long long)((double)(unsigned)(int)fabs(d));
  r[10] = (long long)(float)(unsigned long long)(long long)fabs(d);
  r[11] = (signed char)(int)f < 0 ? -1 : 1;
}

int main() {
  test_type<signed char>("signed char");
  test_type<unsigned char>("unsigned char");
  test_type<short>("short");
  test_type<unsigned short>("unsigned short");
  test_type<int>("int");
  test_type<unsigned>("unsigned");
  test_type<long long>("long long");
  test_type<unsigned long long>("unsigned long long");

  constexpr int n = 64;
  Array<unsigned> a(n), b(n), out(n * 24);
  Random random{88172645u};
  for (int i = 0; i < n; ++i) a[i] = random.next() >> (i % 32), b[i] = random.next() >> (i * 7 % 32);
  a[0] = b[0] = 0;
  a.upload(), b.upload();
  intrinsics<<<2, 32>>>(a.device, b.device, out.device, n);
  out.download();
  for (int i = 0; i < n; ++i) {
    for (int k = 0; k < 24; ++k) {
      const unsigned expected = host_intrinsic(k, a[i], b[i], i);
      EXPECT(out[i * 24 + k] == expected, "intrinsic %d of %x and %x is %x, expected %x", k, a[i], b[i],
             out[i * 24 + k], expected);
    }
  }

  Array<double> in(n);
  Array<long long> converted(n * 12);
  for (int i = 0; i < n; ++i) in[i] = (random.unit() - 0.5f) * (i < 32 ? 200.0 : 1e6);
  in[0] = 2.5, in[1] = -2.5, in[2] = 3.5, in[3] = 0.0;
  in.upload();
  conversions<<<2, 32>>>(in.device, converted.device, n);
  converted.download();
  for (int i = 0; i < n; ++i) {
    const double d = in[i];
    const float f = (float)d;
    const long long expected[12] = {(int)f,
                                    (long long)d,
                                    (unsigned char)(int)f,
                                    (short)(int)d,
                                    (long long)std::nearbyint(f),
                                    (long long)std::floor(f),
                                    (long long)std::ceil(f),
                                    (long long)std::nearbyint(d),
                                    (long long)((float)(int)d * 2.0f),
                                    (long long)std::trunc(std::fabs(d)),
                                    (long long)(float)std::trunc(std::fabs(d)),
                                    (signed char)(int)f < 0 ? -1 : 1};
    for (int k = 0; k < 12; ++k) {
      EXPECT(converted[i * 12 + k] == expected[k], "conversion %d of %.17g is %lld, expected %lld", k, d,
             converted[i * 12 + k], expected[k]);
    }
  }
  return verdict("integers");
}
