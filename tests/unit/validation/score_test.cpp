// Errors, and the order of published pairs.
#include <doctest/doctest.h>

#include "runtime/tools/validation/output.h"
#include "runtime/tools/validation/score.h"

using namespace phx::validation;

namespace {

Case made(const char* id, double published, const char* group = "g") {
  Case one;
  one.id = id;
  one.family = "f";
  one.group = group;
  one.published = {{"time", false, published, "us", "s", true, "", 0}};
  return one;
}

Result result(const Case& one, double simulated) {
  Result r;
  r.subject = &one;
  r.measurement.clock_hz = 1e9;
  r.values = {simulated};
  return r;
}

}  // namespace

TEST_CASE("mean and worst") {
  const Case a = made("a", 100), b = made("b", 200);
  const std::vector<Result> results = {result(a, 110), result(b, 160)};
  const Errors errors = errors_of(results, [](const Case&, const Published&) { return true; });
  CHECK(errors.count == 2);
  CHECK(errors.mean == doctest::Approx(0.15));
  CHECK(errors.worst == doctest::Approx(-0.2));
  CHECK(errors.worst_case == "b time");
}

TEST_CASE("order matters from 3 % on, within a group or between a case and the one before it") {
  const Case a = made("a", 100), b = made("b", 102), c = made("c", 110), d = made("d", 500, "other");
  std::vector<Result> results = {result(a, 10), result(b, 9), result(c, 8), result(d, 1)};
  std::vector<Order> orders = orders_of(results);
  REQUIRE(orders.size() == 2);  // a < c and b < c; a and b are too close, d is elsewhere
  CHECK_FALSE(orders[0].right);
  Case e = made("e", 400, "");
  e.before = "d";
  results.push_back(result(e, 0.5));
  orders = orders_of(results);
  REQUIRE(orders.size() == 3);
  CHECK(orders.back().low->subject->id == "e");
  CHECK(orders.back().right);
}

TEST_CASE("tables and plots show every number once") {
  const Case a = made("a<b", 100), b = made("b", 1000);
  const std::vector<Result> results = {result(a, 150), result(b, 1000)};
  CHECK(table(results).find("+50.0%*") != std::string::npos);
  const std::string svg = plot(results);
  CHECK(svg.find("a&lt;b +50 %") != std::string::npos);
  CHECK(svg.find("</svg>") != std::string::npos);
  CHECK(json(results).find("\"mean_error\": 0.25") != std::string::npos);
}
