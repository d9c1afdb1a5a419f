// Fits numbers of a machine description to published measurements.
//
// What is minimised: the mean of |log(simulated / published)| over all numbers that count, plus kPull times the mean of
// |log(value / start)| over the parameters, which keeps what the cases do not determine where it was. The search uses
// simulated values only: it varies each parameter a little in the direction in which there is room, takes the responses
// for linear in logarithms, solves for the step that then is best (least absolute deviations, by reweighted least
// squares), and simulates it; a step that does not help is halved. Everything is deterministic. Cases are compiled
// once, for the start.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/tools/validation/score.h"

namespace phx::validation {

inline constexpr double kPull = 0.02;

struct Parameter {
  std::string key, unit;  // unit of the schema
  double start = 0, value = 0;
};

// Those among dma, memory, cube, fixpipe, mte1.efficiency, launch, sync.flag and vector that are tagged fitted.
std::vector<std::string> default_parameters(const machine::Machine& machine);

struct FamilyErrors {
  std::string family;
  size_t numbers = 0;
  double start = 0, fitted = 0;  // mean absolute relative error with the numbers of the start, and of the fit
  double left_out = 0;           // with those of a fit that did not see the family
};

struct Fit {
  std::vector<Parameter> parameters;
  std::vector<FamilyErrors> families;
  FamilyErrors all;  // left_out: over all numbers, each with the fit that did not see its family
  std::vector<std::string> cases;
  unsigned simulations = 0;  // of one case each
};

struct FitOptions {
  std::string machine;                  // cases of this machine and of those that inherit from it take part
  std::vector<std::string> parameters;  // keys; empty: default_parameters()
  unsigned jobs = 1;
  unsigned rounds = 4;                          // linearisations
  bool leave_out = true;                        // also fit without each family
  std::function<void(const std::string&)> say;  // progress
};

Expected<Fit> fit(const std::vector<Case>& cases, const FitOptions& options);

// A machine file with `base =` that holds the changed numbers.
std::string fit_file(const Fit& fit, const std::string& machine, const machine::Machine& start);
std::string fit_table(const Fit& fit);

}  // namespace phx::validation
