// vconv: every pair of types in every rounding, against the exact value and its two neighbours in the result type.
#include <cmath>

#include "tests/unit/core/vector_rig.h"

using namespace phx;
using namespace phx::sim::test;
using num::Format;
using num::Round;

namespace {

const char* const kRoundings[] = {"rint", "floor", "ceil", "round", "trunc"};

// x rounded to an integer; x has at most 32 digits before and 149 after the point, and where it has both, few of each.
double integral(double x, unsigned rounding) {
  const double below = std::floor(x), above = std::ceil(x);
  switch (rounding) {
    case 1:
      return below;
    case 2:
      return above;
    case 4:
      return x < 0 ? above : below;
    default:
      break;
  }
  if (x - below != above - x) return x - below < above - x ? below : above;
  if (rounding == 3) return x < 0 ? below : above;
  return std::fmod(below, 2) == 0 ? below : above;
}

uint64_t to_float(Type to, double x, unsigned rounding) {
  const Format f = format_of(to);
  const Round modes[] = {Round::Rn, Round::Rd, Round::Ru, Round::Rn, Round::Rz};
  const uint64_t nearest = num::convert(f, Format::F64, num::bits(x), modes[rounding]);
  if (rounding != 3 || !std::isfinite(x)) return nearest;
  // Ties away from zero: the neighbours are exact numbers, and one is nearer or it is a tie.
  const uint64_t inner = num::convert(f, Format::F64, num::bits(x), Round::Rz);
  const uint64_t outer = num::convert(f, Format::F64, num::bits(x), x < 0 ? Round::Rd : Round::Ru);
  const double in = number_of(to, inner), out = number_of(to, outer);
  if (std::isinf(out)) return nearest;  // half way to what is no number: nearest even is away from zero too
  return std::fabs(x - in) >= std::fabs(out - x) && in != x ? outer : inner;
}

uint64_t converted(Type from, Type to, uint64_t bits, unsigned rounding) {
  const double x = number_of(from, bits);
  const uint64_t mask = (uint64_t{1} << isa::info(to).bits) - 1;
  if (is_float(to)) {
    if (!is_float(from) || from != to || !std::isfinite(x)) return to_float(to, x, rounding);
    const double whole = std::copysign(integral(x, rounding), x);
    return num::convert(format_of(to), Format::F64, num::bits(whole));
  }
  if (std::isnan(x)) return 0;
  const double low = to == Type::S8 ? -128 : to == Type::U8 ? 0 : to == Type::S16 ? -32768 : -2147483648.0;
  const double high = to == Type::S8 ? 127 : to == Type::U8 ? 255 : to == Type::S16 ? 32767 : 2147483647.0;
  const double inside = std::fmin(std::fmax(std::isinf(x) ? x : integral(x, rounding), low), high);
  return static_cast<uint64_t>(static_cast<int64_t>(inside)) & mask;
}

constexpr Type kFrom[] = {Type::S8,  Type::U8,  Type::S16,  Type::U16, Type::S32,
                          Type::U32, Type::F16, Type::BF16, Type::F32};
constexpr Type kTo[] = {Type::S8, Type::U8, Type::S16, Type::S32, Type::F16, Type::BF16, Type::F32};

std::string name_of_conversion(Type from, Type to, unsigned rounding) {
  return "vconv" + std::string(rounding ? "." : "") + (rounding ? kRoundings[rounding] : "") + "." + name_of(from) +
         "." + name_of(to);
}

}  // namespace

TEST_CASE("conversions between all types in all roundings") {
  std::mt19937_64 random(31);
  for (Type from : kFrom)
    for (Type to : kTo)
      for (unsigned rounding = 0; rounding < 5; ++rounding) {
        const std::string name = name_of_conversion(from, to, rounding);
        for (unsigned k = 0; k < 2; ++k) {
          Shape s = any_shape(random, size_of(to), size_of(from), 1, false);
          const Bytes image = any_image(random, from, from);
          const Bytes got = execute_well(vec(name, {s.dst, s.a, s.word()}), image);
          Bytes expected = image;
          for (uint64_t r = 0; r < s.rows; ++r)
            for (uint64_t i = 0; i < s.count; ++i)
              put(expected, s.dst_at(r, i, size_of(to)), size_of(to),
                  converted(from, to, get(image, s.a_at(r, i, size_of(from)), size_of(from)), rounding));
          check_images(got, expected, name + " " + s.str());
        }
      }
}

TEST_CASE("every number of 16 bits, and f32 around the ends of every type") {
  for (Type from : {Type::F16, Type::BF16, Type::S16, Type::U16, Type::F32})
    for (Type to : kTo) {
      const unsigned size = size_of(from);
      // f32: the numbers that lie on, or next to, the middle between neighbours of f16 and bf16, and integers and
      // halves.
      std::vector<uint64_t> values;
      if (from == Type::F32) {
        for (uint64_t high = 0; high < 0x10000; high += 37)
          for (uint64_t low : {0x0000, 0x0001, 0x0fff, 0x1000, 0x1001, 0x3000, 0x7fff, 0x8000, 0x8001, 0xffff})
            values.push_back(high << 16 | low);
        for (double x :
             {0.5,     1.5,     2.5,       127.5,     128.5,        254.5,        255.5,   32767.5, 32768.5,   65519.0,
              65520.0, 65536.0, 8388607.5, 8388608.0, 2147483520.0, 2147483648.0, 0x1p-24, 0x1p-25, 0x1.8p-25, 0x1p-26})
          for (double sign : {-1.0, 1.0}) values.push_back(num::bits(static_cast<float>(sign * x)));
      } else {
        for (uint64_t value = 0; value < 0x10000; ++value) values.push_back(value);
      }
      for (unsigned rounding = 0; rounding < 5; ++rounding) {
        std::string text, name = name_of_conversion(from, to, rounding);
        for (uint64_t first = 0; first < values.size(); first += 10000) {
          const uint64_t count = std::min<uint64_t>(10000, values.size() - first);
          Bytes image(40000 + 40000);
          for (uint64_t i = 0; i < count; ++i) put(image, i * size, size, values[first + i]);
          const Bytes got = execute_well(vec(name, {40000, 0, configuration(count, 1, 0, 0)}), image);
          uint64_t bad = 0;
          for (uint64_t i = 0; i < count && bad < 3; ++i) {
            const uint64_t result = get(got, 40000 + i * size_of(to), size_of(to));
            const uint64_t expected = converted(from, to, values[first + i], rounding);
            if (result == expected) continue;
            ++bad;
            FAIL_CHECK(name << " of " << number(values[first + i]) << ": " << number(result) << ", expected "
                            << number(expected));
          }
        }
      }
    }
}
