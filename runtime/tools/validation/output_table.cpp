#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>

#include "runtime/tools/validation/output.h"
#include "runtime/tools/validation/units.h"

namespace phx::validation {
namespace {

std::string format(const char* pattern, ...) __attribute__((format(printf, 1, 2)));
std::string format(const char* pattern, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, pattern);
  std::vsnprintf(text, sizeof text, pattern, arguments);
  va_end(arguments);
  return text;
}

std::string number(double value) { return format(value >= 1000 ? "%.0f" : value >= 100 ? "%.1f" : "%.2f", value); }

std::string summary(const char* what, const Errors& errors) {
  if (!errors.count) return "";
  return format("%-34s %3zu numbers, mean |error| %5.1f %%, worst %+6.1f %% (%s)\n", what, errors.count,
                100 * errors.mean, 100 * errors.worst, errors.worst_case.c_str());
}

std::string quantity(const Published& number) { return number.quantity + (number.busiest ? ", busiest core" : ""); }

}  // namespace

std::string table(const std::vector<Result>& results) {
  std::string text = format("%-38s %-22s %11s %11s  %-7s %8s  %s\n", "case", "quantity", "simulated", "published",
                            "unit", "error", "weakest: schedule, machine");
  std::string excluded, failed;
  std::vector<std::string> families;
  for (const Result& result : results) {
    const Case& one = *result.subject;
    if (!one.excluded.empty()) {
      excluded += "  " + one.id + ": " + one.excluded + "\n";
      continue;
    }
    if (result.failed) failed += "  " + result.failed->str() + "\n";
    if (std::find(families.begin(), families.end(), one.family) == families.end()) families.push_back(one.family);
    for (size_t i = 0; i < result.values.size(); ++i) {
      const Published& p = one.published[i];
      if (!p.excluded.empty()) excluded += "  " + one.id + " " + quantity(p) + ": " + p.excluded + "\n";
      if (!result.values[i]) continue;
      text += format("%-38s %-22s %11s %11s  %-7s %+7.1f%%%s %s, %s\n", one.id.c_str(), quantity(p).c_str(),
                     number(*result.values[i]).c_str(), number(p.value).c_str(), p.unit.c_str(),
                     100 * (*result.values[i] / p.value - 1),
                     !p.frozen            ? " "
                     : p.excluded.empty() ? "*"
                                          : "-",
                     name_of(one.weakest()), std::string(machine::name_of(result.weakest_number)).c_str());
    }
  }
  text += "* counts for the frozen list\n\n";
  for (const std::string& family : families)
    text +=
        summary(family.c_str(),
                errors_of(results, [&](const Case& c, const Published& p) { return c.family == family && counts(p); }));
  text += summary("all", errors_of(results, [](const Case&, const Published& p) { return counts(p); }));
  text +=
      summary("frozen list", errors_of(results, [](const Case&, const Published& p) { return p.frozen && counts(p); }));
  const std::vector<Order> orders = orders_of(results);
  auto frozen = [](const Order& o) {
    return o.low->subject->published[o.low_number].frozen && o.high->subject->published[o.high_number].frozen;
  };
  auto right = [](const Order& o) { return o.right; };
  auto count = [&](auto which) { return static_cast<size_t>(std::count_if(orders.begin(), orders.end(), which)); };
  text +=
      format("order of published pairs that differ by 3 %% or more: %zu of %zu right; of the frozen list %zu of %zu\n",
             count(right), orders.size(), count([&](const Order& o) { return frozen(o) && o.right; }), count(frozen));
  for (const Order& order : orders) {
    if (order.right) continue;
    const Published& low = order.low->subject->published[order.low_number];
    const Published& high = order.high->subject->published[order.high_number];
    text += "  wrong: " + low.quantity + " of " + order.low->subject->id + " (" + number(low.value) + ", simulated " +
            number(*order.low->values[order.low_number]) + ") below " + order.high->subject->id + " (" +
            number(high.value) + ", simulated " + number(*order.high->values[order.high_number]) + ")\n";
  }
  if (!excluded.empty()) text += "excluded:\n" + excluded;
  if (!failed.empty()) text += "failed:\n" + failed;
  return text;
}

}  // namespace phx::validation
