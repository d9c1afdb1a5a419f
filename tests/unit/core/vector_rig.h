// Vector instructions on an image of the unified buffer: the smallest program around them, element values of every
// kind, and shapes of operands.
#pragma once

#include <cstdio>
#include <functional>
#include <random>

#include "device_sim/numerics/soft_float.h"
#include "tests/unit/core/rig.h"

namespace phx::sim::test {

using Bytes = std::vector<unsigned char>;
using isa::Type;

// Of the images; sources lie at kA and kB, destinations at kDst, masks at kMask.
inline constexpr uint64_t kImageBytes = 40 * 1024;
inline constexpr uint64_t kA = 0, kB = 12 * 1024, kDst = 24 * 1024, kMask = 36 * 1024;

inline std::string number(uint64_t value) {
  char text[32];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}
// Pitches in blocks of 32 bytes.
inline uint64_t configuration(uint64_t count, uint64_t rows, uint64_t dst_pitch, uint64_t a_pitch,
                              uint64_t b_pitch = 0) {
  return count | rows << 16 | dst_pitch << 32 | a_pitch << 42 | b_pitch << 52;
}
// "vadd.f32" with its operands; every operand is a value.
inline std::string vec(const std::string& mnemonic, std::initializer_list<uint64_t> operands) {
  std::string text, names;
  unsigned at = 10;
  for (uint64_t operand : operands) {
    const std::string name = "s" + std::to_string(at++);
    text += " mov.b64 " + name + ", " + number(operand) + "\n";
    names += (names.empty() ? " " : ", ") + name;
  }
  return text + " " + mnemonic + names + "\n";
}

struct VectorOutcome {
  std::optional<Fault> fault;
  Bytes ub;
  std::vector<uint64_t> work, shapes;  // of each vector instruction, as recorded
};
// Loads the image, executes the text and stores the image.
inline VectorOutcome execute(const std::string& text, const Bytes& ub, bool values = true) {
  const std::string transfer = " mov.b64 s4, " + number(1 | uint64_t{ub.size()} << 16) + "\n";
  Rig rig(
      ".target aiv \"0123456789abcdef\"\n.kernel k aiv\n.param x 8 ptr\n.param y 8 ptr\n ld.param.b64 s2, [x]\n"
      " ld.param.b64 s3, [y]\n" +
      transfer + " dma_gm_ub zero, s2, s4, zero\n pipe_barrier.all\n" + text +
      " pipe_barrier.all\n dma_ub_gm s3, zero, s4, zero\n exit\n");
  const uint64_t x = rig.buffer(ub, "x"), y = rig.buffer(Bytes(ub.size()), "y");
  rig.arguments(x, y);
  rig.launch.values = values;
  rig.run();
  VectorOutcome outcome{rig.fault, rig.read<unsigned char>(y, ub.size()), {}, {}};
  for (const auto& block : rig.events.blocks) {
    const auto& accesses = block.warps[0].accesses;
    for (size_t i = 0; i < accesses.size();) {
      const bool tile = (accesses[i] & 0xff) == static_cast<uint64_t>(AccessKind::tile);
      if (tile) {
        outcome.work.push_back(accesses[i] >> 32);
        outcome.shapes.push_back(accesses[i + 1]);
      }
      i += tile ? 2 : 3;  // a transfer of one burst has two words after its header
    }
  }
  return outcome;
}
inline Bytes execute_well(const std::string& text, const Bytes& ub) {
  VectorOutcome outcome = execute(text, ub);
  if (outcome.fault) FAIL(text << outcome.fault->str());
  return outcome.ub;
}
inline std::string fault_of(const std::string& text, FaultKind kind) {
  const VectorOutcome outcome = execute(text, Bytes(kImageBytes));
  REQUIRE_MESSAGE(outcome.fault, text);
  CHECK_MESSAGE(outcome.fault->kind == kind, outcome.fault->str());
  return outcome.fault->detail.empty() ? outcome.fault->nearest : outcome.fault->detail;
}

// --- Elements
inline unsigned size_of(Type type) { return isa::info(type).bits / 8; }
inline const char* name_of(Type type) { return isa::info(type).name.data(); }
inline uint64_t get(const Bytes& image, uint64_t address, unsigned size) {
  uint64_t value = 0;
  std::memcpy(&value, &image.at(address + size - 1) - (size - 1), size);
  return value;
}
inline void put(Bytes& image, uint64_t address, unsigned size, uint64_t value) {
  std::memcpy(&image.at(address + size - 1) - (size - 1), &value, size);
}
inline bool is_float(Type type) { return type == Type::F16 || type == Type::BF16 || type == Type::F32; }
inline num::Format format_of(Type type) {
  return type == Type::F16 ? num::Format::F16 : type == Type::BF16 ? num::Format::BF16 : num::Format::F32;
}
// The value of an element; exact.
inline double number_of(Type type, uint64_t bits) {
  switch (type) {
    case Type::S8:
      return static_cast<int8_t>(bits);
    case Type::U8:
      return static_cast<uint8_t>(bits);
    case Type::S16:
      return static_cast<int16_t>(bits);
    case Type::U16:
      return static_cast<uint16_t>(bits);
    case Type::S32:
      return static_cast<int32_t>(bits);
    case Type::U32:
      return static_cast<uint32_t>(bits);
    default:
      return num::f64(num::convert(num::Format::F64, format_of(type), bits));
  }
}

// Bits of an element: special ones of the type, small numbers, halves and quarters, anything.
inline uint64_t any_element(std::mt19937_64& random, Type type) {
  static const uint64_t f32[] = {0,          0x80000000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc12345, 0x7f800001,
                                 1,          0x80000001, 0x007fffff, 0x00800000, 0x3f800000, 0xbf800000, 0x7f7fffff,
                                 0xff7fffff, 0x4f000000, 0xcf000000, 0x4effffff, 0x33800000, 0x33000000, 0x477fe000,
                                 0x477fefff, 0x477ff000, 0xc77ff000, 0x387fffff, 0x38800000, 0x33000001, 0xb3000000,
                                 0x7f7f8000, 0x7f7f7fff, 0x3f000000, 0xbf000000, 0x3effffff, 0x4b000001, 0x4afffffd};
  static const uint64_t f16[] = {0,      0x8000, 0x7c00, 0xfc00, 0x7e00, 0xfe01, 0x7c01, 1,      0x8001, 0x03ff,
                                 0x0400, 0x3c00, 0xbc00, 0x7bff, 0xfbff, 0x3800, 0xb800, 0x3a00, 0x7a00, 0x0200};
  static const uint64_t whole[] = {0,         1,         ~uint64_t{0}, 0x7f,   0x80,       0x81,       0xff,
                                   0x7fff,    0x8000,    0x8001,       0xffff, 0x7fffffff, 0x80000000, 0x80000001,
                                   0x1000001, 0x1000003, 0x801,        0x803,  0xffe0,     0xffdf};
  const unsigned bits = isa::info(type).bits;
  const uint64_t mask = (uint64_t{1} << bits) - 1;
  const int64_t small = static_cast<int64_t>(random() % 201) - 100;
  if (random() % 4 == 0) return random() & mask;
  const bool special = random() % 3 == 0;
  switch (type) {
    case Type::F32:
      return special ? f32[random() % std::size(f32)] : num::bits(static_cast<float>(small) / 4);
    case Type::BF16:
      return special ? f32[random() % std::size(f32)] >> 16 : num::bf16_from(static_cast<float>(small) / 4);
    case Type::F16:
      return special ? f16[random() % std::size(f16)] : num::f16_from(static_cast<float>(small) / 4);
    default:
      return (special ? whole[random() % std::size(whole)] : static_cast<uint64_t>(small)) & mask;
  }
}
inline void fill_elements(std::mt19937_64& random, Bytes& image, uint64_t from, uint64_t to, Type type) {
  for (; from < to; from += size_of(type)) put(image, from, size_of(type), any_element(random, type));
}
// Arbitrary bytes, with elements of the types where the sources lie.
inline Bytes any_image(std::mt19937_64& random, Type a, Type b) {
  Bytes image(kImageBytes);
  for (unsigned char& byte : image) byte = static_cast<unsigned char>(random());
  fill_elements(random, image, kA, kB, a);
  fill_elements(random, image, kB, kDst, b);
  return image;
}

// --- Shapes
struct Shape {
  uint64_t count = 0, rows = 0;
  uint64_t dst_pitch = 0, a_pitch = 0, b_pitch = 0;  // blocks
  uint64_t dst = kDst, a = kA, b = kB;
  bool ablk = false, bblk = false;
  uint64_t word() const { return configuration(count, rows, dst_pitch, a_pitch, b_pitch); }
  uint64_t dst_at(uint64_t r, uint64_t i, unsigned size) const { return dst + r * dst_pitch * 32 + i * size; }
  uint64_t a_at(uint64_t r, uint64_t i, unsigned size) const {
    return a + r * a_pitch * 32 + (ablk ? i * size % 32 : i * size);
  }
  uint64_t b_at(uint64_t r, uint64_t i, unsigned size) const {
    return b + r * b_pitch * 32 + (bblk ? i * size % 32 : i * size);
  }
  std::string str() const {
    return std::to_string(rows) + " x " + std::to_string(count) + ", pitches " + std::to_string(dst_pitch) + " " +
           std::to_string(a_pitch) + " " + std::to_string(b_pitch) + (ablk ? " ablk" : "") + (bblk ? " bblk" : "");
  }
};
// Ragged and whole rows, wide, close and repeated ones; sizes of an element in bytes (masks: 1 is enough).
inline Shape any_shape(std::mt19937_64& random, unsigned dst_size, unsigned a_size, unsigned b_size, bool blocks) {
  Shape s;
  static const uint64_t counts[] = {1,  2,  3,  7,   8,   15,  16,  17,  31,  32,  33,
                                    63, 64, 65, 100, 128, 130, 200, 256, 300, 512, 700};
  s.count = counts[random() % std::size(counts)];
  s.rows = 1 + random() % (s.count > 300 ? 3 : 7);
  auto pitch = [&](unsigned size) { return (s.count * size + 31) / 32 + random() % 3; };
  s.dst_pitch = pitch(dst_size);
  s.a_pitch = random() % 4 == 0 ? 0 : pitch(a_size);
  s.b_pitch = random() % 4 == 0 ? 0 : pitch(b_size);
  s.a += random() % 4 * 32;
  s.b += random() % 4 * 32;
  s.dst += random() % 4 * 32;
  if (blocks) {
    s.ablk = random() % 3 == 0;
    s.bblk = random() % 3 == 0;
  }
  // In place now and then.
  if (!s.ablk && a_size == dst_size && random() % 4 == 0) {
    s.dst = s.a;
    s.a_pitch = s.dst_pitch;
  } else if (!s.bblk && b_size == dst_size && random() % 6 == 0) {
    s.dst = s.b;
    s.b_pitch = s.dst_pitch;
  }
  return s;
}

inline void check_images(const Bytes& got, const Bytes& expected, const std::string& what) {
  if (got == expected) return;
  for (uint64_t i = 0; i < got.size(); i += 4)
    if (get(got, i, 4) != get(expected, i, 4)) {
      FAIL_CHECK(what << ": at " << i << " " << number(get(got, i, 4)) << ", expected " << number(get(expected, i, 4)));
      return;
    }
}

}  // namespace phx::sim::test
