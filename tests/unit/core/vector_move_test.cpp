// Copies, values, blocks, transposition and gathering.
#include "tests/unit/core/vector_rig.h"

using namespace phx;
using namespace phx::sim::test;

TEST_CASE("copies") {
  std::mt19937_64 random(51);
  for (Type type : {Type::U8, Type::U16, Type::B32})
    for (unsigned k = 0; k < 8; ++k) {
      const unsigned size = size_of(type);
      const Shape s = any_shape(random, size, size, 1, false);
      const Bytes image = any_image(random, type, type);
      const std::string name = std::string("vcopy.") + name_of(type);
      const Bytes got = execute_well(vec(name, {s.dst, s.a, s.word()}), image);
      Bytes expected = image;
      for (uint64_t r = 0; r < s.rows; ++r)
        for (uint64_t i = 0; i < s.count; ++i)
          put(expected, s.dst_at(r, i, size), size, get(image, s.a_at(r, i, size), size));
      check_images(got, expected, name + " " + s.str());
    }
}

TEST_CASE("one value and ascending values") {
  std::mt19937_64 random(52);
  for (Type type : {Type::U8, Type::U16, Type::B32, Type::F16, Type::F32, Type::S16, Type::S32})
    for (unsigned k = 0; k < 12; ++k) {
      const unsigned size = size_of(type);
      const bool same = type == Type::U8 || type == Type::U16 || type == Type::B32;
      const Shape s = any_shape(random, size, 1, 1, false);
      const Bytes image = any_image(random, type, type);
      const uint64_t value = any_element(random, type), mask = (uint64_t{1} << 8 * size) - 1;
      const std::string name = std::string(same ? "vdup." : "vci.") + name_of(type);
      const Bytes got = execute_well(vec(name, {s.dst, value | random() << (8 * size), s.word()}), image);
      Bytes expected = image;
      for (uint64_t r = 0; r < s.rows; ++r)
        for (uint64_t i = 0; i < s.count; ++i) {
          uint64_t element = same ? value : (value + i) & mask;
          if (is_float(type))  // i is exact in f64, and so is the sum of an f16 and of it
            element = num::convert(format_of(type), num::Format::F64,
                                   num::add(num::Format::F64, num::bits(number_of(type, value)),
                                            num::bits(static_cast<double>(i)), num::Round::Rn));
          put(expected, s.dst_at(r, i, size), size, element);
        }
      check_images(got, expected, name + " " + s.str());
    }
}

TEST_CASE("blocks of one element") {
  std::mt19937_64 random(53);
  for (Type type : {Type::U16, Type::B32})
    for (uint64_t rows : {1, 2, 7, 8, 33}) {
      const unsigned size = size_of(type);
      const Bytes image = any_image(random, type, type);
      const uint64_t pitch = 1 + rows % 3;
      const std::string name = std::string("vbrcb.") + name_of(type);
      const Bytes got = execute_well(vec(name, {kDst, kA, configuration(0, rows, pitch, 0)}), image);
      Bytes expected = image;
      for (uint64_t r = 0; r < rows; ++r)
        for (uint64_t i = 0; i < 32; i += size)
          put(expected, kDst + r * pitch * 32 + i, size, get(image, kA + r * size, size));
      check_images(got, expected, name);
    }
}

TEST_CASE("transposition") {
  std::mt19937_64 random(54);
  for (Type type : {Type::U8, Type::U16, Type::B32})
    for (uint64_t rows : {1, 5, 16, 33})
      for (uint64_t count : {1, 8, 31, 40}) {
        const unsigned size = size_of(type);
        const Bytes image = any_image(random, type, type);
        const uint64_t dst_pitch = (rows * size + 31) / 32 + 1, a_pitch = (count * size + 31) / 32;
        const std::string name = std::string("vtranspose.") + name_of(type);
        const Bytes got = execute_well(vec(name, {kDst, kA, configuration(count, rows, dst_pitch, a_pitch)}), image);
        Bytes expected = image;
        for (uint64_t r = 0; r < rows; ++r)
          for (uint64_t i = 0; i < count; ++i)
            put(expected, kDst + i * dst_pitch * 32 + r * size, size,
                get(image, kA + r * a_pitch * 32 + i * size, size));
        check_images(got, expected, name);
      }
}

TEST_CASE("gathering") {
  std::mt19937_64 random(55);
  for (Type type : {Type::U8, Type::U16, Type::B32})
    for (unsigned k = 0; k < 10; ++k) {
      const unsigned size = size_of(type);
      const Shape s = [&] {
        Shape shape = any_shape(random, size, 1, 4, false);
        if (shape.dst == shape.a) shape.dst = kDst;
        return shape;
      }();
      Bytes image = any_image(random, type, type);
      for (uint64_t at = kB; at < kDst; at += 4) put(image, at, 4, random() % (8000 / size) * size);
      const std::string name = std::string("vgather.") + name_of(type);
      const Bytes got = execute_well(vec(name, {s.dst, 64, s.b, s.word()}), image);
      Bytes expected = image;
      for (uint64_t r = 0; r < s.rows; ++r)
        for (uint64_t i = 0; i < s.count; ++i)
          put(expected, s.dst_at(r, i, size), size, get(image, 64 + get(image, s.b_at(r, i, 4), 4), size));
      check_images(got, expected, name + " " + s.str());
    }
}
