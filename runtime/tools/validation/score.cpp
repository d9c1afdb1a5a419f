#include "runtime/tools/validation/score.h"

#include <chrono>

#include "runtime/tools/validation/parallel.h"
#include "runtime/tools/validation/units.h"

namespace phx::validation {
namespace {

std::string machine_of(const Case& one, const RunOptions& options) {
  for (const auto& [from, to] : options.machines)
    if (from == one.machine) return to;
  return one.machine;
}

void run_one(Result& result, const RunOptions& options) {
  const Case& one = *result.subject;
  const auto begin = std::chrono::steady_clock::now();
  auto prepared = Prepared::make(one, machine_of(one, options), options.overrides);
  if (!prepared) {
    result.failed = prepared.diagnostic();
    return;
  }
  result.weakest_number = weakest_number(one, prepared->machine());
  auto measurement = prepared->run(prepared->machine(), options.threads);
  if (!measurement) {
    result.failed = measurement.diagnostic();
    return;
  }
  result.measurement = std::move(*measurement);
  for (const Published& number : one.published) {
    auto value = simulated(one, number, result.measurement);
    if (!value && !result.failed) result.failed = one.objection("case '" + one.id + "': " + value.diagnostic().message);
    result.values.push_back(value ? std::optional(*value) : std::nullopt);
  }
  result.host_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

std::vector<Result> run_cases(const std::vector<Case>& cases, const RunOptions& options) {
  std::vector<Result> results(cases.size());
  in_parallel(cases.size(), options.jobs, [&](size_t i) {
    results[i].subject = &cases[i];
    if (cases[i].excluded.empty()) run_one(results[i], options);
  });
  return results;
}

std::vector<Order> orders_of(const std::vector<Result>& results) {
  std::vector<Order> orders;
  for (size_t a = 0; a < results.size(); ++a)
    for (size_t b = 0; b < results.size(); ++b) {
      if (a == b || results[a].values.empty() || results[b].values.empty()) continue;
      const Case &one = *results[a].subject, &other = *results[b].subject;
      const bool grouped = !one.group.empty() && one.group == other.group;
      if (!grouped && one.before != other.id && other.before != one.id) continue;
      for (size_t i = 0; i < results[a].values.size(); ++i)
        for (size_t j = 0; j < results[b].values.size(); ++j) {
          const Published &low = one.published[i], &high = other.published[j];
          if (low.quantity != high.quantity || low.busiest != high.busiest || !results[a].values[i] ||
              !results[b].values[j])
            continue;
          if (!low.excluded.empty() || !high.excluded.empty()) continue;
          // Cycles of one clock are not those of another: such units are compared as they are.
          const double f = factor_of(low.unit, 1), g = factor_of(high.unit, 1);
          if (high.value * g < low.value * f * (1 + kOrderMatters)) continue;
          orders.push_back({&results[a], &results[b], i, j, *results[a].values[i] * f < *results[b].values[j] * g});
        }
    }
  return orders;
}

}  // namespace phx::validation
