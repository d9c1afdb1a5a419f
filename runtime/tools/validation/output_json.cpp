#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/tools/validation/output.h"

namespace phx::validation {
namespace {

using Json = nlohmann::ordered_json;

Json errors_json(const Errors& errors) {
  Json made{{"numbers", errors.count}};
  if (errors.count) {
    made["mean_error"] = errors.mean;
    made["worst_error"] = errors.worst;
    made["worst_case"] = errors.worst_case;
  }
  return made;
}

Json case_json(const Result& result) {
  const Case& one = *result.subject;
  Json made{{"id", one.id}, {"family", one.family}, {"machine", one.machine}, {"workload", one.workload_kind}};
  if (!one.overrides.empty()) made["override"] = one.overrides;
  if (!one.group.empty()) made["group"] = one.group;
  if (!one.before.empty()) made["before"] = one.before;
  made["file"] = one.file;
  made["line"] = one.line;
  if (!one.excluded.empty()) made["excluded"] = one.excluded;
  made["l2"] = name_of(one.l2);
  Json schedule = Json::object();
  for (const auto& [name, field] : one.schedule) schedule[name] = {{"value", field.value}, {"tag", name_of(field.tag)}};
  if (!one.schedule.empty()) made["schedule"] = schedule;
  if (!one.guessed.empty()) made["guessed"] = one.guessed;
  made["weakest_schedule"] = name_of(one.weakest());
  if (result.failed) made["failed"] = result.failed->str();
  if (result.measurement.clock_hz > 0 && !result.failed) {
    made["weakest_machine"] = machine::name_of(result.weakest_number);
    made["seconds"] = result.measurement.seconds;
    made["cycles"] = result.measurement.cycles;
    made["overhead_seconds"] = result.measurement.overhead;
    if (result.measurement.core > 0) made["core_seconds"] = result.measurement.core;
    made["launches"] = result.measurement.launches;
    made["cores"] = result.measurement.cores;
    Json busy = Json::object();
    for (const auto& [pipe, seconds] : result.measurement.busy_mean)
      busy[pipe] = {{"mean_seconds", seconds},
                    {"busiest_seconds",
                     result.measurement.busy_most.count(pipe) ? result.measurement.busy_most.at(pipe) : seconds}};
    made["busy"] = busy;
  }
  Json numbers = Json::array();
  for (size_t i = 0; i < one.published.size(); ++i) {
    const Published& p = one.published[i];
    Json number{{"quantity", p.quantity}};
    if (p.busiest) number["core"] = "busiest";
    number["unit"] = p.unit;
    number["published"] = p.value;
    number["source"] = p.source;
    number["frozen"] = p.frozen && p.excluded.empty() && one.excluded.empty();
    if (!p.excluded.empty()) number["excluded"] = p.excluded;
    if (i < result.values.size() && result.values[i]) {
      number["simulated"] = *result.values[i];
      number["error"] = *result.values[i] / p.value - 1;
    }
    numbers.push_back(std::move(number));
  }
  made["numbers"] = std::move(numbers);
  return made;
}

}  // namespace

std::string json(const std::vector<Result>& results) {
  Json made{{"version", 1}};
  Json cases = Json::array(), families = Json::object(), wrong = Json::array();
  std::vector<std::string> names;
  for (const Result& result : results) {
    cases.push_back(case_json(result));
    if (result.subject->excluded.empty() &&
        std::find(names.begin(), names.end(), result.subject->family) == names.end())
      names.push_back(result.subject->family);
  }
  made["cases"] = std::move(cases);
  for (const std::string& name : names)
    families[name] = errors_json(
        errors_of(results, [&](const Case& c, const Published& p) { return c.family == name && counts(p); }));
  made["families"] = std::move(families);
  made["all"] = errors_json(errors_of(results, [](const Case&, const Published& p) { return counts(p); }));
  made["frozen"] =
      errors_json(errors_of(results, [](const Case&, const Published& p) { return p.frozen && counts(p); }));
  const std::vector<Order> orders = orders_of(results);
  auto side = [](const Result& result, size_t number) {
    const Published& p = result.subject->published[number];
    return Json{{"case", result.subject->id},
                {"quantity", p.quantity},
                {"unit", p.unit},
                {"published", p.value},
                {"simulated", *result.values[number]}};
  };
  for (const Order& order : orders)
    if (!order.right)
      wrong.push_back({{"low", side(*order.low, order.low_number)}, {"high", side(*order.high, order.high_number)}});
  made["order"] = {{"pairs", orders.size()}, {"right", orders.size() - wrong.size()}, {"wrong", std::move(wrong)}};
  return made.dump(2) + "\n";
}

}  // namespace phx::validation
