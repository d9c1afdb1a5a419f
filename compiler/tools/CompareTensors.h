// How far two tensors are from each other.
#pragma once

#include "phalanx/compiler/reference.h"

namespace phx::compiler {

struct TensorDifference {
  bool agree;        // within the tolerance, NaN with NaN
  std::string text;  // "3 of 100 elements differ, most at 17: 0.5 and 0.25"
};

// Elements differ by at most tolerance * max(1, |expected|); integers and bools not at all.
TensorDifference compareTensors(const TensorValue& value, const TensorValue& expected, double tolerance);

}  // namespace phx::compiler
