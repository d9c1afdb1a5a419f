// Matrices of every element type, and programs that multiply them on a cube core. The references are plain loops over
// single elements.
#pragma once

#include <cmath>
#include <random>

#include "device_sim/isa/table.h"
#include "device_sim/numerics/soft_float.h"
#include "tests/unit/core/rig.h"

namespace phx::sim::test {

using isa::Type;

inline uint64_t bytes_of(Type type) { return isa::info(type).bits / 8; }
inline std::string name_of(Type type) { return std::string(isa::info(type).name); }
inline uint64_t up(uint64_t x, uint64_t n) { return (x + n - 1) / n * n; }

// An ND matrix as it lies in memory.
struct Matrix {
  Type type = Type::F32;
  uint64_t rows = 0, columns = 0, pitch = 0;  // bytes from row to row
  std::vector<unsigned char> bytes;

  Matrix(Type t, uint64_t r, uint64_t c, uint64_t gap = 0)
      : type(t), rows(r), columns(c), pitch(c * bytes_of(t) + gap), bytes(std::max<uint64_t>(r, 1) * pitch) {}

  uint32_t bits(uint64_t r, uint64_t c) const {
    uint32_t value = 0;
    std::memcpy(&value, &bytes[r * pitch + c * bytes_of(type)], bytes_of(type));
    return value;
  }
  void set(uint64_t r, uint64_t c, uint32_t value) {
    std::memcpy(&bytes[r * pitch + c * bytes_of(type)], &value, bytes_of(type));
  }
  float real(uint64_t r, uint64_t c) const {
    const uint32_t value = bits(r, c);
    if (type == Type::F16) return num::f32_from_f16(static_cast<uint16_t>(value));
    if (type == Type::BF16) return num::f32_from_bf16(static_cast<uint16_t>(value));
    if (type == Type::F8E4M3) return num::f32(num::convert(num::Format::F32, num::Format::E4M3, value));
    if (type == Type::F8E5M2) return num::f32(num::convert(num::Format::F32, num::Format::E5M2, value));
    return std::bit_cast<float>(value);
  }
  int32_t integer(uint64_t r, uint64_t c) const {
    return type == Type::S8 ? static_cast<int8_t>(bits(r, c)) : static_cast<int32_t>(bits(r, c));
  }
};

// Finite values whose sums round; with `special`, one in sixteen is infinite, NaN, subnormal or a zero.
inline void fill(Matrix& x, std::mt19937& random, bool special = false) {
  static const float kSpecial[] = {0.f, -0.f, INFINITY, -INFINITY, NAN, 1e-40f, -6e-8f, 65504.f};
  std::normal_distribution<float> normal;
  for (uint64_t r = 0; r < x.rows; ++r)
    for (uint64_t c = 0; c < x.columns; ++c) {
      float value = normal(random);
      if (special && random() % 16 == 0) value = kSpecial[random() % std::size(kSpecial)];
      uint32_t bits = std::bit_cast<uint32_t>(value);
      if (x.type == Type::F16) bits = num::f16_from(value);
      if (x.type == Type::BF16) bits = num::bf16_from(value);
      if (x.type == Type::F8E4M3 || x.type == Type::F8E5M2) {
        const num::Format format = x.type == Type::F8E4M3 ? num::Format::E4M3 : num::Format::E5M2;
        bits = static_cast<uint32_t>(num::convert(format, num::Format::F32, bits));
        if (special && random() % 16 == 0) bits = random() & 0xff;  // subnormals and the largest, too
      }
      if (x.type == Type::S8 || x.type == Type::S32) bits = random();
      x.set(r, c, bits);
    }
}

// Assembly of an AIC program: s2 = a, s4 = b, s6 = bias, s8 = c.
struct CubeProgram {
  std::string text =
      ".target aic \"DIGEST\"\n.kernel k aic\n.param a 8 ptr\n.param b 8 ptr\n.param bias 8 ptr\n.param c 8 ptr\n"
      " ld.param.b64 s2, [a]\n ld.param.b64 s4, [b]\n ld.param.b64 s6, [bias]\n ld.param.b64 s8, [c]\n";

  // The instruction with each {} replaced by a register that holds the next value.
  CubeProgram& operator()(std::string instruction, std::initializer_list<uint64_t> values = {}) {
    unsigned number = 20;
    for (uint64_t value : values) {
      const std::string name = "s" + std::to_string(number++);
      text += " mov.b64 " + name + ", " + std::to_string(value) + "\n";
      const size_t at = instruction.find("{}");
      REQUIRE(at != std::string::npos);
      instruction.replace(at, 2, name);
    }
    text += " " + instruction + "\n";
    return *this;
  }
  std::string end() const { return text + " exit\n"; }
};

inline std::string bound(std::string text, const machine::Machine& machine) {
  if (const size_t at = text.find("DIGEST"); at != std::string::npos) text.replace(at, 6, machine::digest(machine));
  return text;
}

inline uint64_t mmad_shape(uint64_t m, uint64_t k, uint64_t n, bool init, bool bias = false, uint64_t bias_at = 0) {
  return m | k << 12 | n << 24 | uint64_t{init} << 36 | uint64_t{bias} << 37 | bias_at / 64 << 40;
}
inline uint64_t fixpipe_shape(uint64_t m, uint64_t n, uint64_t pitch) { return m | n << 12 | pitch / 16 << 24; }

// Brings an operand from gm to l0a or l0b. `x` holds the wide dimension (m or n) along its rows and k along its
// columns, or - transposed - the other way round.
inline void load_operand(CubeProgram& program, const std::string& gm, const Matrix& x, bool left, bool transposed,
                         uint64_t l1, uint64_t l0) {
  const uint64_t c0 = 32 / bytes_of(x.type), wide = transposed ? x.columns : x.rows,
                 deep = transposed ? x.rows : x.columns;
  const uint64_t pitch = up(x.rows, transposed ? c0 : 16) + 16;  // rows of a column block, and some to spare
  program("dma_nd2nz." + name_of(x.type) + " {}, " + gm + ", {}, {}",
          {l1, x.rows | x.columns << 16 | pitch << 32, x.pitch});
  program(std::string(left ? "l1_l0a" : "l1_l0b") + (transposed ? ".trans." : ".") + name_of(x.type) + " {}, {}, {}",
          {l0, l1, up(wide, 16) / 16 | up(deep, c0) / c0 << 16 | pitch << 32});
}

// What mmad leaves for one element: k ascending, one rounding each; s8 in s32.
inline uint32_t product(const Matrix& a, bool a_transposed, const Matrix& b, bool b_transposed, uint64_t m, uint64_t n,
                        uint64_t first, uint64_t last, uint32_t start) {
  float sum = std::bit_cast<float>(start);
  uint32_t exact = start;
  for (uint64_t k = first; k < last; ++k) {
    const uint64_t am = a_transposed ? k : m, ak = a_transposed ? m : k, bn = b_transposed ? k : n,
                   bk = b_transposed ? n : k;
    if (a.type == Type::S8)
      exact += static_cast<uint32_t>(a.integer(am, ak) * b.integer(bn, bk));
    else
      sum = std::fma(a.real(am, ak), b.real(bn, bk), sum);
  }
  return a.type == Type::S8 ? exact : std::bit_cast<uint32_t>(num::canonical(sum));
}

}  // namespace phx::sim::test
