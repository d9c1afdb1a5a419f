#include "runtime/tools/validation/fit.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "runtime/tools/validation/parallel.h"

namespace phx::validation {
namespace {

constexpr double kProbe = 0.08;     // how far a parameter is varied, in logarithms
constexpr double kFurthest = 0.5;   // and how far one step may take it
constexpr double kSmallest = 1e-3;  // steps below this are not worth a simulation
constexpr double kClose = 0.005;    // residuals below this weigh alike
constexpr int kReweighted = 40, kHalvings = 3, kChords = 3;
constexpr unsigned kLeftOutRounds = 1;  // the responses at the start are known already

using Vector = std::vector<double>;

// Four significant digits: what is simulated is what the file will say.
double rounded(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.4g", value);
  return std::strtod(text, nullptr);
}

std::string assignment(const Parameter& parameter, double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.4g", value);
  return parameter.key + "=" + text + (parameter.unit.empty() ? "" : " " + parameter.unit);
}

// Solves the positive definite system; the system is small.
Vector solved(std::vector<Vector> a, Vector b) {
  const size_t n = b.size();
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j <= i; ++j) {
      double sum = a[i][j];
      for (size_t k = 0; k < j; ++k) sum -= a[i][k] * a[j][k];
      a[i][j] = i == j ? std::sqrt(std::max(sum, 1e-12)) : sum / a[j][j];
    }
  for (size_t i = 0; i < n; ++i) {
    for (size_t k = 0; k < i; ++k) b[i] -= a[i][k] * b[k];
    b[i] /= a[i][i];
  }
  for (size_t i = n; i-- > 0;) {
    for (size_t k = i + 1; k < n; ++k) b[i] -= a[k][i] * b[k];
    b[i] /= a[i][i];
  }
  return b;
}

// One number of one case that counts.
struct Number {
  size_t prepared, index;  // in Prepared list; in its case's published
};

class Fitting {
 public:
  Fitting(const std::vector<Case>& cases, const FitOptions& options) : options_(options), cases_(cases) {}

  Expected<Fit> run() {
    if (Outcome ok = choose(); !ok) return ok.diagnostic();
    if (Outcome ok = prepare(); !ok) return ok.diagnostic();
    const Vector start(parameters_.size(), 0.0);
    auto begin = residuals(start);
    if (!begin) return begin.diagnostic();
    auto all = search(start, [](size_t) { return true; }, options_.rounds);
    if (!all) return all.diagnostic();
    auto end = residuals(*all);
    if (!end) return end.diagnostic();

    std::vector<std::string> names;
    for (const Number& number : numbers_)
      if (std::find(names.begin(), names.end(), family(number)) == names.end()) names.push_back(family(number));
    Fit made;
    made.all.family = "all";
    for (const std::string& name : names) {
      FamilyErrors errors{name, 0, 0, 0, 0};
      Vector left = *end;
      if (options_.leave_out && names.size() > 1) {
        say("without " + name);
        auto other = search(
            start, [&](size_t i) { return family(numbers_[i]) != name; }, std::min(options_.rounds, kLeftOutRounds));
        if (!other) return other.diagnostic();
        auto seen = residuals(*other);
        if (!seen) return seen.diagnostic();
        left = *seen;
      }
      for (size_t i = 0; i < numbers_.size(); ++i) {
        if (family(numbers_[i]) != name) continue;
        ++errors.numbers;
        errors.start += relative((*begin)[i]);
        errors.fitted += relative((*end)[i]);
        errors.left_out += relative(left[i]);
      }
      made.all.numbers += errors.numbers;
      for (auto sum : {&FamilyErrors::start, &FamilyErrors::fitted, &FamilyErrors::left_out}) {
        made.all.*sum += errors.*sum;
        errors.*sum /= static_cast<double>(errors.numbers);
      }
      made.families.push_back(std::move(errors));
    }
    for (auto sum : {&FamilyErrors::start, &FamilyErrors::fitted, &FamilyErrors::left_out})
      made.all.*sum /= static_cast<double>(made.all.numbers);
    made.parameters = parameters_;
    for (size_t p = 0; p < parameters_.size(); ++p) made.parameters[p].value = value_of(p, (*all)[p]);
    for (const Prepared& one : prepared_) made.cases.push_back(one.subject().id);
    made.simulations = simulations_;
    return made;
  }

 private:
  static double relative(double residual) { return std::abs(std::exp(residual) - 1); }
  const std::string& family(const Number& number) const { return prepared_[number.prepared].subject().family; }
  void say(const std::string& text) const {
    if (options_.say) options_.say(text);
  }
  double value_of(size_t p, double x) const {
    return x == 0 ? parameters_[p].start : rounded(parameters_[p].start * std::exp(x));
  }

  Outcome choose() {
    auto machine = machine::load(options_.machine);
    if (!machine) return machine.diagnostic();
    machine_ = std::move(*machine);
    std::vector<std::string> keys = options_.parameters;
    if (keys.empty()) keys = default_parameters(machine_);
    for (const std::string& key : keys) {
      const machine::Quantity* found = machine::find(machine_, key);
      if (!found) return error("machine '" + machine_.name + "' has no key '" + key + "'");
      if (!found->word.empty() || found->value <= 0)
        return error("'" + key + "' cannot be fitted: it is no number above zero");
      parameters_.push_back({key, found->unit, found->value, found->value});
    }
    if (parameters_.empty())
      return error("there is nothing to fit: no key of machine '" + machine_.name + "' is tagged fitted");
    return {};
  }

  // Which parameters a machine takes over from the one that is fitted.
  std::vector<bool> inherits(const machine::Machine& other) const {
    std::vector<bool> all;
    for (const Parameter& parameter : parameters_) {
      const machine::Quantity *own = machine::find(other, parameter.key),
                              *base = machine::find(machine_, parameter.key);
      all.push_back(own && own->origin == base->origin);
    }
    return all;
  }

  Outcome prepare() {
    std::vector<const Case*> wanted;
    for (const Case& one : cases_) {
      if (!one.excluded.empty() ||
          std::none_of(one.published.begin(), one.published.end(), [](const Published& p) { return counts(p); }))
        continue;
      auto machine = machine::load(one.machine, one.overrides);
      if (!machine) return one.objection("case '" + one.id + "': " + machine.diagnostic().str());
      std::vector<bool> takes = inherits(*machine);
      if (std::none_of(takes.begin(), takes.end(), [](bool t) { return t; })) continue;
      wanted.push_back(&one);
      takes_.push_back(std::move(takes));
    }
    if (wanted.empty()) return error("no case is on machine '" + machine_.name + "' or on one that inherits from it");
    say("compiling " + std::to_string(wanted.size()) + " cases");
    std::vector<std::optional<Expected<Prepared>>> made(wanted.size());
    in_parallel(wanted.size(), options_.jobs,
                [&](size_t i) { made[i] = Prepared::make(*wanted[i], wanted[i]->machine, {}); });
    for (size_t i = 0; i < made.size(); ++i) {
      if (!*made[i]) return made[i]->diagnostic();
      for (size_t n = 0; n < wanted[i]->published.size(); ++n)
        if (counts(wanted[i]->published[n])) numbers_.push_back({i, n});
      prepared_.push_back(std::move(**made[i]));
    }
    memo_.resize(prepared_.size());
    for (size_t i = 0; i < prepared_.size(); ++i)
      for (size_t p = 0; p < parameters_.size(); ++p)
        takes_[i][p] = takes_[i][p] && prepared_[i].depends_on(parameters_[p].key);
    return {};
  }

  // The parameter values that a case sees.
  Vector seen_by(size_t i, const Vector& x) const {
    Vector key(x.size(), 0.0);
    for (size_t p = 0; p < x.size(); ++p)
      if (takes_[i][p]) key[p] = value_of(p, x[p]);
    return key;
  }

  // log(simulated / published) of every number; cases that were simulated with these values before are not again.
  Expected<Vector> residuals(const Vector& x) {
    std::vector<size_t> fresh;
    std::vector<Vector> keys(prepared_.size());
    for (size_t i = 0; i < prepared_.size(); ++i) {
      keys[i] = seen_by(i, x);
      if (!memo_[i].contains(keys[i])) fresh.push_back(i);
    }
    std::vector<std::optional<Diagnostic>> failed(fresh.size());
    std::vector<Vector> logs(fresh.size());
    in_parallel(fresh.size(), options_.jobs, [&](size_t n) {
      const size_t i = fresh[n];
      const Case& one = prepared_[i].subject();
      std::vector<std::string> overrides = one.overrides;
      for (size_t p = 0; p < parameters_.size(); ++p)
        if (takes_[i][p] && x[p] != 0) overrides.push_back(assignment(parameters_[p], value_of(p, x[p])));
      auto machine = machine::load(one.machine, overrides);
      if (!machine) {
        failed[n] = machine.diagnostic();
        return;
      }
      auto measured = prepared_[i].run(*machine, 1);
      if (!measured) {
        failed[n] = measured.diagnostic();
        return;
      }
      for (const Published& number : one.published) {
        auto value = simulated(one, number, *measured);
        if (!value && counts(number)) failed[n] = one.objection("case '" + one.id + "': " + value.diagnostic().message);
        logs[n].push_back(value && *value > 0 ? std::log(*value / number.value) : 0);
      }
    });
    for (size_t n = 0; n < fresh.size(); ++n) {
      if (failed[n]) return *failed[n];
      memo_[fresh[n]][keys[fresh[n]]] = std::move(logs[n]);
      ++simulations_;
    }
    Vector all;
    for (const Number& number : numbers_) all.push_back(memo_[number.prepared].at(keys[number.prepared])[number.index]);
    return all;
  }

  template <class Wanted>
  double goal(const Vector& residuals, const Vector& x, Wanted wanted) const {
    double sum = 0, count = 0, pull = 0;
    for (size_t i = 0; i < residuals.size(); ++i)
      if (wanted(i)) sum += std::abs(residuals[i]), count += 1;
    for (double v : x) pull += std::abs(v);
    return sum / std::max(count, 1.0) + kPull * pull / static_cast<double>(x.size());
  }

  // How the residuals answer to each parameter around x, per unit of its logarithm.
  Expected<std::vector<Vector>> responses(const Vector& x, const Vector& at) {
    std::vector<Vector> slopes;
    for (size_t p = 0; p < x.size(); ++p) {
      Vector moved = x;
      double by = kProbe;
      moved[p] += by;
      if (!admissible(p, moved[p])) moved[p] = x[p] - kProbe, by = -kProbe;
      if (!admissible(p, moved[p])) {
        slopes.emplace_back(at.size(), 0.0);
        continue;
      }
      auto there = residuals(moved);
      if (!there) return there.diagnostic();
      const double change = std::log(value_of(p, moved[p]) / value_of(p, x[p]));
      Vector slope(at.size());
      for (size_t i = 0; i < at.size(); ++i) slope[i] = ((*there)[i] - at[i]) / change;
      slopes.push_back(std::move(slope));
    }
    return slopes;
  }

  // The loader knows the bounds of every key.
  bool admissible(size_t p, double x) const {
    const std::string override = assignment(parameters_[p], value_of(p, x));
    return machine::load(options_.machine, std::span(&override, 1)).ok();
  }

  // The step that is best if the responses hold.
  template <class Wanted>
  Vector step(const Vector& residuals, const std::vector<Vector>& slopes, const Vector& x, Wanted wanted) const {
    const size_t n = x.size();
    Vector d(n, 0.0);
    double count = 0;
    for (size_t i = 0; i < residuals.size(); ++i) count += wanted(i);
    for (int round = 0; round < kReweighted; ++round) {
      std::vector<Vector> a(n, Vector(n, 0.0));
      Vector b(n, 0.0);
      for (size_t i = 0; i < residuals.size(); ++i) {
        if (!wanted(i)) continue;
        double predicted = residuals[i];
        for (size_t p = 0; p < n; ++p) predicted += slopes[p][i] * d[p];
        const double weight = 1 / std::max(std::abs(predicted), kClose) / count;
        for (size_t p = 0; p < n; ++p) {
          if (slopes[p][i] == 0) continue;
          b[p] -= weight * slopes[p][i] * residuals[i];
          for (size_t q = 0; q <= p; ++q) a[p][q] += weight * slopes[p][i] * slopes[q][i];
        }
      }
      for (size_t p = 0; p < n; ++p) {
        const double weight = kPull / static_cast<double>(n) / std::max(std::abs(x[p] + d[p]), kClose);
        a[p][p] += weight;
        b[p] -= weight * x[p];
      }
      d = solved(std::move(a), std::move(b));
      for (double& v : d) v = std::clamp(v, -kFurthest, kFurthest);
    }
    return d;
  }

  // From x on; numbers that are not wanted do not count.
  template <class Wanted>
  Expected<Vector> search(Vector x, Wanted wanted, unsigned rounds) {
    auto now = residuals(x);
    if (!now) return now.diagnostic();
    double best = goal(*now, x, wanted);
    for (unsigned round = 0; round < rounds; ++round) {
      auto slopes = responses(x, *now);
      if (!slopes) return slopes.diagnostic();
      const double before = best;
      // The same responses serve for several steps: what they miss shows in the residuals.
      for (int chord = 0; chord < kChords; ++chord) {
        const Vector d = step(*now, *slopes, x, wanted);
        bool better = false;
        double share = 1;
        for (int halving = 0; halving <= kHalvings && !better; ++halving, share /= 2) {
          Vector there = x;
          double longest = 0;
          for (size_t p = 0; p < x.size(); ++p) {
            const double moved = x[p] + share * d[p];
            if (!admissible(p, moved)) continue;
            there[p] = std::abs(moved) < kSmallest ? 0 : moved;
            longest = std::max(longest, std::abs(there[p] - x[p]));
          }
          if (longest < kSmallest) break;
          auto found = residuals(there);
          if (!found) return found.diagnostic();
          const double value = goal(*found, there, wanted);
          if (value >= best) continue;
          better = true;
          best = value;
          x = std::move(there);
          now = std::move(found);
        }
        if (!better) break;
      }
      char text[80];
      std::snprintf(text, sizeof text, "round %u: goal %.4f", round + 1, best);
      say(text);
      if (best > before - 1e-4) break;
    }
    return x;
  }

  const FitOptions& options_;
  const std::vector<Case>& cases_;
  machine::Machine machine_;
  std::vector<Parameter> parameters_;
  std::vector<Prepared> prepared_;
  std::vector<std::vector<bool>> takes_;  // by case and parameter: it sees it
  std::vector<Number> numbers_;
  std::vector<std::map<Vector, Vector>> memo_;  // by case: values seen -> residuals of its numbers
  unsigned simulations_ = 0;
};

}  // namespace

std::vector<std::string> default_parameters(const machine::Machine& machine) {
  static constexpr std::string_view kSections[] = {"dma.",    "memory.",   "cube.",  "fixpipe.", "mte1.efficiency",
                                                   "launch.", "sync.flag", "vector."};
  static constexpr std::string_view kSizes[] = {"memory.l2.line", "cube.rate.", "launch.simt"};
  std::vector<std::string> keys;
  for (const machine::Quantity& quantity : machine.quantities) {
    if (quantity.tag != machine::Tag::Fitted || quantity.value <= 0) continue;
    auto begins = [&](std::string_view prefix) { return quantity.path.starts_with(prefix); };
    if (std::any_of(std::begin(kSections), std::end(kSections), begins) &&
        std::none_of(std::begin(kSizes), std::end(kSizes), begins))
      keys.push_back(quantity.path);
  }
  return keys;
}

Expected<Fit> fit(const std::vector<Case>& cases, const FitOptions& options) { return Fitting(cases, options).run(); }

std::string fit_table(const Fit& fit) {
  std::string text;
  char line[200];
  std::snprintf(line, sizeof line, "%-32s %12s %12s  %s\n", "parameter", "start", "fitted", "unit");
  text += line;
  for (const Parameter& p : fit.parameters) {
    std::snprintf(line, sizeof line, "%-32s %12.4g %12.4g  %s%s\n", p.key.c_str(), p.start, p.value, p.unit.c_str(),
                  p.value == p.start ? ", as before" : "");
    text += line;
  }
  std::snprintf(line, sizeof line, "\n%-24s %8s %10s %10s %16s\n", "mean |error| of family", "numbers", "start",
                "in-sample", "left out");
  text += line;
  auto row = [&](const FamilyErrors& e) {
    std::snprintf(line, sizeof line, "%-24s %8zu %9.2f%% %9.2f%% %15.2f%%\n", e.family.c_str(), e.numbers,
                  100 * e.start, 100 * e.fitted, 100 * e.left_out);
    text += line;
  };
  for (const FamilyErrors& family : fit.families) row(family);
  row(fit.all);
  return text;
}

std::string fit_file(const Fit& fit, const std::string& machine, const machine::Machine& start) {
  std::string ids;
  for (const std::string& id : fit.cases) ids += (ids.empty() ? "" : ", ") + id;
  char errors[120];
  std::snprintf(errors, sizeof errors, "mean error %.1f %% in-sample, %.1f %% on families left out (%.1f %% before)",
                100 * fit.all.fitted, 100 * fit.all.left_out, 100 * fit.all.start);
  std::string text = "# Made by `phx calibrate`: what it changed of " + machine + ". " + errors + ".\n";
  text += "title = \"" + start.title + ", fitted\"\nbase = \"" + machine + "\"\n\n[sources]\n";
  text += "fit = \"phx calibrate, timing model of docs/timing.md, " + std::to_string(fit.all.numbers) +
          " numbers of the cases " + ids + "\"\n";
  std::map<std::string, std::string> sections;
  for (const Parameter& p : fit.parameters) {
    if (p.value == p.start) continue;
    const size_t dot = p.key.rfind('.');
    char line[200];
    std::snprintf(line, sizeof line, "%s = { v = %.4g, ", p.key.substr(dot + 1).c_str(), p.value);
    std::string& section = sections[p.key.substr(0, dot)];
    section += line + (p.unit.empty() ? "" : "unit = \"" + p.unit + "\", ");
    std::snprintf(line, sizeof line, "tag = \"fitted\", src = \"@fit; %.4g before\" }\n", p.start);
    section += line;
  }
  for (const auto& [name, lines] : sections) text += "\n[" + name + "]\n" + lines;
  return text;
}

}  // namespace phx::validation
