#include "tests/fuzz/mutate_text.h"

#include <array>
#include <vector>

namespace phx::fuzz {
namespace {

constexpr std::array<std::string_view, 24> kNumbers = {"0",
                                                       "1",
                                                       "-1",
                                                       "2",
                                                       "7",
                                                       "15",
                                                       "31",
                                                       "64",
                                                       "255",
                                                       "4096",
                                                       "65536",
                                                       "2147483647",
                                                       "2147483648",
                                                       "4294967296",
                                                       "-9999999999",
                                                       "9223372036854775807",
                                                       "1e999",
                                                       "-0.0",
                                                       "1.5",
                                                       "nan",
                                                       "0x7f",
                                                       "1e-40",
                                                       "99999999999999999999",
                                                       "?"};

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
  }
  return lines;
}

bool in_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

void replace_word(Random& random, std::string& line, std::span<const std::string_view> words) {
  if (line.empty()) return;
  size_t begin = random.below(line.size()), end = begin;
  while (begin > 0 && in_word(line[begin - 1])) --begin;
  while (end < line.size() && in_word(line[end])) ++end;
  if (end == begin) ++end;
  const bool number = line[begin] >= '0' && line[begin] <= '9';
  if (number ? random.chance(75) : random.chance(15))
    line.replace(begin, end - begin, kNumbers[random.below(kNumbers.size())]);
  else
    line.replace(begin, end - begin, words[random.below(words.size())]);
}

}  // namespace

std::string mutate_words(Random& random, std::string text, std::span<const std::string_view> words) {
  std::vector<std::string> lines = lines_of(text);
  for (uint64_t n = 1 + random.below(3); n && !lines.empty(); --n) {
    const size_t at = random.below(lines.size());
    switch (random.below(9)) {
      case 0:
        lines.erase(lines.begin() + static_cast<ptrdiff_t>(at));
        break;
      case 1:
        lines.insert(lines.begin() + static_cast<ptrdiff_t>(at), std::string(lines[random.below(lines.size())]));
        break;
      case 2:
        std::swap(lines[at], lines[random.below(lines.size())]);
        break;
      case 3:
        if (random.chance(30)) lines.resize(at);
        break;
      default:
        replace_word(random, lines[at], words);
        break;
    }
  }
  text.clear();
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

std::string mutate_characters(Random& random, std::string text) {
  for (uint64_t n = 1 + random.below(6); n && !text.empty(); --n) {
    const size_t at = random.below(text.size());
    switch (random.below(5)) {
      case 0:
        text[at] = static_cast<char>(random.next());
        break;
      case 1:
        text.erase(at, 1 + random.below(8));
        break;
      case 2:
        text.insert(at, 1, "\"\\@[]:.,*+-/ \n0x{}=<>%#()"[random.below(25)]);
        break;
      case 3:
        text.insert(at, text.substr(random.below(text.size()), random.below(40)));
        break;
      case 4:
        if (random.chance(25)) text.resize(at);
        break;
    }
  }
  return text;
}

}  // namespace phx::fuzz
