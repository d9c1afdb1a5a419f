// Comparisons into masks, and selection by them.
#include <cmath>

#include "tests/unit/core/vector_rig.h"

using namespace phx;
using namespace phx::sim::test;

namespace {

struct Comparison {
  const char* name;
  bool (*holds)(double, double);
};
bool nan(double a, double b) { return std::isnan(a) || std::isnan(b); }
const Comparison kComparisons[] = {
    {"eq", [](double a, double b) { return a == b; }},
    {"ne", [](double a, double b) { return a != b && !nan(a, b); }},
    {"lt", [](double a, double b) { return a < b; }},
    {"le", [](double a, double b) { return a <= b; }},
    {"gt", [](double a, double b) { return a > b; }},
    {"ge", [](double a, double b) { return a >= b; }},
    {"equ", [](double a, double b) { return a == b || nan(a, b); }},
    {"neu", [](double a, double b) { return a != b; }},
    {"ltu", [](double a, double b) { return !(a >= b); }},
    {"leu", [](double a, double b) { return !(a > b); }},
    {"gtu", [](double a, double b) { return !(a <= b); }},
    {"geu", [](double a, double b) { return !(a < b); }},
    {"num", [](double a, double b) { return !nan(a, b); }},
    {"nan", nan},
};

// Small numbers, so that all relations occur.
Bytes image_for_comparison(std::mt19937_64& random, Type type) {
  Bytes image = any_image(random, type, type);
  const unsigned size = size_of(type);
  for (uint64_t at = kB; at < kDst; at += size)
    if (random() % 2) put(image, at, size, get(image, at - kB + kA, size));
  return image;
}
void put_mask(Bytes& image, uint64_t at, const std::vector<bool>& bits) {
  for (uint64_t i = 0; i < bits.size(); i += 8) {
    unsigned byte = 0;
    for (uint64_t k = 0; k < 8 && i + k < bits.size(); ++k) byte |= static_cast<unsigned>(bits[i + k]) << k;
    put(image, at + i / 8, 1, byte);
  }
}

}  // namespace

TEST_CASE("all comparisons of two tiles and of a tile and a value") {
  std::mt19937_64 random(21);
  for (Type type : {Type::F16, Type::F32, Type::S32})
    for (const Comparison& comparison : kComparisons) {
      if (type == Type::S32 && std::strlen(comparison.name) > 2) continue;
      for (unsigned k = 0; k < 6; ++k) {
        const bool with_value = k % 2;
        const unsigned size = size_of(type);
        Shape s = any_shape(random, 1, size, size, !with_value);
        s.dst = kDst + random() % 4 * 32;
        const Bytes image = image_for_comparison(random, type);
        const uint64_t value = get(image, s.a_at(s.rows - 1, 0, size), size);
        const std::string name = std::string(with_value ? "vcmps." : "vcmp.") + comparison.name +
                                 (s.ablk ? ".ablk" : "") + (s.bblk ? ".bblk" : "") + "." + name_of(type);
        const Bytes got = execute_well(vec(name, {s.dst, s.a, with_value ? value : s.b, s.word()}), image);
        Bytes expected = image;
        for (uint64_t r = 0; r < s.rows; ++r) {
          std::vector<bool> bits;
          for (uint64_t i = 0; i < s.count; ++i)
            bits.push_back(
                comparison.holds(number_of(type, get(image, s.a_at(r, i, size), size)),
                                 number_of(type, with_value ? value : get(image, s.b_at(r, i, size), size))));
          put_mask(expected, s.dst_at(r, 0, 1), bits);  // bits beyond the row in its last byte are 0
        }
        check_images(got, expected, name + " " + s.str());
      }
    }
}

TEST_CASE("selection by a mask of several rows or of one for all") {
  std::mt19937_64 random(22);
  for (Type type : {Type::U16, Type::B32})
    for (unsigned k = 0; k < 24; ++k) {
      const bool with_value = k % 2;
      const unsigned size = size_of(type);
      const Shape s = any_shape(random, size, size, size, !with_value);
      const Bytes image = any_image(random, type, type);
      const uint64_t value = random();
      const uint64_t pitch = k % 3 == 0 ? 0 : k % 3 == 1 ? 64 : 96;
      const std::string name = std::string(with_value ? "vsels" : "vsel") + (s.ablk ? ".ablk" : "") +
                               (s.bblk ? ".bblk" : "") + "." + name_of(type);
      const Bytes got = execute_well(
          vec("set_cmpmask", {kMask, pitch}) + vec(name, {s.dst, s.a, with_value ? value : s.b, s.word()}), image);
      Bytes expected = image;
      for (uint64_t r = 0; r < s.rows; ++r)
        for (uint64_t i = 0; i < s.count; ++i) {
          const bool first = get(image, kMask + r * pitch + i / 8, 1) >> (i % 8) & 1;
          put(expected, s.dst_at(r, i, size), size,
              first        ? get(image, s.a_at(r, i, size), size)
              : with_value ? value
                           : get(image, s.b_at(r, i, size), size));
        }
      check_images(got, expected, name + " " + s.str());
    }
}

TEST_CASE("a compare and a select are a maximum") {
  std::mt19937_64 random(23);
  Bytes image(kImageBytes);
  const uint64_t rows = 3, count = 100, pitch = 13;
  for (uint64_t at = kA; at < kDst; at += 4) put(image, at, 4, random() % 1000);
  const std::string text = vec("vcmp.gt.s32", {kMask, kA, kB, configuration(count, rows, 2, pitch, pitch)}) +
                           vec("set_cmpmask", {kMask, 64}) +
                           vec("vsel.b32", {kDst, kA, kB, configuration(count, rows, pitch, pitch, pitch)});
  const Bytes got = execute_well(text, image);
  for (uint64_t r = 0; r < rows; ++r)
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t at = r * pitch * 32 + i * 4;
      CHECK(get(got, kDst + at, 4) == std::max(get(image, kA + at, 4), get(image, kB + at, 4)));
    }
}
