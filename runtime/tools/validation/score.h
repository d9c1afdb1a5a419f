// What a list of simulated cases says about the model: errors, their means, and whether orders are right.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/tools/validation/simulation.h"

namespace phx::validation {

struct Result {
  const Case* subject = nullptr;
  std::optional<Diagnostic> failed;  // did not compile or run
  Measurement measurement;
  std::vector<std::optional<double>> values;  // of subject->published, simulated
  machine::Tag weakest_number = machine::Tag::Guessed;
  double host_seconds = 0;
};

// Compiles and simulates every case that is not excluded, `jobs` at a time. `machines` replaces a machine of the cases
// by another name or file. The result does not depend on jobs and threads.
struct RunOptions {
  unsigned jobs = 1, threads = 1;
  std::vector<std::pair<std::string, std::string>> machines;
  std::vector<std::string> overrides;
};
std::vector<Result> run_cases(const std::vector<Case>& cases, const RunOptions& options);

// Excluded numbers are shown, but do not count.
inline bool counts(const Published& number) { return number.excluded.empty(); }

struct Errors {
  size_t count = 0;
  double mean = 0;   // of absolute relative errors
  double worst = 0;  // signed
  std::string worst_case;
};
// Of the published numbers that `wanted` admits.
template <class Wanted>
Errors errors_of(const std::vector<Result>& results, Wanted wanted) {
  Errors errors;
  for (const Result& result : results)
    for (size_t i = 0; i < result.values.size(); ++i) {
      const Published& number = result.subject->published[i];
      if (!result.values[i] || !wanted(*result.subject, number)) continue;
      const double error = *result.values[i] / number.value - 1, size = error < 0 ? -error : error;
      errors.mean += size;
      ++errors.count;
      if (errors.count == 1 || size > (errors.worst < 0 ? -errors.worst : errors.worst)) {
        errors.worst = error;
        errors.worst_case = result.subject->id + " " + number.quantity;
      }
    }
  if (errors.count) errors.mean /= static_cast<double>(errors.count);
  return errors;
}

// Two published numbers of the same quantity in one group that differ by 3 % or more.
struct Order {
  const Result *low = nullptr, *high = nullptr;
  size_t low_number = 0, high_number = 0;
  bool right = false;  // simulated in the same order
};
inline constexpr double kOrderMatters = 0.03;
std::vector<Order> orders_of(const std::vector<Result>& results);

}  // namespace phx::validation
