// Cursor over one line of assembly: words, numbers, strings, punctuation, with columns for errors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "device_sim/diagnostic/diagnostic.h"

namespace phx::assembler {

class Cursor {
 public:
  Cursor(std::string_view line, const std::string& file, uint64_t line_number)
      : line_(line), file_(&file), line_number_(line_number) {}

  // Nothing but a comment is left.
  bool at_end();
  // Column of the next token, 1-based.
  uint64_t column();
  char peek();
  bool accept(char punctuation);
  // Takes the word if it is the next one.
  bool accept_word(std::string_view word);
  // Letters, digits, '_', '.', '$'; empty if the next token is something else.
  std::string_view word();
  std::string_view peek_word();
  // A name: a word, or a quoted string for names that are no words.
  Expected<std::string> name();
  // A number as isa::parse_immediate reads it, sign included; empty if the next token is something else.
  std::string_view number();
  // An integer within [0, limit].
  Expected<uint64_t> integer(uint64_t limit = ~uint64_t{0});
  // A quoted string with its escapes resolved: \n \t \r \0 \" \\ \xNN.
  Expected<std::string> string();

  Diagnostic fail(std::string message) { return fail_at(column(), std::move(message)); }
  Diagnostic fail_at(uint64_t column, std::string message) const {
    return error_at(*file_, line_number_, std::move(message), column);
  }
  // "expected X, got Y" at the next token.
  Diagnostic expected(std::string_view what);
  Outcome expect_end();

 private:
  void skip_space();
  std::string_view line_;
  const std::string* file_;
  uint64_t line_number_;
  size_t at_ = 0;
};

// The candidate nearest to a misspelt word as " (did you mean 'add'?)", empty if none is near.
template <class Candidates>
std::string suggestion(std::string_view word, const Candidates& candidates);
unsigned edit_distance(std::string_view a, std::string_view b);

template <class Candidates>
std::string suggestion(std::string_view word, const Candidates& candidates) {
  std::string_view best;
  unsigned best_distance = word.size() <= 3 ? 2 : 3;
  for (std::string_view candidate : candidates)
    if (unsigned distance = edit_distance(word, candidate); distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  return best.empty() ? "" : " (did you mean '" + std::string(best) + "'?)";
}

}  // namespace phx::assembler
