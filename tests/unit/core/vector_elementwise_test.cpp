// Arithmetic, logic and mathematical functions element by element, against one scalar definition of each.
#include <cmath>

#include "device_sim/numerics/math.h"
#include "tests/unit/core/vector_rig.h"

using namespace phx;
using namespace phx::sim::test;
using num::Format;
using num::Round;

namespace {

using Binary = std::function<uint64_t(Type, uint64_t, uint64_t)>;
using Unary = std::function<uint64_t(Type, uint64_t)>;

uint64_t mask_of(Type t) { return (uint64_t{1} << isa::info(t).bits) - 1; }
int64_t whole(Type t, uint64_t x) { return static_cast<int64_t>(number_of(t, x)); }
uint64_t one(Type t) { return num::convert(format_of(t), Format::F32, 0x3f800000); }

uint64_t add(Type t, uint64_t a, uint64_t b) {
  return is_float(t) ? num::add(format_of(t), a, b, Round::Rn) : (a + b) & mask_of(t);
}
uint64_t sub(Type t, uint64_t a, uint64_t b) {
  return is_float(t) ? num::sub(format_of(t), a, b, Round::Rn) : (a - b) & mask_of(t);
}
uint64_t mul(Type t, uint64_t a, uint64_t b) {
  return is_float(t) ? num::mul(format_of(t), a, b, Round::Rn) : (a * b) & mask_of(t);
}
uint64_t quotient(Type t, uint64_t a, uint64_t b) {
  if (is_float(t)) return num::div(format_of(t), a, b, Round::Rn);
  return whole(t, b) == 0 ? mask_of(t) : static_cast<uint64_t>(whole(t, a) / whole(t, b)) & mask_of(t);
}
uint64_t extreme(Type t, uint64_t a, uint64_t b, bool larger) {
  const double x = number_of(t, a), y = number_of(t, b);
  if (std::isnan(x) || std::isnan(y)) return num::canonical_nan(format_of(t));
  const bool less = x < y || (x == y && std::signbit(x) && !std::signbit(y));
  return less == larger ? b : a;
}
uint64_t max(Type t, uint64_t a, uint64_t b) { return extreme(t, a, b, true); }
uint64_t min(Type t, uint64_t a, uint64_t b) { return extreme(t, a, b, false); }

uint64_t math(num::MathFn fn, Type t, uint64_t a, uint64_t b) {
  if (t == Type::F32) return num::bits(num::eval(fn, num::f32(a), num::f32(b)));
  return num::f16_from(
      num::eval(fn, num::f32_from_f16(static_cast<uint16_t>(a)), num::f32_from_f16(static_cast<uint16_t>(b))));
}

void check_binary(const std::string& mnemonic, const std::string& fields, std::initializer_list<Type> types,
                  const Binary& reference, unsigned shapes = 10) {
  std::mt19937_64 random(5);
  for (Type type : types)
    for (unsigned k = 0; k < shapes; ++k) {
      const unsigned size = size_of(type);
      const Shape s = any_shape(random, size, size, size, true);
      const Bytes image = any_image(random, type, type);
      const std::string name =
          mnemonic + fields + (s.ablk ? ".ablk" : "") + (s.bblk ? ".bblk" : "") + "." + name_of(type);
      const Bytes got = execute_well(vec(name, {s.dst, s.a, s.b, s.word()}), image);
      Bytes expected = image;
      for (uint64_t r = 0; r < s.rows; ++r)
        for (uint64_t i = 0; i < s.count; ++i)
          put(expected, s.dst_at(r, i, size), size,
              reference(type, get(image, s.a_at(r, i, size), size), get(image, s.b_at(r, i, size), size)));
      check_images(got, expected, name + " " + s.str());
    }
}
void check_value(const std::string& mnemonic, const Binary& reference) {
  std::mt19937_64 random(7);
  for (Type type : {Type::F16, Type::F32, Type::S16, Type::S32})
    for (unsigned k = 0; k < 10; ++k) {
      const unsigned size = size_of(type);
      const Shape s = any_shape(random, size, size, size, false);
      const Bytes image = any_image(random, type, type);
      const uint64_t value = any_element(random, type);
      const std::string name = mnemonic + "." + name_of(type);
      // What lies above the value in the scalar does not matter.
      const uint64_t scalar = value | random() << (8 * size);
      const Bytes got = execute_well(vec(name, {s.dst, s.a, scalar, s.word()}), image);
      Bytes expected = image;
      for (uint64_t r = 0; r < s.rows; ++r)
        for (uint64_t i = 0; i < s.count; ++i)
          put(expected, s.dst_at(r, i, size), size, reference(type, get(image, s.a_at(r, i, size), size), value));
      check_images(got, expected, name + " " + s.str());
    }
}
void check_unary(const std::string& mnemonic, std::initializer_list<Type> types, const Unary& reference,
                 unsigned shapes = 10) {
  std::mt19937_64 random(11);
  for (Type type : types)
    for (unsigned k = 0; k < shapes; ++k) {
      const unsigned size = size_of(type);
      const Shape s = any_shape(random, size, size, size, false);
      const Bytes image = any_image(random, type, type);
      const std::string name = mnemonic + "." + name_of(type);
      const Bytes got = execute_well(vec(name, {s.dst, s.a, s.word()}), image);
      Bytes expected = image;
      for (uint64_t r = 0; r < s.rows; ++r)
        for (uint64_t i = 0; i < s.count; ++i)
          put(expected, s.dst_at(r, i, size), size, reference(type, get(image, s.a_at(r, i, size), size)));
      check_images(got, expected, name + " " + s.str());
    }
}

}  // namespace

TEST_CASE("arithmetic of two tiles") {
  const auto numbers = {Type::F16, Type::F32, Type::S16, Type::S32};
  check_binary("vadd", "", numbers, add);
  check_binary("vsub", "", numbers, sub);
  check_binary("vmul", "", numbers, mul);
  check_binary("vdiv", "", {Type::F16, Type::F32, Type::S32}, quotient);
  check_binary("vmax", "", numbers, max);
  check_binary("vmin", "", numbers, min);
}

TEST_CASE("logic of two tiles") {
  const auto types = {Type::U16, Type::B32};
  check_binary("vand", "", types, [](Type, uint64_t a, uint64_t b) { return a & b; });
  check_binary("vor", "", types, [](Type, uint64_t a, uint64_t b) { return a | b; });
  check_binary("vxor", "", types, [](Type, uint64_t a, uint64_t b) { return a ^ b; });
}

TEST_CASE("a tile and a value") {
  check_value("vadds", add);
  check_value("vmuls", mul);
  check_value("vmaxs", max);
  check_value("vmins", min);
}

TEST_CASE("one tile") {
  const auto floats = {Type::F16, Type::F32};
  check_unary("vsqrt", floats, [](Type t, uint64_t a) { return num::sqrt(format_of(t), a, Round::Rn); });
  check_unary("vrec", floats, [](Type t, uint64_t a) { return num::div(format_of(t), one(t), a, Round::Rn); });
  check_unary("vrsqrt", floats, [](Type t, uint64_t a) {
    return num::div(format_of(t), one(t), num::sqrt(format_of(t), a, Round::Rn), Round::Rn);
  });
  const auto numbers = {Type::F16, Type::F32, Type::S32};
  check_unary("vabs", numbers, [](Type t, uint64_t a) {
    if (is_float(t)) return a & (mask_of(t) >> 1);
    return static_cast<uint64_t>(std::abs(whole(t, a))) & mask_of(t);
  });
  check_unary("vrelu", numbers, [](Type t, uint64_t a) { return max(t, a, 0); });
  check_unary("vnot", {Type::U16, Type::B32}, [](Type t, uint64_t a) { return ~a & mask_of(t); });
  check_unary("vexp", floats, [](Type t, uint64_t a) { return math(num::MathFn::Exp, t, a, 0); });
  check_unary("vln", floats, [](Type t, uint64_t a) { return math(num::MathFn::Log, t, a, 0); });
}

TEST_CASE("all half numbers") {
  // Every f16 once, as 32 rows of 1024 twice.
  for (unsigned part = 0; part < 4; ++part) {
    Bytes image(64 * 1024);
    for (unsigned i = 0; i < 16384; ++i) put(image, 2 * i, 2, part * 16384 + i);
    const std::pair<const char*, Unary> rows[] = {
        {"vsqrt.f16", [](Type, uint64_t a) { return num::sqrt(Format::F16, a, Round::Rn); }},
        {"vrec.f16", [](Type, uint64_t a) { return num::div(Format::F16, 0x3c00, a, Round::Rn); }},
        {"vexp.f16", [](Type t, uint64_t a) { return math(num::MathFn::Exp, t, a, 0); }}};
    for (const auto& [name, reference] : rows) {
      const Bytes got = execute_well(vec(name, {32768, 0, configuration(16384, 1, 0, 0)}), image);
      Bytes expected = image;
      for (unsigned i = 0; i < 16384; ++i) put(expected, 32768 + 2 * i, 2, reference(Type::F16, get(image, 2 * i, 2)));
      check_images(got, expected, name);
    }
  }
}

TEST_CASE("every mathematical function") {
  for (int k = 0; k < num::kMathFnCount; ++k) {
    const num::MathInfo& info = num::info(static_cast<num::MathFn>(k));
    const std::string field = "." + std::string(info.name);
    if (info.arity == 1)
      check_unary(
          "vmath" + field, {Type::F16, Type::F32}, [&](Type t, uint64_t a) { return math(info.fn, t, a, 0); }, 2);
    else
      check_binary(
          "vmath2", field, {Type::F16, Type::F32},
          [&](Type t, uint64_t a, uint64_t b) { return math(info.fn, t, a, b); }, 4);
  }
}

TEST_CASE("a column over a row: vbrcb and a block per row") {
  // dst[r][i] = a[r][i] - column[r]
  std::mt19937_64 random(3);
  const uint64_t rows = 7, count = 50;
  Bytes image = any_image(random, Type::F32, Type::F32);
  const std::string text = vec("vbrcb.b32", {kMask, kB, configuration(0, rows, 1, 0)}) + " pipe_barrier.v\n" +
                           vec("vsub.bblk.f32", {kDst, kA, kMask, configuration(count, rows, 7, 8, 1)});
  const Bytes got = execute_well(text, image);
  for (uint64_t r = 0; r < rows; ++r)
    for (uint64_t i = 0; i < count; ++i)
      CHECK(get(got, kDst + r * 7 * 32 + i * 4, 4) ==
            sub(Type::F32, get(image, kA + r * 8 * 32 + i * 4, 4), get(image, kB + r * 4, 4)));
}
