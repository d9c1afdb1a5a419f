#include <doctest/doctest.h>
#include <phalanx/hal/print_format.h>

#include <bit>
#include <vector>

using phx::hal::format_print;

namespace {

std::string print(const char* format, std::vector<uint64_t> arguments) {
  return format_print(format, arguments, [](uint64_t address) { return "string@" + std::to_string(address); });
}

uint64_t bits(double value) { return std::bit_cast<uint64_t>(value); }

}  // namespace

TEST_CASE("conversions a kernel uses") {
  CHECK(print("plain", {}) == "plain");
  CHECK(print("%d %i%%", {uint64_t(-3), 7}) == "-3 7%");
  CHECK(print("%5u|%-5u|%05u", {42, 42, 42}) == "   42|42   |00042");
  CHECK(print("%lld %llu", {uint64_t(-1), uint64_t(-1)}) == "-1 18446744073709551615");
  CHECK(print("%hhd %hu", {0xff, 0x1ffff}) == "-1 65535");
  CHECK(print("%x %X %#x", {255, 255, 255}) == "ff FF 0xff");
  CHECK(print("%f %.2f %g", {bits(1.5), bits(3.14159), bits(1e10)}) == "1.500000 3.14 1e+10");
  CHECK(print("%c%s", {'a', 12}) == "astring@12");
  CHECK(print("%p %p", {0x10, 0}) == "0x10 (nil)");
  CHECK(print("%*d|%.*f", {6, 42, 1, bits(2.25)}) == "    42|2.2");
}

TEST_CASE("hostile formats come out as text") {
  CHECK(print("%d %d", {1}) == "1 %d");
  CHECK(print("%n%q", {1, 2}) == "%n%q");
  CHECK(print("50%", {}) == "50%");
  CHECK(print("%s", {0}) == "(null)");
  CHECK(print("%999999999d", {1}).size() < 10000);
  CHECK(print("%-", {}) == "%-");
}
