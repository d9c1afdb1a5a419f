#include <doctest/doctest.h>
#include <phalanx/hal/print_format.h>

#include <cstring>
#include <vector>

using phx::hal::format_print;

namespace {

// Packs as a kernel does: each argument at a multiple of its size.
struct Packed {
  std::vector<std::byte> bytes;
  template <class T>
  Packed& operator<<(T value) {
    size_t at = (bytes.size() + sizeof value - 1) / sizeof value * sizeof value;
    bytes.resize(at + sizeof value);
    std::memcpy(&bytes[at], &value, sizeof value);
    return *this;
  }
};

template <class... Values>
std::string print(const char* format, Values... values) {
  Packed packed;
  (void)(packed << ... << values);
  return format_print(format, packed.bytes, [](uint64_t address) { return "string@" + std::to_string(address); });
}

using ull = unsigned long long;

}  // namespace

TEST_CASE("conversions a kernel uses") {
  CHECK(print("plain") == "plain");
  CHECK(print("%d %i%%", -3, 7) == "-3 7%");
  CHECK(print("%5u|%-5u|%05u", 42, 42, 42) == "   42|42   |00042");
  CHECK(print("%lld %llu", -1ll, ~0ull) == "-1 18446744073709551615");
  CHECK(print("%d %ld %d %zu", 1, 2l, 3, size_t{4}) == "1 2 3 4");
  CHECK(print("%hhd %hu", 0xff, 0x1ffff) == "-1 65535");
  CHECK(print("%x %X %#x", 255, 255, 255) == "ff FF 0xff");
  CHECK(print("%f %.2f %g", 1.5, 3.14159, 1e10) == "1.500000 3.14 1e+10");
  CHECK(print("%d %f", 1, 2.5) == "1 2.500000");
  CHECK(print("%c%s", int{'a'}, ull{12}) == "astring@12");
  CHECK(print("%p %p", ull{0x10}, ull{0}) == "0x10 (nil)");
  CHECK(print("%*d|%.*f", 6, 42, 1, 2.25) == "    42|2.2");
}

TEST_CASE("hostile formats come out as text") {
  CHECK(print("%d %d", 1) == "1 %d");
  CHECK(print("%n%q", 1, 2) == "%n%q");
  CHECK(print("50%") == "50%");
  CHECK(print("%s", ull{0}) == "(null)");
  CHECK(print("%999999999d", 1).size() < 10000);
  CHECK(print("%-") == "%-");
}
