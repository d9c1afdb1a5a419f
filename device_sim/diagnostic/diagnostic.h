// Diagnostic: an error with its place. Expected<T>: a value or the Diagnostic that explains its absence.
//
// Every leaf of device_sim reports bad input through these two types. Nothing in device_sim throws across a
// folder boundary; exceptions of libraries are caught in the one file that uses them.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace phx {

// One sentence that says what is wrong and what was expected, and where.
struct Diagnostic {
  std::string message;             // "unknown mnemonic 'ad.s32'; expected one of the rows of docs/isa.md"
  std::string file;                // path or section as the user knows it; empty if there is none
  uint64_t line = 0;               // 1-based; 0 = no line
  uint64_t column = 0;             // 1-based; 0 = no column
  std::optional<uint64_t> offset;  // byte offset for binary input

  // "file:line:column: message", "file+0x40: message" or "message".
  std::string str() const {
    std::string place = file;
    if (line) place += ":" + std::to_string(line);
    if (line && column) place += ":" + std::to_string(column);
    if (offset) {
      char digits[32];
      std::snprintf(digits, sizeof digits, "+0x%llx", static_cast<unsigned long long>(*offset));
      place += digits;
    }
    return place.empty() ? message : place + ": " + message;
  }
};

inline Diagnostic error(std::string message) { return {std::move(message), {}, 0, 0, {}}; }
inline Diagnostic error_at(std::string file, uint64_t line, std::string message, uint64_t column = 0) {
  return {std::move(message), std::move(file), line, column, {}};
}
inline Diagnostic error_at_offset(std::string section, uint64_t offset, std::string message) {
  return {std::move(message), std::move(section), 0, 0, offset};
}

template <class T>
class [[nodiscard]] Expected {
 public:
  Expected(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Expected(Diagnostic diagnostic) : state_(std::in_place_index<1>, std::move(diagnostic)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& operator*() { return *std::get_if<0>(&state_); }
  const T& operator*() const { return *std::get_if<0>(&state_); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }
  const Diagnostic& diagnostic() const { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, Diagnostic> state_;
};

// Success, or the Diagnostic of what went wrong.
class [[nodiscard]] Outcome {
 public:
  Outcome() = default;
  Outcome(Diagnostic diagnostic) : diagnostic_(std::move(diagnostic)) {}
  bool ok() const { return !diagnostic_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Diagnostic& diagnostic() const { return *diagnostic_; }

 private:
  std::optional<Diagnostic> diagnostic_;
};

}  // namespace phx
