// What instructions compute, against plain C++, through assembler, loader and interpreter: once for 32 lanes, once for
// scalars.
#include <bit>
#include <cmath>
#include <functional>

#include "tests/unit/core/rig.h"

using phx::sim::test::Rig;

namespace {

using Reference = std::function<uint64_t(uint64_t, uint64_t, uint64_t)>;
uint64_t bits(float x) { return std::bit_cast<uint32_t>(x); }
uint64_t bits(double x) { return std::bit_cast<uint64_t>(x); }
float f32(uint64_t x) { return std::bit_cast<float>(static_cast<uint32_t>(x)); }
double f64(uint64_t x) { return std::bit_cast<double>(x); }

struct Case {
  const char* mnemonic;  // with type
  unsigned sources;
  bool wide_a, wide_b, wide_c, wide_dst;
  std::vector<std::array<uint64_t, 3>> inputs;
  Reference reference;
};

// Inputs in x (three 64-bit values a case), results in y: lanes' first, then scalars'.
void check(const Case& c) {
  INFO(c.mnemonic);
  std::string operands;
  for (unsigned i = 0; i < c.sources; ++i) operands += ", r" + std::to_string(4 + 2 * i);
  std::string scalars;
  for (unsigned i = 0; i < c.sources; ++i) scalars += ", s" + std::to_string(4 + i);
  const std::string text =
      std::string(".kernel k simt\n.param x 8 ptr\n.param y 8 ptr\n.param z 8 ptr\n.param i 4\n") +
      " ld.param.b64 s0, [x]\n ld.param.b64 s1, [y]\n ld.param.b64 s2, [z]\n ld.param.b32 s3, [i]\n"
      " rdsr.laneid.u32 r0\n mul.s32 r1, r0, 24\n"
      " ld.gm.b64 r4, [s0 + r1]\n ld.gm.b64 r6, [s0 + r1 + 8]\n ld.gm.b64 r8, [s0 + r1 + 16]\n"
      " mov.b64 r10, zero\n " +
      c.mnemonic + " r10" + operands +
      "\n st.gm.b64 [s1 + r0*8], r10\n"
      " mul.s32 s9, s3, 24\n"
      " ld.gm.b64 s4, [s0 + s9]\n ld.gm.b64 s5, [s0 + s9 + 8]\n ld.gm.b64 s6, [s0 + s9 + 16]\n " +
      c.mnemonic + " s10" + scalars + "\n st.gm.b64 [s2 + s3*8], s10\n exit\n";
  Rig rig(text);
  std::vector<uint64_t> in(32 * 3, 1);
  for (size_t i = 0; i < c.inputs.size(); ++i)
    for (unsigned k = 0; k < 3; ++k) in[3 * i + k] = c.inputs[i][k];
  const uint64_t x = rig.buffer(in), y = rig.buffer(std::vector<uint64_t>(32)),
                 z = rig.buffer(std::vector<uint64_t>(32));
  rig.launch.block = {32, 1, 1};
  for (uint32_t i = 0; i < c.inputs.size(); ++i) {
    rig.arguments(x, y, z, i);
    rig.run_well();
  }
  const auto lanes = rig.read<uint64_t>(y, 32), scalar = rig.read<uint64_t>(z, 32);
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    INFO("case " << i);
    uint64_t expected = c.reference(c.inputs[i][0], c.inputs[i][1], c.inputs[i][2]);
    CHECK(lanes[i] == expected);
    CHECK(scalar[i] == expected);
  }
}

constexpr uint64_t kNan32 = 0x7fffffff, kNan64 = 0x7ff8000000000000;
using Inputs = std::vector<std::array<uint64_t, 3>>;
const Inputs kInts = {{5, 3, 7}, {0xffffffff, 1, 2},          {0x80000000, 0xffffffff, 0},
                      {7, 0, 3}, {0x7fffffff, 2, 0x80000000}, {100, 40, 33}};
const Inputs kWide = {
    {5, 3, 7}, {~0ull, 1, 2}, {0x8000000000000000, ~0ull, 0}, {7, 0, 3}, {0x123456789abcdef0, 0x0fedcba987654321, 65}};
const Inputs kFloats = {{bits(1.5f), bits(2.25f), bits(-3.0f)},
                        {bits(0.0f), bits(-0.0f), bits(0.0f)},
                        {0x7f800000, 0xff800000, 0},
                        {0x7fc00123, bits(1.0f), bits(1.0f)},
                        {1, 2, 3},
                        {bits(16777216.0f), bits(1.0f), bits(0.1f)},
                        {bits(1.0f), 0, 0}};
const Inputs kDoubles = {{bits(1.5), bits(2.25), bits(-3.0)},
                         {bits(0.0), bits(-0.0), bits(0.0)},
                         {0x7ff0000000000000, 0xfff0000000000000, 0},
                         {0x7ff8000000000123, bits(1.0), bits(1.0)},
                         {1, 2, 3},
                         {bits(0.1), bits(0.2), bits(0.3)},
                         {bits(1.0), 0, 0}};

uint64_t canonical(float x) { return x == x ? bits(x) : kNan32; }
uint64_t canonical(double x) { return x == x ? bits(x) : kNan64; }
uint32_t u(uint64_t x) { return static_cast<uint32_t>(x); }
int32_t s(uint64_t x) { return static_cast<int32_t>(x); }
int64_t sl(uint64_t x) { return static_cast<int64_t>(x); }

Case int2(const char* m, Reference r) { return {m, 2, false, false, false, false, kInts, std::move(r)}; }
Case wide2(const char* m, Reference r) { return {m, 2, true, true, false, true, kWide, std::move(r)}; }

}  // namespace

TEST_CASE("32-bit integers") {
  check(int2("add.s32", [](auto a, auto b, auto) { return u(a + b); }));
  check(int2("sub.u32", [](auto a, auto b, auto) { return u(a - b); }));
  check(int2("mul.s32", [](auto a, auto b, auto) { return u(a * b); }));
  check(int2("mulhi.s32", [](auto a, auto b, auto) { return u(static_cast<uint64_t>(int64_t{s(a)} * s(b) >> 32)); }));
  check(int2("mulhi.u32", [](auto a, auto b, auto) { return uint64_t{u(a)} * u(b) >> 32; }));
  check(int2("div.s32", [](auto a, auto b, auto) {
    return u(u(b) == 0 ? -1 : s(b) == -1 ? -int64_t{s(a)} : s(a) / s(b));
  }));
  check(int2("rem.s32", [](auto a, auto b, auto) { return u(u(b) == 0 ? s(a) : s(b) == -1 ? 0 : s(a) % s(b)); }));
  check(int2("div.u32", [](auto a, auto b, auto) { return u(b) ? u(a) / u(b) : 0xffffffffu; }));
  check(int2("rem.u32", [](auto a, auto b, auto) { return u(b) ? u(a) % u(b) : u(a); }));
  check(int2("min.s32", [](auto a, auto b, auto) { return u(std::min(s(a), s(b))); }));
  check(int2("max.u32", [](auto a, auto b, auto) { return std::max(u(a), u(b)); }));
  check(int2("shl.b32", [](auto a, auto b, auto) { return u(b) < 32 ? u(a) << u(b) : 0; }));
  check(int2("shr.s32", [](auto a, auto b, auto) { return u(s(a) >> std::min(u(b), 31u)); }));
  check(int2("shr.u32", [](auto a, auto b, auto) { return u(b) < 32 ? u(a) >> u(b) : 0; }));
  check(int2("and.b32", [](auto a, auto b, auto) { return u(a & b); }));
  check(int2("or.b32", [](auto a, auto b, auto) { return u(a | b); }));
  check(int2("xor.b32", [](auto a, auto b, auto) { return u(a ^ b); }));
  check({"mad.s32", 3, false, false, false, false, kInts, [](auto a, auto b, auto c) { return u(a * b + c); }});
  check({"fshl.b32", 3, false, false, false, false, kInts,
         [](auto a, auto b, auto c) { return u(((uint64_t{u(a)} << 32 | u(b)) << (c % 32)) >> 32); }});
  check({"fshr.b32", 3, false, false, false, false, kInts,
         [](auto a, auto b, auto c) { return u((uint64_t{u(a)} << 32 | u(b)) >> (c % 32)); }});
  check({"lop3.lut150.b32", 3, false, false, false, false, kInts, [](auto a, auto b, auto c) { return u(a ^ b ^ c); }});
  check({"prmt.b32",
         3,
         false,
         false,
         false,
         false,
         {{0x44332211, 0x88776655, 0x7351}, {0x44332291, 0x88776655, 0x8f80}},
         [](auto, auto, auto c) { return c == 0x7351 ? 0x88446622u : 0xffffff91u; }});
  check({"mulw.s64", 2, false, false, false, true, kInts,
         [](auto a, auto b, auto) { return static_cast<uint64_t>(int64_t{s(a)} * s(b)); }});
  check({"mulw.u64", 2, false, false, false, true, kInts, [](auto a, auto b, auto) { return uint64_t{u(a)} * u(b); }});
  check({"madw.s64", 3, false, false, true, true, kInts,
         [](auto a, auto b, auto c) { return static_cast<uint64_t>(int64_t{s(a)} * s(b)) + c; }});
  check({"popc.b32", 1, false, false, false, false, kInts, [](auto a, auto, auto) { return std::popcount(u(a)); }});
  check({"clz.b32", 1, false, false, false, false, kInts, [](auto a, auto, auto) { return std::countl_zero(u(a)); }});
  check({"ctz.b32", 1, false, false, false, false, {{0, 0, 0}, {8, 0, 0}}, [](auto a, auto, auto) {
           return std::countr_zero(u(a));
         }});
  check({"brev.b32", 1, false, false, false, false, {{1, 0, 0}, {0xf0, 0, 0}}, [](auto a, auto, auto) {
           return a == 1 ? 0x80000000u : 0x0f000000u;
         }});
  check({"neg.s32", 1, false, false, false, false, kInts, [](auto a, auto, auto) { return u(-a); }});
  check({"abs.s32", 1, false, false, false, false, kInts,
         [](auto a, auto, auto) { return u(s(a) < 0 ? -int64_t{s(a)} : s(a)); }});
  check({"not.b32", 1, false, false, false, false, kInts, [](auto a, auto, auto) { return u(~a); }});
}

TEST_CASE("64-bit integers") {
  check(wide2("add.s64", [](auto a, auto b, auto) { return a + b; }));
  check(wide2("sub.s64", [](auto a, auto b, auto) { return a - b; }));
  check(wide2("mul.u64", [](auto a, auto b, auto) { return a * b; }));
  check(wide2("mulhi.u64",
              [](auto a, auto b, auto) { return static_cast<uint64_t>(static_cast<unsigned __int128>(a) * b >> 64); }));
  check(wide2("mulhi.s64",
              [](auto a, auto b, auto) { return static_cast<uint64_t>(static_cast<__int128>(sl(a)) * sl(b) >> 64); }));
  check(wide2("div.s64", [](auto a, auto b, auto) {
    return b == 0 ? ~0ull : b == ~0ull ? 0 - a : static_cast<uint64_t>(sl(a) / sl(b));
  }));
  check(wide2("rem.u64", [](auto a, auto b, auto) { return b ? a % b : a; }));
  check(wide2("min.s64", [](auto a, auto b, auto) { return static_cast<uint64_t>(std::min(sl(a), sl(b))); }));
  check(wide2("max.u64", [](auto a, auto b, auto) { return std::max(a, b); }));
  check(wide2("xor.b64", [](auto a, auto b, auto) { return a ^ b; }));
  check(
      {"shl.b64", 2, true, false, false, true, kWide, [](auto a, auto b, auto) { return u(b) < 64 ? a << u(b) : 0; }});
  check({"shr.s64", 2, true, false, false, true, kWide,
         [](auto a, auto b, auto) { return static_cast<uint64_t>(sl(a) >> std::min(u(b), 63u)); }});
  check({"fshl.b64", 3, true, true, false, true, kWide,
         [](auto a, auto b, auto c) { return c % 64 ? a << c % 64 | b >> (64 - c % 64) : a; }});
  check({"clz.b64", 1, true, false, false, true, kWide, [](auto a, auto, auto) { return std::countl_zero(a); }});
  check({"cvt.s32.s64", 1, false, false, false, true, kInts,
         [](auto a, auto, auto) { return static_cast<uint64_t>(int64_t{s(a)}); }});
  check({"cvt.u32.s64", 1, false, false, false, true, kInts, [](auto a, auto, auto) { return uint64_t{u(a)}; }});
  check({"cvt.s64.s32", 1, true, false, false, false, kWide, [](auto a, auto, auto) { return uint64_t{u(a)}; }});
}

TEST_CASE("floats") {
  auto two = [](const char* m, Reference r) { return Case{m, 2, false, false, false, false, kFloats, std::move(r)}; };
  check(two("add.f32", [](auto a, auto b, auto) { return canonical(f32(a) + f32(b)); }));
  check(two("sub.f32", [](auto a, auto b, auto) { return canonical(f32(a) - f32(b)); }));
  check(two("mul.f32", [](auto a, auto b, auto) { return canonical(f32(a) * f32(b)); }));
  check(two("div.f32", [](auto a, auto b, auto) { return canonical(f32(a) / f32(b)); }));
  check({"fma.f32", 3, false, false, false, false, kFloats,
         [](auto a, auto b, auto c) { return canonical(std::fma(f32(a), f32(b), f32(c))); }});
  check({"min.f32",
         2,
         false,
         false,
         false,
         false,
         {{bits(0.0f), bits(-0.0f), 0},
          {kNan32, bits(1.0f), 0},
          {bits(1.0f), kNan32, 0},
          {0x7fc00001, 0xffc00001, 0},
          {bits(2.0f), bits(-1.0f), 0}},
         [](auto a, auto b, auto) {
           return a == bits(0.0f)    ? bits(-0.0f)
                  : a == 0x7fc00001  ? kNan32
                  : f32(a) == f32(a) ? (f32(b) == f32(b) ? bits(-1.0f) : a)
                                     : b;
         }});
  check({"max.f32",
         2,
         false,
         false,
         false,
         false,
         {{bits(0.0f), bits(-0.0f), 0}, {bits(-0.0f), bits(0.0f), 0}, {kNan32, bits(-5.0f), 0}},
         [](auto a, auto b, auto) { return a == kNan32 ? b : bits(0.0f); }});
  check({"neg.f32", 1, false, false, false, false, kFloats, [](auto a, auto, auto) { return a ^ 0x80000000u; }});
  check({"abs.f32", 1, false, false, false, false, kFloats, [](auto a, auto, auto) { return a & 0x7fffffffu; }});
  check({"add.rz.f32",
         2,
         false,
         false,
         false,
         false,
         {{bits(16777216.0f), bits(1.5f), 0}, {bits(1.0f), bits(1e-10f), 0}},
         [](auto a, auto, auto) { return a == bits(1.0f) ? bits(1.0f) : bits(16777216.0f); }});
  check({"add.ru.f32", 2, false, false, false, false, {{bits(1.0f), bits(1e-10f), 0}}, [](auto, auto, auto) {
           return uint64_t{0x3f800001};
         }});
  check({"add.sat.f32",
         2,
         false,
         false,
         false,
         false,
         {{bits(1.0f), bits(5.0f), 0}, {bits(-1.0f), bits(0.5f), 0}, {kNan32, 0, 0}},
         [](auto a, auto, auto) { return a == bits(1.0f) ? bits(1.0f) : uint64_t{0}; }});
  check({"math.sqrt.f32",
         1,
         false,
         false,
         false,
         false,
         {{bits(2.0f), 0, 0}, {bits(-1.0f), 0, 0}},
         [](auto a, auto, auto) { return canonical(std::sqrt(f32(a))); }});
  check({"cvt.s32.f32", 1, false, false, false, false, kInts,
         [](auto a, auto, auto) { return bits(static_cast<float>(s(a))); }});
  check({"cvt.u32.f32", 1, false, false, false, false, kInts,
         [](auto a, auto, auto) { return bits(static_cast<float>(u(a))); }});
  check({"cvt.rz.f32.s32",
         1,
         false,
         false,
         false,
         false,
         {{bits(1.9f), 0, 0}, {bits(-1.9f), 0, 0}, {bits(3e9f), 0, 0}, {bits(-3e9f), 0, 0}, {kNan32, 0, 0}},
         [](auto a, auto, auto) {
           return f32(a) != f32(a) ? 0u
                  : f32(a) > 2e9f  ? 0x7fffffffu
                  : f32(a) < -2e9f ? 0x80000000u
                                   : u(static_cast<uint64_t>(static_cast<int64_t>(f32(a))));
         }});
  check(
      {"cvt.f32.s32", 1, false, false, false, false, {{bits(2.5f), 0, 0}, {bits(3.5f), 0, 0}}, [](auto a, auto, auto) {
         return a == bits(2.5f) ? 2 : 4;
       }});
  check({"cvt.f32.f16",
         1,
         false,
         false,
         false,
         false,
         {{bits(1.0f), 0, 0}, {bits(65520.0f), 0, 0}},
         [](auto a, auto, auto) { return a == bits(1.0f) ? 0x3c00 : 0x7c00; }});
  check({"cvt.f16.f32", 1, false, false, false, false, {{0x3c00, 0, 0}, {0xc000, 0, 0}}, [](auto a, auto, auto) {
           return a == 0x3c00 ? bits(1.0f) : bits(-2.0f);
         }});
  check({"cvt.rn.int.f32.f32",
         1,
         false,
         false,
         false,
         false,
         {{bits(2.5f), 0, 0}, {bits(-0.3f), 0, 0}},
         [](auto a, auto, auto) { return bits(std::nearbyint(f32(a))); }});
  check({"cvt.s8.s32", 1, false, false, false, false, {{0x180, 0, 0}, {0x7f, 0, 0}}, [](auto a, auto, auto) {
           return a == 0x7f ? 0x7fu : 0xffffff80u;
         }});
  check({"add.f16", 2, false, false, false, false, {{0x3c00, 0x3c00, 0}}, [](auto, auto, auto) { return 0x4000; }});
  check({"fma.f16x2", 3, false, false, false, false, {{0x3c004000, 0x40004000, 0x00003c00}}, [](auto, auto, auto) {
           return 0x40004500;
         }});
  check({"mul.bf16", 2, false, false, false, false, {{0x3fc0, 0x4000, 0}}, [](auto, auto, auto) { return 0x4040; }});
}

TEST_CASE("doubles") {
  auto two = [](const char* m, Reference r) { return Case{m, 2, true, true, false, true, kDoubles, std::move(r)}; };
  check(two("add.f64", [](auto a, auto b, auto) { return canonical(f64(a) + f64(b)); }));
  check(two("mul.f64", [](auto a, auto b, auto) { return canonical(f64(a) * f64(b)); }));
  check(two("div.f64", [](auto a, auto b, auto) { return canonical(f64(a) / f64(b)); }));
  check({"fma.f64", 3, true, true, true, true, kDoubles,
         [](auto a, auto b, auto c) { return canonical(std::fma(f64(a), f64(b), f64(c))); }});
  check({"cvt.f32.f64", 1, false, false, false, true, kFloats,
         [](auto a, auto, auto) { return canonical(static_cast<double>(f32(a))); }});
  check({"cvt.f64.f32", 1, true, false, false, false, kDoubles,
         [](auto a, auto, auto) { return canonical(static_cast<float>(f64(a))); }});
  check({"cvt.s32.f64", 1, false, false, false, true, kInts,
         [](auto a, auto, auto) { return bits(static_cast<double>(s(a))); }});
  check({"cvt.rz.f64.s32",
         1,
         true,
         false,
         false,
         false,
         {{bits(-7.9), 0, 0}, {bits(1e300), 0, 0}},
         [](auto a, auto, auto) { return a == bits(-7.9) ? u(-7) : 0x7fffffffu; }});
}
