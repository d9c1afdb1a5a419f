#include "device_sim/assembler/cursor.h"

#include <algorithm>
#include <vector>

#include "device_sim/isa/immediate.h"

namespace phx::assembler {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_word(char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '.' || c == '$'; }

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

void Cursor::skip_space() {
  while (at_ < line_.size() && (line_[at_] == ' ' || line_[at_] == '\t' || line_[at_] == '\r')) ++at_;
}

bool Cursor::at_end() {
  skip_space();
  return at_ == line_.size() || line_.substr(at_).starts_with("//");
}

uint64_t Cursor::column() {
  skip_space();
  return at_ + 1;
}

char Cursor::peek() { return at_end() ? '\0' : line_[at_]; }

bool Cursor::accept(char punctuation) {
  if (peek() != punctuation || at_end()) return false;
  ++at_;
  return true;
}

std::string_view Cursor::peek_word() {
  if (at_end()) return {};
  size_t end = at_;
  while (end < line_.size() && is_word(line_[end])) ++end;
  return line_.substr(at_, end - at_);
}

std::string_view Cursor::word() {
  std::string_view found = peek_word();
  at_ += found.size();
  return found;
}

bool Cursor::accept_word(std::string_view wanted) {
  if (peek_word() != wanted) return false;
  at_ += wanted.size();
  return true;
}

std::string_view Cursor::number() {
  if (at_end()) return {};
  size_t end = at_;
  if (line_[end] == '-') ++end;
  if (end < line_.size() && line_[end] == '\'') {  // a character
    if (end + 2 >= line_.size() || line_[end + 2] != '\'') return {};
    std::string_view found = line_.substr(at_, end + 3 - at_);
    at_ = end + 3;
    return found;
  }
  bool special = line_.substr(end).starts_with("inf") || line_.substr(end).starts_with("nan");
  if (end == line_.size() || (!is_digit(line_[end]) && !special)) return {};
  bool hexadecimal = line_.substr(end).starts_with("0x");
  while (end < line_.size() &&
         (is_word(line_[end]) || (!hexadecimal && (line_[end] == '+' || line_[end] == '-') && line_[end - 1] == 'e')))
    ++end;
  std::string_view found = line_.substr(at_, end - at_);
  at_ = end;
  return found;
}

Expected<uint64_t> Cursor::integer(uint64_t limit) {
  uint64_t start = column();
  std::string_view text = number();
  if (text.empty()) return expected("a number");
  auto value = isa::parse_integer(text);
  if (!value) return fail_at(start, value.diagnostic().message);
  if (*value > limit || text.starts_with('-'))
    return fail_at(start, "'" + std::string(text) + "' is outside 0 to " + std::to_string(limit));
  return value;
}

Expected<std::string> Cursor::string() {
  if (!accept('"')) return expected("a quoted string");
  std::string text;
  for (;;) {
    if (at_ == line_.size()) return fail("the string does not end on this line");
    char c = line_[at_++];
    if (c == '"') return text;
    if (c != '\\') {
      text += c;
      continue;
    }
    char escape = at_ < line_.size() ? line_[at_++] : '\0';
    constexpr std::string_view letters = "ntr0\"\\", meanings{"\n\t\r\0\"\\", 6};
    if (size_t known = letters.find(escape); escape && known != letters.npos) {
      text += meanings[known];
    } else if (escape == 'x' && at_ + 1 < line_.size() && hex_digit(line_[at_]) >= 0 &&
               hex_digit(line_[at_ + 1]) >= 0) {
      text += static_cast<char>(hex_digit(line_[at_]) * 16 + hex_digit(line_[at_ + 1]));
      at_ += 2;
    } else {
      return fail_at(at_, "unknown escape; expected \\n \\t \\r \\0 \\\" \\\\ or \\xNN");
    }
  }
}

Expected<std::string> Cursor::name() {
  if (peek() == '"') return string();
  std::string_view found = word();
  if (found.empty()) return expected("a name");
  return std::string(found);
}

Diagnostic Cursor::expected(std::string_view what) {
  uint64_t where = column();
  std::string got = "the end of the line";
  if (!at_end()) {
    std::string_view found = peek_word();
    got = "'" + std::string(found.empty() ? line_.substr(at_, 1) : found) + "'";
  }
  return fail_at(where, "expected " + std::string(what) + ", got " + got);
}

Outcome Cursor::expect_end() {
  if (at_end()) return {};
  return expected("the end of the line");
}

unsigned edit_distance(std::string_view a, std::string_view b) {
  if (a.size() > 64 || b.size() > 64) return 64;
  std::vector<unsigned> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<unsigned>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    unsigned diagonal = row[0];
    row[0] = static_cast<unsigned>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      unsigned next = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = row[j];
      row[j] = next;
    }
  }
  return row.back();
}

}  // namespace phx::assembler
