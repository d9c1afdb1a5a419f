#include <phalanx/hal/print_format.h>

#include <bit>
#include <cstdio>
#include <cstring>

namespace phx::hal {
namespace {

// One conversion specification, "%-08.3lld": rebuilt for the host's printf with lengths of our own.
struct Conversion {
  std::string flags;
  int width = -1, precision = -1;
  int length = 0;  // bytes of an integer argument: 1, 2, 4, 8
  char kind = 0;
};

constexpr int kWidest = 4096;  // a kernel cannot make the host print more padding than this

template <class... Values>
std::string printed(const std::string& specification, Values... values) {
  char buffer[256];
  int needed = std::snprintf(buffer, sizeof buffer, specification.c_str(), values...);
  if (needed < 0) return {};
  if (static_cast<size_t>(needed) < sizeof buffer) return std::string(buffer, needed);
  std::string text(needed + 1, '\0');
  std::snprintf(text.data(), text.size(), specification.c_str(), values...);
  text.resize(needed);
  return text;
}

int64_t sign_extended(uint64_t value, int bytes) {
  if (bytes >= 8) return static_cast<int64_t>(value);
  int shift = 64 - 8 * bytes;
  return static_cast<int64_t>(value << shift) >> shift;
}

uint64_t zero_extended(uint64_t value, int bytes) {
  return bytes >= 8 ? value : value & ((uint64_t{1} << (8 * bytes)) - 1);
}

}  // namespace

std::string format_print(std::string_view format, std::span<const std::byte> arguments,
                         const std::function<std::string(Address)>& read_string) {
  std::string out;
  size_t used = 0;
  bool short_of_arguments = false;
  auto next = [&](size_t bytes) -> uint64_t {
    used = (used + bytes - 1) & ~(bytes - 1);
    uint64_t value = 0;
    if (used + bytes <= arguments.size())
      std::memcpy(&value, arguments.data() + used, bytes);  // hosts and devices are little endian
    else
      short_of_arguments = true;
    used += bytes;
    return value;
  };
  auto integer = [&](int length) { return next(length == 8 ? 8 : 4); };
  size_t i = 0;
  auto number = [&](int& into) {
    if (i < format.size() && format[i] == '*') {
      into = static_cast<int>(sign_extended(next(4), 4));
      ++i;
    } else {
      into = 0;
      while (i < format.size() && format[i] >= '0' && format[i] <= '9' && into < kWidest)
        into = into * 10 + (format[i++] - '0');
    }
    if (into > kWidest) into = kWidest;
    if (into < -kWidest) into = -kWidest;
  };

  while (i < format.size()) {
    if (format[i] != '%') {
      out += format[i++];
      continue;
    }
    size_t start = i++;
    if (i < format.size() && format[i] == '%') {
      out += '%';
      ++i;
      continue;
    }
    Conversion c;
    while (i < format.size() && std::strchr("-+ #0", format[i])) c.flags += format[i++];
    if (i < format.size() && (format[i] == '*' || (format[i] >= '1' && format[i] <= '9'))) number(c.width);
    if (c.width < -1) c.flags += '-', c.width = -c.width;
    if (i < format.size() && format[i] == '.') {
      ++i;
      number(c.precision);
    }
    c.length = 4;
    for (; i < format.size() && std::strchr("hljztL", format[i]); ++i) {
      if (format[i] == 'h')
        c.length = c.length == 2 ? 1 : 2;
      else if (format[i] != 'L')
        c.length = 8;
    }
    if (i < format.size()) c.kind = format[i++];

    std::string head = "%" + c.flags;
    if (c.width >= 0) head += std::to_string(c.width);
    if (c.precision >= 0) head += "." + std::to_string(c.precision);
    std::string text;
    switch (c.kind) {
      case 'd':
      case 'i':
        text = printed(head + "lld", static_cast<long long>(sign_extended(integer(c.length), c.length)));
        break;
      case 'u':
      case 'o':
      case 'x':
      case 'X':
        text =
            printed(head + "ll" + c.kind, static_cast<unsigned long long>(zero_extended(integer(c.length), c.length)));
        break;
      case 'c':
        text = printed(head + "c", static_cast<int>(next(4) & 0xff));
        break;
      case 'p': {
        uint64_t pointer = next(8);
        text = pointer ? printed(head + "s", printed("0x%llx", static_cast<unsigned long long>(pointer)).c_str())
                       : printed(head + "s", "(nil)");
        break;
      }
      case 's': {
        uint64_t address = next(8);
        std::string string = address ? read_string(address) : "(null)";
        text = printed(head + "s", string.c_str());
        break;
      }
      case 'a':
      case 'A':
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        text = printed(head + c.kind, std::bit_cast<double>(next(8)));
        break;
      default:
        text = std::string(format.substr(start, i - start));
        break;  // unknown: shown as written
    }
    // What has no argument is shown as written rather than made up.
    out += short_of_arguments ? std::string(format.substr(start, i - start)) : text;
    short_of_arguments = false;
  }
  return out;
}

}  // namespace phx::hal
