// Sums in their order, largest and smallest elements of rows.
#include <cmath>

#include "tests/unit/core/vector_rig.h"

using namespace phx;
using namespace phx::sim::test;

namespace {

// The definition, literally: a repeat is added by halves of the next power of two, the repeats one after the other.
float sum_in_order(const std::vector<float>& row, uint64_t repeat) {
  float total = 0;
  for (uint64_t first = 0; first < row.size(); first += repeat) {
    std::vector<float> part(row.begin() + static_cast<int64_t>(first),
                            row.begin() + static_cast<int64_t>(std::min<uint64_t>(row.size(), first + repeat)));
    uint64_t n = 1;
    while (n < part.size()) n *= 2;
    part.resize(n, 0.0f);
    for (; part.size() > 1; part.resize(part.size() / 2))
      for (uint64_t i = 0; i < part.size() / 2; ++i) part[i] += part[i + part.size() / 2];
    total = first == 0 ? part[0] : total + part[0];
  }
  return num::canonical(total);
}
uint64_t sum(Type type, const std::vector<uint64_t>& row) {
  if (type == Type::S32) {
    uint64_t total = 0;
    for (uint64_t x : row) total += x;
    return total & 0xffffffff;
  }
  std::vector<float> values;
  for (uint64_t x : row) values.push_back(static_cast<float>(number_of(type, x)));
  const float total = sum_in_order(values, 256 / size_of(type));
  return type == Type::F16 ? num::f16_from(total) : num::bits(total);
}
uint64_t extreme(Type type, const std::vector<uint64_t>& row, bool larger) {
  uint64_t best = row[0];
  for (uint64_t x : row) {
    const double a = number_of(type, best), b = number_of(type, x);
    if (std::isnan(a) || std::isnan(b)) return num::canonical_nan(format_of(type));
    const bool less = a < b || (a == b && std::signbit(a) && !std::signbit(b));
    const bool same = a == b && std::signbit(a) == std::signbit(b);
    if (!same && less == larger) best = x;
  }
  return best;
}

void check(const std::string& mnemonic, uint64_t (*reference)(Type, const std::vector<uint64_t>&), bool with_nan) {
  std::mt19937_64 random(41);
  for (Type type : {Type::F16, Type::F32, Type::S32})
    for (unsigned k = 0; k < 24; ++k) {
      const unsigned size = size_of(type);
      Shape s = any_shape(random, 1, size, 1, false);
      s.dst = kDst;
      s.dst_pitch = k % 3 == 0 ? 0 : k % 3 == 1 ? 1 : 5;  // in elements
      Bytes image = any_image(random, type, type);
      if (!with_nan && k % 2 && is_float(type))
        for (uint64_t at = kA; at < kB; at += size)
          put(image, at, size,
              num::convert(
                  format_of(type), num::Format::F32,
                  num::bits(std::ldexp(static_cast<float>(random() % 4001) - 2000, -static_cast<int>(random() % 12)))));
      const std::string name = mnemonic + "." + name_of(type);
      const Bytes got = execute_well(vec(name, {s.dst, s.a, s.word()}), image);
      Bytes expected = image;
      for (uint64_t r = 0; r < s.rows; ++r) {
        std::vector<uint64_t> row;
        for (uint64_t i = 0; i < s.count; ++i) row.push_back(get(image, s.a_at(r, i, size), size));
        put(expected, s.dst + r * (s.dst_pitch ? s.dst_pitch : 1) * size, size, reference(type, row));
      }
      check_images(got, expected, name + " " + s.str());
    }
}

}  // namespace

TEST_CASE("sums of rows") { check("vcadd", sum, false); }
TEST_CASE("largest and smallest of rows") {
  check("vcmax", [](Type t, const std::vector<uint64_t>& row) { return extreme(t, row, true); }, true);
  check("vcmin", [](Type t, const std::vector<uint64_t>& row) { return extreme(t, row, false); }, true);
}

TEST_CASE("the order of a sum shows") {
  // 2^24 absorbs a 1 that is added to it alone: other orders give other sums.
  auto total = [](const std::vector<float>& values) {
    Bytes image(kImageBytes);
    for (uint64_t i = 0; i < values.size(); ++i) put(image, kA + 4 * i, 4, num::bits(values[i]));
    const Bytes got = execute_well(vec("vcadd.f32", {kDst, kA, configuration(values.size(), 1, 0, 0)}), image);
    return num::f32(get(got, kDst, 4));
  };
  std::vector<float> row(64, 0.0f);
  row[0] = 0x1p24f;
  row[1] = 1;
  row[33] = 1;  // 1 + 1 come together before they meet 2^24
  CHECK(total(row) == 0x1p24f + 2);
  row[33] = 0;
  row[32] = 1;  // meets 2^24 alone, and so does the other one
  CHECK(total(row) == 0x1p24f);
  // Repeats from the first to the last: 2^24 is there before the ones.
  row.assign(64 * 3, 0.0f);
  row[0] = 0x1p24f;
  row[64] = row[128] = 1;
  CHECK(total(row) == 0x1p24f);
  row[0] = row[64] = 1;
  row[128] = 0x1p24f;
  CHECK(total(row) == 0x1p24f + 2);
  // Where nothing is missing nothing is added: -0 stays, and with three elements the missing fourth is +0.
  CHECK(std::signbit(total({-0.0f, -0.0f})));
  CHECK(std::signbit(total({-0.0f})));
  CHECK(!std::signbit(total({-0.0f, -0.0f, -0.0f})));
}

TEST_CASE("a sum of f16 is rounded once") {
  Bytes image(kImageBytes);
  // 2048 + 1 is no f16, but 2048 + 1 + 1 is; 60000 + 60000 - 60000 overflows nowhere.
  const float values[] = {2048, 1, 1};
  for (uint64_t i = 0; i < 3; ++i) put(image, kA + 2 * i, 2, num::f16_from(values[i]));
  const float large[] = {60000, 60000, -60000};
  for (uint64_t i = 0; i < 3; ++i) put(image, kA + 32 + 2 * i, 2, num::f16_from(large[i]));
  const Bytes got = execute_well(vec("vcadd.f16", {kDst, kA, configuration(3, 2, 0, 1)}), image);
  CHECK(get(got, kDst, 2) == num::f16_from(2050.0f));
  CHECK(get(got, kDst + 2, 2) == num::f16_from(60000.0f));
}
